"""What was measured, as `scores/summary.json` tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class BenchmarkInfo:
    """A benchmark as `scores/summary.json` describes it, or a further metric `of` one (`advbench/refusal_rate`).

    `higher_is_better` is None where neither is: a change is then told as higher or lower.
    """

    name: str
    summary: str
    area: Literal["task", "general", "safety"]
    metric: str
    unit: str
    higher_is_better: bool | None
    generative: bool
    of: str | None = None

    @property
    def direction(self) -> str:
        """Which way is better, in words."""
        if self.higher_is_better is None:
            return "neither way is better"
        return "higher is better" if self.higher_is_better else "lower is better"

    @property
    def arrow(self) -> str:
        return {True: "↑", False: "↓", None: "↕"}[self.higher_is_better]


@dataclass(frozen=True, slots=True)
class Sanity:
    """Shares of the answers that are finished, non-empty, non-repeating, readable and free of template markers; and of
    the `told` ones whose language can be told, those in their prompt's; `same` is that of the commonest answer. What an
    earlier version did not look at is None."""

    finished: float
    non_empty: float
    non_repeating: float
    readable: float | None = None
    unmarked: float | None = None
    language: float | None = None
    told: int = 0
    same: float | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Whose opinion a score is; `is_seed` says that it is the seed model's own."""

    model: str
    is_seed: bool


@dataclass(frozen=True, slots=True)
class Score:
    """One benchmark for one variant (a label). `usable` is False where the sanity gate failed, with its `reason`.

    `repeated` counts the questions that are training prompts; None where that was not looked at. `caution` says what to
    think of beside a usable score.
    """

    benchmark: str
    arm: str
    variant: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    usable: bool
    reason: str = ""
    sanity: Sanity | None = None
    errors: int = 0
    engine: dict[str, Any] | None = None
    judge: Judge | None = None
    repeated: int | None = None
    caution: str = ""


@dataclass(frozen=True, slots=True)
class ScoreDifference:
    """`variant` minus `baseline` (labels) on one benchmark, paired by test item.

    `beyond_noise` holds after correction for all differences of the summary, `beyond_alone` by itself; scores of
    earlier versions have no correction, and neither `p_holm` nor `beyond_alone`. `not_judged` says why it is not, or
    nothing. `n` counts the pairs, which can be fewer than either score has items; None where the file does not say.
    """

    benchmark: str
    variant: str
    baseline: str
    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    beyond_noise: bool
    p_holm: float | None = None
    beyond_alone: bool | None = None
    n: int | None = None
    not_judged: str = ""


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """Variants of an arm that differ in their training seed only, together: their mean score with that of the lowest
    and highest seed, and its difference to `baseline` (the seed model, or vanilla with the same training seeds), with
    an interval for the chance of items and seeds both. `n` counts the items that all of them share."""

    benchmark: str
    arm: str
    point: str
    part: float
    scale: float
    baseline: str
    variants: tuple[str, ...]
    seeds: int
    score: float
    score_lowest: float
    score_highest: float
    mean: float
    low: float
    high: float
    lowest: float
    highest: float
    p: float
    beyond_noise: bool
    p_holm: float | None = None
    beyond_alone: bool | None = None
    n: int | None = None
    not_judged: str = ""


@dataclass(frozen=True, slots=True)
class Scores:
    """`scores/summary.json`. `comparisons` is how many differences are judged together, 0 where each is by itself.

    `too_few` are the benchmarks of which no difference could have stood out among so many, with so few items.
    """

    benchmarks: tuple[BenchmarkInfo, ...]
    scores: tuple[Score, ...]
    differences: tuple[ScoreDifference, ...] = ()
    over_seeds: tuple[OverSeeds, ...] = ()
    comparisons: int = 0
    too_few: tuple[str, ...] = ()
