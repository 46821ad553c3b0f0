"""Score files: one number per test item in Parquet, means with intervals and paired differences in summary.json.

The differences of a summary are judged together. The family of Holm's correction is every difference that the tables of
a report judge: each metric of each benchmark, each variant against the seed and against vanilla at its own place, and
the same over training seeds where there are several; but none with an unusable score. A run puts all of these
questions at once and shows whichever answers stand out, so that is how many chances there are to be wrong. Whoever
wants to ask one thing only evaluates one benchmark; `p` is there uncorrected.
"""

# pyright: basic
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ownwords.benchmarks._likelihood import Part
from ownwords.benchmarks._sanity import Sanity, judge_answers, judge_likelihoods, other_language
from ownwords.benchmarks.base import Benchmark, Item, Metric, Reads, find_benchmark
from ownwords.checks.language import in_one_language
from ownwords.data.load import folded
from ownwords.errors import StageError
from ownwords.progress import say
from ownwords.records import Completion, RowError
from ownwords.run import read_json, write_atomic, write_json
from ownwords.stages import tune
from ownwords.stages.context import Context
from ownwords.stages.exam_judge import judge_facts
from ownwords.stages.exams import Exam
from ownwords.stats import LEVEL, SeedDifference, difference_over_seeds, holm, mean_interval, paired_difference
from ownwords.turns import turn_of
from ownwords.variants import SEED, VANILLA, baseline

Scores = dict[str, float]

#: Begins the name of a further metric's column.
MORE = "more."
#: What a score file holds beside the rows.
FACTS = {"engine", "sanity", "usable", "reason"}
#: Of what a judge was asked about: who it was.
JUDGE = "judge"
#: What those of earlier versions lack, and what not all have.
LATER_FACTS = {"repeated", "chance", JUDGE}
#: So many training examples tell whether answers are to be in their prompts' language.
REFERENCES_READ = 200


def files(context: Context, benchmark: str, label: str) -> list[Path]:
    """The per-item scores of a variant, and what cannot be read off them."""
    folder = context.run.scores_dir / benchmark
    outputs = [] if find_benchmark(benchmark).output is None else [folder / f"{label}.outputs.json"]
    return [folder / f"{label}.parquet", folder / f"{label}.json", *outputs]


