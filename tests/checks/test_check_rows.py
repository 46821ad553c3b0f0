"""`ownwords check`: rows in, verdicts out; what is wrong with a row is one message with file and line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ownwords.cli import main

ROW: dict[str, Any] = {"check": "final_answer", "prompt": "2+2?", "reference": "It is 4.", "candidate": "So: 4."}


def check(folder: Path, text: str | bytes, *flags: str) -> int:
    path = folder / "rows.jsonl"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return main(["check", str(path), *flags])


def test_one_verdict_a_row_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        ROW,
        {**ROW, "candidate": "So: 5."},
        {**ROW, "check": "any", "params": {"of": ["final_answer", "finished"]}},
    ]
    assert check(tmp_path, "\n\n".join(map(json.dumps, rows))) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [verdict["reason"] for verdict in told] == ["ok", "wrong_answer", "ok"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**ROW, "params": {"name": "judge"}}, "'params' has the key 'name'"),
        ({**ROW, "check": "a\0b.py:f"}, "is not a path"),
        ({**ROW, "check": "none.py:f"}, "there is no file"),
        ({**ROW, "check": "final_anser"}, "Did you mean 'final_answer'"),
        ({**ROW, "check": "regex", "params": {"pattern": "("}}, "is no regular expression"),
    ],
)
def test_a_wrong_row_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: dict[str, Any], message: str
) -> None:
    assert check(tmp_path, f"{json.dumps(ROW)}\n{json.dumps(row)}\n", "--allow-code") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"rows.jsonl line 2: {message}" in told.err or ("rows.jsonl line 2: " in told.err and message in told.err)


def test_a_key_given_twice_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twice = json.dumps(ROW)[:-1] + ', "params": {"a": 1, "a": 2}}'
    assert check(tmp_path, twice) == 2
    assert "rows.jsonl line 1: an object has the key 'a' twice" in capsys.readouterr().err


def test_a_byte_order_mark_is_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path, b"\xef\xbb\xbf" + json.dumps(ROW).encode()) == 0
    assert json.loads(capsys.readouterr().out)["passed"]


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_rows_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert check(tmp_path, text) == 0
    told = capsys.readouterr()
    assert (told.out, "holds no rows" in told.err) == ("", True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "rest", [["check", "-"], ["init", "--preset", "quickstart"], ["ls", "checks", "--json"], ["--help"]]
)
def test_a_terminal_that_cannot_show_a_character_is_given_an_escape(rest: list[str]) -> None:
    row = json.dumps({**ROW, "check": "regex", "candidate": "é 火", "params": {"pattern": "火", "must_match": False}})
    command = [sys.executable, "-m", "ownwords.cli", *rest]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(command, input=row.encode(), capture_output=True, env=environment, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.isascii()
    if rest[0] == "check":
        assert json.loads(ended.stdout)["detail"].endswith("'火'")
