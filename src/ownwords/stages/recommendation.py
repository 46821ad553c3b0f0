"""What the facts of `advice` lead to: a pure function of numbers, with its thresholds and their reasons.

Every step asks where an interval lies, and says "not clear" where the threshold lies inside it. The thresholds come
from docs/gap.md: five data sets, one model of 135 million parameters. They are a start, not a law.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["tune as it is", "rewrite", "mask", "too far from this model", "not clear"]

#: A token with a higher perplexity under the seed is masked by STM (arXiv 2501.14315): 20 to 24 % of the tokens there.
SURPRISING = 2.5
#: References at most so many nats a token above the model's own answers to the same prompts count as near: so much do
#: its own answers differ among each other (8 of 10 lie within 0.2 of the middle on GSM8K, 0.6 on Dolly). The paper's
#: reason to rewrite (arXiv 2402.13669) is then all but absent.
NEAR = 0.3
#: With fewer accepted rewrites three of four targets stay references, so that rewriting changes little.
ENOUGH_ACCEPTED = 0.25
#: Masking has not been tried where more of the tokens are above `SURPRISING`: this is nearly twice the paper's share.
#: (Of the sets that were measured GSM8K has 34 %, Alpaca 52 %, LIMA 64 %.)
MASKABLE = 0.4
#: A perplexity of 20, and farther than any of the data sets that were measured (LIMA: 2.84).
VERY_FAR = 3.0
#: Two-sided p below which a paired difference counts, as in every score table.
SIGNIFICANT = 0.05
#: Of so many items on a bootstrap interval holds what it says (see `stats`).
FEW_ANSWERS = 20
#: Median lengths that differ by this factor are worth a word.
LENGTHS_APART = 2.0


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`because` are the sentences that led there, numbers in them; `limits` what the numbers cannot tell."""

    verdict: Verdict
    advice: str
    because: list[str]
    limits: list[str]


