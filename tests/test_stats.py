"""Intervals and paired tests against known values, by simulation, and by their properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ownwords import stats
from ownwords.stats import Difference, mean_interval, paired_difference, wilson

SCORES = st.lists(st.floats(-100, 100), min_size=1, max_size=12)
PAIRS = st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=1, max_size=12)
BINARY_PAIRS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=60)


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "RESAMPLES", 1000)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (50, 100, 0.4038, 0.5962),
    ],
)
def test_wilson_gives_the_known_intervals(successes: int, n: int, low: float, high: float) -> None:
    estimate = wilson(successes, n)
    assert (estimate.n, estimate.mean) == (n, successes / n)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_agrees_with_scipy() -> None:
    from scipy.stats import binomtest

    for successes, n in [(0, 3), (1, 7), (29, 100), (1319, 1319)]:
        expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
        estimate = wilson(successes, n)
        assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_an_impossible_share_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"no share of {successes} out of {n}"):
        wilson(successes, n)


def test_zero_one_scores_get_wilsons_interval() -> None:
    assert mean_interval([1, 0, 1, 1, 1, 0, 1, 1, 1, 1]) == wilson(8, 10)
    assert mean_interval([True, True]) == wilson(2, 2)


def test_numbers_that_are_no_shares_are_not_counted_as_some_where_all_are_0_or_1() -> None:
    ones, zeros = [1.0] * 8, [0.0] * 8
    assert (mean_interval(ones).low, mean_interval(ones, share=False).low) == (pytest.approx(0.676, abs=1e-3), 1.0)
    mixed = mean_interval([0.0, 1.0] * 40, share=False)
    assert mixed.low == pytest.approx(0.5 - 1.96 * 0.5 / math.sqrt(80), abs=0.01)
    same = paired_difference(zeros, zeros, share=False)
    assert (same.low, same.high, same.p) == (0.0, 0.0, 1.0)
    over_seeds = stats.difference_over_seeds([ones, ones], [ones, ones], share=False)
    assert (over_seeds.low, over_seeds.high) == (0.0, 0.0)
    assert stats.difference_over_seeds([ones, ones], [ones, ones]).high > 0


def test_other_scores_get_a_bootstrap_interval_near_the_normal_one() -> None:
    values = np.random.default_rng(5).normal(3.0, 2.0, size=400)
    estimate = mean_interval(values)
    half = 1.96 * values.std() / math.sqrt(400)
    assert estimate.mean == pytest.approx(values.mean())
    assert (estimate.low, estimate.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_interval_in_any_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [0.5, 1.5, 2.0, 7.25, 3.0]
    first = mean_interval(values, seed=3), paired_difference(values, values[::-1], seed=3)
    monkeypatch.setattr(stats, "CHUNK_ELEMENTS", 7)
    assert (mean_interval(values, seed=3), paired_difference(values, values[::-1], seed=3)) == first
    assert mean_interval(values, seed=4) != first[0]


def test_chunks_stay_within_their_bound_and_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "CHUNK_ELEMENTS", 1000)
    shapes = list(stats._chunks(300))
    assert sum(rows for rows, _ in shapes) == stats.RESAMPLES
    assert max(rows * columns for rows, columns in shapes) <= 1000
    assert {rows for rows, _ in stats._chunks(5000)} == {1}


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf], [[1.0, 2.0]]])
def test_no_values_and_values_without_a_number_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="an interval needs"):
        mean_interval(values)


def test_one_value_has_an_unbounded_interval() -> None:
    estimate = mean_interval([2.5])
    assert (estimate.n, estimate.mean, estimate.low, estimate.high) == (1, 2.5, -math.inf, math.inf)
    difference = paired_difference([2.5], [0.5])
    assert (difference.mean, difference.low, difference.high, difference.p) == (2.0, -math.inf, math.inf, 1.0)
    assert not difference.beyond_noise


@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say(few_resamples: None) -> None:
    generator = np.random.default_rng(11)
    rounds, binary, skewed, paired = 400, 0, 0, 0
    for seed in range(rounds):
        share = mean_interval((generator.random(60) < 0.3).astype(float))
        binary += share.low <= 0.3 <= share.high
        loss = mean_interval(generator.gamma(4.0, 0.5, size=100), seed=seed)
        skewed += loss.low <= 2.0 <= loss.high
        skill = generator.random(80)
        a, b = skill + generator.random(80) < 0.9, skill + generator.random(80) < 0.8
        change = paired_difference(a.astype(float), b.astype(float))
        paired += change.low <= 0.085 <= change.high  # P(u + v < x) = x²/2 for x ≤ 1: 0.405 - 0.32
    assert 0.92 <= binary / rounds <= 0.98
    assert 0.91 <= skewed / rounds <= 0.98
    assert 0.92 <= paired / rounds <= 0.99


def test_a_paired_difference_of_zero_one_scores_matches_known_values() -> None:
    # 100 items: 40 right on both sides, 15 only in a, 5 only in b. McNemar's exact p for 15 against 5 is 0.0414.
    a = [1] * 40 + [1] * 15 + [0] * 5 + [0] * 40
    b = [1] * 40 + [0] * 15 + [1] * 5 + [0] * 40
    difference = paired_difference(a, b)
    assert (difference.n, difference.mean) == (100, 0.1)
    assert difference.p == pytest.approx(0.041389, abs=1e-6)
    assert (difference.low, difference.high) == pytest.approx((0.00995, 0.18613), abs=1e-5)
    assert difference.beyond_noise


def test_equal_scores_are_no_difference() -> None:
    assert paired_difference([1, 0, 1], [1, 0, 1]).p == 1.0
    same = paired_difference([0.3, 0.7, 0.9], [0.3, 0.7, 0.9])
    assert (same.mean, same.low, same.high, same.p, same.beyond_noise) == (0.0, 0.0, 0.0, 1.0, False)


def test_two_wins_out_of_two_are_within_noise() -> None:
    assert not paired_difference([1, 1], [0, 0]).beyond_noise
    assert not paired_difference([2.0, 3.0], [0.5, 0.7]).beyond_noise


def test_a_shift_on_every_item_is_beyond_noise_where_unpaired_scores_would_not_be() -> None:
    generator = np.random.default_rng(2)
    base = generator.normal(0.0, 10.0, size=200)
    moved = base + 0.5 + generator.normal(0.0, 0.2, size=200)
    difference = paired_difference(moved, base)
    assert difference.p == pytest.approx(1 / 10_001)
    assert difference.low > 0.4 and difference.high < 0.6 and difference.beyond_noise
    assert mean_interval(moved).low < mean_interval(base).high


def test_the_sign_flip_p_is_the_share_of_sign_patterns() -> None:
    # Differences 1, 2, 3: two of the eight patterns (all plus, all minus) are as far from 0 as the observed one.
    assert paired_difference([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]).p == 0.25
    assert paired_difference([1.0, 2.0, -3.5], [0.0, 0.0, 0.0]).p == 1.0  # +1 +2 -3.5 is the nearest to 0
    assert paired_difference([0.5] * 14, [0.0] * 14).p == 2.0**-13  # all of few patterns, none of them drawn


def test_p_is_uniform_when_there_is_no_difference(few_resamples: None) -> None:
    generator = np.random.default_rng(8)
    pairs = [generator.normal(size=(2, 30)) for _ in range(300)]
    low = sum(paired_difference(a, b, seed=i).p < 0.1 for i, (a, b) in enumerate(pairs))
    assert 0.06 <= low / 300 <= 0.14


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="not 2 and 1"):
        paired_difference([1, 0], [1])
    with pytest.raises(ValueError, match="at least one value"):
        paired_difference([], [])


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [(0.1, 0.2, 0.01, True), (-0.2, -0.1, 0.01, True), (-0.1, 0.2, 0.01, False), (0.0, 0.2, 0.01, False),
     (0.1, 0.2, 0.2, False)],
)  # fmt: skip
def test_beyond_noise_needs_an_interval_without_zero_and_a_small_p(
    low: float, high: float, p: float, expected: bool
) -> None:
    assert Difference(9, 0.0, low, high, p).beyond_noise is expected


@settings(max_examples=30, deadline=None)
@given(SCORES)
def test_the_mean_lies_inside_its_interval(values: list[float]) -> None:
    estimate = mean_interval(values)
    assert estimate.n == len(values)
    assert estimate.low <= estimate.mean <= estimate.high


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_lies_within_zero_and_one_and_mirrors(case: tuple[int, int]) -> None:
    successes, n = case
    here, mirrored = wilson(successes, n), wilson(n - successes, n)
    assert 0 <= here.low <= here.mean <= here.high <= 1
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((here.low, here.high), abs=1e-9)


def _check_symmetric(a: list[float], b: list[float]) -> None:
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert there.low <= there.mean <= there.high
    assert (-back.high, -back.mean, -back.low) == pytest.approx((there.low, there.mean, there.high), abs=1e-9)
    assert back.p == pytest.approx(there.p)
    assert 0 < there.p <= 1


@settings(max_examples=30, deadline=None)
@given(PAIRS)
def test_a_paired_difference_is_symmetric(pairs: list[tuple[float, float]]) -> None:
    _check_symmetric([a for a, _ in pairs], [b for _, b in pairs])


@settings(deadline=None)
@given(BINARY_PAIRS)
def test_a_paired_difference_of_zero_one_scores_is_symmetric(pairs: list[tuple[int, int]]) -> None:
    _check_symmetric([a for a, _ in pairs], [b for _, b in pairs])


def test_the_mean_of_one_difference_is_that_difference() -> None:
    one = paired_difference([1, 1, 0, 1], [0, 1, 0, 0])
    assert stats.mean_difference([one]) == one


@pytest.mark.slow
def test_the_mean_of_differences_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    truth, covered = (0.1 + 0.0 - 0.04) / 3, 0
    for _ in range(400):
        parts = []
        for gain, n in ((0.1, 60), (0.0, 150), (-0.04, 90)):
            before = generator.random(n) < 0.5
            flips = generator.random(n)
            after = np.where(before, flips >= 0.2 - gain, flips < 0.2 + gain)
            parts.append(paired_difference(after.astype(float), before.astype(float)))
        mean = stats.mean_difference(parts)
        covered += mean.low <= truth <= mean.high
    assert 0.92 <= covered / 400 <= 0.985


def test_the_mean_of_like_differences_is_as_wide_as_normal_theory_says() -> None:
    parts = [Difference(100, 0.2, 0.1, 0.3, 0.001)] * 4
    mean = stats.mean_difference(parts)
    assert (mean.n, mean.mean) == (400, pytest.approx(0.2))
    assert (mean.low, mean.high) == pytest.approx((0.15, 0.25))
    assert mean.beyond_noise
    assert mean.p == pytest.approx(math.erfc(0.2 / (0.05 / 1.959964) / math.sqrt(2)), rel=1e-3)


def test_a_mean_with_an_unbounded_part_claims_nothing() -> None:
    mean = stats.mean_difference([Difference(1, 0.5, -math.inf, math.inf, 1.0), Difference(9, 0.5, 0.4, 0.6, 0.001)])
    assert not mean.beyond_noise
    assert mean.p == 1


def test_a_mean_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        stats.mean_difference([])


# --- many items ----------------------------------------------------------------------------------------------------


@pytest.fixture
def resampled(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Everything is drawn, however much there is of it."""
    monkeypatch.setattr(stats, "MOST_RESAMPLED", 10**9)
    return monkeypatch


