"""`scores/summary.json`: the means of score files with their intervals, and paired differences.

The differences of a summary are judged together. The family of Holm's correction is every question that the tables of
a report put: each metric of each benchmark, each variant against the seed and against vanilla at its own place.
Variants that differ in their training seed only are one question, answered over seeds; what one of them differs by is
told, and not judged. Not in the family are differences with an unusable score, and those of which no item differs:
there no test could show anything. A run puts all of its questions at once and shows whichever answers stand out, so
that is how many chances there are to be wrong. Whoever wants to ask one thing only evaluates one benchmark; `p` is
there uncorrected.
"""

# pyright: basic
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from ownwords.benchmarks._sanity import Sanity, all_alike, other_language
from ownwords.benchmarks.base import Benchmark, Metric, find_benchmark
from ownwords.checks.language import in_one_language
from ownwords.run import write_json
from ownwords.stages import scores
from ownwords.stages.context import Context
from ownwords.stages.exams import stage_name
from ownwords.stages.scores import Scores
from ownwords.stats import (
    LEVEL,
    SeedDifference,
    difference_over_seeds,
    holm,
    mean_interval,
    paired_difference,
    smallest_p,
)
from ownwords.variants import SEED, VANILLA, Variant, baseline

#: So many training examples tell whether answers are to be in their prompts' language.
REFERENCES_READ = 200

#: Why a difference is not judged.
UNUSABLE, ALIKE, ONE_OF_SEVERAL = "unusable score", "no item differs", "one training of several"

#: How often a coin agrees with itself.
COIN = 0.5
#: From so many pairs of different answers on, a judge that calls so large a share of them ties is doubted. 19 ties of
#: 20 are no chance: a judge that sees seven of ten pairs so has as many in less than one case of a hundred. Ties alone
#: are a sign: to win, or to lose, nearly always is what much better and much worse models do.
TIED_PAIRS, TIED_SHARE = 20, 0.95


def write(context: Context, finished: Set[str]) -> None:
    """`scores/summary.json`: every benchmark and variant whose stage is among the `finished` ones, by name.

    What other score files there are belongs to another recipe: it changed, and training or evaluating again failed.
    """
    benchmarks = [find_benchmark(settings.name) for settings in context.recipe.evaluate.benchmarks]
    summary: dict[str, Any] = {"benchmarks": [], "scores": [], "differences": [], "over_seeds": []}
    for benchmark in benchmarks:
        known = [v for label, v in context.variants.items() if stage_name(benchmark.name, label) in finished]
        against: dict[str, str | None] = {variant.label: baseline(variant, known) for variant in known}
        if stage_name(benchmark.name, SEED) in finished:
            against = {SEED: None, **against}
        for metric in benchmark.metrics:
            _summarise(context, benchmark, metric, against, summary)
        _doubt_the_judge(benchmark, summary["scores"])
    correct(summary, {label: _place(variant) for label, variant in context.variants.items()})
    write_json(context.run.scores_dir / "summary.json", summary)


def correct(summary: dict[str, Any], places: Mapping[str, object]) -> None:
    """Give every difference that is judged its `p_holm`; from there on `beyond_noise` holds after correction.

    `places` has what trainings that differ in their seed only have in common, by label. `not_judged` says why a
    difference is not, `beyond_alone` keeps what holds of one by itself, `comparisons` is the size of the family,
    `too_few` the benchmarks with too few items for it.
    """
    unusable = {(row["benchmark"], row["variant"]) for row in summary["scores"] if not row["usable"]}
    trainings = Counter((row["benchmark"], places.get(row["variant"])) for row in summary["scores"])

    def is_one_of_several(benchmark: str, label: str) -> bool:
        return label in places and trainings[benchmark, places[label]] > 1

    def reason(row: Mapping[str, Any]) -> str:
        name, label, other = row["benchmark"], row["variant"], row["baseline"]
        if {(name, label), (name, other)} & unusable:
            return UNUSABLE
        if is_one_of_several(name, label) and (other == SEED or is_one_of_several(name, other)):
            return ONE_OF_SEVERAL
        return ALIKE if row["alike"] else ""

    for row in summary["over_seeds"]:  # usable ones only
        row["not_judged"] = ALIKE if row["alike"] else ""
    for row in summary["differences"]:
        row["not_judged"] = reason(row)
    every = [*summary["over_seeds"], *summary["differences"]]
    for row in every:
        row.update(p_holm=None, beyond_noise=False)
    family = [row for row in every if not row["not_judged"]]
    for row, corrected in zip(family, holm([row["p"] for row in family]), strict=True):
        row.update(p_holm=corrected, beyond_noise=row["beyond_alone"] and corrected < 1 - LEVEL)
    summary["comparisons"] = len(family)
    summary["too_few"] = _too_few(family)


