"""Checks of function calls: the same functions, or the very same calls as the reference makes.

`same_calls` compares names in a conversation with tools. `function_call` compares whole calls: `_read_calls.py` tells
what counts as a call in a text, `_bind_calls.py` which argument is which, `_compare_calls.py` which values are equal,
`_match_calls.py` which call answers which. Not covered: whether a call is right where the reference is not.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from ownwords.checks._bind_calls import schemas_of
from ownwords.checks._match_calls import first_difference, made_calls
from ownwords.checks._read_calls import MOST_CALLS, Reading, read_calls
from ownwords.checks.base import check
from ownwords.records import PASSED, Candidate, Example, Verdict
from ownwords.turns import read_turn, tool_names


@check("same_calls", typed=True)
def same_calls(example: Example, candidate: Candidate) -> Verdict:
    """The candidate calls the functions that the reference calls, as often, and none where the reference calls none.

    Without it a conversation would break where results follow the calls. Arguments are not compared. A row without
    `tools` passes. Reasons: `missing_call`, `extra_call`, `unknown_function`.
    """
    if not example.tools:
        return PASSED
    expected, given = (
        Counter(call.name for call in read_turn(text, tools=True).calls) for text in (example.reference, candidate.text)
    )
    unknown = set(given) - set(tool_names(example.tools))
    if unknown:
        return Verdict(False, "unknown_function", f"it calls {min(unknown)}, which the row's tools do not have")
    if missing := expected - given:
        return Verdict(False, "missing_call", f"it does not call {min(missing)} as the reference does")
    if extra := given - expected:
        return Verdict(False, "extra_call", f"it calls {min(extra)}, and the reference does not")
    return PASSED


@check("function_call", typed=True)
def function_call(example: Example, candidate: Candidate) -> Verdict:
    """The candidate makes the calls of the reference, with the same arguments: as Python or as JSON, in any order.

    Positional and keyword arguments, types, defaults and enumerations go by the schema in the row's `tools`; without
    one by the reference's own call. Where the row has tools and the reference calls none of them, the candidate must
    call none.

    Reasons: `wrong_function`, `missing_argument:x`, `extra_argument:x`, `wrong_value:x`, `wrong_type:x` (without `:x`
    where the argument's name is more than 40 letters, digits, `_`, `.` and `-`, or has others), `missing_call`,
    `extra_call`, `unparsable`; `no_reference_call` where the reference has no call that can be read.
    """
    schemas = schemas_of(example.tools)
    expected = _reference_calls(example.reference, example.tools)
    if expected.broken:
        return Verdict(False, "no_reference_call", f"the reference cannot be read: {expected.broken}")
    wanted = made_calls(expected.calls, (), schemas)
    if len(wanted) >= MOST_CALLS:
        return Verdict(False, "no_reference_call", f"the reference makes {MOST_CALLS} calls or more")
    if not wanted and not example.tools:
        return Verdict(False, "no_reference_call", "the reference has no call that this check can read")
    given = read_calls(candidate.text, {*schemas, *(call.name for call in wanted)})
    if given.broken:
        return Verdict(False, "unparsable", given.broken)
    difference = first_difference(wanted, made_calls(given.calls, wanted, schemas), schemas)
    return PASSED if difference is None else Verdict(False, difference.reason, difference.detail)


@lru_cache(maxsize=1024)
def _reference_calls(reference: str, tools: str) -> Reading:
    """A row's candidates are judged one after the other."""
    return read_calls(reference, schemas_of(tools))


def forget_references() -> None:
    """Read every reference anew, to measure."""
    _reference_calls.cache_clear()
