"""Which argument of a call is which: positional and keyword arguments by the names that they go by.

The names come from the function's schema, in the order of its properties. Without one they come from the reference's
own call: the candidate's second positional argument is the reference's second argument. A keyword of the candidate
that the reference does not have stands for an argument that the reference gives by position, in order, if there are
as many of the one as of the other; which name belongs to which place cannot be known otherwise.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from ownwords.checks._call_values import Value, WrittenCall

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bound:
    """A call's arguments by name; `surplus` are the names of those that have no place, or whose place is taken."""

    arguments: dict[str, Value] = field(default_factory=dict[str, Value])
    surplus: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def schemas_of(tools: str) -> dict[str, dict[str, Schema]]:
    """The parameters of each function by name, from JSON text of a list in OpenAI's form; none from empty text.

    Raises:
        ValueError: the text is no JSON.
    """
    loaded: Any = json.loads(tools) if tools else []
    found: dict[str, dict[str, Schema]] = {}
    for tool in map(_object, cast("list[Any]", loaded) if isinstance(loaded, list) else []):
        function = _object(tool.get("function")) or tool
        properties = _object(_object(function.get("parameters")).get("properties"))
        found[str(function.get("name"))] = {name: _object(schema) for name, schema in properties.items()}
    return found


def bind(expected: WrittenCall, given: WrittenCall, parameters: dict[str, Schema] | None) -> tuple[Bound, Bound]:
    """The arguments of the reference's call and of the candidate's, by the same names."""
    if parameters:
        names = list(parameters)
        return _bind(expected, names), _bind(given, names)
    names = _names_of(expected)
    by_place = names[: len(expected.positional)]
    unknown = [name for name, _ in given.keywords if name not in names]
    open_places = by_place[len(given.positional) :]
    renamed = dict(zip(unknown, open_places, strict=True)) if len(unknown) == len(open_places) else {}
    return _bind(expected, names), _bind(given, names, renamed)


def _names_of(call: WrittenCall) -> list[str]:
    """The arguments' names in the order of writing; the number of its place is the name of a positional one."""
    return [str(place) for place in range(1, len(call.positional) + 1)] + [name for name, _ in call.keywords]


def _bind(call: WrittenCall, names: list[str], renamed: dict[str, str] | None = None) -> Bound:
    keywords = [((renamed or {}).get(name, name), value) for name, value in call.keywords]
    places = [
        (names[place] if place < len(names) else str(place + 1), value) for place, value in enumerate(call.positional)
    ]
    arguments = dict(places) | dict(keywords)
    if len(arguments) == len(places) + len(keywords):
        return Bound(arguments)
    times = Counter(name for name, _ in [*places, *keywords])
    return Bound(arguments, tuple(name for name, count in times.items() if count > 1))


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
