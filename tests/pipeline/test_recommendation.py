"""What facts lead to: at, below and above each threshold, and where an interval does not say."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ownwords.stages.recommendation import (
    ENOUGH_ACCEPTED,
    LENGTHS_APART,
    MASKABLE,
    NEAR,
    VERY_FAR,
    recommend,
)

HAIR = 1e-6


def between(low: float, high: float, n: int = 16) -> dict[str, Any]:
    return {"n": n, "mean": (low + high) / 2, "low": low, "high": high, "p": 0.001}


def share(low: float, high: float) -> dict[str, Any]:
    return {"share": (low + high) / 2, "low": low, "high": high}


#: References far away, rewrites that pass and lie nearer.
FACTS: dict[str, Any] = {
    "gap": between(1.2, 1.4, 200),
    "surprising": {**share(0.2, 0.24), "tokens": 9000, "carried": 0.8},
    "own": {
        "reference_minus_own": between(NEAR + 0.2, NEAR + 0.6),
        "gap": between(0.3, 0.4),
        "asked": 16,
        "cut_off": 0,
        "median_tokens": 100.0,
        "reference_median_tokens": 90.0,
    },
    "rewrites": {
        **share(ENOUGH_ACCEPTED + 0.1, 0.9),
        "accepted": 12,
        "asked": 16,
        "rewrites_minus_references": between(-0.9, -0.3, 12),
        "median_tokens": 80.0,
    },
    "prompt": "chat/general",
    "checks": ["not_empty", "finished"],
}

FEW = share(0.0, ENOUGH_ACCEPTED)


def verdict(**changes: Any) -> str:
    facts = copy.deepcopy(FACTS)
    for path, value in changes.items():
        section, _, key = path.partition("__")
        if key:
            facts[section][key] = value
        elif isinstance(value, dict):
            facts[section] = {**facts[section], **value}
        else:
            facts[section] = value
    return recommend(facts)["verdict"]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.2, NEAR - HAIR, "tune as it is"),
        (-0.2, NEAR, "tune as it is"),
        (-0.2, NEAR + HAIR, "not clear"),
        (NEAR, 2.0, "not clear"),
        (NEAR + HAIR, 2.0, "rewrite"),
    ],
)
def test_nearness_is_decided_by_the_whole_interval(low: float, high: float, expected: str) -> None:
    assert verdict(own__reference_minus_own=between(low, high)) == expected


@pytest.mark.parametrize(
    ("accepted", "nearer", "expected"),
    [
        (share(ENOUGH_ACCEPTED + HAIR, 0.9), between(-0.5, -HAIR), "rewrite"),
        (share(ENOUGH_ACCEPTED, 0.9), between(-0.5, -HAIR), "not clear"),
        (share(ENOUGH_ACCEPTED + HAIR, 0.9), between(-0.5, HAIR), "not clear"),
        (share(ENOUGH_ACCEPTED + HAIR, 0.9), between(HAIR, 0.5), "mask"),
        (share(ENOUGH_ACCEPTED + HAIR, 0.9), {**between(-0.5, -HAIR), "p": 0.05 - HAIR}, "rewrite"),
        (share(ENOUGH_ACCEPTED + HAIR, 0.9), {**between(-0.5, -HAIR), "p": 0.05}, "not clear"),
        (FEW, between(-0.5, -HAIR), "mask"),
        (FEW, None, "mask"),
        (share(0.0, ENOUGH_ACCEPTED + HAIR), None, "not clear"),
    ],
)
def test_rewriting_is_advised_where_enough_pass_and_come_nearer(accepted: Any, nearer: Any, expected: str) -> None:
    rewrites = {**accepted, "rewrites_minus_references": nearer}
    assert verdict(rewrites=rewrites) == expected


@pytest.mark.parametrize(
    ("gap", "surprising", "expected"),
    [
        (between(1.0, VERY_FAR), share(0.2, MASKABLE), "mask"),
        (between(1.0, VERY_FAR), share(0.2, MASKABLE + HAIR), "not clear"),
        (between(1.0, VERY_FAR + HAIR), share(0.2, MASKABLE), "not clear"),
        (between(VERY_FAR + HAIR, 4.0), share(0.2, MASKABLE), "too far from this model"),
        (between(VERY_FAR + HAIR, 4.0), share(MASKABLE, 0.6), "too far from this model"),
    ],
)
def test_without_rewriting_the_gap_and_the_share_of_surprising_tokens_decide(
    gap: Any, surprising: Any, expected: str
) -> None:
    assert verdict(gap=gap, surprising=surprising, rewrites={**FEW, "rewrites_minus_references": None}) == expected


def test_the_size_of_the_gap_does_not_matter_where_rewriting_works() -> None:
    assert verdict(gap=between(VERY_FAR + 1, VERY_FAR + 2), surprising=share(0.5, 0.6)) == "rewrite"


@pytest.mark.parametrize("missing", [None, {"n": 1, "mean": 0.1, "low": None, "high": None}])
def test_without_an_interval_nothing_is_clear(missing: Any) -> None:
    assert verdict(own__reference_minus_own=missing) == "not clear"


def test_the_sentences_hold_the_numbers_and_their_n() -> None:
    found = recommend(FACTS)
    said = " ".join(found["because"])
    for number in ("1.30 (1.20 to 1.40, n = 200)", "+0.70 (0.50 to 0.90, n = 16)", "12 of 16", "-0.60", "n = 12"):
        assert number in said, number
    assert "far." in said
    assert any("no measurement of forgetting" in limit for limit in found["limits"])


def test_not_clear_says_what_would_help() -> None:
    facts = copy.deepcopy(FACTS)
    facts["own"]["reference_minus_own"] = between(0.0, 1.0)
    found = recommend(facts)
    assert "--answers" in found["advice"]
    assert "near or far, the interval does not say" in found["because"][0]


@pytest.mark.parametrize(("theirs", "count"), [(100 / LENGTHS_APART, 4), (100 / LENGTHS_APART + 1, 3)])
def test_lengths_are_worth_a_word_where_they_differ_much(theirs: float, count: int) -> None:
    facts = copy.deepcopy(FACTS)
    facts["own"]["reference_median_tokens"] = theirs
    assert len(recommend(facts)["because"]) == count


def test_rewrites_much_shorter_than_references_are_worth_a_word() -> None:
    facts = copy.deepcopy(FACTS)
    facts["rewrites"]["median_tokens"] = 45.0
    assert "accepted rewrites have 45 tokens, references 90" in recommend(facts)["because"][-1]
    facts["rewrites"]["median_tokens"] = 46.0
    assert recommend(facts)["because"] == recommend(FACTS)["because"]