def _too_few(family: Sequence[Mapping[str, Any]]) -> list[str]:
    """Benchmarks of which no difference could stand out, had every test gone as clearly as it can."""
    best = holm([row.get("least_p", 0.0) for row in family])  # over seeds there is no such bound
    hopeful = {row["benchmark"] for row, p in zip(family, best, strict=True) if p < 1 - LEVEL}
    return list(dict.fromkeys(row["benchmark"] for row in family if row["benchmark"] not in hopeful))


def _summarise(
    context: Context,
    benchmark: Benchmark,
    metric: Metric,
    against: Mapping[str, str | None],
    summary: dict[str, Any],
) -> None:
    """Add a metric's part of the summary, if any variant of `against` has scores by it."""
    own, share = metric.name == benchmark.metric, metric.unit == "share"
    name = benchmark.name if own else f"{benchmark.name}/{metric.name}"
    found: dict[str, Scores] = {}
    rows: dict[str, dict[str, Any]] = {}
    for label in against:
        path = scores.files(context, benchmark.name, label)[0]
        column = "score" if own else f"{scores.MORE}{metric.name}"
        if not path.is_file() or not (own or scores.has_column(path, column)):
            continue
        scored, missing = scores.read_table(path, column)
        if not own and not scored and metric.reads != "judgements":  # of a judge, silence is worth telling
            continue
        found[label] = scored
        arm = label if label == SEED else context.variants[label].arm.name
        names = {"benchmark": name, "arm": arm, "variant": label}
        judged = metric.reads == "judgements"
        own_of_seed = own and label == SEED
        rows[label] = {**names, **_score(scored, missing, path, own=own_of_seed, judged=judged, share=share)}
    if not found:
        return
    if benchmark.generative:
        _hold_against_seed(context, rows)
    summary["scores"].extend(rows.values())
    summary["benchmarks"].append(_describe(benchmark, metric, name))
    summary["differences"].extend(differences(name, found, against, share=share))
    unusable = {label for label, row in rows.items() if not row["usable"]}
    summary["over_seeds"].extend(_over_seeds(context, name, found, unusable, share=share))


def _doubt_the_judge(benchmark: Benchmark, rows: Sequence[dict[str, Any]]) -> None:
    """A caution on what a judge said who agrees with itself no more often than a coin does, or sees ties only."""
    agreement = f"{benchmark.name}/{benchmark.agreement}"
    judged = {m.name for m in benchmark.metrics if m.reads == "judgements" and m.name != benchmark.agreement}
    names = {benchmark.name if name == benchmark.metric else f"{benchmark.name}/{name}" for name in judged}
    agreed = {row["variant"]: row for row in rows if row["benchmark"] == agreement and row["mean"] is not None}
    for row in rows:
        own = agreed.get(row["variant"])
        if row["benchmark"] not in names or row["mean"] is None:
            continue
        seen = row.get(scores.TIES) or {"pairs": 0, "ties": 0}
        if own is not None and own["low"] <= COIN:
            row["caution"] = (
                f"the judge says the same of {own['mean']:.0%} of the items when the answers change places, no more "
                "than a coin might: this says little of the model"
            )
        elif seen["pairs"] >= TIED_PAIRS and seen["ties"] >= TIED_SHARE * seen["pairs"]:
            row["caution"] = (
                f"the judge calls {seen['ties']:,} of {seen['pairs']:,} pairs of different answers a tie, so it hardly "
                "tells answers apart: this says little of the model"
            )


def _hold_against_seed(context: Context, rows: Mapping[str, dict[str, Any]]) -> None:
    """A score is unusable where everything was answered alike (see `_one_answer`); a variant's also where it has left
    the language of its prompts and the seed has not.

    A task of translation leaves it with the seed too, and a model that was trained on references in another language
    than their prompts is meant to: neither is held against it.
    """
    known = (rows.get(SEED) or {}).get("sanity")
    of_seed = Sanity.read(known) if known else None
    for label, row in rows.items():
        if not row.get("sanity") or not row["usable"]:
            continue
        own = Sanity.read(row["sanity"])
        reasons = [all_alike(own, of_seed)]
        left = "" if label == SEED or of_seed is None else other_language(own, of_seed)
        if left and _keeps_language(context):
            reasons.insert(0, left)
        reason = "; ".join(filter(None, reasons))
        if reason:
            row.update(usable=False, reason=reason)