SHAPES = {
    "normal": lambda generator, n: generator.normal(0.05, 1.0, n),
    "skewed": lambda generator, n: generator.gamma(0.3, 1.0, n),
    "far out": lambda generator, n: np.append(generator.normal(size=n - 1), 60.0),
    "a grid": lambda generator, n: generator.integers(0, 5, n) / 4,
    "mostly zero": lambda generator, n: np.where(generator.random(n) < 0.05, generator.normal(1.0, 1.0, n), 0.0),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_an_interval_of_many_values_is_the_bootstraps(resampled: pytest.MonkeyPatch, shape: object) -> None:
    values = shape(np.random.default_rng(3), 2500)  # type: ignore[operator]
    drawn = mean_interval(values)
    resampled.setattr(stats, "MOST_RESAMPLED", 2000)
    worked_out = mean_interval(values)
    error = values.std() / math.sqrt(len(values))
    assert (worked_out.low, worked_out.high) == pytest.approx((drawn.low, drawn.high), abs=0.1 * error)
    assert worked_out.low < drawn.mean == worked_out.mean < worked_out.high


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.03, 0.06, -0.045])
@pytest.mark.parametrize("shape", ["normal", "skewed"])
def test_a_test_of_many_differences_is_the_sign_flips(resampled: pytest.MonkeyPatch, shape: str, shift: float) -> None:
    generator = np.random.default_rng(4)
    differences = SHAPES[shape](generator, 2500)
    differences = differences - differences.mean() + shift * differences.std()
    nothing = np.zeros(2500)
    drawn = paired_difference(differences, nothing).p
    resampled.setattr(stats, "MOST_RESAMPLED", 2000)
    assert paired_difference(differences, nothing).p == pytest.approx(drawn, abs=0.012)


