"""Makes the arms × benchmarks table of what was measured.

No claim goes beyond the intervals: a difference is named better or worse only where the evaluation found it beyond
noise, corrected for the number of differences that it judges, and nothing is said about a score that its sanity gate
marked as unusable.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace

from ownwords.recipe import Recipe
from ownwords.report.board import Area, Cell, Column, Comparison, Kind, Row, Scoreboard
from ownwords.report.charts import COLORS, Mark, interval_chart
from ownwords.report.numbers import change_in, count, interval_in, items, joined, p_value, percent, value_in
from ownwords.report.scored import BenchmarkInfo, OverSeeds, Sanity, Score, ScoreDifference, Scores
from ownwords.variants import variants

AREAS = {
    "task": ("The task", "what the training is for"),
    "general": ("General ability", "what should not be lost"),
    "safety": ("Safety", "what should not be lost"),
}


#: Why a score is missing.
NOT_YET, NO_WEIGHTS = "not done yet", "training failed"


def build_scoreboard(
    scores: Scores, recipe: Recipe | None, failed: Set[str] = frozenset(), begun: Set[str] = frozenset()
) -> Scoreboard:
    """Every benchmark that has a score, by area, with one cell for each arm of the recipe or of the scores.

    `failed` are the labels of variants that could not be trained: theirs is another reason to have no score. `begun`
    are the benchmarks that evaluation has begun: an optional one that it has not was skipped, and is not waited for.
    """
    columns, others = _columns(scores.scores, recipe)
    columns, others = ([_with_seeds(column, scores) for column in some] for some in (columns, others))
    scored = {score.benchmark for score in scores.scores}
    rows = [_row(info, columns, others, scores, failed) for info in scores.benchmarks if info.name in scored]
    areas = [
        Area(*AREAS[area], tuple(row for row in rows if row.benchmark.area == area))
        for area in AREAS
        if any(row.benchmark.area == area for row in rows)
    ]
    asked = [] if recipe is None else recipe.evaluate.benchmarks
    wanted = [benchmark.name for benchmark in asked if not benchmark.optional or benchmark.name in begun]
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


def _row(info: BenchmarkInfo, columns: list[Column], others: list[Column], scores: Scores, failed: Set[str]) -> Row:
    found = {(s.arm, s.variant): s for s in scores.scores if s.benchmark == info.name}
    unusable = {s.variant for s in found.values() if not s.usable}
    differences = [d for d in scores.differences if d.benchmark == info.name]

    def cell(column: Column) -> Cell:
        score = None if column.variant is None else found.get((column.arm, column.variant))
        if score is None:
            return Cell("missing", reason=NO_WEIGHTS if column.label in failed else NOT_YET)
        seeds = [o for o in scores.over_seeds if o.benchmark == info.name and column.variant in o.variants]
        together = {o.baseline == "seed" for o in seeds}  # is judged over seeds: against the seed, against vanilla
        alone = [d for d in differences if d.variant == column.variant and (d.baseline == "seed") not in together]
        judged = [_comparison(d, info, unusable, scores.comparisons) for d in alone]
        judged += [_seed_comparison(o, info, scores.comparisons) for o in seeds]
        return _cell(score, info, judged, _mean_over_seeds(seeds[0], info) if seeds else "")

    marks: list[Mark] = []
    for column in columns:
        score = None if column.variant is None else found.get((column.arm, column.variant))
        if score is not None and score.mean is not None and score.low is not None and score.high is not None:
            marks.append(Mark(column.label, score.mean, score.low, score.high, column.color, score.usable))
    cells, other_cells = (tuple(cell(column) for column in some) for some in (columns, others))
    return Row(info, cells, interval_chart(marks, info.unit), other_cells)


def _cell(score: Score, info: BenchmarkInfo, comparisons: list[Comparison], over_seeds: str) -> Cell:
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
        over_seeds=over_seeds,
    )


def _sanity(sanity: Sanity | None, info: BenchmarkInfo) -> str:
    if sanity is None:
        return "" if info.generative else "no answers were looked at: it reads likelihoods"
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
    if sanity.same is not None:
        parts.append(f"{percent(sanity.same)} one and the same text")
    shares = ", ".join(parts)
    return shares if info.generative else f"{shares}; of the texts whose likelihood is read; cut ones count too"


def _mean_over_seeds(seeds: OverSeeds, info: BenchmarkInfo) -> str:
    """`mean of 3 seeds 34.1 % (33.0 % to 35.2 %), n = 400`"""
    mean, low, high = (value_in(info.unit, value) for value in (seeds.score, seeds.score_lowest, seeds.score_highest))
    return joined(f"mean of {seeds.seeds} seeds {mean} ({low} to {high})", items(seeds.n))


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
        n=seeds.n,
        seeds=seeds.seeds,
    )


def _judged(difference: ScoreDifference | OverSeeds, info: BenchmarkInfo, family: int) -> tuple[Kind, str]:
    if difference.not_judged:
        return "none", difference.not_judged
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
        n=difference.n,
    )
