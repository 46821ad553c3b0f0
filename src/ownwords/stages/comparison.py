"""The comparison of all variants: what each learnt against what it kept, arms at equal scores, and what they cost.

It reads the scores and the run's own records, asks no model, and writes `comparison.json`. A change in one benchmark is
beyond noise where the table of scores finds it so, after correction for all of its comparisons; means over benchmarks
are corrected for the number of variants. One training of several that differ in their seed only is told and not judged:
the table of scores judges them together. Arms at equal scores are compared once, one training each, without correction.
Three choices are made here:

- Acquisition is one benchmark of the recipe (`evaluate.acquisition`, else the first of the task), retention the mean
  over benchmarks (`evaluate.retention`, else those of general ability that are scored as shares). Both are differences
  from the seed, paired by test item, turned so that more is better.
- A variant is on the Pareto front where no other, the seed among them, is as good in both and better in one. That goes
  by means: neighbours on the front may differ within noise.
- The target of the equal-target comparison is the best acquisition that every arm reaches, arms that never get above
  the seed left out. An arm reaches it at its earliest variant by epochs × scale, the recipe's own point first. Only
  trainings with the first seed of the sweep are looked at, so that an arm with more seeds has no more chances.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ownwords.benchmarks.base import Benchmark, find_benchmark
from ownwords.errors import RecipeError
from ownwords.recipe import Recipe
from ownwords.report.compared import (
    BenchmarkChange,
    Change,
    Comparison,
    EqualTarget,
    LeftOut,
    Reached,
    Spread,
    Standing,
)
from ownwords.run import read_json, write_json
from ownwords.stages.context import Context
from ownwords.stages.costs import costs
from ownwords.stages.scores import read_scores
from ownwords.stages.summarise import ONE_OF_SEVERAL
from ownwords.stats import LEVEL, Difference, holm, mean_difference, paired_difference
from ownwords.variants import SEED, VANILLA, Variant

FILE = "comparison.json"


@dataclass(frozen=True, slots=True)
class Roles:
    """Which benchmark tells what was learnt, None where there is none, and which tell what was kept."""

    acquisition: Benchmark | None
    retention: tuple[Benchmark, ...]


def roles(recipe: Recipe, scored: Collection[str] | None = None) -> Roles:
    """The benchmarks' parts in the comparison; only of those that are `scored`, where that is given.

    A benchmark of which neither way is better has no part.

    Raises:
        RecipeError: a benchmark is unknown or has no part, or those of `evaluate.retention` have no common unit.
    """
    evaluate = recipe.evaluate
    names = [settings.name for settings in evaluate.benchmarks]
    found = {name: find_benchmark(name) for name in names if scored is None or name in scored}
    known = {name: benchmark for name, benchmark in found.items() if benchmark.higher_is_better is not None}
    wanted = [*(evaluate.retention or []), *([] if evaluate.acquisition is None else [evaluate.acquisition])]
    if neither := [name for name in wanted if name in found and name not in known]:
        raise RecipeError(
            f"evaluate: acquisition and retention cannot be {neither[0]}, of which neither more nor less is better."
        )
    if evaluate.retention is None:
        kept = [b for b in known.values() if b.area == "general" and b.unit == "share"]
    else:
        kept = [known[name] for name in evaluate.retention if name in known]
    units = {benchmark.unit for benchmark in kept}
    if len(units) > 1:
        raise RecipeError(
            f"evaluate.retention: {', '.join(b.name for b in kept)} are scored in {' and '.join(sorted(units))}, which "
            "have no common mean. Name benchmarks of one unit."
        )
    task = [benchmark for benchmark in known.values() if benchmark.area == "task"]
    learnt = (task or [None])[0] if evaluate.acquisition is None else known.get(evaluate.acquisition)
    return Roles(learnt, tuple(b for b in kept if b is not learnt))


def write(context: Context) -> None:
    """Write `comparison.json` from `scores/summary.json` and the score files."""
    summary: dict[str, list[dict[str, Any]]] = read_json(context.run.scores_dir / "summary.json")
    chosen = roles(context.recipe, {info["name"] for info in summary["benchmarks"]})
    standings = _on_the_front(_standings(context, chosen, summary))
    found = Comparison(
        acquisition=None if chosen.acquisition is None else chosen.acquisition.name,
        unit="" if chosen.acquisition is None else chosen.acquisition.unit,
        retention=tuple(benchmark.name for benchmark in chosen.retention),
        retention_unit=chosen.retention[0].unit if chosen.retention else "",
        standings=tuple(standings),
        target=_equal_target(context, chosen, standings),
        seeds=_spreads(standings),
        costs=costs(context),
    )
    write_json(context.run.directory / FILE, asdict(found))


def _standings(context: Context, chosen: Roles, summary: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Standing]:
    """The seed and every variant of the recipe, in its order, scored or not."""
    known = {info["name"]: info for info in summary["benchmarks"]}
    unusable = {(s["benchmark"], s["variant"]) for s in summary["scores"] if not s["usable"]}
    against_seed = {(d["benchmark"], d["variant"]): d for d in summary["differences"] if d["baseline"] == SEED}
    several = {row["variant"] for row in summary["differences"] if row["not_judged"] == ONE_OF_SEVERAL}
    means: dict[str, Difference | None] = {}
    nothing = Change(0.0, 0.0, 0.0, beyond_noise=False, n=0)
    found = [Standing(SEED, SEED, "", context.recipe.seed, 1.0, 0.0, True, (), nothing, nothing)]
    for label, variant in context.variants.items():
        differences: dict[str, Difference] = {}
        judged: dict[str, Change] = {}
        changes: list[BenchmarkChange] = []
        for name, info in known.items():
            if info["higher_is_better"] is None:
                continue
            row = against_seed.get((name, label))
            bad = [one for one in (label, SEED) if (name, one) in unusable]
            if row is None or bad:
                reason = f"the score of {' and '.join(bad)} is unusable" if bad else "not scored"
                changes.append(BenchmarkChange(name, None, reason))
                continue
            numbers = {key: row[key] for key in ("n", "mean", "low", "high", "p")}
            differences[name] = better(Difference(**numbers), higher=info["higher_is_better"])
            change = _change(differences[name])
            judged[name] = replace(change, beyond_noise=row["beyond_noise"], not_judged=row["not_judged"])
            changes.append(BenchmarkChange(name, judged[name]))
        kept = [differences.get(benchmark.name) for benchmark in chosen.retention]
        means[label] = _mean_difference(kept)
        found.append(
            Standing(
                variant=label,
                arm=variant.arm.name,
                point=variant.training.point,
                seed=variant.training.seed,
                part=variant.part,
                scale=variant.scale,
                own=label == variant.arm.name,
                changes=tuple(changes),
                acquisition=None if chosen.acquisition is None else judged.get(chosen.acquisition.name),
                retention=None,
            )
        )
    kept = _corrected({label: mean for label, mean in means.items() if mean is not None}, several)
    return [found[0], *(replace(one, retention=kept.get(one.variant)) for one in found[1:])]


def _corrected(means: Mapping[str, Difference], several: Collection[str]) -> dict[str, Change]:
    """The variants' retention, each judged as one of so many: no table of scores has these means in it. The `several`
    that differ from others in their training seed only are not judged."""
    changes: dict[str, Change] = {}
    for label, mean in means.items():
        reason = ONE_OF_SEVERAL if label in several else ""
        changes[label] = replace(_change(mean), beyond_noise=False, not_judged=reason)
    alone = [label for label in means if label not in several]
    for label, corrected in zip(alone, holm([means[label].p for label in alone]), strict=True):
        beyond = means[label].beyond_noise and corrected < 1 - LEVEL
        changes[label] = replace(changes[label], beyond_noise=beyond)
    return changes


def better(difference: Difference, *, higher: bool) -> Difference:
    """The same with more meaning better. A bound that is not there (one item has none) is unbounded."""
    low = float("-inf") if difference.low is None else difference.low  # pyright: ignore[reportUnnecessaryComparison]
    high = float("inf") if difference.high is None else difference.high  # pyright: ignore[reportUnnecessaryComparison]
    if higher:
        return replace(difference, low=low, high=high)
    return replace(difference, mean=-difference.mean, low=-high, high=-low)


def _change(difference: Difference) -> Change:
    d = difference
    return Change(d.mean, d.low, d.high, d.beyond_noise, beyond_alone=d.beyond_noise, n=d.n)


def _mean_difference(differences: Sequence[Difference | None]) -> Difference | None:
    """Of all of them: none where one is missing, because a mean over fewer would be another quantity."""
    known = [difference for difference in differences if difference is not None]
    return mean_difference(known) if known and len(known) == len(differences) else None


def _on_the_front(standings: Sequence[Standing]) -> list[Standing]:
    """The same, with those marked that no other is at least as good as in both and better in one."""
    points = {s.variant: (s.acquisition.mean, s.retention.mean) for s in standings if s.acquisition and s.retention}

    def beaten(point: tuple[float, float]) -> bool:
        return any(other[0] >= point[0] and other[1] >= point[1] and other != point for other in points.values())

    front = {label for label, point in points.items() if not beaten(point)}
    return [replace(standing, front=standing.variant in front) for standing in standings]


def _equal_target(context: Context, chosen: Roles, standings: Sequence[Standing]) -> EqualTarget | None:
    """None where no arm is above the seed."""
    first = next((variant.training.seed for variant in context.variants.values()), context.recipe.seed)
    by_arm: dict[str, list[Standing]] = {}
    left_out: list[LeftOut] = []
    for arm in context.recipe.tune.arm_names:
        scored = [s for s in standings if s.arm == arm and s.seed == first and s.acquisition is not None]
        if not scored:
            left_out.append(LeftOut(arm, "it has no usable score"))
        elif _best(scored) <= 0:
            left_out.append(LeftOut(arm, "it never gets above the seed"))
        else:
            by_arm[arm] = scored
    if not by_arm:
        return None
    target = min(_best(scored) for scored in by_arm.values())
    there = {arm: _earliest(context, scored, target) for arm, scored in by_arm.items()}
    reached = [
        _reached(context, chosen, there[arm], by_arm[arm], there.get(VANILLA) if arm != VANILLA else None)
        for arm in by_arm
    ]
    ways = sum(s.part < 1 for scored in by_arm.values() for s in scored)
    return EqualTarget(target, first, ways, tuple(reached), tuple(left_out))


def _best(scored: Sequence[Standing]) -> float:
    return max(s.acquisition.mean for s in scored if s.acquisition is not None)


def _earliest(context: Context, scored: Sequence[Standing], target: float) -> Standing:
    """The first to reach the target, by epochs × scale; of those alike the recipe's own point, then its order."""
    reaching = [s for s in scored if s.acquisition is not None and s.acquisition.mean >= target]
    return min(reaching, key=lambda s: (_way(context.variants[s.variant]), s.point != ""))


