"""Intervals for a mean and for a paired difference of means: how far a score may be off by chance.

All intervals are 95 %. Everything is seeded and depends on nothing but its arguments.

- shares of which every one is 0 or 1: Wilson's score interval for one mean (Wilson 1927); for a paired difference the
  adjusted Wald interval of Bonett and Price (2012) and the exact McNemar test. These closed forms stay honest where a
  bootstrap collapses: ten right answers out of ten do not prove that the eleventh will be right. For a share that could
  lie between, as pass@k does, they are at worst too wide: nothing between 0 and 1 varies more than a coin of the same
  mean. A number that is no share (nats, words, a cosine) may be 0 or 1 everywhere by chance: callers say `share=False`.
- other scores: the percentile bootstrap over test items; for a paired difference also a sign-flip permutation test.
  Of more than `MOST_RESAMPLED` values both are worked out instead of drawn (see `_saddlepoint`): the same numbers but
  for the noise of drawing, in a fraction of a second for 100,000 items.
- a table of differences: Holm's step-down correction (Holm 1979), which holds whatever the differences have in common.
- a difference measured with several training seeds: items and seeds are both drawn at random, so the variance of the
  mean over both has a part of each (see `difference_over_seeds`).

What it does not cover: noise of sampling an answer again. But for `difference_over_seeds`, items are the only source of
chance, and training with another seed is not covered either. Items are taken to be independent. With fewer than about
20 items that are not 0/1 the bootstrap is too narrow. A resampled p is never below 1 / (RESAMPLES + 1), so that in a
table of more than 500 such differences none survives the correction.
"""

# pyright: basic
from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ownwords import _saddlepoint

LEVEL = 0.95
RESAMPLES = 10_000
CHUNK_ELEMENTS = 1 << 20  # bounds memory: resamples are drawn in blocks of at most this many numbers (8 MiB)
#: Of more values than these the bootstrap and the sign-flip test are worked out. There an end of an interval differs
#: from a bootstrap's by less than 0.1 standard errors (tests/test_stats.py), most of it the noise of 10,000 draws.
MOST_RESAMPLED = 2_000
#: Of no more values than these every pattern of signs is looked at: about as many as are drawn otherwise.
MOST_ENUMERATED = 14
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)

Values = Sequence[float] | NDArray[np.float64]


def cohen_kappa(both: int, first_only: int, second_only: int, neither: int) -> float | None:
    """Agreement of two judges beyond chance (Cohen 1960), from how often both, one or none said yes.

    1 is full agreement, 0 what chance would give. None where both always say the same one thing: chance explains all.
    """
    n = both + first_only + second_only + neither
    if n == 0:
        return None
    first, second = (both + first_only) / n, (both + second_only) / n
    chance = first * second + (1 - first) * (1 - second)
    return None if chance == 1 else ((both + neither) / n - chance) / (1 - chance)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The mean of `n` values with its 95 % interval."""

    n: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of `n` paired differences with its 95 % interval; `p` is two-sided, for "there is no difference"."""

    n: int
    mean: float
    low: float
    high: float
    p: float

    @property
    def beyond_noise(self) -> bool:
        """The interval excludes 0 and the test agrees.

        The test matters for very few items, where the bootstrap interval alone claims too much.
        """
        return (self.low > 0 or self.high < 0) and self.p < 1 - LEVEL


@dataclass(frozen=True, slots=True)
class SeedDifference:
    """The mean over training seeds and `n` paired items of a difference, with a 95 % interval for both sources of
    chance. `lowest` and `highest` are the means of single seeds."""

    seeds: int
    n: int
    mean: float
    low: float
    high: float
    p: float
    lowest: float
    highest: float

    @property
    def beyond_noise(self) -> bool:
        return (self.low > 0 or self.high < 0) and self.p < 1 - LEVEL


