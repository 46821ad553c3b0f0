"""The comparison as the page shows it: a plot, arms at the same score, seeds and costs, and what may be said of them.

Nothing is called better or worse that its interval does not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ownwords.report.arm_row import ArmRow
from ownwords.report.compared import Change, Comparison, Cost, EqualTarget, Standing
from ownwords.report.numbers import (
    MISSING,
    between,
    change_in,
    count,
    duration,
    interval_in,
    items,
    items_between,
    joined,
)
from ownwords.report.scatter import Interval, Key, Point, scatter_chart
from ownwords.report.scoreboard import arm_color, arm_shape

SEED = "seed"
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """`without_point` says which variants the plot lacks, and why."""

    plot: Markup
    caption: str
    without_point: tuple[str, ...]
    target_sentence: str
    target: tuple[ArmRow, ...]
    seeds: tuple[ArmRow, ...]
    costs: tuple[ArmRow, ...]
    variants: tuple[ArmRow, ...]


def build_tradeoff(comparison: Comparison) -> Tradeoff:
    named = [*(standing.arm for standing in comparison.standings), *(cost.arm for cost in comparison.costs)]
    arms = list(dict.fromkeys(named))
    return Tradeoff(
        plot=_plot(comparison, arms),
        caption=_caption(comparison),
        without_point=tuple(_without_point(comparison)),
        target_sentence=_target_sentence(comparison),
        target=tuple(_target_rows(comparison, arms)),
        seeds=tuple(_seed_rows(comparison, arms)),
        costs=tuple(_cost_row(cost, arms) for cost in comparison.costs),
        variants=tuple(_variant_rows(comparison, arms)),
    )


def in_words(change: Change | None, unit: str) -> str:
    """`+4.0 [1.2, 6.8], n = 400, better beyond noise`"""
    if change is None:
        return MISSING
    kind = "within noise"
    if change.beyond_noise:
        kind = f"{'better' if change.mean > 0 else 'worse'} beyond noise"
    elif change.not_judged:
        kind = change.not_judged
    elif change.beyond_alone:
        kind = "beyond noise by itself, not after correction"
    numbers = f"{change_in(unit, change.mean)} {interval_in(unit, change.low, change.high)}"
    return joined(numbers, items(change.n), kind)


def unit_name(unit: str) -> str:
    return "percentage points" if unit == "share" else unit


def _plot(comparison: Comparison, arms: Sequence[str]) -> Markup:
    if comparison.acquisition is None or not comparison.retention:
        return Markup("")
    points = [
        Point(
            label=s.variant,
            x=_interval(s.acquisition, comparison.unit),
            y=_interval(s.retention, comparison.retention_unit),
            color=arm_color(s.arm, arms),
            shape=arm_shape(s.arm, arms),
            hollow=s.part < 1,
            named=s.own or s.front,
            front=s.front,
        )
        for s in comparison.standings
        if s.acquisition is not None and s.retention is not None
    ]
    drawn = dict.fromkeys(s.arm for s in comparison.standings)
    keys = [Key(arm, arm_color(arm, arms), arm_shape(arm, arms)) for arm in drawn]
    learnt = f"learnt: {comparison.acquisition}, {unit_name(comparison.unit)} better than the seed"
    kept = f"kept: {_kept(comparison)}, {unit_name(comparison.retention_unit)} better than the seed"
    return scatter_chart(points, keys, learnt, kept) if len(points) > 1 else Markup("")


def _interval(change: Change, unit: str) -> Interval:
    factor = 100 if unit == "share" else 1
    low, high = (None if bound is None else bound * factor for bound in (change.low, change.high))
    return Interval(change.mean * factor, low, high)


def _kept(comparison: Comparison) -> str:
    number = len(comparison.retention)
    names = ", ".join(comparison.retention) if number <= MOST_NAMED else f"{number} benchmarks"
    return names if number == 1 else f"mean of {names}"


def _caption(comparison: Comparison) -> str:
    if comparison.acquisition is None:
        return "There is no plot: no benchmark of the task has scores."
    if not comparison.retention:
        return (
            "There is no plot: no benchmark of general ability that is scored as a share has scores. Name those that "
            "tell what was kept in evaluate.retention."
        )
    scored = [s for s in comparison.standings if s.arm != SEED and s.acquisition and s.retention]
    if not scored:
        return "There is no plot: no variant has usable scores of what it learnt and of what it kept."
    learnt, kept = _pairs(scored)
    return (
        f"What {len(scored)} variants learnt and kept, against the seed at 0; up and to the right is better. Thin bars "
        f"are 95 % intervals of the paired differences ({_number(learnt)}test items of {comparison.acquisition}, "
        f"{_number(kept)}of {', '.join(comparison.retention)}). Hollow marks are places on the way of a training. The "
        "dashed line is the Pareto front: no other variant is as good in both "
        "and better in one. It goes by means, so that neighbours on it may differ within noise."
    )


def _pairs(standings: Sequence[Standing]) -> tuple[set[int], set[int]]:
    """How many pairs of test items what they learnt and what they kept rest on, as far as that is known."""
    learnt = {s.acquisition.n for s in standings if s.acquisition is not None and s.acquisition.n is not None}
    kept = {s.retention.n for s in standings if s.retention is not None and s.retention.n is not None}
    return learnt, kept


def _number(numbers: set[int]) -> str:
    return f"{between(numbers)} " if numbers else ""


def _without_point(comparison: Comparison) -> list[str]:
    found: list[str] = []
    for standing in comparison.standings:
        if standing.acquisition is not None and standing.retention is not None:
            continue
        wanted = {comparison.acquisition, *comparison.retention}
        reasons = {c.reason for c in standing.changes if c.change is None and c.benchmark in wanted}
        if reasons:
            found.append(f"{standing.variant} ({'; '.join(sorted(reasons))})")
    return found


def _target_sentence(comparison: Comparison) -> str:
    target = comparison.target
    if comparison.acquisition is None:
        return "There is nothing to compare: no benchmark of the task has scores."
    if target is None:
        return f"No arm gets above the seed in {comparison.acquisition}, so there is no score at which to compare them."
    text = (
        f"{change_in(comparison.unit, target.target)} {unit_name(comparison.unit)} above the seed in "
        f"{comparison.acquisition} is the best that every compared arm reaches. Each arm is shown at its first variant "
        f"that reaches it (by means, trainings with seed {target.seed}), and at the end of that training."
    )
    if target.ways == 0:
        text += (
            " Only ends of training have scores, so an arm that learnt more is shown past the target: set "
            "tune.checkpoints to compare arms on the way."
        )
    if target.left_out:
        text += " Not compared: " + "; ".join(f"{one.arm} ({one.reason})" for one in target.left_out) + "."
    return text


def _target_rows(comparison: Comparison, arms: Sequence[str]) -> list[ArmRow]:
    target: EqualTarget | None = comparison.target
    if target is None:
        return []
    unit, kept = comparison.unit, comparison.retention_unit
    rows: list[ArmRow] = []
    for reached in target.reached:
        against = MISSING
        if reached.baseline is not None:
            against = f"{in_words(reached.difference, kept)} (vs {reached.baseline})"
        cells = (
            reached.variant,
            in_words(reached.acquisition, unit),
            in_words(reached.retention, kept),
            against,
            reached.end if reached.end != reached.variant else "the same",
            in_words(reached.end_acquisition, unit),
            in_words(reached.end_retention, kept),
        )
        rows.append(ArmRow(reached.arm, arm_color(reached.arm, arms), cells))
    return rows


def _seed_rows(comparison: Comparison, arms: Sequence[str]) -> list[ArmRow]:
    rows: list[ArmRow] = []
    for spread in comparison.seeds:
        name = "@".join(part for part in (spread.arm, spread.point) if part)
        label = name if spread.scale == 1 else f"{name} (scale {spread.scale:g})"
        key = (spread.arm, spread.point, spread.scale, 1.0)
        learnt, kept = _pairs([s for s in comparison.standings if (s.arm, s.point, s.scale, s.part) == key])
        cells = (
            str(spread.seeds),
            _mean_and_range(spread.acquisition, comparison.unit, learnt),
            _mean_and_range(spread.retention, comparison.retention_unit, kept),
        )
        rows.append(ArmRow(label, arm_color(spread.arm, arms), cells))
    return rows


def _mean_and_range(values: tuple[float, float, float] | None, unit: str, pairs: set[int]) -> str:
    """`+5.0 (+3.0 to +8.0), n = 400`"""
    if values is None:
        return MISSING
    mean, low, high = (change_in(unit, value) for value in values)
    return joined(f"{mean} ({low} to {high})", items_between(pairs))


def _cost_row(cost: Cost, arms: Sequence[str]) -> ArmRow:
    read = [p.prompt_tokens for p in cost.preparation if p.prompt_tokens is not None]
    written = [p.completion_tokens for p in cost.preparation if p.completion_tokens is not None]
    seconds = [p.seconds for p in cost.preparation if p.seconds is not None]
    training = (str(cost.trainings), duration(cost.seconds), count(cost.tokens))
    if cost.trained_as is not None:
        training = (f"none: {cost.trained_as}'s", MISSING, MISSING)
    cells = (
        ", ".join(p.stage for p in cost.preparation) or "none",
        duration(sum(seconds)) if seconds else MISSING,
        count(sum(read)) if read else MISSING,
        count(sum(written)) if written else MISSING,
        *training,
    )
    return ArmRow(cost.arm, arm_color(cost.arm, arms), cells)


def _variant_rows(comparison: Comparison, arms: Sequence[str]) -> list[ArmRow]:
    return [
        ArmRow(
            standing.variant,
            arm_color(standing.arm, arms),
            (
                in_words(standing.acquisition, comparison.unit),
                in_words(standing.retention, comparison.retention_unit),
                "yes" if standing.front else "",
            ),
        )
        for standing in comparison.standings
        if not _is_seed(standing)
    ]


def _is_seed(standing: Standing) -> bool:
    return standing.arm == SEED
