"""The check `regex`: a pattern of your own, whatever it may be, ends in a verdict.

Patterns are those of the package `regex`, which takes all that Python's `re` takes and can be stopped. One that is not
through after a moment is tried again in a worker process, with the time that checks have there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, cast

import regex as _package
from pydantic import AfterValidator

from ownwords.checks._patterns import require_compilable
from ownwords.checks.base import check, require_worker
from ownwords.records import PASSED, Candidate, Example, Verdict
from ownwords.turns import split_reasoning

regular = cast("Any", _package)  # it ships no types

_MOMENT = 0.05  # seconds: some hundred times what an ordinary pattern takes on an ordinary answer


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> Any:
    return regular.compile(pattern)


def _a_pattern(pattern: str) -> str:
    require_compilable([pattern], "regex")
    try:
        _compiled(pattern)
    except (regular.error, RecursionError, OverflowError) as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_a_pattern)]


@check("regex")
def regex(
    example: Example, candidate: Candidate, *, pattern: Pattern, full: bool = False, must_match: bool = True
) -> Verdict:
    """The pattern is found in the candidate (reasoning left out), or with `full` takes all of it.

    White space around the candidate does not count with `full`. With `must_match: false` it must not be found.
    Reasons: `no_match`, `match`.
    """
    answer = split_reasoning(candidate.text)[1]
    compiled = _compiled(pattern)
    text = answer.strip() if full else answer
    find = compiled.fullmatch if full else compiled.search
    try:
        found = find(text, timeout=_MOMENT)
    except TimeoutError:
        require_worker()
        found = find(text)
    if (found is not None) == must_match:
        return PASSED
    if found is None:
        return Verdict(
            False, "no_match", f"the pattern {pattern[:200]!r} {'does not take all of it' if full else 'is not in it'}"
        )
    return Verdict(False, "match", f"the pattern {pattern[:200]!r} is in it: {found.group()[:200]!r}")
