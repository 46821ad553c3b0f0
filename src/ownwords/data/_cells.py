"""Cells of a row: the text that they must hold, and how a message to people names what is there instead."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from ownwords.errors import DataError

_SURROGATE = re.compile("[\ud800-\udfff]")


def column(row: Mapping[str, Any], name: str, origin: str) -> Any:
    """The value of a column that must be there.

    Raises:
        DataError: it is not; the message names the nearest one.
    """
    if name not in row:
        near = get_close_matches(name, [str(key) for key in row], n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else f" It has: {names(row)}."
        raise DataError(f"{origin}: there is no column {name!r}.{hint}")
    return row[name]


def optional_text(row: Mapping[str, Any], name: str, origin: str) -> str:
    """The column's text; empty where it is absent, null or blank."""
    value = row.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return ""
    return text(value, name, origin)


def text(value: Any, name: str, origin: str, *, numbers: bool = False) -> str:
    """The value as text that a tokenizer and a Parquet file can take; with `numbers`, 18 becomes "18".

    Raises:
        DataError: it is not text, is blank, or holds what no tokenizer takes.
    """
    if numbers and isinstance(value, (int, float)) and not isinstance(value, bool):
        if isinstance(value, float) and not math.isfinite(value):
            raise DataError(f"{origin}: `{name}` is {value}, not a finite number.")
        return str(value)
    if not isinstance(value, str):
        raise DataError(f"{origin}: `{name}` must be text, not {kind(value)}.")
    if not value.strip():
        raise DataError(f"{origin}: `{name}` is empty.")
    if "\0" in value:
        raise DataError(f"{origin}: `{name}` holds a NUL character at position {value.index(chr(0))}.")
    surrogate = None if value.isascii() else _SURROGATE.search(value)
    if surrogate:
        raise DataError(
            f"{origin}: `{name}` holds a lone surrogate (U+{ord(surrogate.group()):04X}) at position "
            f"{surrogate.start()}, which is half a character and no text."
        )
    return value


def names(row: Mapping[str, Any]) -> str:
    """The row's columns, for a message."""
    shown = [cut(str(name)) for name in row]
    return ", ".join(shown[:12]) + (", …" if len(shown) > 12 else "") if shown else "none"


def cut(text: str) -> str:
    """A column name fit for a message to people: printable and short."""
    shown = text if text.isprintable() else ascii(text)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def kind(value: Any) -> str:
    """What sort of value it is, in words: "a list", "null"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"a boolean ({str(value).lower()})"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, (list, tuple)) else type(value).__name__


def short(value: Any) -> str:
    """A text itself, of anything else its kind; short and printable."""
    shown = ascii(value) if isinstance(value, str) else kind(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"
