"""What `comparison.json` says: how arms stand in what they learnt, what they kept and what they cost.

Every change is against the seed, or against another variant, and turned so that more is better, in the unit of its
score. `stages/comparison.py` writes the file, the page shows it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """A paired difference, more is better. `beyond_noise`: its 95 % interval excludes 0 and the test agrees, also after
    correction where it is judged with others; `beyond_alone`: by itself. `n` counts pairs of test items, of all
    benchmarks that it is a mean of; None where the file does not say it. `not_judged` says why it is not judged."""

    mean: float
    low: float | None
    high: float | None
    beyond_noise: bool
    beyond_alone: bool = False
    n: int | None = None
    not_judged: str = ""


@dataclass(frozen=True, slots=True)
class BenchmarkChange:
    """Of one variant against the seed; `change` is None where there is none, for a `reason`."""

    benchmark: str
    change: Change | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A variant by what it learnt (`acquisition`) and what it kept (`retention`); the seed stands at 0.

    `point` names its place in the sweep, seeds apart, and `own` says that it is the recipe's own, at its own seed.
    `front`: no other variant is as good in both and better in one.
    """

    variant: str
    arm: str
    point: str
    seed: int
    part: float
    scale: float
    own: bool
    changes: tuple[BenchmarkChange, ...]
    acquisition: Change | None
    retention: Change | None
    front: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """Where an arm first reaches the target, and where its training ended.

    `difference` is its retention there minus that of `baseline`, another arm's variant at the target; None where there
    is no such variant or no items in common.
    """

    arm: str
    variant: str
    acquisition: Change
    retention: Change | None
    end: str
    end_acquisition: Change | None
    end_retention: Change | None
    baseline: str | None
    difference: Change | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An arm that is not compared at the target."""

    arm: str
    reason: str


@dataclass(frozen=True, slots=True)
class EqualTarget:
    """Arms at one acquisition, the best that every compared arm reaches. `ways` counts the variants on the way that
    have a score: without them an arm is only known at its end. `seed` is that of the trainings that are compared."""

    target: float
    seed: int
    ways: int
    reached: tuple[Reached, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """The ends of trainings that differ in their seed only: means over seeds, with the lowest and highest."""

    arm: str
    point: str
    scale: float
    seeds: int
    acquisition: tuple[float, float, float] | None
    retention: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class Preparation:
    """A stage whose answers an arm reads: its seconds (starting up apart) and its tokens, read and written.

    None is what the run's files do not say.
    """

    stage: str
    seconds: float | None
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What an arm cost. `tokens` are supervised ones, every epoch; `trainings` of them have ended. Arms that read the
    same stage share it, so that preparation does not add up over arms."""

    arm: str
    trained_as: str | None
    preparation: tuple[Preparation, ...]
    trainings: int
    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`comparison.json`. `acquisition` is the benchmark that tells what was learnt, in `unit`; `retention` are those
    whose mean tells what was kept, all in `retention_unit`."""

    acquisition: str | None
    unit: str
    retention: tuple[str, ...]
    retention_unit: str
    standings: tuple[Standing, ...]
    target: EqualTarget | None
    seeds: tuple[Spread, ...]
    costs: tuple[Cost, ...]
