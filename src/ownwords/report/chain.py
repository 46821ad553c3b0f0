"""A chain of runs, as the report shows it: the score of every benchmark after every run, and what was kept.

Words never say more than the intervals. `Chain` is plain data: `chain.json` holds it too.
"""

from __future__ import annotations

from dataclasses import dataclass

from ownwords.report.numbers import change_in, count, interval_in, items, joined, p_value, value_in
from ownwords.report.scored import BenchmarkInfo


@dataclass(frozen=True, slots=True)
class Place:
    """A column: the model that the chain began with, or an arm of one of its runs. `weights` names its content, where
    it is known."""

    name: str
    run: str | None = None
    label: str = "seed"
    weights: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A score at a place. `run` and `label` say whose file it is from: an arm may be scored as the next run's seed."""

    run: str
    label: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    usable: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """How a row has changed from the place `since` to the place `end`, paired by test item."""

    since: int
    end: int
    n: int
    mean: float
    low: float | None
    high: float | None
    p: float | None
    beyond_noise: bool


@dataclass(frozen=True, slots=True)
class ChainRow:
    """One benchmark, asked in one way: `asked` names items, prompts and decoding. `cells` are in the places' order.

    `since` is the place that the end is compared with: for a task the one right after it was learnt, for anything else
    the beginning.
    """

    benchmark: BenchmarkInfo
    asked: str
    asked_in: str
    since: int
    cells: tuple[Measured | None, ...]
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True)
class Backward:
    """Backward transfer at the place `end`: the mean over earlier tasks of the score there minus the score right after
    the task was learnt (Lopez-Paz and Ranzato, arXiv 1706.08840). One number a unit."""

    end: int
    unit: str
    higher_is_better: bool
    tasks: tuple[str, ...]
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Chain:
    """`first_end` is the first of the places that this run's own variants have."""

    places: tuple[Place, ...]
    first_end: int
    rows: tuple[ChainRow, ...]
    backward: tuple[Backward, ...]
    notes: tuple[str, ...]

    @property
    def ends(self) -> range:
        return range(self.first_end, len(self.places))


def cell_text(row: ChainRow, cell: Measured | None) -> str:
    """The score in its unit with its interval and number of items; what is missing is said to be."""
    if cell is None:
        return "not measured"
    if not cell.usable:
        return f"unusable: {cell.reason or 'the sanity gate failed'}"
    unit = row.benchmark.unit
    return f"{value_in(unit, cell.mean)} {interval_in(unit, cell.low, cell.high)}, n = {count(cell.n)}"


def kept_text(chain: Chain, row: ChainRow, end: int) -> str:
    """How the row has changed up to an end of the chain, in words that the interval bears."""
    kept = next((kept for kept in row.kept if kept.end == end), None)
    if kept is None:
        return "learnt last" if row.since >= chain.first_end else "not comparable"
    unit = row.benchmark.unit
    words = "within noise"
    higher_is_better = row.benchmark.higher_is_better
    if kept.beyond_noise and higher_is_better is None:
        words = "higher" if kept.mean > 0 else "lower"
    elif kept.beyond_noise:
        words = "better" if (kept.mean > 0) == higher_is_better else "worse"
    change = f"{change_in(unit, kept.mean)} {interval_in(unit, kept.low, kept.high)}"
    return f"{words}: {joined(change, items(kept.n), p_value(kept.p))}, since {chain.places[kept.since].name}"


def backward_sentence(chain: Chain, backward: Backward) -> str:
    """Backward transfer at one end, as a sentence."""
    unit = "percentage points" if backward.unit == "share" else backward.unit
    interval = interval_in(backward.unit, backward.low, backward.high)
    numbers = f"{change_in(backward.unit, backward.mean)} {interval} {unit}"
    end = chain.places[backward.end].name
    several = "s" if len(backward.tasks) > 1 else ""
    tasks = f"{count(len(backward.tasks))} earlier task{several} ({', '.join(backward.tasks)})"
    if backward.low is None or backward.high is None:
        verdict = "too few items to say whether they were kept"
    elif backward.low <= 0 <= backward.high:
        verdict = "no change beyond noise"
    else:
        better = (backward.mean > 0) == backward.higher_is_better
        verdict = "they were done better at the end than when they were learnt" if better else "something was forgotten"
    return f"{end}, over {tasks}: {numbers}; {verdict}."
