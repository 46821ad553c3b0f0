"""What a call gives, as JSON that can be compared with what another program's call gave.

A float is a number, any other value without parts a text; a value with parts is a list of its kind and its parts. Sets
and mappings are in an order that is the same for nearly equal floats. Of an iterator of any kind there are the items,
as `list` would give them, and what it raises. What cannot be compared is `["unclear", why]`.

Not covered: floats in the text of the candidate's own objects, which are compared as `repr` shows them.
"""

from __future__ import annotations

import math
import re
from collections import deque
from typing import Any, TypeAlias, cast

from ownwords.checks._inside.exchange import Exchange
from ownwords.checks._inside.standins import StandIn

#: Text, float, or a list of a kind and such.
Output: TypeAlias = "str | float | list[Output]"

#: Items of an iterator that are looked at: some have no end.
MOST_ITEMS = 10_000
_DEEPEST = 100
#: In decimal digits Python writes no more than about twice this.
_MOST_BITS = 8_000
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]{4,16}>")


def output_of(side: Exchange, value: Any) -> Output:
    """The output that a value is, in a form that is the same for equal values."""
    try:
        return _output(side, value, 0)
    except RecursionError:
        return ["unclear", f"a value that is nested more than {_DEEPEST} deep"]


def has_address(text: str) -> bool:
    """Whether it has the address of an object, which is another one each time: `<Node object at 0x7f3a5c1d2b80>`."""
    return _ADDRESS.search(text) is not None


def _output(side: Exchange, value: Any, depth: int) -> Output:
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(value, StandIn):
        return _object(side, value, depth)
    kind = type(value).__name__
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value).items()
        parts: list[Output] = [["pair", *(_output(side, part, depth + 1) for part in pair)] for pair in pairs]
        return [kind, *sorted(parts, key=_place)]
    if isinstance(value, list | tuple | deque | set | frozenset):
        parts = [_output(side, part, depth + 1) for part in cast("list[Any]", value)]
        return [kind, *(sorted(parts, key=_place) if isinstance(value, set | frozenset) else parts)]
    if isinstance(value, complex):
        return [kind, value.real, value.imag]
    if isinstance(value, float):
        return value
    return hex(value) if isinstance(value, int) and value.bit_length() > _MOST_BITS else repr(value)


def _object(side: Exchange, value: StandIn, depth: int) -> Output:
    """Of an object that stayed where it is: an iterator's items, or its text."""
    try:
        items, raised = side.ask("items", None, value, MOST_ITEMS)
    except TypeError:
        text = str(side.ask("__repr__", value.ownwords_number))
        return (
            ["unclear", f"{text[:200]}, which shows an address and no value"] if has_address(text) else ["object", text]
        )
    parts = [_output(side, item, depth + 1) for item in items]
    return ["iterator", *parts] if raised is None else ["iterator", *parts, ["raises", raised.__name__]]


def _place(output: Output) -> tuple[str, list[tuple[bool, float]], list[float]]:
    """Where it stands among others: by its text without floats, then by these rounded, then by these as they are."""
    found: list[float] = []
    text = _without_floats(output, found)
    floats = [0.0 if math.isnan(number) else number for number in found]
    rounded = [float(f"{number:.9g}") for number in floats]
    return text, list(zip(map(math.isnan, found), rounded, strict=True)), floats


def _without_floats(output: Output, floats: list[float]) -> str:
    if isinstance(output, list):
        return f"[{','.join(_without_floats(part, floats) for part in output)}]"
    if isinstance(output, str):
        return output
    floats.append(output)
    return "."