def write_items(context: Context, exam: Exam) -> None:
    """`scores/<benchmark>/<variant>.parquet`, a row an item, and `.json` beside it with what cannot be read off them;
    `.outputs.json` where another tool reads the answers too.

    An item whose answers hold an error has no score: it is counted, never guessed. Further metrics have a column each;
    those that read what nobody has said have none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    benchmark, readings = exam.benchmark, exam.readings()
    more = [metric for metric in benchmark.more if readings[metric.reads]]
    rows = [_row(exam, item, more, readings) for item in exam.items]
    folder = context.run.scores_dir / benchmark.name
    schema = pa.schema(
        [
            ("item_id", pa.string()),
            ("score", pa.float64()),
            ("answer", pa.string()),
            ("finish_reason", pa.string()),
            ("completion_tokens", pa.int64()),
            ("error", pa.string()),
            ("judgements", pa.string()),
            ("verdicts", pa.string()),
            *((f"{MORE}{metric.name}", pa.float64()) for metric in more),
        ]
    )
    table = pa.Table.from_pylist(rows, schema=schema)
    write_atomic(folder / f"{exam.label}.parquet", lambda temporary: pq.write_table(table, temporary))
    answers = exam.by_item()
    cut = benchmark.cut or (lambda item, answer: answer)
    given = [(item, cut(item, answer)) for item in exam.items for answer in answers[item.id]]
    sanity: Sanity | None = None
    if benchmark.generative and given:
        sanity = judge_answers([answer for _, answer in given], [item.question for item, _ in given])
    reason = sanity.reason if sanity else judge_likelihoods([answer for _, answer in given])
    repeated = sum(hash(folded(item.question)) in context.training_prompts for item in exam.items)
    facts = {
        "engine": dict(exam.engine),
        "sanity": None if sanity is None else asdict(sanity),
        "usable": not reason,
        "reason": reason,
        "repeated": repeated,
        "chance": _chance(exam),
    }
    if exam.judgements:
        facts[JUDGE] = judge_facts(context)
    if repeated:
        said = f"{repeated:,} of {len(exam.items):,} questions of {benchmark.name} are training prompts"
        say(f"{said}: the score of {exam.label} holds them, and measures memory there")
    write_json(folder / f"{exam.label}.json", facts)
    if benchmark.output is not None:
        generator = f"{context.run.directory.resolve().name}-{exam.label}"
        outputs = [{**benchmark.output(item, answers[item.id]), "generator": generator} for item in exam.items]
        write_json(folder / f"{exam.label}.outputs.json", outputs)


def _chance(exam: Exam) -> float | None:
    """What guessing would score, where the likeliest of several choices is taken."""
    parts = [item.gold[0] for item in exam.items if isinstance(item.gold, tuple) and isinstance(item.gold[0], Part)]
    if exam.benchmark.unit != "share" or not parts or len(parts) < len(exam.items):
        return None
    return sum(len(part.right) / len(part.pairs) for part in parts) / len(parts)


def _row(
    exam: Exam, item: Item, more: Sequence[Metric], readings: Mapping[Reads, Mapping[str, Sequence[Any]]]
) -> dict[str, Any]:
    completions: Sequence[Completion] = readings["answers"][item.id]
    error = next((c.error for c in completions if c.error is not None), None)
    said, verdicts = exam.judgements.get(item.id, []), [asdict(v) for v in exam.verdicts.get(item.id, [])]

    def score(metric: Metric) -> float | None:
        value = None if error else metric.score(item, readings[metric.reads][item.id])
        return None if value is None else float(value)

    own = score(exam.benchmark.metrics[0])
    return {
        "item_id": item.id,
        "score": own,
        "answer": completions[0].text if exam.benchmark.generative else "",
        "finish_reason": completions[0].finish_reason,
        "completion_tokens": sum(c.completion_tokens for c in completions),
        "error": _problem(error, said) if own is None else "",
        "judgements": json.dumps([turn_of(c).as_text() for c in said], ensure_ascii=False) if said else "",
        "verdicts": json.dumps(verdicts, ensure_ascii=False) if verdicts else "",
        **{f"{MORE}{metric.name}": score(metric) for metric in more},
    }


def _problem(error: RowError | None, said: Sequence[Completion]) -> str:
    """Why an item has no score."""
    if error is not None:
        return f"{error.kind}: {error.message}"
    silent = next((judgement.error for judgement in said if judgement.error is not None), None)
    if silent is not None:
        return f"no score: the judge gave no answer ({silent.kind}: {silent.message})"
    return "no score: what the judge said cannot be read" if said else "no score"


def other_engine(context: Context, benchmark: str, label: str, engine: Mapping[str, str]) -> tuple[str, str] | None:
    """The first other variant whose finished scores there another engine made, and that engine; else None."""
    for name in (SEED, *context.variants):
        path = context.run.scores_dir / benchmark / f"{name}.json"
        finished = context.run.stage(f"evaluate/{benchmark}/{name}").get("status") == "done"
        if name == label or not finished or not path.exists():
            continue
        other: dict[str, str] = _read_facts(path)["engine"]
        if other != dict(engine):
            return name, ", ".join(f"{key} {value}" for key, value in other.items() if engine.get(key) != value)
    return None


def write_summary(context: Context) -> None:
    """`scores/summary.json`: every benchmark and variant of the recipe that has been evaluated so far.

    Scores of weights that are no longer those of the recipe (it changed, and training them again failed) are left out.
    """
    benchmarks = [find_benchmark(settings.name) for settings in context.recipe.evaluate.benchmarks]
    summary: dict[str, Any] = {"benchmarks": [], "scores": [], "differences": [], "over_seeds": []}
    known = [variant for variant in context.variants.values() if tune.is_ready(context, variant)]
    against = {variant.label: baseline(variant, known) for variant in known}
    for benchmark in benchmarks:
        for metric in benchmark.metrics:
            _summarise(context, benchmark, metric, against, summary)
    correct(summary)
    write_json(context.run.scores_dir / "summary.json", summary)


def correct(summary: dict[str, Any]) -> None:
    """Give every difference between usable scores its `p_holm`; from there on `beyond_noise` holds after correction.

    `beyond_alone` keeps what holds of a difference by itself, `comparisons` the size of the family.
    """
    unusable = {(row["benchmark"], row["variant"]) for row in summary["scores"] if not row["usable"]}
    family = [row for row in summary["over_seeds"] if row["p"] is not None]
    for row in summary["differences"]:
        if not {(row["benchmark"], row["variant"]), (row["benchmark"], row["baseline"])} & unusable:
            family.append(row)
    for row, corrected in zip(family, holm([row["p"] for row in family]), strict=True):
        row["p_holm"] = corrected
        row["beyond_noise"] = row["beyond_alone"] and corrected < 1 - LEVEL
    summary["comparisons"] = len(family)


def _summarise(
    context: Context,
    benchmark: Benchmark,
    metric: Metric,
    against: Mapping[str, str | None],
    summary: dict[str, Any],
) -> None:
    """Add a metric's part of the summary, if any variant has scores by it."""
    own = metric.name == benchmark.metric
    name = benchmark.name if own else f"{benchmark.name}/{metric.name}"
    found: dict[str, Scores] = {}
    rows: dict[str, dict[str, Any]] = {}
    for label in (SEED, *against):
        path = files(context, benchmark.name, label)[0]
        column = "score" if own else f"{MORE}{metric.name}"
        if not path.is_file() or not (own or _has_column(path, column)):
            continue
        scored, missing = read_table(path, column)
        if not own and not scored and metric.reads != "judgements":  # of a judge, silence is worth telling
            continue
        found[label] = scored
        arm = label if label == SEED else context.variants[label].arm.name
        names = {"benchmark": name, "arm": arm, "variant": label}
        judged = metric.reads == "judgements"
        rows[label] = {**names, **_score(scored, missing, path, own=own and label == SEED, judged=judged)}
    if not found:
        return
    _compare_languages(context, rows)
    summary["scores"].extend(rows.values())
    summary["benchmarks"].append(_describe(benchmark, metric, name))
    summary["differences"].extend(differences(name, found, against))
    unusable = {label for label, row in rows.items() if not row["usable"]}
    summary["over_seeds"].extend(_over_seeds(context, name, found, unusable))