def wilson(successes: int, n: int) -> Estimate:
    """Wilson's interval for a share: `successes` out of `n`.

    Raises:
        ValueError: `n` is not positive, or `successes` does not lie between 0 and `n`.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"there is no share of {successes} out of {n}")
    share = successes / n
    scale = 1 + _Z**2 / n
    centre = (share + _Z**2 / (2 * n)) / scale
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / scale
    # Without the cut, rounding puts 0 out of n at -1e-17.
    return Estimate(n, share, min(max(0.0, centre - half), share), max(min(1.0, centre + half), share))


def mean_interval(values: Values, seed: int = 0, *, share: bool = True) -> Estimate:
    """The mean with its interval: of a share Wilson's if every value is 0 or 1, else the bootstrap's.

    One value that is not 0 or 1 says nothing about spread: its interval is unbounded.

    Raises:
        ValueError: no values, or one is not finite.
    """
    array = _checked(values)
    if share and _is_binary(array):
        return wilson(int(array.sum()), len(array))
    low, high = _bootstrap_interval(array, seed)
    return Estimate(len(array), float(array.mean()), low, high)


def paired_difference(a: Values, b: Values, seed: int = 0, *, share: bool = True) -> Difference:
    """How much higher `a` is than `b` on the same items: mean of `a - b`, its interval and a two-sided p.

    `a[i]` and `b[i]` belong to the same item. One pair that is not 0/1 has an unbounded interval and p = 1.

    Raises:
        ValueError: unequal lengths, no values, or one is not finite.
    """
    first, second = _checked(a), _checked(b)
    if len(first) != len(second):
        raise ValueError(f"a paired difference needs the same items on both sides, not {len(first)} and {len(second)}")
    differences = first - second
    if share and _is_binary(first) and _is_binary(second):
        return _binary_difference(int((differences > 0).sum()), int((differences < 0).sum()), len(differences))
    low, high = _bootstrap_interval(differences, seed)
    return Difference(len(differences), float(differences.mean()), low, high, _sign_flip_p(differences, seed))


def mean_difference(parts: Sequence[Difference]) -> Difference:
    """The mean of differences that were measured on separate test sets, each counted alike however many items it has.

    The interval comes from theirs: MOVER, the method of variance estimates recovery (Zou and Donner 2008), which keeps
    what makes each of them honest. `p` follows from the half of the interval that reaches towards 0. `n` is the sum.

    Raises:
        ValueError: there are none.
    """
    if not parts:
        raise ValueError("a mean needs at least one difference")
    if len(parts) == 1:
        return parts[0]
    k = len(parts)
    mean = sum(part.mean for part in parts) / k
    below = math.sqrt(sum((part.mean - part.low) ** 2 for part in parts)) / k
    above = math.sqrt(sum((part.high - part.mean) ** 2 for part in parts)) / k
    towards = below if mean > 0 else above
    p = 1.0 if towards == 0 and mean == 0 else 0.0 if towards == 0 else 2 * NormalDist().cdf(-abs(mean) * _Z / towards)
    return Difference(sum(part.n for part in parts), mean, mean - below, mean + above, p)


def difference_over_seeds(a: Sequence[Values], b: Sequence[Values], *, share: bool = True) -> SeedDifference:
    """How much higher `a` is than `b`, both measured on the same items with the same two or more training seeds.

    `a[s][i]` and `b[s][i]` belong to seed s and item i; where b has no seeds (the seed model), its row is repeated.
    Seeds and items are crossed random effects (Cornfield and Tukey 1956): the mean over both has a variance from the
    seeds, with one degree of freedom less than there are seeds, and one from the items, less what of it the seeds'
    already holds. Student's interval of each is taken, and their half widths add up as squares (Howe 1974). Three seeds
    that disagree give an interval of 4.3 standard errors to either side: that is what three seeds can say. Where they
    have no effect it covers more than 95 %. Satterthwaite's degrees of freedom cover too little.

    For shares of 0 and 1 two imagined items are added, one won and one lost with every seed, as Bonett and Price (2012)
    do.

    Raises:
        ValueError: fewer than two seeds, unequal shapes, fewer than two items, or a value is not finite.
    """
    from scipy.stats import t as student

    first, second = np.stack([_checked(v) for v in a]), np.stack([_checked(v) for v in b])
    if first.shape != second.shape or first.shape[0] < 2 or first.shape[1] < 2:
        raise ValueError(f"seeds and items of both sides must be the same, two at least: {first.shape}, {second.shape}")
    differences = first - second
    seeds, n = differences.shape
    by_seed = differences.mean(axis=1)
    mean, lowest, highest = (float(value) for value in (by_seed.mean(), by_seed.min(), by_seed.max()))
    binary = share and _is_binary(first.ravel()) and _is_binary(second.ravel())
    padded = np.hstack([differences, np.tile([1.0, -1.0], (seeds, 1))]) if binary else differences
    centre, of_seeds, of_items = _crossed(padded)
    if of_seeds + of_items == 0:
        return SeedDifference(seeds, n, mean, mean, mean, 1.0 if mean == 0 else 0.0, lowest, highest)

    def half(p: float) -> float:
        """Half the width of the interval at 1 - p."""
        wide, narrow = (float(student.isf(p / 2, freedom)) for freedom in (seeds - 1, padded.shape[1] - 1))
        return math.hypot(wide * math.sqrt(of_seeds), narrow * math.sqrt(of_items))

    low, high = min(centre - half(1 - LEVEL), mean), max(centre + half(1 - LEVEL), mean)
    if binary:
        low, high = max(-1.0, low), min(1.0, high)
    return SeedDifference(seeds, n, mean, low, high, _p_that_touches(abs(centre), half), lowest, highest)


def _p_that_touches(distance: float, half: Callable[[float], float]) -> float:
    """The p at which the interval's half width is the distance of its centre from 0."""
    from scipy.optimize import brentq

    if distance == 0:
        return 1.0
    smallest = 1e-100
    if half(smallest) <= distance:
        return smallest
    root: Any = brentq(lambda log: half(math.exp(log)) - distance, math.log(smallest), 0.0)
    return math.exp(root)


