"""How arms combine sources, as pure functions: the first that passes, shares of rows, what is kept of attempts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.arms.base import all_arms
from ownwords.journal import Key
from ownwords.recipe import Method
from ownwords.records import Example, Message, Outcome
from ownwords.stages.origins import origins_of
from ownwords.stages.standing import Standing
from ownwords.stages.targets_of_arms import Mixed, combined, has_failed

EXAMPLE = Example("a-0", (Message("user", "Why?"),), "Because.")
SHARES = st.floats(0, 1, allow_nan=False)


def ended(name: str, how: str) -> Outcome:
    if how == "passed":
        source = "own" if name == "own" else "rewrite"
        return Outcome(EXAMPLE, "accepted", source, "ok", "", name, 0, origin=name)
    reason, attempt = (f"{name}_failed", 0) if how == "failed" else ("near_the_seed", -1)
    return Outcome(EXAMPLE, "fallback", "reference", reason, "", EXAMPLE.reference, attempt, origin=name)


HOW = st.sampled_from(["passed", "failed", "left alone"])
METHODS = [
    Method(sources=["own", "reference"]),
    Method(sources=["rewrite", "own", "reference"]),
    Method(sources=["own", "rewrite", "reference"]),
    Method(sources=["own", "rewrite", "reference"], rewriter="other"),
]


@given(st.fixed_dictionaries({"own": HOW, "rewrite": HOW, "other": HOW}), st.sampled_from(METHODS))
def test_the_first_that_passes_wins_else_the_last_that_was_asked_says_why(
    how: Mapping[str, str], method: Method
) -> None:
    outcome = combined({name: ended(name, each) for name, each in how.items()}, method)
    order = [origin.name for origin in origins_of(method)]
    passed = [name for name in order if how[name] == "passed"]
    failed = [name for name in order if how[name] == "failed"]
    if passed:
        assert (outcome.kind, outcome.target) == ("accepted", passed[0])
    else:
        assert (outcome.kind, outcome.source, outcome.target) == ("fallback", "reference", "Because.")
        assert outcome.reason == (f"{failed[-1]}_failed" if failed else "near_the_seed")
        assert has_failed(outcome) == bool(failed)


@given(st.integers(0, 200), st.integers(0, 9), SHARES, SHARES)
def test_shares_are_exact_and_nested(count: int, seed: int, one: float, other: float) -> None:
    smaller, larger = sorted((one, other))
    mixed = Mixed((f"{number:x}-0" for number in range(count)), seed, {smaller, larger})
    few = {place for place in range(count) if mixed.takes(place, smaller)}
    many = {place for place in range(count) if mixed.takes(place, larger)}
    assert few <= many
    for share, taken in ((smaller, few), (larger, many)):
        assert abs(len(taken) - share * count) <= 0.5 + 1e-9


def test_which_rows_are_taken_depends_on_the_rows_and_the_seed_and_not_on_their_order() -> None:
    ids = [f"{number:x}-0" for number in range(64)]

    def taken(order: list[str], seed: int) -> set[str]:
        mixed = Mixed(order, seed, {0.5})
        return {row_id for place, row_id in enumerate(order) if mixed.takes(place, 0.5)}

    assert taken(ids, 1) == taken(ids[::-1], 1)
    assert taken(ids, 1) != taken(ids, 2)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=12))
def test_of_the_attempts_that_pass_the_best_counts_and_of_equal_ones_the_first(
    attempts: list[tuple[bool, int]],
) -> None:
    standing = Standing(3, remembered=10)
    for number, (passed, merit) in enumerate(attempts):
        standing.note(1, Key("a-0", number, f"{number:024x}"), passed=passed, merit=merit)
    passing = [number for number, (passed, _) in enumerate(attempts) if passed]
    best = max(passing, key=lambda number: attempts[number][1]) if passing else len(attempts) - 1
    assert standing.counting(1, "a-0") == Key("a-0", best, f"{best:024x}")
    assert standing.passes(1) == [number for number in passing if number < 10]
    assert list(standing.places(passed_too=False)) == ([0, 2] if passing else [0, 1, 2])
    assert list(standing.places(passed_too=True)) == [0, 1, 2]


def test_places_that_are_left_alone_want_nothing() -> None:
    standing = Standing(3, bytes([0, 1, 0]))
    assert list(standing.places(passed_too=True)) == [0, 2]
    assert [standing.is_asked(place) for place in range(3)] == [True, False, True]


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("vanilla", []),
        ("sdft", ["rewrite"]),
        ("ssr", ["own"]),
        ("cascade", ["own", "rewrite"]),
        ("mix_25", ["rewrite"]),
        ("other_rewriter", ["other"]),
    ],
)
def test_an_arms_file_says_what_is_asked_for_it(name: str, asked: list[str]) -> None:
    arm = next(arm for arm in all_arms() if arm.name == name)
    assert [origin.name for origin in origins_of(arm.method)] == asked
    assert arm.paper
    assert not arm.method.objective_changed


def test_an_arm_that_mixes_nothing_in_asks_for_nothing() -> None:
    assert origins_of(Method(mix=0)) == []
