"""Reading a benchmark's rows: every fault names the file, the row and the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmark_cases import settings_for
from hypothesis import given
from hypothesis import strategies as st

from ownwords.benchmarks._rows import Row, benchmark_rows, with_ids
from ownwords.benchmarks.base import Item
from ownwords.errors import DataError

Write = Callable[[str, Any], str]


def rows_of(path: Path | str, **settings: object) -> list[Row]:
    return benchmark_rows(settings_for("gsm8k", path=str(path), **settings), "gsm8k_test.json")


ROWS = st.lists(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none())), min_size=1, max_size=5)


@pytest.mark.slow
@given(ROWS)
def test_json_and_jsonl_give_the_rows_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert [row.fields for row in rows_of(folder / "a.json")] == rows
    assert [row.fields for row in rows_of(folder / "a.jsonl")] == rows


def test_rows_know_where_they_stand(write: Write) -> None:
    array = write("a.json", [{"q": "x"}, {"q": "y"}])
    lines = write("a.jsonl", '\ufeff{"q": "x\u2028"}\n\n{"q": "y"}\n')
    table = write("a.csv", 'q\n"x\nx"\ny\n')
    assert [row.where for row in rows_of(array)] == ["benchmark gsm8k, a.json row 1", "benchmark gsm8k, a.json row 2"]
    assert [row.where for row in rows_of(lines)] == [
        "benchmark gsm8k, a.jsonl line 1",
        "benchmark gsm8k, a.jsonl line 3",
    ]
    assert rows_of(lines)[0].fields == {"q": "x\u2028"}
    assert [(row.where, row.text("q")) for row in rows_of(table)] == [
        ("benchmark gsm8k, a.csv line 2", "x\nx"),
        ("benchmark gsm8k, a.csv line 4", "y"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", '[{"q": "x"}', "/a.json line 1, column 12: not valid JSON"),
        ("a.json", '{"q": "x"}', "/a.json holds one object where a list of objects is needed"),
        ("a.json", '[{"q": "x"}, 3]', "benchmark gsm8k, a.json row 2: a row must be an object, not int"),
        ("a.json", "[" * 200_000, "/a.json: nested too deeply"),
        ("a.json", "[]", "/a.json holds no rows"),
        ("a.jsonl", "\n", "/a.jsonl holds no rows"),
        ("a.csv", "q\n", "/a.csv holds no rows"),
        ("a.jsonl", '{"q": "x"}\n{"q": ["\\ud800"]}', "gsm8k, a.jsonl line 2: it holds a lone surrogate (U+D800)"),
        ("a.jsonl", '{"q": "x"}\n{"q": ', "/a.jsonl line 2, column 7: not valid JSON"),
        ("a.jsonl", '["x"]', "benchmark gsm8k, a.jsonl line 1: a row must be an object, not list"),
        ("a.csv", "q,r\nx,y\nx\n", "/a.csv line 3: 1 fields where the header has 2 columns"),
        ("a.csv", "q,r\nx,y,z\n", "/a.csv line 2: 3 fields where the header has 2 columns"),
        ("a.csv", 'q\n"x\n', "/a.csv line 2: not valid CSV: unexpected end of data"),
        ("a.txt", "x", "/a.txt: the extension '.txt' is not one that is read: .json, .jsonl, .csv"),
    ],
)
def test_a_torn_file_is_refused(write: Write, name: str, content: str, reason: str) -> None:
    path = Path(write(name, content))
    with pytest.raises(DataError) as caught:
        rows_of(path)
    assert (f"{path.parent}{reason}" if reason.startswith("/") else reason) in str(caught.value)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv"])
def test_a_file_of_another_encoding_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes('[{"q": "für"}]'.encode("latin-1"))
    with pytest.raises(DataError, match=f"{name} line 1: not UTF-8 text"):
        rows_of(tmp_path / name)


def test_a_folder_is_read_as_training_data_are(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty holds no data file"):
        rows_of(tmp_path / "empty")
    (tmp_path / "two").mkdir()
    for name in ("b.jsonl", "a.jsonl"):
        (tmp_path / "two" / name).write_text(json.dumps({"q": name}) + "\n", encoding="utf-8")
    assert [row.text("q") for row in rows_of(tmp_path / "two")] == ["a.jsonl", "b.jsonl"]


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
