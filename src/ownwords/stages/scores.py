"""Score files: one number per test item in Parquet, and beside it what cannot be read off the rows."""

# pyright: basic
from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ownwords.benchmarks._likelihood import Part
from ownwords.benchmarks._sanity import Sanity, judge_answers, judge_likelihoods
from ownwords.benchmarks.base import Item, Metric, Reads, SeedAnswer, find_benchmark
from ownwords.data.load import folded
from ownwords.errors import StageError
from ownwords.progress import say
from ownwords.records import Completion, RowError
from ownwords.run import read_json, write_atomic, write_json
from ownwords.stages.context import Context
from ownwords.stages.exam_judge import judge_facts
from ownwords.stages.exams import Exam
from ownwords.turns import turn_of

Scores = dict[str, float]

#: Begins the name of a further metric's column.
MORE = "more."
#: What a score file holds beside the rows.
FACTS = {"engine", "sanity", "usable", "reason"}
#: Of what a judge was asked about: who it was.
JUDGE = "judge"
#: Of how many pairs a judge could have told the answers apart, and of how many it said that they are equally good.
TIES = "ties"
#: What those of earlier versions lack, and what not all have.
LATER_FACTS = {"repeated", "chance", JUDGE, TIES}


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
    sanity = _sanity(exam, given)
    if benchmark.generative and sanity is not None:
        reason = sanity.reason
    else:
        reason = judge_likelihoods([answer for _, answer in given])
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
        if benchmark.is_tie is not None:
            facts[TIES] = _ties(benchmark.is_tie, exam)
    if repeated:
        said = f"{repeated:,} of {len(exam.items):,} questions of {benchmark.name} are training prompts"
        say(f"{said}: the score of {exam.label} holds them, and measures memory there")
    write_json(folder / f"{exam.label}.json", facts)
    if benchmark.output is not None:
        generator = f"{context.run.directory.resolve().name}-{exam.label}"
        outputs = [{**benchmark.output(item, answers[item.id]), "generator": generator} for item in exam.items]
        write_json(folder / f"{exam.label}.outputs.json", outputs)


def _sanity(exam: Exam, given: Sequence[tuple[Item, Completion]]) -> Sanity | None:
    """The shares of the answers; of a score made of likelihoods, those of the texts whose likelihood it is, where a
    model wrote them for it. They are no gate there: such a text is cut by design and a sample all the same, and an arm
    that loops is as far from the seed as its score says."""
    if exam.benchmark.generative:
        items, answers = [item for item, _ in given], [answer for _, answer in given]
    else:
        items = [item for item in exam.items if isinstance(item.gold, SeedAnswer)]
        answers = [Completion(i.id, i.gold.text, "stop" if i.gold.finished else "length") for i in items]
    if not answers:
        return None
    right = [item.gold for item in items] if exam.benchmark.generative else None
    return judge_answers(answers, [item.question for item in items], right)


def _ties(
    is_tie: Callable[[Item, Sequence[Completion], Sequence[Completion]], bool | None], exam: Exam
) -> dict[str, int]:
    answers, said = exam.by_item(), exam.judgements
    told = [is_tie(item, answers[item.id], said[item.id]) for item in exam.items if said.get(item.id)]
    return {"pairs": len(told) - told.count(None), "ties": told.count(True)}


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


def read_scores(context: Context, benchmark: str, label: str) -> Scores:
    """A variant's scores by item id; items without a score are left out."""
    return read_table(files(context, benchmark, label)[0])[0]


def has_column(path: Path, column: str) -> bool:
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
    wrong = next((value for value in scores.values() if not isinstance(value, float) or not math.isfinite(value)), None)
    if wrong is not None:
        raise StageError(_damaged(path, f"{str(wrong)[:60]!r} is no score"))
    return scores, len(rows) - len(scores)


def read_facts(path: Path) -> dict[str, Any]:
    """What `write_items` wrote beside the scores."""
    facts = read_json(path)
    if not isinstance(facts, dict) or facts.keys() - LATER_FACTS != FACTS or not isinstance(facts["engine"], dict):
        raise StageError(_damaged(path, f"it must hold {', '.join(sorted(FACTS))}"))
    try:
        if facts["sanity"] is not None:
            Sanity.read(facts["sanity"])
    except TypeError as error:
        raise StageError(_damaged(path, "its `sanity` must be null or hold the shares of the answers")) from error
    return facts


def _damaged(path: Path, reason: str) -> str:
    return f"{path} is not what ownwords writes there: {reason}. Remove it and run the command again."
