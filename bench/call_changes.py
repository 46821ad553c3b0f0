"""What is done to calls before they are written: honest variations, after which a candidate is right, and dishonest
changes, after which it is wrong.

Each takes a row and gives its calls anew; None where it has nothing to act on. `VARIATIONS` and `CHANGES` are all of
them by name, in the order in which they stand here.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from bench.call_rows import Made, Row, Source, Value

Change = Callable[[Row, random.Random], list[Made] | None]

VARIATIONS: dict[str, Change] = {}
CHANGES: dict[str, Change] = {}


def _variation(function: Change) -> Change:
    VARIATIONS[function.__name__] = function
    return function


def _change(function: Change) -> Change:
    CHANGES[function.__name__] = function
    return function


def _with(row: Row, place: int, arguments: dict[str, Value]) -> list[Made]:
    """The row's calls with other arguments in one of them."""
    return [replace(call, arguments=arguments) if n == place else call for n, call in enumerate(row.calls)]


def _pick(row: Row, draw: random.Random, wanted: Callable[[Value], bool]) -> tuple[int, str] | None:
    """A call of the row and the name of one of its arguments with such a value."""
    places = [(n, name) for n, call in enumerate(row.calls) for name, v in call.arguments.items() if wanted(v)]
    return draw.choice(places) if places else None


def _set(row: Row, place: tuple[int, str], value: Value) -> list[Made]:
    number, name = place
    return _with(row, number, {**row.calls[number].arguments, name: value})


def _is_whole(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Value) -> bool:
    return _is_whole(value) or isinstance(value, float)


def _is_text(value: Value) -> bool:
    return isinstance(value, str)


def _kinds(row: Row, place: tuple[int, str]) -> dict[str, Any]:
    return row.schema(row.calls[place[0]]).get(place[1], {})


# Honest variations


@_variation
def as_it_is(row: Row, draw: random.Random) -> list[Made]:
    return list(row.calls)


@_variation
def arguments_reordered(row: Row, draw: random.Random) -> list[Made] | None:
    if all(len(call.arguments) < 2 for call in row.calls):
        return None
    return [replace(call, arguments=dict(reversed(call.arguments.items()))) for call in row.calls]


@_variation
def whole_as_float(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: _is_whole(value) and abs(value) < 2**50)
    return None if place is None else _set(row, place, float(row.calls[place[0]].arguments[place[1]]))


@_variation
def calls_reordered(row: Row, draw: random.Random) -> list[Made] | None:
    return list(reversed(row.calls)) if len(row.calls) > 1 else None


@_variation
def default_given(row: Row, draw: random.Random) -> list[Made] | None:
    for place, call in enumerate(row.calls):
        for name, schema in row.schema(call).items():
            if "default" in schema and name not in call.arguments:
                return _with(row, place, {**call.arguments, name: schema["default"]})
    return None


@_variation
def default_left_out(row: Row, draw: random.Random) -> list[Made] | None:
    for place, call in enumerate(row.calls):
        for name, schema in row.schema(call).items():
            if name in call.arguments and schema.get("default") == call.arguments[name]:
                return _with(row, place, {key: v for key, v in call.arguments.items() if key != name})
    return None


@_variation
def enum_in_other_case(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, _is_text)
    if place is None or "enum" not in _kinds(row, place):
        return None
    return _set(row, place, row.calls[place[0]].arguments[place[1]].upper())


# Dishonest changes


@_change
def other_text(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: _is_text(value) and bool(value))
    if place is None:
        return None
    text: str = row.calls[place[0]].arguments[place[1]]
    cut = draw.randrange(len(text))
    return _set(row, place, draw.choice([text + "s", text[:cut] + text[cut + 1 :], f"the {text}", f"x{text}"]))


@_change
def other_number(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, _is_number)
    if place is None:
        return None
    number = row.calls[place[0]].arguments[place[1]]
    return _set(row, place, draw.choice([number + 1, number * 10 + 1, -number - 1]))


@_change
def other_truth(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: isinstance(value, bool))
    return None if place is None else _set(row, place, not row.calls[place[0]].arguments[place[1]])


@_change
def text_in_other_case(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: _is_text(value) and value.swapcase() != value)
    if place is None or "enum" in _kinds(row, place):
        return None
    return _set(row, place, row.calls[place[0]].arguments[place[1]].swapcase())


@_change
def other_member(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, _is_text)
    if place is None or "enum" not in _kinds(row, place):
        return None
    others = [m for m in _kinds(row, place)["enum"] if m != row.calls[place[0]].arguments[place[1]]]
    return _set(row, place, draw.choice(others))