def _compare_languages(context: Context, rows: Mapping[str, dict[str, Any]]) -> None:
    """A variant's score is unusable where it has left the language of its prompts and the seed has not.

    A task of translation leaves it with the seed too, and a model that was trained on references in another language
    than their prompts is meant to: neither is held against it.
    """
    of_seed = (rows.get(SEED) or {}).get("sanity")
    for label, row in rows.items():
        if label == SEED or not of_seed or not row.get("sanity") or not row["usable"]:
            continue
        reason = other_language(Sanity.read(row["sanity"]), Sanity.read(of_seed))
        if reason and _keeps_language(context):
            row.update(usable=False, reason=reason)


def _keeps_language(context: Context) -> bool:
    """Whether most training references are in the language of their prompts, as far as that can be told."""
    step = max(1, len(context.train) // REFERENCES_READ)
    examples = [context.train[index] for index in range(0, len(context.train), step)]
    told = [one for e in examples if (one := in_one_language(e.reference, e.prompt)) is not None]
    return not told or sum(told) / len(told) >= 0.5


def read_scores(context: Context, benchmark: str, label: str) -> Scores:
    """A variant's scores by item id; items without a score are left out."""
    return read_table(files(context, benchmark, label)[0])[0]


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


def _has_column(path: Path, column: str) -> bool:
    import pyarrow.parquet as pq

    try:
        return column in pq.read_schema(path).names
    except (OSError, ValueError):  # reading its own scores says what is wrong with it
        return False


def read_table(path: Path, column: str = "score") -> tuple[Scores, int]:
    """Scores by item id, and how many items have none."""
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path, columns=["item_id", column]).to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's errors are kinds of ValueError
        raise StageError(_damaged(path, str(error).partition("\n")[0])) from error
    scores = {row["item_id"]: row[column] for row in rows if row[column] is not None}
    return scores, len(rows) - len(scores)


