"""The arms × benchmarks table: plain data that the page and the console write out.

No claim goes beyond the intervals: a difference is named better or worse only where the evaluation found it beyond
noise, corrected for the number of differences that it judges, and nothing is said about a score that its sanity gate
marked as unusable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from markupsafe import Markup

from ownwords.recipe import Recipe
from ownwords.report.charts import COLORS, Mark, interval_chart
from ownwords.report.numbers import change_in, count, interval_in, p_value, percent, value_in
from ownwords.report.scored import BenchmarkInfo, OverSeeds, Sanity, Score, ScoreDifference, Scores
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
    """One variant of one arm; `variant` is None where none has a score yet. `seeds` counts the training seeds of which
    its arm has scores at this place, 0 for the seed model."""

    arm: str
    variant: str | None
    label: str
    color: int
    seeds: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired difference to a baseline, in words: `words` never says more than the numbers. `changed` is beyond noise
    where no way is better.

    `alone`: beyond noise by itself, and not after correction; its kind is noise.
    """

    baseline: str
    change: str
    interval: str
    p: str
    words: str
    kind: Kind
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """`state` is `missing` where the score does not exist yet and `unusable` where the sanity gate failed.

    `over_seeds` says the mean over training seeds where there are several, `seed_comparisons` what it differs by.
    """

    state: Literal["ok", "unusable", "missing"]
    value: str = ""
    interval: str = ""
    n: int = 0
    reason: str = ""
    errors: int = 0
    sanity: str = ""
    comparisons: tuple[Comparison, ...] = ()
    caution: str = ""
    repeated: int = 0
    over_seeds: str = ""
    seed_comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark. `cells` are those of the board's columns, `other_cells` those of its other variants."""

    benchmark: BenchmarkInfo
    cells: tuple[Cell, ...]
    chart: Markup
    other_cells: tuple[Cell, ...] = ()

    @property
    def repeated(self) -> int:
        """How many of its questions are training prompts."""
        return max((cell.repeated for cell in (*self.cells, *self.other_cells)), default=0)

    @property
    def unscored(self) -> int:
        """The most items that have no score with any of its columns."""
        return max((cell.errors for cell in (*self.cells, *self.other_cells)), default=0)

    @property
    def n(self) -> int:
        return max((cell.n for cell in (*self.cells, *self.other_cells)), default=0)


