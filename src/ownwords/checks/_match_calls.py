"""The calls of a candidate against those of its reference: which are meant as calls, and which have no counterpart.

Calls are compared in any order, each as often as the reference makes it. Beside calls that stand as code, a sentence
may speak of the same ones again, of a part of them, or of the function with nothing in its brackets (`f()`, `f(...)`,
`f(city, unit)`): those are mentions. Any other call in a sentence is one more call.
"""

from __future__ import annotations

from collections.abc import Sequence

from ownwords.checks._bind_calls import Schema
from ownwords.checks._call_values import Code, WrittenCall, nested_calls
from ownwords.checks._compare_calls import Difference, differences
from ownwords.checks._read_calls import FoundCall

Schemas = dict[str, dict[str, Schema]]


def made_calls(found: Sequence[FoundCall], expected: Sequence[WrittenCall], schemas: Schemas) -> list[WrittenCall]:
    """The calls that are made, without those that are only mentioned."""
    code = [item.call for item in found if item.setting == "code"]
    if len(code) == len(found):
        return code
    parts = [part for call in expected for part in nested_calls(call)]
    made: list[WrittenCall] = []
    left_out: list[WrittenCall] = []
    for item in found:
        call = item.call
        if item.setting == "code":
            made.append(call)
        elif _is_among(call, code, schemas) or _is_among(call, parts, schemas):
            continue
        elif _is_empty(call) and not _is_among(call, expected, schemas):
            left_out.append(call)
        else:
            made.append(call)
    return made or left_out[:1]


def first_difference(
    expected: Sequence[WrittenCall], given: Sequence[WrittenCall], schemas: Schemas
) -> Difference | None:
    """What tells the candidate's calls from the reference's; None if they are the same calls in any order."""
    missing, extra = _unmatched(expected, given, schemas)
    if len(missing) > len(extra):
        return Difference("missing_call", f"it does not call {_name(missing, extra)} as the reference does")
    if len(extra) > len(missing):
        return Difference("extra_call", f"it calls {_name(extra, missing)}, and the reference does not")
    if not missing:
        return None
    pairs = [
        differences(wanted, present, schemas.get(wanted.name))
        for wanted in missing
        for present in extra
        if wanted.name == present.name
    ]
    if pairs:
        return min(pairs, key=len)[0]
    return differences(missing[0], extra[0])[0]


def _unmatched(
    expected: Sequence[WrittenCall], given: Sequence[WrittenCall], schemas: Schemas
) -> tuple[list[WrittenCall], list[WrittenCall]]:
    """The calls without a counterpart, once as many as possible have one."""
    if len(expected) == len(given) == 1:
        return (
            ([], [])
            if not differences(expected[0], given[0], schemas.get(expected[0].name))
            else (
                [expected[0]],
                [given[0]],
            )
        )
    same = [
        [place for place, call in enumerate(given) if not differences(wanted, call, schemas.get(wanted.name))]
        for wanted in expected
    ]
    partner: dict[int, int] = {}  # of the given calls, among the expected ones

    def find_partner(wanted: int, tried: set[int]) -> bool:
        for place in same[wanted]:
            if place in tried:
                continue
            tried.add(place)
            if place not in partner or find_partner(partner[place], tried):
                partner[place] = wanted
                return True
        return False

    for wanted in range(len(expected)):
        find_partner(wanted, set())
    matched = set(partner.values())
    return (
        [call for place, call in enumerate(expected) if place not in matched],
        [call for place, call in enumerate(given) if place not in partner],
    )


def _is_among(call: WrittenCall, calls: Sequence[WrittenCall], schemas: Schemas) -> bool:
    return any(not differences(other, call, schemas.get(other.name)) for other in calls)


def _is_empty(call: WrittenCall) -> bool:
    """Whether nothing but names of arguments stands in its brackets."""
    values = [*call.positional, *(value for _, value in call.keywords if value != Code("..."))]
    return all(isinstance(value, Code) for value in values) and len(values) <= len(call.positional)


def _name(calls: Sequence[WrittenCall], others: Sequence[WrittenCall]) -> str:
    """The name of a call that the others lack, for people."""
    names = [other.name for other in others]
    return next((call.name for call in calls if call.name not in names), calls[0].name)[:100]