def recommend(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The recommendation for the facts of `advice.advise`, as plain data (see `Recommendation`)."""
    because = [_distance_sentence(facts), _surprising_sentence(facts), _rewrites_sentence(facts)]
    verdict, advice = _decide(facts)
    return asdict(Recommendation(verdict, advice, [*because, *_length_sentence(facts)], _limits(facts)))


def _decide(facts: Mapping[str, Any]) -> tuple[Verdict, str]:
    distance = _side(facts["own"]["reference_minus_own"], NEAR)
    if distance == "below":
        return "tune as it is", (
            "The references are about as near to the model as its own answers: there is little for rewriting to mend."
        )
    if distance == "across":
        return "not clear", _more(f"whether the references lie {NEAR:g} nats above the model's own answers or not")
    accepted = _side(facts["rewrites"], ENOUGH_ACCEPTED)
    nearer = _direction(facts["rewrites"]["rewrites_minus_references"])
    if accepted == "above" and nearer == "below":
        return "rewrite", "The references are far, enough rewrites pass the checks, and those that pass lie nearer."
    if accepted != "below" and nearer != "above":
        return "not clear", _more("whether enough rewrites pass and lie nearer than their references")
    failing = "too few rewrites pass" if accepted == "below" else "rewrites that pass lie farther than their references"
    return _without_rewriting(facts, failing)


def _without_rewriting(facts: Mapping[str, Any], failing: str) -> tuple[Verdict, str]:
    """The references are far, and rewriting as it was tried does not help."""
    other = "Another rewriting prompt, more attempts (rewrite.on_failure=retry) or a larger model may change that."
    very_far, maskable = _side(facts["gap"], VERY_FAR), _side(facts["surprising"], MASKABLE)
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
    return "not clear", _more(f"what else to do: {failing}, and the gap or the share of surprising tokens is large")


def _side(estimate: Mapping[str, Any] | None, threshold: float) -> Literal["below", "across", "above"]:
    """Where a 95 % interval lies. Without one nothing is known."""
    if estimate is None or estimate["low"] is None or estimate["high"] is None:
        return "across"
    if estimate["high"] <= threshold:
        return "below"
    return "above" if estimate["low"] > threshold else "across"


def _direction(difference: Mapping[str, Any] | None) -> Literal["below", "across", "above"]:
    """Whether a paired difference lies beyond noise: its interval leaves out 0, and the test agrees."""
    if difference is None or difference["p"] >= SIGNIFICANT:
        return "across"
    return _side(difference, 0)


def _more(what: str) -> str:
    return f"These numbers do not tell {what}. Give more rows (--limit) and more answers (--answers)."


# --- the evidence in sentences -----------------------------------------------------------------------------------


def _distance_sentence(facts: Mapping[str, Any]) -> str:
    own = facts["own"]
    said = f"References: {_mean(facts['gap'])} nats per token"
    difference = own["reference_minus_own"]
    if difference is None:
        return f"{said}. The model gave no answer of its own to compare them with."
    place = {"below": "near", "above": "far", "across": "near or far, the interval does not say"}
    return (
        f"{said}; the model's own answers to {own['gap']['n']} of these prompts: {_mean(own['gap'])}. On these prompts "
        f"the references lie {_mean(difference, sign=True)} from them (near: at most {NEAR:g}): "
        f"{place[_side(difference, NEAR)]}."
    )


def _surprising_sentence(facts: Mapping[str, Any]) -> str:
    found = facts["surprising"]
    return (
        f"{_share(found)} of {found['tokens']:,} target tokens have a perplexity above {SURPRISING:g} under the model "
        f"and carry {100 * found['carried']:.0f} % of the nats (20 to 24 % in the paper that masks such tokens; here "
        f"masking is advised up to {100 * MASKABLE:.0f} %)."
    )


def _rewrites_sentence(facts: Mapping[str, Any]) -> str:
    found = facts["rewrites"]
    said = (
        f"{found['accepted']} of {found['asked']} rewrites pass the checks ({_share(found)}; enough: above "
        f"{100 * ENOUGH_ACCEPTED:.0f} %)"
    )
    difference = found["rewrites_minus_references"]
    if difference is None:
        return f"{said}."
    place = {"below": "nearer", "above": "farther", "across": "nearer or farther cannot be told"}
    return (
        f"{said}; those lie {_mean(difference, sign=True)} nats per token from their references: "
        f"{place[_direction(difference)]}."
    )


def _length_sentence(facts: Mapping[str, Any]) -> list[str]:
    """Only where lengths differ much: what is trained on them answers at that length."""
    own = facts["own"]
    mine, theirs, rewritten = own["median_tokens"], own["reference_median_tokens"], facts["rewrites"]["median_tokens"]
    said: list[str] = []
    if _apart(rewritten, theirs):
        said = [
            f"In the middle accepted rewrites have {rewritten:.0f} tokens, references {theirs:.0f}: something may be "
            "lost or added that these checks do not see (`ownwords preview` shows some)."
        ]
    if not _apart(mine, theirs):
        return said
    cut = (
        f" ({own['cut_off']} of {own['asked']} were cut off, so the model's are longer still)" if own["cut_off"] else ""
    )
    return [
        *said,
        f"In the middle references have {theirs:.0f} tokens, the model's own answers {mine:.0f}{cut}: trained on the "
        "references it will answer at their length, whatever it is asked.",
    ]


def _apart(first: float | None, second: float | None) -> bool:
    return bool(first and second) and max(first or 0, second or 0) >= LENGTHS_APART * min(first or 0, second or 0)


def _limits(facts: Mapping[str, Any]) -> list[str]:
    few = facts["own"]["asked"] < FEW_ANSWERS
    return [
        *(["With fewer than 20 answers the intervals of their gaps are somewhat too narrow."] if few else []),
        "The thresholds come from five data sets with one model of 135 million parameters (docs/gap.md).",
        "A gap is no measurement of forgetting: only training and testing is (`ownwords run`).",
        f"Rewriting was tried once, with {facts['prompt']} and the checks {', '.join(facts['checks'])}; these do not "
        "see whether a rewrite is right.",
    ]


def _mean(estimate: Mapping[str, Any], *, sign: bool = False) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        interval = "no interval"
    else:
        interval = f"{estimate['low']:.2f} to {estimate['high']:.2f}"
    return f"{estimate['mean']:{'+' if sign else ''}.2f} ({interval}, n = {estimate['n']})"


def _share(estimate: Mapping[str, Any]) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return f"{100 * estimate['share']:.0f} %"
    return f"{100 * estimate['share']:.0f} % ({100 * estimate['low']:.0f} to {100 * estimate['high']:.0f})"