@dataclass(frozen=True, slots=True)
class Area:
    title: str
    meaning: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Columns are the seed and every arm's end of training at the recipe's own point; `others` are the other variants.

    `pending` are benchmarks of the recipe that have no score at all yet. `comparisons` is how many differences are
    judged together, 0 where each is by itself.
    """

    columns: tuple[Column, ...]
    areas: tuple[Area, ...]
    pending: tuple[str, ...]
    others: tuple[Column, ...] = ()
    comparisons: int = 0
    too_few: tuple[str, ...] = ()

    @property
    def rows(self) -> list[Row]:
        return [row for area in self.areas for row in area.rows]


def build_scoreboard(scores: Scores, recipe: Recipe | None) -> Scoreboard:
    """Every benchmark that has a score, by area, with one cell for each arm of the recipe or of the scores."""
    columns, others = _columns(scores.scores, recipe)
    columns, others = ([_with_seeds(column, scores) for column in some] for some in (columns, others))
    scored = {score.benchmark for score in scores.scores}
    rows = [_row(info, columns, others, scores) for info in scores.benchmarks if info.name in scored]
    areas = [
        Area(*AREAS[area], tuple(row for row in rows if row.benchmark.area == area))
        for area in AREAS
        if any(row.benchmark.area == area for row in rows)
    ]
    wanted = [] if recipe is None else [benchmark.name for benchmark in recipe.evaluate.benchmarks]
    pending = tuple(name for name in wanted if name not in scored)
    return Scoreboard(tuple(columns), tuple(areas), pending, tuple(others), scores.comparisons, scores.too_few)


def _with_seeds(column: Column, scores: Scores) -> Column:
    if column.arm == "seed":
        return column
    return replace(column, seeds=max((o.seeds for o in scores.over_seeds if column.variant in o.variants), default=1))


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
    return sum(c.kind != "none" for c in _comparisons(board))


def beyond_alone(board: Scoreboard) -> int:
    """How many of them are beyond noise by themselves, and not after correction for all."""
    return sum(c.alone for c in _comparisons(board))


def _comparisons(board: Scoreboard) -> list[Comparison]:
    return [c for row in board.rows for cell in row.cells for c in cell.comparisons]


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
        own = [_comparison(d, info, unusable, scores.comparisons) for d in differences if d.variant == column.variant]
        seeds = [o for o in scores.over_seeds if o.benchmark == info.name and column.variant in o.variants]
        return _cell(score, info, own, seeds, scores.comparisons)

    marks: list[Mark] = []
    for column in columns:
        score = None if column.variant is None else found.get((column.arm, column.variant))
        if score is not None and score.mean is not None and score.low is not None and score.high is not None:
            marks.append(Mark(column.label, score.mean, score.low, score.high, column.color, score.usable))
    cells, other_cells = (tuple(cell(column) for column in some) for some in (columns, others))
    return Row(info, cells, interval_chart(marks, info.unit), other_cells)


def _cell(
    score: Score, info: BenchmarkInfo, comparisons: list[Comparison], seeds: list[OverSeeds], family: int
) -> Cell:
    return Cell(
        state="ok" if score.usable else "unusable",
        value=value_in(info.unit, score.mean),
        interval=interval_in(info.unit, score.low, score.high),
        n=score.n,
        reason=score.reason,
        errors=score.errors,
        sanity=_sanity(score.sanity, info),
        comparisons=tuple(comparisons),
        caution=score.caution,
        repeated=score.repeated or 0,
        over_seeds=_mean_over_seeds(seeds[0], info) if seeds else "",
        seed_comparisons=tuple(_seed_comparison(one, info, family) for one in seeds),
    )


def _sanity(sanity: Sanity | None, info: BenchmarkInfo) -> str:
    if sanity is None:
        return "" if info.generative else "no answers to look at: it reads likelihoods"
    parts = [
        f"{percent(share)} {name}"
        for share, name in (
            (sanity.finished, "finished"),
            (sanity.non_empty, "non-empty"),
            (sanity.non_repeating, "non-repeating"),
            (sanity.readable, "readable"),
            (sanity.unmarked, "free of template markers"),
        )
        if share is not None
    ]
    if sanity.language is not None:
        parts.append(f"{percent(sanity.language)} of {count(sanity.told)} in the language of their prompt")
    elif sanity.readable is not None:
        parts.append("none whose language can be told")
    return ", ".join(parts)


def _mean_over_seeds(seeds: OverSeeds, info: BenchmarkInfo) -> str:
    """`mean of 3 seeds 34.1 % (33.0 % to 35.2 %)`"""
    mean, low, high = (value_in(info.unit, value) for value in (seeds.score, seeds.score_lowest, seeds.score_highest))
    return f"mean of {seeds.seeds} seeds {mean} ({low} to {high})"


def _seed_comparison(seeds: OverSeeds, info: BenchmarkInfo, family: int) -> Comparison:
    kind, words = _judged(seeds, info, family)
    spread = f"({change_in(info.unit, seeds.lowest)} to {change_in(info.unit, seeds.highest)})"
    return Comparison(
        baseline=seeds.baseline,
        change=f"{change_in(info.unit, seeds.mean)} {spread}",
        interval=interval_in(info.unit, seeds.low, seeds.high),
        p=p_value(seeds.p),
        words=words,
        kind=kind,
        alone=bool(seeds.beyond_alone) and not seeds.beyond_noise,
    )


def _judged(difference: ScoreDifference | OverSeeds, info: BenchmarkInfo, family: int) -> tuple[Kind, str]:
    if difference.beyond_noise and info.higher_is_better is None:
        return "changed", f"{'higher' if (difference.mean or 0.0) > 0 else 'lower'}, beyond noise"
    if difference.beyond_noise:
        kind: Kind = "better" if ((difference.mean or 0.0) > 0) == info.higher_is_better else "worse"
        return kind, f"{kind}, beyond noise"
    if difference.beyond_alone:
        return "noise", f"beyond noise by itself, not after correction for {count(family)} comparisons"
    return "noise", "within noise"


def _comparison(difference: ScoreDifference, info: BenchmarkInfo, unusable: set[str], family: int) -> Comparison:
    bad = [arm for arm in (difference.variant, difference.baseline) if arm in unusable]
    kind: Kind
    if bad:
        kind, words = "none", f"not compared: the score of {' and '.join(bad)} is unusable"
    elif difference.mean is None:
        kind, words = "none", "not compared: no paired items"
    else:
        kind, words = _judged(difference, info, family)
    return Comparison(
        baseline=difference.baseline,
        change=change_in(info.unit, difference.mean),
        interval=interval_in(info.unit, difference.low, difference.high),
        p=p_value(difference.p),
        words=words,
        kind=kind,
        alone=kind == "noise" and bool(difference.beyond_alone),
    )