def _crossed(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean of seeds × items and the parts of its variance: from seeds, and from items beyond those."""
    seeds, n = values.shape
    mean, by_seed, by_item = values.mean(), values.mean(axis=1), values.mean(axis=0)
    rest = values - by_seed[:, None] - by_item[None, :] + mean
    of_seeds, of_items = float(by_seed.var(ddof=1)) / seeds, float(by_item.var(ddof=1)) / n
    of_rest = float((rest**2).sum()) / ((seeds - 1) * (n - 1)) / (seeds * n)
    beyond = max(of_items - min(of_rest, of_seeds), 0.0)
    if of_seeds + beyond <= (1e-13 * float(np.abs(values).max())) ** 2:
        return float(mean), 0.0, 0.0
    return float(mean), of_seeds, beyond


def smallest_p(n: int, *, binary: bool) -> float:
    """The smallest p that `paired_difference` can give for n items: all of them on one side."""
    alike = 2.0 ** (1 - n)
    return alike if binary or n > MOST_RESAMPLED else max(alike, 1 / (RESAMPLES + 1))


def holm(ps: Sequence[float]) -> list[float]:
    """Each p corrected for all of them, in their order (Holm 1979): those below 1 - LEVEL hold together, so that the
    chance of a single false claim among them is at most that, whatever they have in common."""
    corrected = [1.0] * len(ps)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = largest
    return corrected


def _checked(values: Values) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"an interval needs a list of at least one value, not one of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("an interval needs finite values; leave out the items that have no score")
    return array


def _is_binary(array: NDArray[np.float64]) -> bool:
    return bool(((array == 0) | (array == 1)).all())


def _binary_difference(wins: int, losses: int, n: int) -> Difference:
    """`wins`: items where only a is 1; `losses`: only b. Bonett and Price: one imagined item is added to each."""
    up, down = (wins + 1) / (n + 2), (losses + 1) / (n + 2)
    half = _Z * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    low, high = max(-1.0, up - down - half), min(1.0, up - down + half)
    return Difference(n, (wins - losses) / n, low, high, _mcnemar_p(wins, losses))


def _mcnemar_p(wins: int, losses: int) -> float:
    """Exact McNemar: among items on which the two sides disagree, either side wins with probability one half."""
    if wins + losses == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses, 0.5).pvalue)


def _chunks(n: int) -> Iterator[tuple[int, int]]:
    """Shapes (rows, n) of at most CHUNK_ELEMENTS numbers that make RESAMPLES rows in all."""
    size = max(1, CHUNK_ELEMENTS // n)
    for start in range(0, RESAMPLES, size):
        yield min(size, RESAMPLES - start), n


def _bootstrap_interval(array: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """Percentile bootstrap of the mean (Efron 1979); unbounded for one value."""
    if len(array) == 1:
        return -math.inf, math.inf
    if len(array) > MOST_RESAMPLED and float(np.ptp(array)) > 0:
        return _saddlepoint.bootstrap_bounds(array, _Z)
    generator = np.random.default_rng(seed)
    means = [array[generator.integers(0, len(array), size=shape)].mean(axis=1) for shape in _chunks(len(array))]
    low, high = np.quantile(np.concatenate(means), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    # Equal values have resampled means that differ from theirs in the last bit.
    mean = float(array.mean())
    return min(float(low), mean), max(float(high), mean)


def _sign_flip_p(differences: NDArray[np.float64], seed: int) -> float:
    """Permutation test: without a difference the sign of each item's difference is a coin flip.

    The share of sign patterns whose mean is at least as far from 0: of all of them where they are few, else of random
    ones with the observed pattern counted once.
    """
    if np.count_nonzero(differences) > MOST_RESAMPLED:
        return _saddlepoint.sign_flip_p(differences[differences != 0])
    if len(differences) > MOST_RESAMPLED:  # an item without a difference has no say
        differences = differences[differences != 0]
        if not len(differences):
            return 1.0
    total = float(differences.sum())
    tolerance = 1e-12 * float(np.abs(differences).sum())  # patterns that tie in exact arithmetic count as ties

    def as_extreme(flips: NDArray[np.integer]) -> int:
        sums = 2 * (flips.astype(np.float64) @ differences) - total
        return int((np.abs(sums) >= abs(total) - tolerance).sum())

    if len(differences) <= MOST_ENUMERATED:
        patterns = np.arange(2 ** len(differences))
        return as_extreme((patterns[:, None] >> np.arange(len(differences))) & 1) / len(patterns)
    generator = np.random.default_rng(seed)
    found = sum(as_extreme(generator.integers(0, 2, size=shape)) for shape in _chunks(len(differences)))
    return (found + 1) / (RESAMPLES + 1)
