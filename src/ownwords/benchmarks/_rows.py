"""Rows of a benchmark's file, with errors that say which file, which row and why; and ids for its items."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from ownwords.benchmarks.base import Item
from ownwords.errors import DataError
from ownwords.records import digest

#: What JSON's escapes can write and no tokenizer takes.
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row and where it stands, e.g. `gsm8k_test.json, row 7`."""

    where: str
    fields: dict[str, Any]

    def error(self, reason: str) -> DataError:
        return DataError(f"{self.where}: {reason}")

    def text(self, name: str) -> str:
        """The non-blank text in the field `name`, as it is."""
        if name not in self.fields:
            found = ", ".join(map(str, self.fields)) or "none"
            raise self.error(f"there is no field {name!r} (its fields: {found})")
        value = self.fields[name]
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"the field {name!r} must hold text, not {str(value)[:60]!r}")
        return value


def read_rows(path: Path) -> list[Row]:
    """Rows of a `.json` array, a `.jsonl` (or `.jsonl.gz`) or a `.csv` file with a header, all of them objects.

    Raises:
        DataError: the file cannot be read, is empty, has another ending, or a row is malformed.
    """
    readers = {".json": _json_rows, ".jsonl": _jsonl_rows, ".csv": _csv_rows, ".jsonl.gz": _jsonl_rows}
    reader = next((readers[ending] for ending in readers if path.name.lower().endswith(ending)), None)
    if reader is None:
        raise DataError(f"{path}: a benchmark's file ends in {', '.join(readers)}")
    try:
        rows = list(reader(path))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a whole gzip file: {error}") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    if not rows:
        raise DataError(f"{path} holds no rows. Give a file that has some, or leave the benchmark out.")
    return rows


def _asked_and_right(item: Item) -> list[Any]:
    return [item.question, list(item.choices), item.gold]


def with_ids(items: Iterable[Item], content: Callable[[Item], list[Any]] = _asked_and_right) -> list[Item]:
    """Give each item its id: a hash of its content, with an occurrence number because files hold equal rows."""
    seen: Counter[str] = Counter()
    named: list[Item] = []
    for item in items:
        known = content(item)
        key = digest(known)
        named.append(replace(item, id=digest([*known, seen[key]])))
        seen[key] += 1
    return named


def spread(items: Sequence[Item], limit: int | None) -> list[Item]:
    """So many of them, evenly over the file, which may be sorted by origin or kind; all without a limit."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[place * len(items) // limit] for place in range(limit)]


def _json_rows(path: Path) -> Iterator[Row]:
    text = path.read_text(encoding="utf-8-sig")
    try:
        loaded: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON: {error}. One object a line belongs in a .jsonl file.") from error
    if not isinstance(loaded, list):
        raise DataError(f"{path} must hold a list of objects, not {type(loaded).__name__}")
    for number, value in enumerate(cast("list[Any]", loaded), start=1):
        yield _object(f"{path}, row {number}", value)


def _jsonl_rows(path: Path) -> Iterator[Row]:
    packed = path.suffix.lower() == ".gz"
    with gzip.open(path, "rt", encoding="utf-8-sig") if packed else path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            try:
                value: Any = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{where}: not valid JSON: {error}") from error
            yield _object(where, value)


def _csv_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for fields in reader:
                row = Row(f"{path}, line {reader.line_num}", fields)
                if None in fields or None in fields.values():
                    raise row.error(f"it must have {len(reader.fieldnames or ())} columns, as the header has")
                yield row
        except csv.Error as error:
            raise DataError(f"{path}, after line {reader.line_num}: not valid CSV: {error}") from error


def _object(where: str, value: Any) -> Row:
    if not isinstance(value, dict):
        raise DataError(f"{where}: a row must be an object, not {type(value).__name__}")
    half = _SURROGATE.search(json.dumps(value, ensure_ascii=False))
    if half:
        raise DataError(f"{where}: it holds a lone surrogate (U+{ord(half.group()):04X}), half a character and no text")
    return Row(where, cast("dict[str, Any]", value))
