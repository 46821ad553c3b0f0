"""The arms × benchmarks table: plain data that the page and the console write out.

No claim goes beyond the intervals: a difference is named better or worse only where the evaluation found it beyond
noise, and nothing is said about a score that its sanity gate marked as unusable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from ownwords.recipe import Recipe
from ownwords.report.charts import COLORS, Mark, interval_chart
from ownwords.report.data import BenchmarkInfo, Score, ScoreDifference, Scores
from ownwords.report.numbers import change_in, interval_in, p_value, percent, value_in

AREAS = {
    "task": ("The task", "what the training is for"),
    "general": ("General ability", "what should not be lost"),
    "safety": ("Safety", "what should not be lost"),
}
Kind = Literal["better", "worse", "noise", "none"]


@dataclass(frozen=True, slots=True)
class Column:
    """One variant of one arm; `variant` is None where none has a score yet."""

    arm: str
    variant: str | None
    label: str
    color: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired difference to a baseline, in words: `words` never says more than the numbers."""

    baseline: str
    change: str
    interval: str
    p: str
    words: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Cell:
    """`state` is `missing` where the score does not exist yet and `unusable` where the sanity gate failed."""

    state: Literal["ok", "unusable", "missing"]
    value: str = ""
    interval: str = ""
    n: int = 0
    reason: str = ""
    errors: int = 0
    sanity: str = ""
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    benchmark: BenchmarkInfo
    cells: tuple[Cell, ...]
    chart: Markup

    @property
    def direction(self) -> str:
        return "higher is better" if self.benchmark.higher_is_better else "lower is better"


@dataclass(frozen=True, slots=True)
class Area:
    title: str
    meaning: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """`pending` are benchmarks of the recipe that have no score at all yet."""

    columns: tuple[Column, ...]
    areas: tuple[Area, ...]
    pending: tuple[str, ...]

    @property
    def rows(self) -> list[Row]:
        return [row for area in self.areas for row in area.rows]


def build_scoreboard(scores: Scores, recipe: Recipe | None) -> Scoreboard:
    """Every benchmark that has a score, by area, with one cell for each arm of the recipe or of the scores."""
    columns = _columns(scores.scores, [] if recipe is None else recipe.tune.arm_names)
    scored = {score.benchmark for score in scores.scores}
    rows = [_row(info, columns, scores) for info in scores.benchmarks if info.name in scored]
    areas = [
        Area(*AREAS[area], tuple(row for row in rows if row.benchmark.area == area))
        for area in AREAS
        if any(row.benchmark.area == area for row in rows)
    ]
    wanted = [] if recipe is None else [benchmark.name for benchmark in recipe.evaluate.benchmarks]
    return Scoreboard(tuple(columns), tuple(areas), tuple(name for name in wanted if name not in scored))


def arm_color(arm: str, known: Iterable[str]) -> int:
    """The same colour for an arm in every chart: 0 is the seed, 1 what vanilla trains on, 2 what sdft trains on."""
    fixed = {"seed": 0, "vanilla": 1, "sdft": 2}
    others = [name for name in dict.fromkeys(known) if name not in fixed]
    return fixed[arm] if arm in fixed else 3 + others.index(arm) % (COLORS - 3)


def beyond_noise(board: Scoreboard) -> list[str]:
    """One phrase for each difference that is beyond noise, e.g. `gsm8k: sdft is better than seed (+8.0 points)`."""
    return [
        f"{row.benchmark.name}: {column.label} is {c.kind} than {c.baseline} ({c.change} {_unit(row.benchmark)})"
        for row in board.rows
        for column, cell in zip(board.columns, row.cells, strict=True)
        for c in cell.comparisons
        if c.kind in ("better", "worse")
    ]


def _unit(info: BenchmarkInfo) -> str:
    return "points" if info.unit == "share" else info.unit


def compared(board: Scoreboard) -> int:
    """How many differences the table judges."""
    return sum(c.kind != "none" for row in board.rows for cell in row.cells for c in cell.comparisons)


def _columns(scores: Iterable[Score], arms: list[str]) -> list[Column]:
    """Seed first, then the recipe's arms in its order, then whatever else was scored."""
    variants: dict[str, list[str]] = {arm: [] for arm in ["seed", *arms]}
    for score in scores:
        known = variants.setdefault(score.arm, [])
        if score.variant not in known:
            known.append(score.variant)
    columns: list[Column] = []
    for arm, names in variants.items():
        color = arm_color(arm, variants)
        columns += [Column(arm, name, name, color) for name in names] or [Column(arm, None, arm, color)]
    return columns


def _row(info: BenchmarkInfo, columns: list[Column], scores: Scores) -> Row:
    found = {(s.arm, s.variant): s for s in scores.scores if s.benchmark == info.name}
    unusable = {s.variant for s in found.values() if not s.usable}
    differences = [d for d in scores.differences if d.benchmark == info.name]
    cells: list[Cell] = []
    marks: list[Mark] = []
    for column in columns:
        score = None if column.variant is None else found.get((column.arm, column.variant))
        if score is None:
            cells.append(Cell("missing"))
            continue
        own = [_comparison(d, info, unusable) for d in differences if d.variant == column.variant]
        cells.append(_cell(score, info, own))
        if score.mean is not None and score.low is not None and score.high is not None:
            marks.append(Mark(column.label, score.mean, score.low, score.high, column.color, score.usable))
    return Row(info, tuple(cells), interval_chart(marks, info.unit))


def _cell(score: Score, info: BenchmarkInfo, comparisons: list[Comparison]) -> Cell:
    sanity = score.sanity
    return Cell(
        state="ok" if score.usable else "unusable",
        value=value_in(info.unit, score.mean),
        interval=interval_in(info.unit, score.low, score.high),
        n=score.n,
        reason=score.reason,
        errors=score.errors,
        sanity=""
        if sanity is None
        else f"{percent(sanity.finished)} finished, {percent(sanity.non_empty)} non-empty, "
        f"{percent(sanity.non_repeating)} non-repeating",
        comparisons=tuple(comparisons),
    )


def _comparison(difference: ScoreDifference, info: BenchmarkInfo, unusable: set[str]) -> Comparison:
    bad = [arm for arm in (difference.variant, difference.baseline) if arm in unusable]
    kind: Kind
    if bad:
        kind, words = "none", f"not compared: the score of {' and '.join(bad)} is unusable"
    elif difference.mean is None:
        kind, words = "none", "not compared: no paired items"
    elif not difference.beyond_noise:
        kind, words = "noise", "within noise"
    else:
        kind = "better" if (difference.mean > 0) == info.higher_is_better else "worse"
        words = f"{kind}, beyond noise"
    return Comparison(
        baseline=difference.baseline,
        change=change_in(info.unit, difference.mean),
        interval=interval_in(info.unit, difference.low, difference.high),
        p=p_value(difference.p),
        words=words,
        kind=kind,
    )
