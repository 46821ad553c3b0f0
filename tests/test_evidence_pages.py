"""docs/methods.md and docs/evidence.md say what the kept scores say: their tables are what the scripts make of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import claims  # noqa: E402
import evidence  # noqa: E402
import kept  # noqa: E402
import methods  # noqa: E402

KEPT = {"arms-smollm2": methods.read(methods.FOLDER), **{folder: claims.read(folder) for folder in claims.SETS}}


@pytest.mark.slow
def test_the_page_and_the_plot_of_the_methods_are_those_of_the_kept_scores() -> None:
    found = methods.read(methods.FOLDER)
    assert kept.between(methods.PAGE, methods.SCRIPT) == methods.written(found).strip()
    assert methods.PLOT.read_text(encoding="utf-8") == methods.plot(found)


@pytest.mark.slow
def test_the_page_of_the_claims_is_that_of_the_kept_scores() -> None:
    assert kept.between(claims.PAGE, claims.SCRIPT) == claims.written().strip()


@pytest.mark.parametrize("folder", KEPT)
def test_every_variant_has_a_score_of_every_item(folder: str) -> None:
    found = KEPT[folder]
    for benchmark, table in found.scores.items():
        assert table.keys() == found.variants.keys(), benchmark
        items = table[kept.SEED].keys()
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


@pytest.mark.slow
@pytest.mark.parametrize("script", ["methods", "claims"])
def test_the_scripts_run_as_the_pages_say(script: str) -> None:
    written = (methods.PAGE, methods.PLOT, claims.PAGE)
    before = [path.read_bytes() for path in written]
    command = [sys.executable, str(ROOT / "scripts" / f"{script}.py")]
    assert subprocess.run(command, check=False).returncode == 0
    assert [path.read_bytes() for path in written] == before
