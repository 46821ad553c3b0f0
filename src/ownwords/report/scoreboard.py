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
from ownwords.variants import variants

AREAS = {
    "task": ("The task", "what the training is for"),
    "general": ("General ability", "what should not be lost"),
    "safety": ("Safety", "what should not be lost"),
}
Kind = Literal["better", "worse", "changed", "noise", "none"]
#: Kinds of differences that are beyond noise.
REAL: tuple[Kind, ...] = ("better", "worse", "changed")


@dataclass(frozen=True, slots=True)
class Column:
    """One variant of one arm; `variant` is None where none has a score yet."""

    arm: str
    variant: str | None
    label: str
    color: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired difference to a baseline, in words: `words` never says more than the numbers. `changed` is beyond noise
    where no way is better."""

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
    """One benchmark. `cells` are those of the board's columns, `other_cells` those of its other variants."""

    benchmark: BenchmarkInfo
    cells: tuple[Cell, ...]
    chart: Markup
    other_cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Area:
    title: str
    meaning: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Columns are the seed and every arm's end of training at the recipe's own point; `others` are the other variants.

    `pending` are benchmarks of the recipe that have no score at all yet.
    """

    columns: tuple[Column, ...]
    areas: tuple[Area, ...]
    pending: tuple[str, ...]
    others: tuple[Column, ...] = ()

    @property
    def rows(self) -> list[Row]:
        return [row for area in self.areas for row in area.rows]


def build_scoreboard(scores: Scores, recipe: Recipe | None) -> Scoreboard:
    """Every benchmark that has a score, by area, with one cell for each arm of the recipe or of the scores."""
    columns, others = _columns(scores.scores, recipe)
    scored = {score.benchmark for score in scores.scores}
    rows = [_row(info, columns, others, scores) for info in scores.benchmarks if info.name in scored]
    areas = [
        Area(*AREAS[area], tuple(row for row in rows if row.benchmark.area == area))
        for area in AREAS
        if any(row.benchmark.area == area for row in rows)
    ]
    wanted = [] if recipe is None else [benchmark.name for benchmark in recipe.evaluate.benchmarks]
    pending = tuple(name for name in wanted if name not in scored)
    return Scoreboard(tuple(columns), tuple(areas), pending, tuple(others))


def arm_color(arm: str, known: Iterable[str]) -> int:
    """The same colour for an arm in every chart: 0 is the seed, 1 what vanilla trains on, 2 what sdft trains on."""
    fixed = {"seed": 0, "vanilla": 1, "sdft": 2}
    others = [name for name in dict.fromkeys(known) if name not in fixed]
    return fixed[arm] if arm in fixed else 3 + others.index(arm) % (COLORS - 3)


def arm_shape(arm: str, known: Iterable[str]) -> int:
    """A shape for arms that have to share a colour: 0 for the first of them, then 1, 2, …"""
    others = [name for name in dict.fromkeys(known) if name not in ("seed", "vanilla", "sdft")]
    return others.index(arm) // (COLORS - 3) if arm in others else 0


def beyond_noise(board: Scoreboard) -> list[str]:
    """One phrase for each difference that is beyond noise, e.g. `gsm8k: sdft is better than seed (+8.0 points)`."""
    return [
        f"{row.benchmark.name}: {column.label} is {c.words.partition(',')[0]} than {c.baseline} "
        f"({c.change} {_unit(row.benchmark)})"
        for row in board.rows
        for column, cell in zip(board.columns, row.cells, strict=True)
        for c in cell.comparisons
        if c.kind in REAL
    ]


def _unit(info: BenchmarkInfo) -> str:
    return "points" if info.unit == "share" else info.unit


def compared(board: Scoreboard) -> int:
    """How many differences the table judges."""
    return sum(c.kind != "none" for row in board.rows for cell in row.cells for c in cell.comparisons)


def _columns(scores: Iterable[Score], recipe: Recipe | None) -> tuple[list[Column], list[Column]]:
    """The table's columns, seed first, then the recipe's arms in its order, then whatever else was scored; and all
    other variants."""
    own = {} if recipe is None else own_labels(recipe)
    labels: dict[str, list[str]] = {arm: [] for arm in ["seed", *own]}
    for score in scores:
        known = labels.setdefault(score.arm, [])
        if score.variant not in known:
            known.append(score.variant)
    columns: list[Column] = []
    others: list[Column] = []
    for arm, names in labels.items():
        color = arm_color(arm, labels)
        shown = own.get(arm, arm if arm in names or not names else names[0])
        columns.append(Column(arm, shown if shown in names else None, shown, color))
        others += [Column(arm, name, name, color) for name in names if name != shown]
    return columns, others


def own_labels(recipe: Recipe) -> dict[str, str]:
    """The label of each arm's end of training at the recipe's own point; where the sweep leaves that out, at its first
    point."""
    found: dict[str, str] = {}
    for variant in variants(recipe):
        if variant.part == 1 and (variant.label == variant.arm.name or variant.arm.name not in found):
            found[variant.arm.name] = variant.label
    return found


def _row(info: BenchmarkInfo, columns: list[Column], others: list[Column], scores: Scores) -> Row:
    found = {(s.arm, s.variant): s for s in scores.scores if s.benchmark == info.name}
    unusable = {s.variant for s in found.values() if not s.usable}
    differences = [d for d in scores.differences if d.benchmark == info.name]

    def cell(column: Column) -> Cell:
        score = None if column.variant is None else found.get((column.arm, column.variant))
        if score is None:
            return Cell("missing")
        own = [_comparison(d, info, unusable) for d in differences if d.variant == column.variant]
        return _cell(score, info, own)

    marks: list[Mark] = []
    for column in columns:
        score = None if column.variant is None else found.get((column.arm, column.variant))
        if score is not None and score.mean is not None and score.low is not None and score.high is not None:
            marks.append(Mark(column.label, score.mean, score.low, score.high, column.color, score.usable))
    cells, other_cells = (tuple(cell(column) for column in some) for some in (columns, others))
    return Row(info, cells, interval_chart(marks, info.unit), other_cells)


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
    elif info.higher_is_better is None:
        kind, words = "changed", f"{'higher' if difference.mean > 0 else 'lower'}, beyond noise"
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
