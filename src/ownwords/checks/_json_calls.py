"""JSON as the calls that it holds, in the spellings of OpenAI and of the models that answer in JSON.

`{"name": …, "arguments": {…}}`, the same as `{"function": …}`, with `parameters` for `arguments` or with the arguments
as JSON text, a list of them, or a message with `tool_calls`. An object that has a name and no arguments is a call only
if a function of that name is known: many other things have a name.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, cast

from ownwords.checks._call_values import DEEPEST, UnreadableError, WrittenCall, require_shallow
from ownwords.turns import as_call

_BETWEEN = " \t\r\n,;"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that is given twice nobody knows which value is meant."""
    items = dict(pairs)
    if len(items) < len(pairs):
        raise ValueError("a key is given twice")
    return items


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def calls_in_json(text: str, known: Collection[str] = ()) -> list[WrittenCall] | None:
    """The calls of a text that is nothing but JSON values one after the other; None where it is something else.

    Raises:
        UnreadableError: a call is malformed or nested too deep.
    """
    calls: list[WrittenCall] = []
    place = 0
    while place < len(text):
        found = value_at(text, place)
        if found is None:
            return None
        value, place = found
        calls += calls_in_value(value, known)
        while place < len(text) and text[place] in _BETWEEN:
            place += 1
    return calls


def value_at(text: str, place: int) -> tuple[Any, int] | None:
    """The JSON object or list that begins at this place, and where it ends; None where none does."""
    if text[place : place + 1] not in ("{", "["):
        return None
    try:
        return _DECODER.raw_decode(text, place)
    except (ValueError, RecursionError):
        return None


def calls_in_value(value: Any, known: Collection[str] = (), depth: int = 0) -> list[WrittenCall]:
    """The calls that a JSON value is; empty where it is something else.

    Raises:
        UnreadableError: it is one, malformed or nested too deep.
    """
    if depth > DEEPEST:
        raise UnreadableError("it is nested too deep")
    if isinstance(value, list):
        objects = [inner for inner in cast("list[Any]", value) if isinstance(inner, dict)]
        return [call for inner in objects for call in calls_in_value(inner, known, depth + 1)]
    if not isinstance(value, dict):
        return []
    given = cast("dict[str, Any]", value)
    if isinstance(given.get("tool_calls"), list):
        return calls_in_value(given["tool_calls"], known, depth + 1)
    function = given.get("function", given.get("function_call"))
    if isinstance(function, dict):
        given = cast("dict[str, Any]", function)
    elif isinstance(function, str):
        given = {**given, "name": function}
    name = given.get("name")
    if not isinstance(name, str) or not (name in known or "arguments" in given or "parameters" in given):
        return []
    require_shallow(given)
    call = as_call(given)
    if call is None:
        raise UnreadableError(f"the call of {name[:100]} has no arguments that can be read")
    require_shallow(call.arguments)
    return [WrittenCall(call.name, (), tuple((str(key), inner) for key, inner in call.arguments.items()), "json")]