def test_the_sign_flip_of_many_is_the_normal_test_far_into_the_tail() -> None:
    from scipy.stats import norm

    differences = np.random.default_rng(1).normal(0.03, 1.0, 20_000)
    z = differences.sum() / math.sqrt((differences**2).sum())
    assert paired_difference(differences, np.zeros(20_000)).p == pytest.approx(2 * norm.sf(abs(z)), rel=0.05)


@pytest.mark.slow
def test_items_without_a_difference_do_not_weaken_the_test() -> None:
    few = np.zeros(50_000)
    few[:6] = 0.5
    assert paired_difference(few, np.zeros(50_000)).p == pytest.approx(2 / 2**6, abs=0.01)
    assert paired_difference(np.zeros(50_000) + 0.5, np.zeros(50_000) + 0.5).p == 1.0
    all_up = paired_difference(np.full(3000, 0.5), np.zeros(3000))
    assert (all_up.low, all_up.high) == (0.5, 0.5)
    assert 0 < all_up.p < 1e-200


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_intervals_of_many_move_and_stretch_with_the_values(seed: int, scale: float, shift: float) -> None:
    values = np.random.default_rng(seed).gamma(0.5, 1.0, 2100)
    plain, moved = mean_interval(values), mean_interval(scale * values + shift)
    expected = [scale * plain.low + shift, scale * plain.high + shift]
    assert [moved.low, moved.high] == pytest.approx(expected, rel=1e-6, abs=1e-6 * scale)


