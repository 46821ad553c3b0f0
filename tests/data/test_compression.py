"""Compressed files give the rows of the plain file, lazily, and a bad stream is one message."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.data.files import extension_of, is_readable, read_rows
from ownwords.data.load import load_train
from ownwords.errors import DataError
from ownwords.recipe import DataSection

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1).filter(str.strip)
tables = st.lists(st.fixed_dictionaries({"q": text, "a": text}), min_size=1, max_size=6)


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstd}


def as_json(rows: list[dict[str, str]]) -> str:
    return json.dumps(rows, ensure_ascii=False)


def as_jsonl(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_csv(rows: list[dict[str, str]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, ["q", "a"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


WRITERS = {".json": as_json, ".jsonl": as_jsonl, ".csv": as_csv}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("kind", WRITERS)
@given(rows=tables)
def test_compressed_file_gives_rows_and_places_of_the_plain_one(
    tmp_path_factory: Any, kind: str, suffix: str, rows: list[dict[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("round")
    plain, packed = folder / f"x{kind}", folder / f"x{kind}{suffix}"
    data = WRITERS[kind](rows).encode()
    plain.write_bytes(data)
    packed.write_bytes(COMPRESS[suffix](data))
    found = list(read_rows(packed))
    assert [row for _, row in found] == rows
    assert found == list(read_rows(plain))


@pytest.mark.parametrize("suffix", COMPRESS)
def test_streams_written_one_after_the_other_are_one_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.jsonl{suffix}"
    path.write_bytes(COMPRESS[suffix](b'{"q": 1}\n') + COMPRESS[suffix](b'{"q": 2}\n'))
    assert list(read_rows(path)) == [("line 1", {"q": 1}), ("line 2", {"q": 2})]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", COMPRESS)
def test_what_lies_after_the_limit_is_never_decompressed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.jsonl{suffix}"
    rows = [{"instruction": f"{n}", "output": f"{n * 2654435761 % 2**32}"} for n in range(50_000)]
    whole = COMPRESS[suffix](as_jsonl(rows).encode())
    path.write_bytes(whole[: len(whole) // 2])
    data = {"train": {"path": str(path), "limit": 2}}
    assert [example.prompt for example in load_train(DataSection.model_validate(data))] == ["0", "1"]
    with pytest.raises(DataError, match=r"not readable as (gzip|zstd) after line \d{3,}"):
        list(read_rows(path))


GOOD = b'{"instruction": "a", "output": "b"}\n'

BAD: list[tuple[str, bytes, str]] = [
    ("x.jsonl.gz", b"", "x.jsonl.gz holds no rows."),
    ("x.jsonl.zst", b"", "x.jsonl.zst holds no rows."),
    ("x.jsonl.gz", gzip.compress(b""), "x.jsonl.gz holds no rows."),
    ("x.json.zst", zstd(b"[]"), "x.json.zst holds no rows."),
    ("x.jsonl.gz", GOOD, "x.jsonl.gz: not readable as gzip after line 0: Not a gzipped file"),
    ("x.jsonl.gz", zstd(GOOD), "Is the file complete, and compressed with gzip?"),
    ("x.jsonl.zst", GOOD, "x.jsonl.zst: not readable as zstd after line 0: ZSTD decompress failed"),
    ("x.csv.zst", gzip.compress(GOOD), "Is the file complete, and compressed with zstd?"),
    ("x.jsonl.gz", gzip.compress(GOOD)[:-1], "x.jsonl.gz: not readable as gzip after line 1: Compressed file ended"),
    ("x.json.gz", gzip.compress(b"[{}]")[:-1], "x.json.gz: not readable as gzip after line 0: Compressed file ended"),
    ("x.csv.gz", gzip.compress(b"prompt,completion\n1,2\n")[:-9], "x.csv.gz: not readable as gzip after line"),
    ("x.jsonl.zst", zstd(GOOD)[:-1], "x.jsonl.zst: not readable as zstd after line 0: Truncated compressed stream. Is"),
    ("x.jsonl.gz", gzip.compress(GOOD) + b"tail", "x.jsonl.gz: not readable as gzip after line 1: Not a gzipped file"),
    ("x.jsonl.gz", gzip.compress(GOOD)[:10] + b"\xff" * 9, "x.jsonl.gz: not readable as gzip after line 0: Error -3"),
    (
        "x.jsonl.gz",
        gzip.compress(GOOD + b'{"instr'),
        "x.jsonl.gz line 2, column 2: not valid JSON: Unterminated string",
    ),
    ("x.csv.zst", zstd(b"a,b\n1\n"), "x.csv.zst line 2: 1 fields where the header has 2 columns."),
    ("x.jsonl.gz", gzip.compress(GOOD + b"\xff"), "x.jsonl.gz line 2: not UTF-8 text (byte offset 36)."),
    ("x.parquet.gz", gzip.compress(b""), "x.parquet.gz: the extension '.parquet.gz' is not one that is read: .json,"),
    ("x.gz", gzip.compress(GOOD), "x.gz: the extension '.gz' is not one that is read: .json,"),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD, ids=[case[2] for case in BAD])
def test_bad_compressed_file_is_one_message(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_train(DataSection.model_validate({"train": {"path": str(tmp_path / name)}}))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_origin_names_the_compressed_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" + GOOD))
    assert [e.origin for e in load_train(DataSection.model_validate({"train": {"path": str(path)}}))] == [
        "x.jsonl.gz line 2"
    ]


def test_extensions_are_read_whatever_their_case() -> None:
    assert extension_of(Path("a/X.v2.JSONL.GZ")) == ".jsonl.gz"
    assert is_readable(Path("X.Csv.Zst"))
    assert not is_readable(Path("jsonl.gz"))
