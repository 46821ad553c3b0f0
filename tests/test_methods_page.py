"""docs/methods.md says what the kept scores say: its tables and plot are what the script makes of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import evidence  # noqa: E402
import kept  # noqa: E402
import methods  # noqa: E402


def test_the_page_and_the_plot_are_those_of_the_kept_scores() -> None:
    found = methods.read(methods.FOLDER)
    assert kept.between(methods.PAGE, methods.SCRIPT) == methods.written(found).strip()
    assert methods.PLOT.read_text(encoding="utf-8") == methods.plot(found)


def test_every_variant_has_a_score_of_every_item() -> None:
    found = methods.read(methods.FOLDER)
    for benchmark, table in found.scores.items():
        assert table.keys() == found.variants.keys(), benchmark
        items = table[methods.SEED].keys()
        assert all(scores.keys() == items for scores in table.values()), benchmark


def test_scores_survive_being_kept_and_variants_of_another_run_join_them(tmp_path: Path) -> None:
    first = {"seed": {"a": 0.25, "b": 1.0}, "vanilla": {"a": 0.5}}
    evidence.write_table(tmp_path / "x.csv", first)
    assert evidence.read_table(tmp_path / "x.csv") == first
    more = {"seed": {"a": 0.25, "b": 1.0}, "sdft": {"a": 0.75, "b": 0.0}}
    assert list(evidence.add(first, more, "x")) == ["seed", "vanilla", "sdft"]


def test_scores_of_other_items_are_refused() -> None:
    with pytest.raises(SystemExit, match="x: 2 items are in one of the two runs only"):
        evidence.add({"seed": {"a": 1.0}}, {"seed": {"b": 1.0}}, "x")


def test_the_script_runs_as_the_page_says() -> None:
    before = [path.read_bytes() for path in (methods.PAGE, methods.PLOT)]
    command = [sys.executable, str(ROOT / "scripts" / "methods.py")]
    assert subprocess.run(command, check=False).returncode == 0
    assert [path.read_bytes() for path in (methods.PAGE, methods.PLOT)] == before
