"""The check `judge`: another model's opinion of how faithful a candidate is to its reference, read strictly.

The stage asks (`stages/judge.py`) and hands the answer in: checks never call engines. The answer is one JSON object
with the keys of SCHEMA, alone, in a fence, or after the model's thoughts. Anything else is a verdict of its own: an
opinion that cannot be read is none. It does not cover how good the judge is; its agreement with checks that know is
reported beside.
"""

from __future__ import annotations

import json
from typing import Any, Literal, cast

from ownwords.checks._json import with_unique_keys
from ownwords.checks.base import check
from ownwords.records import PASSED, Candidate, Example, Verdict
from ownwords.turns import split_reasoning

Criterion = Literal["same_result", "complete", "no_contradiction"]

#: The reason of a verdict where the judge says no, in the order in which they count.
CRITERIA: dict[Criterion, str] = {
    "same_result": "other_result",
    "no_contradiction": "contradiction",
    "complete": "incomplete",
}

#: What a judge's answer looks like; servers that can are told to give nothing else.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "differences": {"type": "string"},
        "same_result": {"type": "boolean"},
        "complete": {"type": "boolean"},
        "no_contradiction": {"type": "boolean"},
    },
    "required": ["differences", "same_result", "complete", "no_contradiction"],
    "additionalProperties": False,
}

_FENCE = "```"


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


def read_judgement(text: str) -> dict[str, Any] | str:
    """The judge's opinion, by the keys of SCHEMA; where it is none, what is wrong with it."""
    answer = _unfenced(split_reasoning(text)[1].strip())
    try:
        loaded: Any = json.loads(answer, object_pairs_hook=with_unique_keys)
    except (ValueError, RecursionError) as error:
        return f"the judge's answer is not JSON ({error}): {text[:200]!r}"
    if not isinstance(loaded, dict):
        return f"the judge's answer is no object: {text[:200]!r}"
    opinion = cast("dict[str, Any]", loaded)
    kinds: dict[str, type] = {"differences": str, **dict.fromkeys(CRITERIA, bool)}
    for key in opinion:
        if key not in kinds:
            return f"the judge's answer has a key {key[:50]!r} that was not asked for"
    for key, kind in kinds.items():
        if type(opinion.get(key)) is not kind:
            return f"the judge's answer says nothing under {key}, or not as {kind.__name__}"
    return opinion


def _unfenced(answer: str) -> str:
    """What stands in the one fence of an answer that is nothing else; any other answer as it is."""
    if not (answer.startswith(_FENCE) and answer.endswith(_FENCE)) or answer.count(_FENCE) != 2:
        return answer
    return answer.removesuffix(_FENCE).partition("\n")[2]
