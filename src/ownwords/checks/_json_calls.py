"""JSON as the calls that it holds, in the spellings of OpenAI and of the models that answer in JSON.

`{"name": …, "arguments": {…}}`, the same as `{"function": …}`, with `parameters` for `arguments` or with the arguments
as JSON text, a list of them, or a message with `tool_calls`. An object that has a name and no arguments is a call only
if a function of that name is known: many other things have a name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, cast

from ownwords.checks._call_values import DEEPEST, UnreadableError, WrittenCall, require_shallow
from ownwords.checks._json import with_unique_keys
from ownwords.turns import as_call

#: What every call in JSON has.
_KEY = re.compile(r"""["'](?:name|function)["']""")
_LONGEST_KEY = len("'function'")
_BETWEEN = " \t\r\n,;"


_DECODER = json.JSONDecoder(object_pairs_hook=with_unique_keys)


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


class KeySearch:
    """Where a text has the keys of calls. For places that grow, so that the text is searched about once."""

    def __init__(self, text: str, reach: int) -> None:
        self._text = text
        self._reach = reach
        self._key = -1  # the last one found; -1: there is none up to where the text has been searched
        self._searched = -1

    def is_near(self, place: int) -> bool:
        """Whether one of the keys begins within reach of this place."""
        no_key_near = self._key < 0 and self._searched >= place + self._reach + _LONGEST_KEY
        if self._key < place and not no_key_near:
            self._searched = place + 2 * self._reach + _LONGEST_KEY
            found = _KEY.search(self._text, place, self._searched)
            self._key = found.start() if found else -1
        return place <= self._key <= place + self._reach


def calls_in_value(value: Any, known: Collection[str] = (), depth: int = 0) -> list[WrittenCall]:
    """The calls that a JSON value is; empty where it is something else.

    Raises:
        UnreadableError: it is one, malformed or nested too deep.
    """
    if depth > DEEPEST:
        raise UnreadableError("it is nested too deep")
    if isinstance(value, list):
        members = [inner for inner in cast("list[Any]", value) if not isinstance(inner, list)]
        return [call for inner in members for call in calls_in_value(inner, known, depth + 1)]
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
