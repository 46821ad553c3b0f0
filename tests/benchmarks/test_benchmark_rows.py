"""Reading a benchmark's file: every fault names the file, the row and the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.benchmarks._rows import Row, read_rows, with_ids
from ownwords.benchmarks.base import Item
from ownwords.errors import DataError

Write = Callable[[str, Any], str]
ROWS = st.lists(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none())), min_size=1, max_size=5)


@given(ROWS)
def test_json_and_jsonl_give_the_rows_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert [row.fields for row in read_rows(folder / "a.json")] == rows
    assert [row.fields for row in read_rows(folder / "a.jsonl")] == rows


def test_rows_know_where_they_stand(write: Write) -> None:
    array = write("a.json", [{"q": "x"}, {"q": "y"}])
    lines = write("a.jsonl", '\ufeff{"q": "x\u2028"}\n\n{"q": "y"}\n')
    table = write("a.csv", 'q\n"x\nx"\ny\n')
    assert [row.where for row in read_rows(Path(array))] == [f"{array}, row 1", f"{array}, row 2"]
    assert [row.where for row in read_rows(Path(lines))] == [f"{lines}, line 1", f"{lines}, line 3"]
    assert read_rows(Path(lines))[0].fields == {"q": "x\u2028"}
    assert [(row.where, row.text("q")) for row in read_rows(Path(table))] == [
        (f"{table}, line 3", "x\nx"),
        (f"{table}, line 4", "y"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", '[{"q": "x"}', "a.json is not valid JSON"),
        ("a.json", '{"q": "x"}', "a.json must hold a list of objects, not dict"),
        ("a.json", '[{"q": "x"}, 3]', "a.json, row 2: a row must be an object, not int"),
        ("a.json", "[" * 200_000, "a.json is not valid JSON"),
        ("a.json", "[]", "a.json holds no rows"),
        ("a.jsonl", "\n", "a.jsonl holds no rows"),
        ("a.csv", "q\n", "a.csv holds no rows"),
        ("a.jsonl", '{"q": "x"}\n{"q": ["\\ud800"]}', "a.jsonl, line 2: it holds a lone surrogate (U+D800)"),
        ("a.jsonl", '{"q": "x"}\n{"q": ', "a.jsonl, line 2: not valid JSON"),
        ("a.jsonl", '["x"]', "a.jsonl, line 1: a row must be an object, not list"),
        ("a.csv", "q,r\nx,y\nx\n", "a.csv, line 3: it must have 2 columns"),
        ("a.csv", "q,r\nx,y,z\n", "a.csv, line 2: it must have 2 columns"),
        ("a.csv", 'q\n"x\n', "a.csv, after line 1: not valid CSV: unexpected end of data"),
        ("a.txt", "x", "a.txt: a benchmark's file ends in .json, .jsonl, .csv"),
    ],
)
def test_a_torn_file_is_refused(write: Write, name: str, content: str, reason: str) -> None:
    path = Path(write(name, content))
    with pytest.raises(DataError) as caught:
        read_rows(path)
    assert str(path.parent / reason) in str(caught.value)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv"])
def test_a_file_of_another_encoding_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes('[{"q": "für"}]'.encode("latin-1"))
    with pytest.raises(DataError, match=f"{name} is not UTF-8 text"):
        read_rows(tmp_path / name)


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(DataError, match=r"cannot read .*a\.json"):
        read_rows(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"r": "x"}, r"a, row 1: there is no field 'q' \(its fields: r\)"),
        ({}, r"there is no field 'q' \(its fields: none\)"),
        ({"q": 3}, "a, row 1: the field 'q' must hold text, not '3'"),
        ({"q": None}, "must hold text, not 'None'"),
        ({"q": " \n"}, "must hold text"),
    ],
)
def test_a_field_that_is_not_text_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        Row("a, row 1", fields).text("q")


def test_ids_follow_content_not_position_and_differ_for_equal_rows() -> None:
    one, two = Item(id="", question="1 + 1?", gold="2"), Item(id="", question="1 + 1?", gold="3")
    first, second, third = (item.id for item in with_ids([one, two, one]))
    assert len({first, second, third}) == 3
    assert [item.id for item in with_ids([two, one, one])] == [second, first, third]
