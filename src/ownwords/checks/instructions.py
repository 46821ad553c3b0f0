"""The check `instructions`: an answer follows instructions that a program can verify, those of IFEval.

`_instructions.py` makes the verifiers. They are patterns and counts over the whole text, some of them quadratic, and
a language detector: no answer is so short that they surely end, so they always run apart.

Not covered: anything that a program cannot see, such as tone, truth or the task that the instructions stand beside.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ownwords.checks._instructions import ID, loose_variants, require_instructions, verifier_of
from ownwords.checks.base import check, require_worker
from ownwords.records import PASSED, Candidate, Example, Verdict

_NOT_ALL = re.compile(r"not_all_followed:(\d+)/(\d+):(\d+)/(\d+)")


class Counts(NamedTuple):
    """How many of an answer's instructions are followed: to the letter, and in the loose reading."""

    strict: int
    loose: int
    total: int


def _require(params: dict[str, Any]) -> None:
    require_instructions(params["instructions"])


@check("instructions", apart=True, requirement=_require)
def follows_instructions(
    example: Example, candidate: Candidate, *, instructions: list[dict[str, Any]], timeout: float = 10.0
) -> Verdict:
    """The candidate follows every one of the instructions, by IFEval's verifiers, as it is: reasoning is part of it.

    An instruction is `{id: punctuation:no_comma}`, or has the verifier's arguments beside the id; `timeout` is there
    because the library takes seconds to load. Reason: `not_all_followed:1/3:2/3` where one of three is followed to the
    letter, and two are loosely: without the first or the last line, or without asterisks.
    """
    require_worker()
    strict, loose, missed = 0, 0, list[str]()
    variants = loose_variants(candidate.text)
    for instruction in instructions:
        follows = verifier_of(instruction)
        as_it_is = follows(candidate.text)
        strict += as_it_is
        loose += as_it_is or any(map(follows, variants))
        if not as_it_is:
            missed.append(str(instruction[ID]))
    total = len(instructions)
    if not missed:
        return PASSED
    reason = f"not_all_followed:{strict}/{total}:{loose}/{total}"
    return Verdict(False, reason, f"it does not follow {', '.join(missed)}")


def counts_of(verdict: Verdict) -> Counts | None:
    """What a verdict of this check says. One that took too long follows nothing; None where the check itself failed."""
    if verdict.passed:
        return Counts(1, 1, 1)
    if verdict.reason == "check_timeout":
        return Counts(0, 0, 1)
    found = _NOT_ALL.fullmatch(verdict.reason)
    return None if found is None else Counts(int(found[1]), int(found[3]), int(found[2]))