# --- several differences --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5, 8, 12, 40])
@pytest.mark.parametrize("binary", [True, False])
def test_no_difference_is_clearer_than_all_items_on_one_side(n: int, binary: bool) -> None:
    first = [1.0] * n if binary else [1.0 + 0.1 * i for i in range(n)]
    clearest, least = paired_difference(first, [0.0] * n).p, stats.smallest_p(n, binary=binary)
    assert clearest == pytest.approx(least, rel=0.35 if not binary else 1e-9)
    mixed = [-value if i == 0 and n > 1 else value for i, value in enumerate(first)]
    if not binary:
        assert paired_difference(mixed, [0.0] * n).p >= 0.65 * least


def test_holm_gives_the_known_values() -> None:
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([]) == []
    assert stats.holm([0.2]) == [0.2]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_between_nothing_and_bonferroni_and_keeps_the_order(ps: list[float]) -> None:
    corrected = stats.holm(ps)
    for p, own in zip(ps, corrected, strict=True):
        assert p <= own <= min(1.0, len(ps) * p) + 1e-12 or own == max(corrected)
    by_p = [own for _, own in sorted(zip(ps, corrected, strict=True))]
    assert by_p == sorted(by_p)
    # Holm's own rule: go through them from the smallest, and stop at the first that its share of 0.05 does not bear.
    rejected = 0
    for rank, p in enumerate(sorted(ps)):
        if p * (len(ps) - rank) >= 0.05:
            break
        rejected += 1
    assert sum(own < 0.05 for own in corrected) == rejected


@pytest.mark.slow
def test_one_false_claim_in_a_table_is_rare() -> None:
    generator, tables = np.random.default_rng(6), 0
    for _ in range(400):
        common = generator.random(120) < 0.5
        ps = []
        for _ in range(12):
            flips = generator.random(120) < 0.3
            ps.append(paired_difference(np.where(flips, ~common, common).astype(float), common.astype(float)).p)
        tables += min(stats.holm(ps)) < 0.05
    assert tables / 400 <= 0.075


