"""What docs/checks.md says of names, parameters and rows is so."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest
from tests.conftest import PROJECT

from ownwords.checks.base import all_checks
from ownwords.cli import main
from ownwords.stages.check import OPTIONAL, REQUIRED

TEXT = (PROJECT / "docs" / "checks.md").read_text(encoding="utf-8")


def test_every_check_has_a_line_with_its_parameters() -> None:
    lines = {
        name: line for line in TEXT.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1:2].__str__())
    }
    for name, function in all_checks().items():
        told = set(re.findall(r"`(\w+)`", lines[name].split("|")[3]))
        parameters = {p.name: p for p in list(inspect.signature(function).parameters.values())[2:]}
        assert set(parameters) <= told, name


def test_every_key_of_a_row_is_named() -> None:
    section = TEXT.partition("## From outside")[2].partition("## One of your own")[0]
    assert {*REQUIRED, *OPTIONAL} <= set(re.findall(r"`(\w+)`", section))


def test_the_rows_that_are_shown_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[0])
    assert main(["check", str(rows)]) == 0
    assert [json.loads(line)["passed"] for line in capsys.readouterr().out.splitlines()] == [True, True]


def test_the_check_of_ones_own_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[0])
    row = {
        "check": f"{tmp_path}/mine.py:names_its_source",
        "prompt": "?",
        "reference": "r",
        "candidate": "The source: x.",
    }
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(json.dumps({**row, "params": params}) for params in ({}, {"word": "source"})))
    assert main(["check", str(rows), "--allow-code"]) == 0
    assert [json.loads(line)["reason"] for line in capsys.readouterr().out.splitlines()] == ["no_source", "ok"]
