"""What facts lead to: at, below and above each threshold, and where an interval does not say."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ownwords.stages.advice_thresholds import ENOUGH_ACCEPTED, LENGTHS_APART, MASKABLE, NEAR, VERY_FAR
from ownwords.stages.recommendation import recommend

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
        "answered": 16,
        "cut_off": 0,
        "median_tokens": 100.0,
        "reference_median_tokens": 90.0,
    },
    "rewrites": {
        **share(ENOUGH_ACCEPTED + 0.1, 0.9),
        "accepted": 12,
        "asked": 16,
        "answered": 16,
        "cut_off": 0,
        "rewrites_minus_references": between(-0.9, -0.3, 12),
        "median_tokens": 80.0,
    },
    "prompt": "chat/general",
    "checks": ["not_empty", "finished"],
    "checks_of_result": {"seen": [], "partly": [], "own": []},
    "sampling": {"max_tokens": 48},
    "examples": 5000,
    "limit": 200,
    "errors": 0,
}

FEW = share(0.0, ENOUGH_ACCEPTED)


def advised(**changes: Any) -> dict[str, Any]:
    facts = copy.deepcopy(FACTS)
    for path, value in changes.items():
        section, _, key = path.partition("__")
        if key:
            facts[section][key] = value
        elif isinstance(value, dict):
            facts[section] = {**facts[section], **value}
        else:
            facts[section] = value
    return recommend(facts)


def verdict(**changes: Any) -> str:
    return advised(**changes)["verdict"]


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


# --- texts that were cut off -------------------------------------------------------------------------------------

NEARBY = between(-0.2, NEAR)


@pytest.mark.parametrize(("cut_off", "sound"), [(0, True), (3, True), (4, False), (10, False)])
@pytest.mark.parametrize("distance", [NEARBY, between(NEAR + 0.2, 2.0), between(0.0, 2.0)])
def test_no_verdict_is_drawn_from_own_answers_of_which_more_than_30_percent_were_cut(
    cut_off: int, sound: bool, distance: Any
) -> None:
    without = advised(own__reference_minus_own=distance)
    found = advised(own={"reference_minus_own": distance, "answered": 10, "cut_off": cut_off})
    said = f"{cut_off} of 10 of the model's own answers were cut off at 48 tokens"
    assert (found["verdict"] == without["verdict"]) or not sound
    assert found["advice"].startswith(f"{said}: raise rewrite.sampling.max_tokens. ") is not sound
    assert found["limits"][0].startswith(said) is (cut_off > 0)
    assert ("no verdict is drawn" in found["limits"][0]) is not sound
    if not sound:
        assert found["verdict"] == "not clear"
        assert "near or far cannot be told from cut answers" in found["because"][0]


@pytest.mark.parametrize(("cut_off", "expected"), [(3, "mask"), (4, "not clear")])
def test_cut_rewrites_are_no_failures_of_rewriting(cut_off: int, expected: str) -> None:
    rewrites = {
        **FEW,
        "rewrites_minus_references": None,
        "answered": 10,
        "cut_off": cut_off,
        "accepted": 0,
        "asked": 10,
    }
    found = advised(rewrites=rewrites)
    assert found["verdict"] == expected
    sentence = next(reason for reason in found["because"] if "rewrites pass the checks" in reason)
    assert f"{cut_off} of 10 cut off at 48 tokens" in sentence
    assert ("cannot be told from cut rewrites" in sentence) == (expected == "not clear")
    lead = "4 of 10 of the rewrites were cut off at 48 tokens: raise rewrite.sampling.max_tokens. "
    assert found["advice"].startswith(lead) == (expected == "not clear")
    assert found["limits"][0].startswith(f"{cut_off} of 10 of the rewrites were cut off at 48 tokens")


@pytest.mark.parametrize("accepted", [share(ENOUGH_ACCEPTED + HAIR, 0.9), FEW])
def test_cut_rewrites_say_neither_rewrite_nor_mask_and_leave_the_own_answers_their_verdict(accepted: Any) -> None:
    cut = {**accepted, "cut_off": 8}
    assert verdict(rewrites=cut) == "not clear"
    assert verdict(rewrites=cut, own__reference_minus_own=NEARBY) == "tune as it is"


def test_both_kinds_of_cut_texts_are_named_first() -> None:
    found = advised(own__cut_off=14, rewrites__cut_off=15)
    assert found["advice"].startswith(
        "14 of 16 of the model's own answers and 15 of 16 of the rewrites were cut off at 48 tokens: raise "
    )
    assert ["no verdict is drawn" in limit for limit in found["limits"][:2]] == [True, False]


def test_answers_that_were_cut_before_there_was_a_text_are_the_reason_that_is_said() -> None:
    found = advised(own={"reference_minus_own": None, "gap": None, "cut_off": 16, "median_tokens": None})
    assert found["advice"].startswith("16 of 16 of the model's own answers were cut off")
    assert "no answer of its own to compare them with (16 of 16 cut off at 48 tokens)" in found["because"][0]


def test_without_a_cut_text_none_is_spoken_of() -> None:
    assert "cut" not in str(recommend(FACTS))


def test_lengths_that_the_limit_has_set_are_not_compared() -> None:
    short = {"median_tokens": 40.0, "cut_off": 8}
    assert len(advised(own=short, rewrites=short)["because"]) == 3
    assert len(advised(own={**short, "cut_off": 0}, rewrites={**short, "cut_off": 0})["because"]) == 5
    assert len(advised(own={"median_tokens": 200.0, "cut_off": 8})["because"]) == 4  # whole ones are longer still


# --- what would help ---------------------------------------------------------------------------------------------

ACROSS = between(0.0, 1.0)


@pytest.mark.parametrize(
    ("examples", "asked", "helps", "not_said"),
    [
        (5000, 16, ["--limit", "--answers"], ["all the data has"]),
        (201, 200, ["--limit", "--answers"], ["all the data has"]),
        (200, 16, ["--answers"], ["--limit", "all the data has"]),
        (200, 200, ["That is all the data has: of its 200 examples all are scored", "more data."], ["--", "raise"]),
    ],
)
def test_more_is_asked_for_only_where_the_data_has_more(
    examples: int, asked: int, helps: list[str], not_said: list[str]
) -> None:
    found = advised(own={"reference_minus_own": ACROSS, "asked": asked}, examples=examples)["advice"]
    assert all(part in found for part in helps), found
    assert not any(part in found for part in not_said), found


def test_where_the_data_has_no_more_whole_answers_help() -> None:
    own = {"reference_minus_own": ACROSS, "asked": 200, "answered": 200, "cut_off": 20}
    found = advised(own=own, examples=200)["advice"]
    assert "20 of 200 of the model's own answers were cut off at 48 tokens (raise rewrite.sampling.max_tokens)" in found


def test_rows_that_could_not_be_scored_are_not_said_to_be() -> None:
    own = {"reference_minus_own": ACROSS, "asked": 198}
    found = advised(own=own, examples=200, errors=2, gap={"n": 198})["advice"]
    assert "of its 200 examples all that could be scored are answered too" in found


# --- what the checks see -----------------------------------------------------------------------------------------

BLIND = "do not see whether a rewrite is right"


@pytest.mark.parametrize(
    ("seen", "partly", "own", "said", "not_said"),
    [
        ([], [], [], ["These do not see whether a rewrite is right."], []),
        (["final_answer"], [], [], ["Of these final_answer looks at a rewrite's result"], [BLIND]),
        (["final_answer", "judge"], [], [], ["Of these final_answer, judge look at"], [BLIND]),
        ([], ["any(a, b)"], [], ["any(a, b) may be passed without a look"], [BLIND]),
        ([], [], ["m.py:f"], ["m.py:f is your own check, of which nothing is known.", f"The others {BLIND}"], []),
        (["judge"], [], ["m.py:f"], ["judge looks at", "m.py:f is your own check"], [BLIND]),
    ],
)
def test_what_is_said_of_checks_follows_from_what_they_look_at(
    seen: list[str], partly: list[str], own: list[str], said: list[str], not_said: list[str]
) -> None:
    last = advised(checks_of_result={"seen": seen, "partly": partly, "own": own})["limits"][-1]
    assert all(part in last for part in said), last
    assert not any(part in last for part in not_said), last


def test_where_every_check_is_ones_own_no_others_are_spoken_of() -> None:
    found = advised(checks=["m.py:f"], checks_of_result={"seen": [], "partly": [], "own": ["m.py:f"]})
    assert "The others" not in found["limits"][-1]