# --- several seeds ----------------------------------------------------------------------------------------------------


def test_seeds_that_agree_leave_the_noise_of_items() -> None:
    generator = np.random.default_rng(9)
    differences = generator.normal(0.2, 1.0, 400)
    found = stats.difference_over_seeds([differences] * 3, [np.zeros(400)] * 3)
    alone = paired_difference(differences, np.zeros(400))
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), abs=0.01)
    assert (found.seeds, found.n, found.lowest, found.highest) == (3, 400, found.mean, found.mean)


def test_seeds_that_disagree_widen_the_interval_by_students_factor() -> None:
    from scipy.stats import ttest_1samp

    by_seed = np.array([0.3, 0.5, 0.7])
    values = [np.full(5000, mean) + np.random.default_rng(1).normal(0, 1e-3, 5000) for mean in by_seed]
    found = stats.difference_over_seeds(values, [np.zeros(5000)] * 3)
    expected = ttest_1samp(by_seed, 0.0)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-3)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-3)
    assert (found.lowest, found.highest) == pytest.approx((0.3, 0.7), abs=1e-3)


def test_no_interval_over_seeds_without_seeds() -> None:
    with pytest.raises(ValueError, match="two at least"):
        stats.difference_over_seeds([[0.0, 1.0]], [[0.0, 1.0]])
    with pytest.raises(ValueError, match="the same"):
        stats.difference_over_seeds([[0.0, 1.0]] * 2, [[0.0, 1.0]] * 3)


def test_equal_scores_of_all_seeds_are_no_difference() -> None:
    found = stats.difference_over_seeds([[0.5, 0.7, 0.1]] * 2, [[0.5, 0.7, 0.1]] * 2)
    assert (found.mean, found.low, found.high, found.p, found.beyond_noise) == (0, 0, 0, 1.0, False)
    right = stats.difference_over_seeds([[1.0, 0.0, 1.0]] * 2, [[1.0, 0.0, 1.0]] * 2)
    assert right.low < 0 < right.high  # three equal 0/1 items prove nothing


def _coverage(rounds: int, seeds: int, n: int, of_seeds: float, *, binary: bool) -> float:
    """How often the interval holds the truth, 0, when seeds and items are drawn again every time."""
    generator = np.random.default_rng(seeds * 1000 + n)
    covered = 0
    for _ in range(rounds):
        effect, skill = generator.normal(0, of_seeds, seeds), generator.normal(0, 1, n)
        noise = generator.normal(0, 1, (seeds + 1, n))
        before = skill + noise[0]
        after = skill + effect[:, None] + noise[1:] if not binary else skill + 0 * effect[:, None] + noise[1:]
        if binary:
            shift = effect[:, None]
            before, after = (before > 0).astype(float), (after + shift > 0).astype(float)
        found = stats.difference_over_seeds(list(after), [before] * seeds)
        covered += found.low <= 0 <= found.high
    return covered / rounds


@pytest.mark.slow
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(("seeds", "n"), [(2, 100), (3, 100), (3, 400), (5, 200)])
@pytest.mark.parametrize("of_seeds", [0.0, 0.1, 0.4])
def test_intervals_over_seeds_cover_the_truth(seeds: int, n: int, of_seeds: float, binary: bool) -> None:
    assert _coverage(500, seeds, n, of_seeds, binary=binary) >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 400, 2500])
@pytest.mark.parametrize("shape", ["normal", "skewed"])
def test_intervals_of_all_sizes_cover_the_truth(n: int, shape: str) -> None:
    truth = {"normal": 0.05, "skewed": 0.3}[shape]
    generator, covered = np.random.default_rng(n), 0
    for seed in range(400):
        found = mean_interval(SHAPES[shape](generator, n), seed=seed)
        covered += found.low <= truth <= found.high
    assert (0.87 if (n, shape) == (50, "skewed") else 0.92) <= covered / 400 <= 0.98


@pytest.mark.slow
def test_statistics_of_a_large_table_take_seconds() -> None:
    from bench import statistics

    assert statistics.seconds(100_000) < 10
