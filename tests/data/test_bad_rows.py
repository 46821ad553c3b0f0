"""Rows that are wrong: by default the first stops everything; skipped ones are listed, each with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ownwords.data.load import Skipped, load_heldout, load_train
from ownwords.errors import DataError
from ownwords.recipe import DataSection

GOOD = '{"question": "a", "answer": "b"}'
COLUMNS = {"prompt": "question", "response": "answer"}

#: (a line that is wrong, a part of its reason)
BAD_LINES: list[tuple[bytes, str]] = [
    (b'{"question": "c", "ans', "not valid JSON"),
    (b'{"question": "c"}', "there is no column 'answer'"),
    (b'{"question": "c", "answer": null}', "`answer` must be text, not null"),
    (b'{"question": " ", "answer": "d"}', "`question` is empty"),
    (b'["c", "d"]', "must be an object"),
    (b"\xff\xfe", "not UTF-8 text"),
    (b'{"question": "\\ud800", "answer": "d"}', "lone surrogate"),
    (b"[" * 100_000, "nested too deeply"),
]


def data(path: Path, **values: Any) -> DataSection:
    train = {"path": str(path), "columns": COLUMNS, **values}
    return DataSection.model_validate({"train": train, "on_bad_row": "skip"})


@pytest.mark.parametrize(("line", "reason"), BAD_LINES, ids=[reason for _, reason in BAD_LINES])
@pytest.mark.parametrize("first", [True, False])
def test_a_wrong_line_is_left_out_and_noted_wherever_it_stands(
    tmp_path: Path, line: bytes, reason: str, first: bool
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join([line, GOOD.encode()] if first else [GOOD.encode(), line, GOOD.encode()]) + b"\n")
    skipped: Skipped = {}
    assert [e.reference for e in load_train(data(path), skipped)] == (["b"] if first else ["b", "b"])
    assert list(skipped) == [f"rows.jsonl line {1 if first else 2}"]
    assert reason in next(iter(skipped.values()))
    with pytest.raises(DataError, match=r"line \d"):
        load_train(data(path).model_copy(update={"on_bad_row": "error"}))


def test_a_csv_record_with_too_few_fields_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("question,answer\na,b\nc\nd,e\n", encoding="utf-8")
    skipped: Skipped = {}
    assert [e.prompt for e in load_train(data(path), skipped)] == ["a", "d"]
    assert "1 fields where the header has 2 columns" in skipped["rows.csv line 3"]


def test_another_separator_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("question;answer\na, and b;c\n", encoding="utf-8")
    with pytest.raises(DataError, match="separated by ';'"):
        load_train(data(path).model_copy(update={"on_bad_row": "error"}))


def test_when_every_row_is_wrong_the_run_stops(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("{}\n{}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"every row of data\.train is wrong; the first: rows\.jsonl line 1"):
        load_train(data(path))


def test_wrong_rows_count_toward_the_limit_and_held_out_ones_are_noted_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [GOOD, "torn", '{"question": "c", "answer": "d"}', "torn", '{"question": "e", "answer": "f"}']
    path.write_text("\n".join(lines), encoding="utf-8")
    skipped: Skipped = {}
    section = data(path, limit=2)
    train = load_train(section, skipped)
    assert [e.prompt for e in train] == ["a"]
    assert [e.prompt for e in load_heldout(section, train, None, skipped)] == ["c", "e"]
    assert list(skipped) == ["rows.jsonl line 2", "rows.jsonl line 4"]


@pytest.mark.slow
@settings(max_examples=200)
@given(st.lists(st.one_of(st.just(GOOD.encode()), st.binary(max_size=40)), min_size=1, max_size=12))
def test_every_line_becomes_an_example_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    path = tmp_path_factory.mktemp("lines") / "rows.jsonl"
    path.write_bytes(b"\n".join([GOOD.encode(), *lines]))
    skipped: Skipped = {}
    examples = load_train(data(path), skipped)

    def blank(line: bytes) -> bool:
        try:
            return not line.decode("utf-8").strip()
        except UnicodeDecodeError:
            return False

    assert len(examples) + len(skipped) == 1 + sum(not blank(line) for line in lines)
    assert json.dumps(skipped)
