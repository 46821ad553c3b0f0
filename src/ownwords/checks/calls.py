"""Checks of function calls: those of a conversation with tools, and those that its reference makes."""

from __future__ import annotations

from collections import Counter

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
