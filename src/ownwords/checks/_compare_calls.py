"""Whether two calls are the same, and what differs if they are not.

Decisions:

- Names are equal to the letter, prefixes included: `load` is not `torch.hub.load`.
- 1 and 1.0 are the same number; "1" is text, and True is neither. Tuples and lists are the same. Text is compared to
  the letter, composed and decomposed accents aside.
- The schema's type corrects the reference, never the candidate: where it says integer and the reference has "1", the
  candidate may have 1 as well; where the reference has 1, a candidate with "1" breaks the schema and fails.
- A value of an enumeration may differ from one of its members in case, if it differs so from one only.
- An argument that has its schema's default may be given or left out; any other must be given, required or not.
- A reason names an argument only where its name is short and plain: others, which may be whatever a candidate wrote,
  stand in the detail, shortened and without control characters.
- JSON has no way to write code, bytes or sets: where the reference has them, a candidate in JSON gives a variable's
  name as text, and a set as a list in any order. The other way round nothing is known, and a name is not text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal, cast

from ownwords.checks._bind_calls import Schema, bind
from ownwords.checks._call_values import Code, Unordered, Value, WrittenCall, is_number
from ownwords.checks._python_calls import source_as_written

_NONE: Schema = {}
_LONGEST_NAME = 100
#: Of an argument that a reason may name.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_MOST_SHOWN_BITS = 1_000

#: The types of JSON schema by their names in Python, which data sets use as well.
_JSON_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array"}

Kind = Literal["value", "type"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs: `reason` for machines, `detail` for people."""

    reason: str
    detail: str


def differences(
    expected: WrittenCall, given: WrittenCall, parameters: dict[str, Schema] | None = None
) -> list[Difference]:
    """Every difference between the reference's call and the candidate's; empty if they are the same call."""
    if expected.name != given.name:
        return [Difference("wrong_function", f"it calls {_printable(given.name)}, not {_printable(expected.name)}")]
    wanted, present = bind(expected, given, parameters)
    known = parameters or {}
    mixed = expected.form != given.form
    found: list[Difference] = []
    for name in wanted.arguments:
        if name not in present.arguments and not _is_default(wanted.arguments[name], known.get(name, _NONE)):
            found.append(_named("missing_argument", name, "is not given"))
    for name in present.surplus:
        if name not in wanted.surplus:
            found.append(_named("extra_argument", name, "is given more than once"))
    for name in present.arguments:
        if name not in wanted.arguments and not _is_default(present.arguments[name], known.get(name, _NONE)):
            found.append(_named("extra_argument", name, "is not in the reference"))
    for name, value in wanted.arguments.items():
        if name in present.arguments:
            kind = _difference(value, present.arguments[name], known.get(name, _NONE), mixed)
            if kind is not None:
                shown = f"is {_show(present.arguments[name])}, the reference has {_show(value)}"
                found.append(_named(f"wrong_{kind}", name, shown))
    return found


def _named(reason: str, name: str, what: str) -> Difference:
    if _PLAIN_NAME.fullmatch(name):
        return Difference(f"{reason}:{name}", f"the argument {name} {what}")
    return Difference(reason, f"the argument {_short(name, quoted=True)} {what}")


def _is_default(value: Value, schema: Schema) -> bool:
    return "default" in schema and _difference(schema["default"], value, schema, mixed=True) is None


def _difference(expected: Value, given: Value, schema: Schema, mixed: bool) -> Kind | None:
    """What tells two values apart, None if nothing does. `mixed`: one was written in JSON, the other in Python."""
    if expected is given and not isinstance(expected, float):
        return None
    if "enum" in schema:
        expected, given = _member(expected, schema["enum"]), _member(given, schema["enum"])
    difference = _plain_difference(expected, given, schema, mixed)
    if difference is not None and "type" in schema:
        corrected = _as_type(expected, schema["type"])
        if corrected is not expected and _plain_difference(corrected, given, schema, mixed) is None:
            return None
    return difference


def _plain_difference(  # noqa: PLR0911 - one a kind of value
    expected: Value, given: Value, schema: Schema, mixed: bool
) -> Kind | None:
    kinds = (_kind(expected), _kind(given))
    if kinds[0] != kinds[1]:
        return None if mixed and _same_across(expected, given) else "type"
    match expected:
        case list():
            return _list_difference(cast("list[Value]", expected), given, _inner(schema, "items"), mixed)
        case dict():
            return _object_difference(cast("dict[Any, Value]", expected), given, _inner(schema, "properties"), mixed)
        case WrittenCall():
            return "value" if differences(expected, given) else None
        case Unordered():
            return None if _same_members(list(expected.members), list(given.members), mixed) else "value"
        case str():
            return None if _composed(expected) == _composed(given) else "value"
        case _:
            return None if expected == given else "value"


