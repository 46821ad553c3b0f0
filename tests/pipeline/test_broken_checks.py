"""Rewriting ends with how many were accepted and why others were not: a check that is broken on every row is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.conftest import Project

CHECK = """
from ownwords.records import Verdict

def broken(example, candidate):
    raise ValueError("boom")
def strict(example, candidate): return Verdict(False, "no", "")
def sometimes(example, candidate):
    if " 0 plus" in example.prompt: return Verdict(True, "ok")
    raise ValueError("boom")
def nothing(example, candidate): pass
"""


@pytest.fixture
def own(project: Project) -> Path:
    path = project.folder / "mine.py"
    path.write_text(CHECK)
    return path


def rewrite(project: Project, own: Path, function: str, *more: str) -> int:
    return project.ownwords("rewrite", "--allow-code", f"rewrite.checks=[not_empty, '{own}:{function}']", *more)


@pytest.mark.slow
@pytest.mark.parametrize(("function", "reason"), [("broken", "check_crashed"), ("nothing", "check_invalid")])
def test_a_check_that_is_broken_on_every_row_stops_nothing_and_is_a_caution(
    project: Project, own: Path, capsys: pytest.CaptureFixture[str], function: str, reason: str
) -> None:
    assert rewrite(project, own, function) == 0
    said = capsys.readouterr().err
    assert f"caution: none of 12 rewrites accepted; {reason} 12." in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_check_that_works_on_some_rows_stops_nothing(
    project: Project, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rewrite(project, own, "sometimes") == 0
    assert "1 of 12 rewrites accepted (8.3 %); check_crashed 11" in capsys.readouterr().err


@pytest.mark.slow
def test_that_none_was_accepted_is_a_caution(project: Project, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rewrite(project, own, "strict", "rewrite.on_failure=retry", "rewrite.max_attempts=2") == 0
    said = capsys.readouterr().err
    assert "caution: none of 12 rewrites accepted; no 12." in said


def test_all_accepted_is_told_in_one_line(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.ownwords("rewrite") == 0
    assert "12 of 12 rewrites accepted (100.0 %)\n" in capsys.readouterr().err