@_change
def argument_dropped(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: True)
    if place is None or "default" in _kinds(row, place):
        return None
    call = row.calls[place[0]]
    return _with(row, place[0], {name: value for name, value in call.arguments.items() if name != place[1]})


@_change
def argument_added(row: Row, draw: random.Random) -> list[Made]:
    place = draw.randrange(len(row.calls))
    arguments = {**row.calls[place].arguments, draw.choice(["verbose", "mode", "timeout"]): draw.choice([7, "fast"])}
    return _with(row, place, arguments)


@_change
def argument_renamed(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: True)
    if place is None:
        return None
    number, name = place
    arguments = row.calls[number].arguments
    return _with(row, number, {(f"{key}_" if key == name else key): value for key, value in arguments.items()})


@_change
def values_swapped(row: Row, draw: random.Random) -> list[Made] | None:
    place = draw.randrange(len(row.calls))
    arguments = row.calls[place].arguments
    if len(arguments) < 2:
        return None
    first, second = draw.sample(sorted(arguments), 2)
    if arguments[first] == arguments[second]:
        return None
    return _with(row, place, {**arguments, first: arguments[second], second: arguments[first]})


@_change
def function_renamed(row: Row, draw: random.Random) -> list[Made]:
    place = draw.randrange(len(row.calls))
    name = row.calls[place].name
    other = draw.choice([f"{name}_all", f"{name}2", f"x{name}", name.replace("_", ""), name[:-1]])
    other = other if other != name else f"do_{name}"
    return [replace(call, name=other) if n == place else call for n, call in enumerate(row.calls)]


@_change
def function_in_other_case(row: Row, draw: random.Random) -> list[Made]:
    place = draw.randrange(len(row.calls))
    return [replace(call, name=call.name.title()) if n == place else call for n, call in enumerate(row.calls)]


@_change
def prefix_dropped(row: Row, draw: random.Random) -> list[Made] | None:
    place = draw.randrange(len(row.calls))
    _, dot, rest = row.calls[place].name.partition(".")
    return [replace(call, name=rest) if n == place else call for n, call in enumerate(row.calls)] if dot else None


@_change
def call_repeated(row: Row, draw: random.Random) -> list[Made]:
    return [*row.calls, draw.choice(row.calls)]


@_change
def call_missing(row: Row, draw: random.Random) -> list[Made] | None:
    kept = list(row.calls)
    del kept[draw.randrange(len(kept))]
    return kept or None


@_change
def call_added(row: Row, draw: random.Random) -> list[Made]:
    last = row.calls[-1]
    return [*row.calls, draw.choice([Made("save.file", {"path": "x"}), replace(last, arguments={"query": "x"})])]


@_change
def arguments_crossed(row: Row, draw: random.Random) -> list[Made] | None:
    if len(row.calls) < 2 or row.calls[0].arguments == row.calls[1].arguments:
        return None
    first, second, *rest = row.calls
    crossed = [replace(first, arguments=second.arguments), replace(second, arguments=first.arguments)]
    return None if first.name == second.name else [*crossed, *rest]


@_change
def number_as_text(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, _is_number)
    return None if place is None else _set(row, place, str(row.calls[place[0]].arguments[place[1]]))


@_change
def truth_as_number(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: isinstance(value, bool))
    return None if place is None else _set(row, place, int(row.calls[place[0]].arguments[place[1]]))


@_change
def value_in_list(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: _is_text(value) or _is_number(value))
    return None if place is None else _set(row, place, [row.calls[place[0]].arguments[place[1]]])


@_change
def text_as_name(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: _is_text(value) and value.isidentifier())
    return None if place is None else _set(row, place, Source(row.calls[place[0]].arguments[place[1]]))


@_change
def nested_changed(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: isinstance(value, list | dict) and bool(cast("list[Value]", value)))
    if place is None:
        return None
    value: Value = copy.deepcopy(row.calls[place[0]].arguments[place[1]])
    keys = list(cast("dict[Any, Value]", value)) if isinstance(value, dict) else list(range(len(value)))
    key = draw.choice(keys)
    inner = cast("Value", value[key])
    if isinstance(inner, list | dict | bool):
        del value[key]
    else:
        value[key] = inner + 1 if _is_number(inner) else f"{inner}!"
    return _set(row, place, value)


@_change
def nested_longer(row: Row, draw: random.Random) -> list[Made] | None:
    place = _pick(row, draw, lambda value: isinstance(value, list))
    if place is None:
        return None
    value = row.calls[place[0]].arguments[place[1]]
    return _set(row, place, [*value, copy.deepcopy(value[-1]) if value else "x"])
