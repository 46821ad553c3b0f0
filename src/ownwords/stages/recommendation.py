"""What the facts of `advice` lead to: a pure function of numbers.

Every step asks where an interval lies, and says "not clear" where the threshold lies inside it, or where too many of
the texts that it rests on were cut off. The thresholds and their reasons are in `advice_thresholds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ownwords.stages.advice_sentences import because, cut_off_first, limits, more
from ownwords.stages.advice_thresholds import (
    ENOUGH_ACCEPTED,
    MASKABLE,
    NEAR,
    VERY_FAR,
    direction_of,
    side_of,
    too_many_cut_off,
)

Verdict = Literal["tune as it is", "rewrite", "mask", "too far from this model", "not clear"]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`because` are the sentences that led there, numbers in them; `limits` what the numbers cannot tell."""

    verdict: Verdict
    advice: str
    because: list[str]
    limits: list[str]


def recommend(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The recommendation for the facts of `advice.advise`, as plain data (see `Recommendation`)."""
    verdict, advice = _decide(facts)
    return asdict(Recommendation(verdict, cut_off_first(facts) + advice, because(facts), limits(facts)))


def _decide(facts: Mapping[str, Any]) -> tuple[Verdict, str]:
    if too_many_cut_off(facts["own"]):
        return "not clear", (
            "Until then it cannot be said whether the references are near or far, and so nothing is advised."
        )
    distance = side_of(facts["own"]["reference_minus_own"], NEAR)
    if distance == "below":
        return "tune as it is", (
            "The references are about as near to the model as its own answers: there is little for rewriting to mend."
        )
    if distance == "across":
        return "not clear", more(facts, f"whether references lie {NEAR:g} nats above the model's own answers or not")
    return _far(facts)


def _far(facts: Mapping[str, Any]) -> tuple[Verdict, str]:
    """The references are far: would rewriting help?"""
    if too_many_cut_off(facts["rewrites"]):
        return "not clear", "The references are far; until then it cannot be said what rewriting would bring."
    accepted = side_of(facts["rewrites"], ENOUGH_ACCEPTED)
    nearer = direction_of(facts["rewrites"]["rewrites_minus_references"])
    if accepted == "above" and nearer == "below":
        return "rewrite", "The references are far, enough rewrites pass the checks, and those that pass lie nearer."
    if accepted != "below" and nearer != "above":
        return "not clear", more(facts, "whether enough rewrites pass and lie nearer than their references")
    failing = "too few rewrites pass" if accepted == "below" else "rewrites that pass lie farther than their references"
    return _without_rewriting(facts, failing)


def _without_rewriting(facts: Mapping[str, Any], failing: str) -> tuple[Verdict, str]:
    """The references are far, and rewriting as it was tried does not help."""
    other = "Another rewriting prompt, more attempts (rewrite.on_failure=retry) or a larger model may change that."
    very_far, maskable = side_of(facts["gap"], VERY_FAR), side_of(facts["surprising"], MASKABLE)
    if very_far == "above":
        return "too far from this model", (
            f"The references are very far and {failing}: expect this model to learn them slowly and to lose something "
            f"for it. {other}"
        )
    if very_far == "below" and maskable == "below":
        return "mask", (
            f"The references are far and {failing}, but what is far stands in a part of the tokens: leave these out of "
            f"the loss (arm stm). {other}"
        )
    return "not clear", more(
        facts, f"what else to do: {failing}, and the gap or the share of surprising tokens is large"
    )
