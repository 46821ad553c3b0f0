"""Rows of a benchmark, with errors that say which file or dataset, which row and why; and ids for its items."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from ownwords.benchmarks.base import Item
from ownwords.data.sources import path_rows
from ownwords.errors import DataError, MissingFileError, RecipeError
from ownwords.recipe import BenchmarkSection, SourceSection
from ownwords.records import digest

#: What JSON's escapes can write and no tokenizer takes.
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row and where it stands, e.g. `benchmark gsm8k, openai/gsm8k test row 7`."""

    where: str
    fields: dict[str, Any]

    def error(self, reason: str) -> DataError:
        return DataError(f"{self.where}: {reason}")

    def first_of(self, *names: str) -> str:
        """The first of these fields that is there; the first of all if none is."""
        return next((name for name in names if name in self.fields), names[0])

    def text(self, name: str) -> str:
        """The non-blank text in the field `name`, as it is."""
        if name not in self.fields:
            found = ", ".join(map(str, self.fields)) or "none"
            raise self.error(f"there is no field {name!r} (its fields: {found})")
        value = self.fields[name]
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"the field {name!r} must hold text, not {str(value)[:60]!r}")
        return value


def benchmark_rows(settings: BenchmarkSection, default: str, *, source: str | None = None) -> list[Row]:
    """The rows that the recipe's `path` names (`data/sources.py` says what it may be), else those of the file `default`
    in the folder that $OWNWORDS_DATA names.

    `source` says what to take, and from where, if `make data` does not bring that file.

    Raises:
        MissingFileError: it is not there, or cannot be had here; the message says what to do.
        DataError: it cannot be read, is empty, or a row is malformed.
        RecipeError: `split`, `config` or `revision` is wrong, missing, or given where it means nothing.
    """
    if settings.of_lm_eval:
        raise RecipeError(f"benchmark {settings.name} has no task of lm-eval: leave `path: {settings.path}` out.")
    where = SourceSection(
        path=settings.path or f"$OWNWORDS_DATA/{default}",
        split=settings.split,
        config=settings.config,
        revision=settings.revision,
    )
    try:
        found = path_rows(where, likely_split=None)
        return [_row(f"benchmark {settings.name}, {place}", fields) for place, fields in found]
    except MissingFileError as error:
        raise MissingFileError(f"benchmark {settings.name}: {error} {_remedy(settings, default, source)}") from error
    except RecipeError as error:
        raise RecipeError(f"benchmark {settings.name}: {error}") from error


def _remedy(settings: BenchmarkSection, default: str, source: str | None) -> str:
    if source is not None:
        take_it = f"take {source}, and give its `path`."
        return f"`make data` does not bring it: {take_it}" if settings.path is None else f"Or {take_it}"
    if settings.path is None:
        return "Give its `path`, or run `make data`."
    return f"Or leave `path` out: `make data` brings {default}."


def _row(where: str, fields: Any) -> Row:
    if isinstance(fields, DataError):  # a line that cannot be parsed
        raise fields
    if not isinstance(fields, dict):
        raise DataError(f"{where}: a row must be an object, not {type(fields).__name__}")
    row = Row(where, cast("dict[str, Any]", fields))
    half = _SURROGATE.search(json.dumps(row.fields, ensure_ascii=False, default=str))
    if half:
        raise row.error(f"it holds a lone surrogate (U+{ord(half.group()):04X}), half a character and no text")
    return row


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
    """So many of them, evenly over all, which may be sorted by origin or kind; all without a limit."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[place * len(items) // limit] for place in range(limit)]
