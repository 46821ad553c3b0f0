"""The check `judge`: another model's opinion of how faithful a candidate is to its reference, read strictly.

The stage asks (`stages/judge.py`) and hands the answer in: checks never call engines. The answer is one JSON object
with the keys of SCHEMA (`opinions.py` reads it); anything else is a verdict of its own. It does not cover how good the
judge is; its agreement with checks that know is reported beside.
"""

from __future__ import annotations

from typing import Literal

from ownwords.checks.base import check
from ownwords.checks.opinions import Opinion, opinion_schema, read_opinion
from ownwords.records import PASSED, Candidate, Example, Verdict

Criterion = Literal["same_result", "complete", "no_contradiction"]

#: The reason of a verdict where the judge says no, in the order in which they count.
CRITERIA: dict[Criterion, str] = {
    "same_result": "other_result",
    "no_contradiction": "contradiction",
    "complete": "incomplete",
}

#: What a judge's answer looks like; servers that can are told to give nothing else.
SCHEMA = opinion_schema(
    {
        "differences": {"type": "string"},
        "same_result": {"type": "boolean"},
        "complete": {"type": "boolean"},
        "no_contradiction": {"type": "boolean"},
    }
)


@check("judge", judged=True)
def judge(example: Example, candidate: Candidate, *, criteria: list[Criterion] | None = None) -> Verdict:
    """A judge finds that the candidate has the reference's result, all of it, and nothing against it.

    `criteria` says which of `same_result`, `complete` and `no_contradiction` count, by default all. Reasons:
    `other_result`, `contradiction`, `incomplete`, `judge_unreadable`, `not_judged`.
    """
    if candidate.judgement is None:
        return Verdict(False, "not_judged", "no judge has been asked")
    opinion = read_judgement(candidate.judgement)
    if isinstance(opinion, str):
        return Verdict(False, "judge_unreadable", opinion)
    for criterion, reason in CRITERIA.items():
        if criterion in (criteria or CRITERIA) and not opinion[criterion]:
            return Verdict(False, reason, f"the judge: {opinion['differences']}")
    return PASSED


def read_judgement(text: str) -> Opinion | str:
    """The judge's opinion, by the keys of SCHEMA; where it is none, what is wrong with it."""
    return read_opinion(text, SCHEMA)