def _way(variant: Variant) -> float:
    """How far a variant is from the seed: epochs behind it, times its scale."""
    return variant.training.tune.num_train_epochs * variant.part * variant.scale


def _reached(
    context: Context, chosen: Roles, at: Standing, scored: Sequence[Standing], other: Standing | None
) -> Reached:
    ends = [s for s in scored if s.part == 1 and s.point == at.point]
    end = max(ends, key=lambda s: s.scale, default=at)
    assert at.acquisition is not None  # it reaches the target
    difference: Change | None = None
    if other is not None and other.retention is not None and at.retention is not None:
        difference = _kept_more(context, chosen, at.variant, other.variant)
    return Reached(
        arm=at.arm,
        variant=at.variant,
        acquisition=at.acquisition,
        retention=at.retention,
        end=end.variant,
        end_acquisition=end.acquisition,
        end_retention=end.retention,
        baseline=other.variant if other is not None and difference is not None else None,
        difference=difference,
    )


def _kept_more(context: Context, chosen: Roles, label: str, other: str) -> Change | None:
    """Retention of one variant minus that of another, paired by test item."""
    found: list[Difference | None] = []
    for benchmark in chosen.retention:
        first, second = (read_scores(context, benchmark.name, each) for each in (label, other))
        shared = sorted(first.keys() & second.keys())
        pairs = [first[i] for i in shared], [second[i] for i in shared]
        higher = benchmark.higher_is_better is not False
        found.append(
            better(paired_difference(*pairs, share=benchmark.unit == "share"), higher=higher) if shared else None
        )
    mean = _mean_difference(found)
    return None if mean is None else _change(mean)


def _spreads(standings: Sequence[Standing]) -> tuple[Spread, ...]:
    """Ends that differ in their seed only, where there are several."""
    groups: dict[tuple[str, str, float], list[Standing]] = {}
    for standing in standings:
        if standing.part == 1 and standing.arm != SEED:
            groups.setdefault((standing.arm, standing.point, standing.scale), []).append(standing)
    found: list[Spread] = []
    for (arm, point, scale), members in groups.items():
        if len(members) > 1:
            learnt = [s.acquisition.mean for s in members if s.acquisition is not None]
            kept = [s.retention.mean for s in members if s.retention is not None]
            found.append(Spread(arm, point, scale, len(members), _range(learnt), _range(kept)))
    return tuple(found)


def _range(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Mean, lowest, highest."""
    return (sum(values) / len(values), min(values), max(values)) if values else None