def _read_facts(path: Path) -> dict[str, Any]:
    """What `write_items` wrote beside the scores."""
    facts = read_json(path)
    if not isinstance(facts, dict) or facts.keys() - LATER_FACTS != FACTS or not isinstance(facts["engine"], dict):
        raise StageError(_damaged(path, f"it must hold {', '.join(sorted(FACTS))}"))
    return facts


def _damaged(path: Path, reason: str) -> str:
    return f"{path} is not what ownwords writes there: {reason}. Remove it and run the command again."


def _score(scores: Scores, errors: int, path: Path, *, own: bool, judged: bool) -> dict[str, Any]:
    """`own`: of the seed, by the benchmark's own metric, so that a score at chance is worth a word."""
    facts = _read_facts(path.parent / f"{path.name.removesuffix('.parquet')}.json")
    row: dict[str, Any] = {"n": len(scores), "errors": errors}
    if judged and JUDGE in facts:
        row[JUDGE] = facts[JUDGE]
    if not scores:
        return {**row, "mean": None, "low": None, "high": None, "usable": False, "reason": "no item could be scored"}
    interval = mean_interval(list(scores.values()))
    row.update(mean=interval.mean, low=interval.low, high=interval.high)
    row.update(usable=facts["usable"], reason=facts["reason"], sanity=facts["sanity"])
    chance = facts.get("chance") if own else None
    row["caution"] = ""
    if chance is not None and interval.low <= chance:
        row["caution"] = f"not above guessing ({chance:.1%}): what training costs cannot be seen here"
    return {**row, "engine": facts["engine"], "repeated": facts.get("repeated")}


def differences(benchmark: str, found: Mapping[str, Scores], against: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Every variant against the seed, and against its own baseline, on the items that both have."""
    pairs = [(label, SEED) for label in found if label != SEED]
    pairs += [(label, other) for label in found if (other := against.get(label)) is not None]
    rows: list[dict[str, Any]] = []
    for label, other in pairs:
        shared = sorted(found[label].keys() & found.get(other, {}).keys())
        if not shared:
            continue
        difference = paired_difference([found[label][i] for i in shared], [found[other][i] for i in shared])
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
                "p_holm": None,
                "beyond_alone": difference.beyond_noise,
                "beyond_noise": difference.beyond_noise,
            }
        )
    return rows


def _over_seeds(
    context: Context, benchmark: str, found: Mapping[str, Scores], unusable: Set[str]
) -> list[dict[str, Any]]:
    """Variants that differ in their training seed only, together: against the seed model, and against vanilla with the
    same training seeds. Without those of unusable scores, and of fewer than two seeds none."""
    groups: dict[tuple[Any, ...], dict[int, str]] = {}
    for label, variant in context.variants.items():
        if label in found and found[label] and label not in unusable:
            training = variant.training
            key = (variant.arm.name, training.point, variant.part, variant.scale)
            groups.setdefault(key, {})[training.seed] = label
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
            row = _seed_row(found, labels, theirs)
            if row is not None:
                rows.append({**names, "baseline": other, **row})
    return rows


def _seed_row(found: Mapping[str, Scores], ours: Mapping[int, str], theirs: Mapping[int, str]) -> dict[str, Any] | None:
    seeds = [seed for seed in ours if seed in theirs]
    if len(seeds) < 2:
        return None
    pairs = [(found[ours[seed]], found[theirs[seed]]) for seed in seeds]
    shared = sorted(set.intersection(*(set(one) for pair in pairs for one in pair)))
    if len(shared) < 2:
        return None
    first, second = ([[pair[side][item] for item in shared] for pair in pairs] for side in (0, 1))
    difference: SeedDifference = difference_over_seeds(first, second)
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
        "p_holm": None,
        "beyond_alone": difference.beyond_noise,
        "beyond_noise": difference.beyond_noise,
    }
