"""Score files: one number per test item in Parquet, means with intervals and paired differences in summary.json."""

# pyright: basic
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ownwords.benchmarks._sanity import judge_answers
from ownwords.benchmarks.base import Benchmark, Item, find_benchmark
from ownwords.errors import StageError
from ownwords.records import Completion
from ownwords.run import read_json, write_atomic, write_json
from ownwords.stages import tune
from ownwords.stages.context import Context
from ownwords.stats import mean_interval, paired_difference
from ownwords.variants import SEED, baseline

Scores = dict[str, float]

#: What a score file holds beside the rows.
FACTS = {"engine", "sanity", "usable", "reason"}


def files(context: Context, benchmark: str, label: str) -> list[Path]:
    """The per-item scores of a variant, and what cannot be read off them."""
    folder = context.run.scores_dir / benchmark
    return [folder / f"{label}.parquet", folder / f"{label}.json"]


def write_items(
    context: Context,
    benchmark: Benchmark,
    label: str,
    *,
    items: Sequence[Item],
    answers: Mapping[str, Sequence[Completion]],
    engine: Mapping[str, str],
) -> None:
    """`scores/<benchmark>/<label>.parquet`, a row an item, and `.json` beside it with what cannot be read off the rows.

    An item whose completions hold an error has no score: it is counted, never guessed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    unique = list({item.id: item for item in items}.values())
    rows: list[dict[str, Any]] = []
    for item in unique:
        completions = answers[item.id]
        error = next((c.error for c in completions if c.error is not None), None)
        rows.append(
            {
                "item_id": item.id,
                "score": None if error else float(benchmark.score(item, completions)),
                "answer": completions[0].text if benchmark.generative else "",
                "finish_reason": completions[0].finish_reason,
                "completion_tokens": sum(c.completion_tokens for c in completions),
                "error": f"{error.kind}: {error.message}" if error else "",
            }
        )
    folder = context.run.scores_dir / benchmark.name
    schema = pa.schema(
        [
            ("item_id", pa.string()),
            ("score", pa.float64()),
            ("answer", pa.string()),
            ("finish_reason", pa.string()),
            ("completion_tokens", pa.int64()),
            ("error", pa.string()),
        ]
    )
    table = pa.Table.from_pylist(rows, schema=schema)
    write_atomic(folder / f"{label}.parquet", lambda temporary: pq.write_table(table, temporary))
    generated = [answers[item.id][0] for item in unique] if benchmark.generative else []
    sanity = judge_answers(generated) if generated else None
    facts = {
        "engine": dict(engine),
        "sanity": None if sanity is None else asdict(sanity),
        "usable": sanity is None or sanity.usable,
        "reason": "" if sanity is None else sanity.reason,
    }
    write_json(folder / f"{label}.json", facts)


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
    summary: dict[str, list[dict[str, Any]]] = {"benchmarks": [], "scores": [], "differences": []}
    known = [variant for variant in context.variants.values() if tune.is_ready(context, variant)]
    against = {variant.label: baseline(variant, known) for variant in known}
    for benchmark in benchmarks:
        found: dict[str, Scores] = {}
        for label in (SEED, *against):
            path = context.run.scores_dir / benchmark.name / f"{label}.parquet"
            if path.is_file():
                found[label], errors = _read_scores(path)
                arm = label if label == SEED else context.variants[label].arm.name
                names = {"benchmark": benchmark.name, "arm": arm, "variant": label}
                summary["scores"].append({**names, **_score(found[label], errors, path)})
        if found:
            summary["benchmarks"].append(_describe(benchmark))
            summary["differences"] += _differences(benchmark.name, found, against)
    write_json(context.run.scores_dir / "summary.json", summary)


def read_scores(context: Context, benchmark: str, label: str) -> Scores:
    """A variant's scores by item id; items without a score are left out."""
    return _read_scores(files(context, benchmark, label)[0])[0]


def _describe(benchmark: Benchmark) -> dict[str, Any]:
    return {
        "name": benchmark.name,
        "summary": benchmark.summary,
        "area": benchmark.area,
        "metric": benchmark.metric,
        "unit": benchmark.unit,
        "higher_is_better": benchmark.higher_is_better,
        "generative": benchmark.generative,
    }


def _read_scores(path: Path) -> tuple[Scores, int]:
    """Scores by item id, and how many items have none."""
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path, columns=["item_id", "score"]).to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's errors are kinds of ValueError
        raise StageError(_damaged(path, str(error).partition("\n")[0])) from error
    scores = {row["item_id"]: row["score"] for row in rows if row["score"] is not None}
    return scores, len(rows) - len(scores)


def _read_facts(path: Path) -> dict[str, Any]:
    """What `write_items` wrote beside the scores."""
    facts = read_json(path)
    if not isinstance(facts, dict) or facts.keys() != FACTS or not isinstance(facts["engine"], dict):
        raise StageError(_damaged(path, f"it must hold {', '.join(sorted(FACTS))}"))
    return facts


def _damaged(path: Path, reason: str) -> str:
    return f"{path} is not what ownwords writes there: {reason}. Remove it and run the command again."


def _score(scores: Scores, errors: int, path: Path) -> dict[str, Any]:
    facts = _read_facts(path.parent / f"{path.name.removesuffix('.parquet')}.json")
    row: dict[str, Any] = {"n": len(scores), "errors": errors}
    if not scores:
        return {**row, "mean": None, "low": None, "high": None, "usable": False, "reason": "no item could be scored"}
    interval = mean_interval(list(scores.values()))
    row.update(mean=interval.mean, low=interval.low, high=interval.high)
    row.update(usable=facts["usable"], reason=facts["reason"], sanity=facts["sanity"])
    return {**row, "engine": facts["engine"]}


def _differences(
    benchmark: str, found: Mapping[str, Scores], against: Mapping[str, str | None]
) -> list[dict[str, Any]]:
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
                "beyond_noise": difference.beyond_noise,
            }
        )
    return rows