def _list_difference(expected: list[Value], given: list[Value], items: Schema, mixed: bool) -> Kind | None:
    if len(expected) != len(given):
        return "value"
    for left, right in zip(expected, given, strict=True):
        kind = _difference(left, right, items, mixed)
        if kind is not None:
            return kind
    return None


def _object_difference(
    expected: dict[Any, Value], given: dict[Any, Value], properties: Schema, mixed: bool
) -> Kind | None:
    if mixed:  # in JSON all keys are text
        expected, given = _with_text_keys(expected), _with_text_keys(given)
    found: Kind | None = None
    for key in [*expected, *(key for key in given if key not in expected)]:
        schema = _object(properties.get(key)) if isinstance(key, str) else _NONE
        if key in expected and key in given:
            found = found or _difference(expected[key], given[key], schema, mixed)
        elif not _is_default(expected[key] if key in expected else given[key], schema):
            return "value"
    return found


def _with_text_keys(value: dict[Any, Value]) -> dict[Any, Value]:
    return {key if isinstance(key, str) else str(key): inner for key, inner in value.items()}


def _same_members(expected: list[Value], given: list[Value], mixed: bool) -> bool:
    """Whether they are the same values in any order."""
    rest = list(given)
    for value in expected:
        place = next((n for n, other in enumerate(rest) if _difference(value, other, _NONE, mixed) is None), None)
        if place is None:
            return False
        del rest[place]
    return not rest


def _same_across(expected: Value, given: Value) -> bool:
    """Whether the candidate's value is the reference's as it has to be written in the other language."""
    if isinstance(expected, Unordered) and isinstance(given, list):
        return _same_members(list(expected.members), cast("list[Value]", given), mixed=True)
    if not isinstance(given, str):
        return False
    if isinstance(expected, Code | WrittenCall):
        return source_as_written(given) == expected.text
    return isinstance(expected, bytes) and given in (expected.decode("latin-1"), repr(expected))


def _kind(value: Value) -> str:
    if is_number(value):
        return "number"
    if isinstance(value, WrittenCall):
        return "code"
    return type(value).__name__


def _member(value: Value, members: Any) -> Value:
    """The one member of an enumeration that the value is but for its case; else the value."""
    if not isinstance(value, str) or not isinstance(members, list) or value in members:
        return value
    folded = value.casefold()
    alike = [other for other in cast("list[Any]", members) if isinstance(other, str) and other.casefold() == folded]
    return alike[0] if len(alike) == 1 else value


def _as_type(value: Value, kinds: Any) -> Value:
    """The value as the schema's type has it, where there is one way to write it so; else the value itself."""
    allowed = [kind for kind in cast("list[Any]", kinds if isinstance(kinds, list) else [kinds]) if kind != "null"]
    match _JSON_TYPES.get(allowed[0], allowed[0]) if len(allowed) == 1 and isinstance(allowed[0], str) else None:
        case "string" if is_number(value):
            return str(value)
        case "string" if isinstance(value, Code):
            return value.text
        case "integer" | "number" if isinstance(value, str):
            return _number(value, value)
        case "boolean" if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        case "array" if isinstance(value, str) or is_number(value):
            return [value]
        case _:
            return value


def _number(text: str, otherwise: Value) -> Value:
    if len(text) > _LONGEST_NAME:
        return otherwise
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return otherwise


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _inner(schema: Schema, key: str) -> Schema:
    return _object(schema.get(key)) if schema else _NONE


def _object(value: Any) -> Schema:
    return cast("Schema", value) if isinstance(value, dict) else _NONE


def _show(value: Value) -> str:
    if isinstance(value, Code | WrittenCall):
        return _printable(value.text)
    if isinstance(value, int) and value.bit_length() > _MOST_SHOWN_BITS:
        return "a huge number"
    return _short(repr(value)) if isinstance(value, str | bytes | int | float | None) else f"a {_kind(value)}"


def _printable(text: str) -> str:
    return _short(text, quoted=not text[:_LONGEST_NAME].isprintable())


def _short(text: str, *, quoted: bool = False) -> str:
    start = repr(text[:_LONGEST_NAME]) if quoted else text[:_LONGEST_NAME]
    return start if len(text) <= _LONGEST_NAME else start + "…"
