"""Rows of a local file, one after the other, each with its place: ("line 17", {...}).

JSON (a list of objects; JSON Lines under that name are recognised), JSON Lines and CSV with a header line, each plain
or compressed with gzip or zstd, and Parquet, told apart by the file's extension. JSON Lines, CSV and Parquet are read
lazily, so what lies after the last row that is asked for is never looked at. A byte order mark is skipped. Every fault
is one DataError that names file and place.

Not covered: other compressions, archives, encodings other than UTF-8.
"""

# pyright: basic
from __future__ import annotations

import csv
import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from ownwords.data.compression import COMPRESSIONS, byte_lines
from ownwords.errors import DataError
from ownwords.records import repeated_key

#: A row with its place. One that cannot even be parsed is the DataError that says why: the next may be all right.
Row = tuple[str, Any]

#: What is read, as messages say it.
READABLE = ".json, .jsonl, .csv (each also with .gz or .zst), .parquet"


def _with_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a row, where no key stands twice (_RepeatedKeyError)."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _RepeatedKeyError(repeated_key(pairs))
    return made


class _RepeatedKeyError(Exception):
    """Holds the key."""


_DECODER = json.JSONDecoder(object_pairs_hook=_with_unique_keys)
_BOM = b"\xef\xbb\xbf"
_PARQUET_BATCH_ROWS = 1024


def extension_of(path: Path) -> str:
    """The extension that tells how to read a file: ".csv", ".jsonl.gz"; lower case."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() + suffix if suffix in COMPRESSIONS else suffix


def is_readable(path: Path) -> bool:
    """Whether a file of that name is of a kind that `read_rows` reads."""
    return extension_of(path) in _READERS


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a readable file, lazily, each with its place in the file.

    Raises:
        DataError: while iterating, where the whole file is unreadable, empty or not what its extension says.
    """
    none = True
    try:
        for row in _READERS[extension_of(path)](path):
            none = False
            yield row
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if none:
        raise DataError(f"{path} holds no rows.")


def _read_json(path: Path) -> Generator[Row]:
    if _looks_like_json_lines(path):
        yield from _read_jsonl(path)
        return
    data = b"".join(byte_lines(path))
    skipped = len(_BOM) if data.startswith(_BOM) else 0
    try:
        text = data[skipped:].decode("utf-8")
    except UnicodeDecodeError as error:
        offset = error.start + skipped
        line = data.count(b"\n", 0, offset) + 1
        raise DataError(f"{path} line {line}: not UTF-8 text (byte offset {offset}).") from error
    if not text.strip():
        return
    rows = _parse_json(text, path)
    if not isinstance(rows, list):
        what = "one object" if isinstance(rows, dict) else f"one {type(rows).__name__}"
        raise DataError(f"{path} holds {what} where a list of objects is needed: [{{...}}, {{...}}].")
    for number, row in enumerate(rows, 1):
        yield f"row {number}", row


def _looks_like_json_lines(path: Path) -> bool:
    """Whether the first line is a whole object of its own and something follows it."""
    lines = (line.removeprefix(_BOM) for line in byte_lines(path))
    first = next((line for line in lines if line.strip()), b"")
    if not first.lstrip().startswith(b"{") or not any(line.strip() for line in lines):
        return False
    try:
        return isinstance(json.loads(first), dict)  # with a key twice it is one too
    except (ValueError, RecursionError):
        return False


def _read_jsonl(path: Path) -> Generator[Row]:
    offset = 0
    for number, raw in enumerate(byte_lines(path), 1):
        place = f"line {number}"
        try:
            text = _decoded(raw, path, number, offset).rstrip("\r\n")
            if text.strip():
                yield place, _parse_json(text, path, number)
        except DataError as error:
            yield place, error
        offset += len(raw)


def _parse_json(text: str, path: Path, line: int | None = None) -> Any:
    """The JSON of a whole file, or of its line of that number."""
    where = str(path) if line is None else f"{path} line {line}"
    try:
        return _DECODER.decode(text)
    except _RepeatedKeyError as error:
        raise DataError(f"{where}: an object has the key {str(error)[:100]!r} twice: which value is meant?") from error
    except json.JSONDecodeError as error:
        place = f" line {error.lineno}, column {error.colno}" if line is None else f", column {error.colno}"
        raise DataError(f"{where}{place}: not valid JSON: {error.msg}.{_advice(text, error, line)}") from error
    except RecursionError as error:
        raise DataError(f"{where}: nested too deeply to be a row.") from error
    except ValueError as error:  # a number with more digits than Python converts
        raise DataError(f"{where}: not usable JSON: {error}.") from error


def _advice(text: str, error: json.JSONDecodeError, line: int | None) -> str:
    """What to do about JSON that is no JSON Lines, or that stops in the middle of a value."""
    if line == 1 and text.strip() == "[":
        return " A list of rows belongs in a .json file."
    stops = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    return " It ends too early: is the file complete?" if stops else ""


def _read_csv(path: Path) -> Generator[Row]:
    csv.field_size_limit(2**31 - 1)  # Python's own limit is below what an answer may hold
    reader = csv.reader((text for _, text in _text_lines(path)), strict=True)
    header = next(_csv_records(reader, path), None)
    if header is None:
        return
    names = header[1]
    for name in names:
        if not name.strip():
            raise DataError(f"{path} line 1: a column of the header has no name. The first line must name the columns.")
        if names.count(name) > 1:
            raise DataError(f"{path} line 1: the header names the column {name[:40]!r} twice.")
    for line, fields in _csv_records(reader, path):
        if len(fields) != len(names):
            yield f"line {line}", DataError(_miscounted(path, line, len(fields), names))
            continue
        yield f"line {line}", dict(zip(names, fields, strict=True))


def _miscounted(path: Path, line: int, fields: int, names: list[str]) -> str:
    other = next((mark for mark in (";", "\t", "|") if len(names) == 1 and mark in names[0]), None)
    advice = f" Its columns seem to be separated by {other!r}: only commas are read." if other else ""
    return f"{path} line {line}: {fields} fields where the header has {len(names)} columns.{advice}"


def _csv_records(reader: Any, path: Path) -> Generator[tuple[int, list[str]]]:
    """Each record that is not blank, with the number of the line on which it begins."""
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{path} line {line}: not valid CSV: {error}.") from error
        if fields:
            yield line, fields


def _text_lines(path: Path) -> Generator[tuple[int, str]]:
    """The file's lines with their ends, and their numbers from 1."""
    offset = 0
    for number, raw in enumerate(byte_lines(path), 1):
        yield number, _decoded(raw, path, number, offset)
        offset += len(raw)


def _decoded(raw: bytes, path: Path, number: int, offset: int) -> str:
    """The text of a file's line of that number, which begins at byte `offset`."""
    line = raw.removeprefix(_BOM) if number == 1 else raw
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        place = offset + len(raw) - len(line) + error.start
        raise DataError(f"{path} line {number}: not UTF-8 text (byte offset {place}).") from error


def _read_parquet(path: Path) -> Generator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.stat().st_size == 0:
        return
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_PARQUET_BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except (pa.ArrowException, ValueError, OverflowError, LookupError) as error:  # a date or time zone Python has not
        reason = str(error).splitlines()[0][:200]
        raise DataError(f"{path}: not readable as Parquet after row {number}: {reason}") from error


_TEXT_READERS = {".json": _read_json, ".jsonl": _read_jsonl, ".csv": _read_csv}
_READERS = {
    **_TEXT_READERS,
    **{kind + suffix: reader for kind, reader in _TEXT_READERS.items() for suffix in COMPRESSIONS},
    ".parquet": _read_parquet,
}
