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
from ownwords.stages.context import Context
from ownwords.stats import mean_interval, paired_difference

Scores = dict[str, float]

#: What an arm's score file holds beside the rows.
FACTS = {"variant", "engine", "sanity", "usable", "reason"}


def files(context: Context, benchmark: str, arm: str) -> list[Path]:
    """The per-item scores of an arm, and what cannot be read off them."""
    folder = context.run.scores_dir / benchmark
    return [folder / f"{arm}.parquet", folder / f"{arm}.json"]


def write_items(
    context: Context,
    benchmark: Benchmark,
    arm: str,
    *,
    items: Sequence[Item],
    answers: Mapping[str, Sequence[Completion]],
    engine: Mapping[str, str],
) -> None:
    """`scores/<benchmark>/<arm>.parquet`, a row an item, and `.json` beside it with what cannot be read off the rows.

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
    write_atomic(folder / f"{arm}.parquet", lambda temporary: pq.write_table(table, temporary))
    generated = [answers[item.id][0] for item in unique] if benchmark.generative else []
    sanity = judge_answers(generated) if generated else None
    facts = {
        "variant": context.variant,
        "engine": dict(engine),
        "sanity": None if sanity is None else asdict(sanity),
        "usable": sanity is None or sanity.usable,
        "reason": "" if sanity is None else sanity.reason,
    }
    write_json(folder / f"{arm}.json", facts)


def other_engine(context: Context, benchmark: str, arm: str, engine: Mapping[str, str]) -> tuple[str, str] | None:
    """The first other arm whose finished scores on the benchmark another engine made, and that engine; else None."""
    for name in ("seed", *context.recipe.tune.arms):
        path = context.run.scores_dir / benchmark / f"{name}.json"
        finished = context.run.stage(f"evaluate/{benchmark}/{name}").get("status") == "done"
        if name == arm or not finished or not path.exists():
            continue
        other: dict[str, str] = _read_facts(path)["engine"]
        if other != dict(engine):
            return name, ", ".join(f"{key} {value}" for key, value in other.items() if engine.get(key) != value)
    return None


def write_summary(context: Context) -> None:
    """`scores/summary.json`: every benchmark and arm of the recipe that has been evaluated so far."""
    arms = ["seed", *context.recipe.tune.arms]
    benchmarks = [find_benchmark(settings.name) for settings in context.recipe.evaluate.benchmarks]
    summary: dict[str, list[dict[str, Any]]] = {"benchmarks": [], "scores": [], "differences": []}
    for benchmark in benchmarks:
        by_arm: dict[str, Scores] = {}
        for arm in arms:
            path = context.run.scores_dir / benchmark.name / f"{arm}.parquet"
            if path.is_file():
                by_arm[arm], errors = _read_scores(path)
                summary["scores"].append(_score_row(benchmark.name, arm, by_arm[arm], errors, path))
        if by_arm:
            summary["benchmarks"].append(_describe(benchmark))
            summary["differences"] += _differences(benchmark.name, by_arm)
    write_json(context.run.scores_dir / "summary.json", summary)


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
    """What `write_items` wrote beside an arm's scores."""
    facts = read_json(path)
    if not isinstance(facts, dict) or facts.keys() != FACTS or not isinstance(facts["engine"], dict):
        raise StageError(_damaged(path, f"it must hold {', '.join(sorted(FACTS))}"))
    return facts


def _damaged(path: Path, reason: str) -> str:
    return f"{path} is not what ownwords writes there: {reason}. Remove it and run the command again."


def _score_row(benchmark: str, arm: str, scores: Scores, errors: int, path: Path) -> dict[str, Any]:
    facts = _read_facts(path.with_suffix(".json"))
    row = {"benchmark": benchmark, "arm": arm, "variant": facts["variant"], "n": len(scores), "errors": errors}
    if not scores:
        return {**row, "mean": None, "low": None, "high": None, "usable": False, "reason": "no item could be scored"}
    interval = mean_interval(list(scores.values()))
    row.update(mean=interval.mean, low=interval.low, high=interval.high)
    row.update(usable=facts["usable"], reason=facts["reason"], sanity=facts["sanity"])
    return {**row, "engine": facts["engine"]}


def _differences(benchmark: str, by_arm: Mapping[str, Scores]) -> list[dict[str, Any]]:
    """Every trained arm against the seed, and every other arm against vanilla, on the items that both have."""
    pairs = [(arm, "seed") for arm in by_arm if arm != "seed"]
    pairs += [(arm, "vanilla") for arm in by_arm if arm not in {"seed", "vanilla"}]
    rows: list[dict[str, Any]] = []
    for arm, baseline in pairs:
        shared = sorted(by_arm[arm].keys() & by_arm.get(baseline, {}).keys())
        if not shared:
            continue
        difference = paired_difference([by_arm[arm][i] for i in shared], [by_arm[baseline][i] for i in shared])
        rows.append(
            {
                "benchmark": benchmark,
                "arm": arm,
                "baseline": baseline,
                "n": difference.n,
                "mean": difference.mean,
                "low": difference.low,
                "high": difference.high,
                "p": difference.p,
                "beyond_noise": difference.beyond_noise,
            }
        )
    return rows