def _keeps_language(context: Context) -> bool:
    """Whether most training references are in the language of their prompts, as far as that can be told."""
    step = max(1, len(context.train) // REFERENCES_READ)
    examples = [context.train[index] for index in range(0, len(context.train), step)]
    told = [one for e in examples if (one := in_one_language(e.reference, e.prompt)) is not None]
    return not told or sum(told) / len(told) >= 0.5


def _describe(benchmark: Benchmark, metric: Metric, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "of": benchmark.name if name != benchmark.name else None,
        "summary": metric.summary,
        "area": benchmark.area,
        "metric": metric.name,
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
        "generative": benchmark.generative,
    }


def _score(scored: Scores, errors: int, path: Path, *, own: bool, judged: bool, share: bool) -> dict[str, Any]:
    """`own`: of the seed, by the benchmark's own metric, so that a score at chance is worth a word."""
    facts = scores.read_facts(path.parent / f"{path.name.removesuffix('.parquet')}.json")
    row: dict[str, Any] = {"n": len(scored), "errors": errors}
    if judged and scores.JUDGE in facts:
        row[scores.JUDGE] = facts[scores.JUDGE]
        if scores.TIES in facts:
            row[scores.TIES] = facts[scores.TIES]
    if not scored:
        return {**row, "mean": None, "low": None, "high": None, "usable": False, "reason": "no item could be scored"}
    interval = mean_interval(list(scored.values()), share=share)
    row.update(mean=interval.mean, low=interval.low, high=interval.high)
    row.update(usable=facts["usable"], reason=facts["reason"], sanity=facts["sanity"])
    chance = facts.get("chance") if own else None
    row["caution"] = ""
    if chance is not None and interval.low <= chance:
        row["caution"] = f"not above guessing ({chance:.1%}): what training costs cannot be seen here"
    return {**row, "engine": facts["engine"], "repeated": facts.get("repeated")}


def differences(
    benchmark: str, found: Mapping[str, Scores], against: Mapping[str, str | None], *, share: bool
) -> list[dict[str, Any]]:
    """Every variant against the seed, and against its own baseline, on the items that both have."""
    pairs = [(label, SEED) for label in found if label != SEED]
    pairs += [(label, other) for label in found if (other := against.get(label)) is not None]
    rows: list[dict[str, Any]] = []
    for label, other in pairs:
        shared = sorted(found[label].keys() & found.get(other, {}).keys())
        if not shared:
            continue
        ours, theirs = ([found[name][item] for item in shared] for name in (label, other))
        difference = paired_difference(ours, theirs, share=share)
        rows.append(
            {
                "benchmark": benchmark,
                "variant": label,
                "baseline": other,
                "n": difference.n,
                "mean": difference.mean,
                "low": difference.low,
                "high": difference.high,
                "p": difference.p,
                "least_p": smallest_p(len(shared), binary=share and {*ours, *theirs} <= {0.0, 1.0}),
                "alike": ours == theirs,
                "beyond_alone": difference.beyond_noise,
            }
        )
    return rows


def _over_seeds(
    context: Context, benchmark: str, found: Mapping[str, Scores], unusable: Set[str], *, share: bool
) -> list[dict[str, Any]]:
    """Variants that differ in their training seed only, together: against the seed model, and against vanilla with the
    same training seeds. Without those of unusable scores, and of fewer than two seeds none."""
    groups: dict[tuple[str, str, float, float], dict[int, str]] = {}
    for label, variant in context.variants.items():
        if label in found and found[label] and label not in unusable:
            groups.setdefault(_place(variant), {})[variant.training.seed] = label
    rows: list[dict[str, Any]] = []
    for (arm, point, part, scale), labels in groups.items():
        names = {"benchmark": benchmark, "arm": arm, "point": point, "part": part, "scale": scale}
        sides: list[tuple[str, dict[int, str]]] = []
        if SEED in found and SEED not in unusable:
            sides.append((SEED, dict.fromkeys(labels, SEED)))
        if arm != VANILLA:
            # a scaled arm is compared with vanilla as it was trained, as `baseline` does
            sides += [(VANILLA, own) for key, own in groups.items() if key == (VANILLA, point, part, 1.0)]
        for other, theirs in sides:
            row = _seed_row(found, labels, theirs, share=share)
            if row is not None:
                rows.append({**names, "baseline": other, **row})
    return rows


def _place(variant: Variant) -> tuple[str, str, float, float]:
    """What trainings that differ in their seed only have in common."""
    return variant.arm.name, variant.training.point, variant.part, variant.scale


def _seed_row(
    found: Mapping[str, Scores], ours: Mapping[int, str], theirs: Mapping[int, str], *, share: bool
) -> dict[str, Any] | None:
    seeds = [seed for seed in ours if seed in theirs]
    if len(seeds) < 2:
        return None
    pairs = [(found[ours[seed]], found[theirs[seed]]) for seed in seeds]
    shared = sorted(set.intersection(*(set(one) for pair in pairs for one in pair)))
    if len(shared) < 2:
        return None
    first, second = ([[pair[side][item] for item in shared] for pair in pairs] for side in (0, 1))
    difference: SeedDifference = difference_over_seeds(first, second, share=share)
    means = [sum(values) / len(values) for values in first]
    return {
        "variants": [ours[seed] for seed in seeds],
        "seeds": difference.seeds,
        "n": difference.n,
        "score": sum(means) / len(means),
        "score_lowest": min(means),
        "score_highest": max(means),
        "mean": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "lowest": difference.lowest,
        "highest": difference.highest,
        "p": difference.p,
        "alike": first == second,
        "beyond_alone": difference.beyond_noise,
    }
