"""One example's story, read from a run's files: what was asked, answered, judged, decided and trained on.

No model is loaded and nothing is written; another process may be working in the run.
"""

# pyright: basic
from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ownwords.checks.named import label_of, unique_labels
from ownwords.data.export import tools_of
from ownwords.errors import InputError, StageError
from ownwords.journal import Entry, read_entries
from ownwords.records import Completion, Example, Message, Request, RowError, Verdict
from ownwords.stages import gap, judging, products
from ownwords.stages.context import JOINING_CHECKS, Context
from ownwords.stages.origins import ORIGINS, OTHER, OWN, REWRITE, Origin, needed
from ownwords.stages.outcomes import decide
from ownwords.stages.targets_of_arms import has_failed
from ownwords.turns import tool_names, turn_of

SHOWN = 5


def explain(context: Context, wanted: str) -> dict[str, Any]:
    """Everything the run knows about the example whose id is, or alone begins with, `wanted`.

    `notes` say what could not be told and why (the data have moved, a prompt file is gone).

    Raises:
        InputError: there is no run, no such example, or several begin with `wanted`.
        StageError: a file of the run is damaged.
    """
    run = context.run
    if not run.exists:
        raise InputError(f"there is no run in {run.directory}: `ownwords run` makes one.")
    notes: list[str] = []
    examples = _examples(context, notes)
    files = {arm: run.arm_data(arm) / "train.parquet" for arm in context.recipe.tune.arm_names}
    example_id = find_id(wanted, {*examples, *(i for path in files.values() for i in _ids(path))}, str(run.directory))
    rows = {arm: row for arm, path in files.items() if (row := _row(path, example_id)) is not None}
    example = examples.get(example_id) or _example(next(iter(rows.values())))
    request = _request(context, REWRITE, example, notes)
    attempts = [
        _attempt(context, origin, example, entry, notes)
        for origin in ORIGINS
        for entry in read_entries(run.journal_path, origin.stage, example_id)
    ]
    likelihoods = _gap(run.directory / "data" / "logprobs" / "gap.parquet", example_id)
    return {
        "id": example_id,
        "run": str(run.directory),
        "example": {
            "messages": [message.as_dict() for message in example.messages],
            "tools": tool_names(example.tools),
            "reference": example.reference,
            "origin": example.origin or None,
        },
        "prompt": None if request is None else _sent(request),
        "attempts": attempts,
        "outcome": _outcome(context, example, rows, attempts),
        "targets": {
            arm: {"text": row["completion"][0]["content"], "source": row["source"]} for arm, row in rows.items()
        },
        "gap": likelihoods,
        "notes": [*notes, *_unfinished(context)],
    }


def find_id(wanted: str, known: Iterable[str], where: str) -> str:
    """The known id that is `wanted`, else the only one that begins with it.

    Raises:
        InputError: none does (the nearest ids are named), or several do (the first are).
    """
    ids = sorted(known)
    if wanted in ids:
        return wanted
    found = [example_id for example_id in ids if example_id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        more = f", … ({len(found):,} in all)" if len(found) > SHOWN else ""
        raise InputError(f"several examples of {where} begin with {wanted!r}: {', '.join(found[:SHOWN])}{more}.")
    near = difflib.get_close_matches(wanted, ids, n=3, cutoff=0.6)
    hint = f"The nearest: {', '.join(near)}." if near else f"Its ids: {', '.join(ids[:SHOWN])}, …"
    raise InputError(f"there is no example {wanted!r} in {where}. {hint}")


def _examples(context: Context, notes: list[str]) -> dict[str, Example]:
    """The training examples by id; none, with a note, where the data can no longer be read."""
    try:
        return {example.id: example for example in context.train}
    except InputError as error:
        notes.append(f"the training data cannot be read, so this is told from the run's own files: {error}")
        return {}


def _request(context: Context, origin: Origin, example: Example, notes: list[str], attempt: int = 0) -> Request | None:
    """An attempt's request as the recipe has it now; none, with a note, where it cannot be told (a prompt cannot be
    read, say)."""
    try:
        return origin.build(context, example, attempt)
    except InputError as error:
        note = f"the prompt as sent cannot be told: {error}"
        notes.extend([note] if note not in notes else [])
        return None


def _unfinished(context: Context) -> list[str]:
    """What is told here may be of an earlier recipe where a stage has to be done (again)."""
    rewriting, measuring = context.run.stage(REWRITE.stage), context.run.stage(gap.STAGE)
    notes: list[str] = []
    stages = [*(origin.stage for origin in needed(context.recipe)), products.STAGE]
    if any(context.run.stage(stage).get("status") != "done" for stage in stages):
        notes.append("rewriting has not finished: outcome and targets, if any, are what finished work left before.")
    if measuring and measuring.get("inputs", {}).get("stage rewrite") != rewriting.get("fingerprint"):
        notes.append("the gap was measured before the rewriting was last done.")
    elif measuring and measuring.get("status") != "done":
        notes.append("measuring the gap has not finished.")
    return notes


def _sent(request: Request) -> dict[str, Any]:
    return {"messages": [message.as_dict() for message in request.messages or ()], "prefill": request.prefill}


def _attempt(context: Context, origin: Origin, example: Example, entry: Entry, notes: list[str]) -> dict[str, Any]:
    """One completion of the journal. `same_prompt`: it answers what the recipe asks of this source, and no earlier
    one did."""
    completion = entry.completion
    request = _request(context, origin, example, notes, entry.key.attempt)
    return {
        "source": origin.name,
        "attempt": entry.key.attempt,
        "same_prompt": request is not None and request.hash == entry.key.request_hash,
        "text": turn_of(completion).as_text(),
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "error": None if completion.error is None else asdict(completion.error),
        "engine": json.loads(entry.engine),
        "verdicts": _verdicts(context, entry),
    }


def _verdicts(context: Context, entry: Entry) -> list[dict[str, Any]]:
    """Every verdict on record, those of the recipe's checks first and in its order; `in_recipe` tells them apart."""
    order = [(check.name, check.params) for check in context.recipe.rewrite.checks]
    order += [(name, {}) for name in JOINING_CHECKS if (name, {}) not in order]
    labels = unique_labels(order)
    told: list[tuple[int, dict[str, Any]]] = []
    for identity, verdict in entry.verdicts.items():
        name, params, _ = json.loads(identity)
        place = order.index((name, params)) if (name, params) in order else len(order)
        label = labels[place] if place < len(order) else label_of(name, params)
        facts = {"check": label, "passed": verdict.passed, "reason": verdict.reason, "detail": verdict.detail}
        told.append((place, {**facts, "in_recipe": place < len(order)}))
    return [facts for _, facts in sorted(told, key=lambda pair: pair[0])]


def _outcome(
    context: Context, example: Example, rows: dict[str, dict[str, Any]], attempts: list[dict[str, Any]]
) -> dict[str, Any] | None:
    """How the example ended: as the arms' data say; dropped where finished rewriting left it out; None before that."""
    row = next(iter(rows.values()), None)
    if row is not None:
        failed = next((verdict for verdict in json.loads(row["verdicts"]) if not verdict["passed"]), None)
        return {"kind": row["outcome"], "reason": row["reason"], "detail": failed["detail"] if failed else ""}
    if context.run.stage(products.STAGE).get("status") != "done" or context.recipe.rewrite.on_failure != "drop":
        return None
    answers = {attempt["source"]: attempt for attempt in attempts if attempt["same_prompt"]}  # the last of each
    sources = (origin for origin in (REWRITE, OWN, OTHER) if origin.name in answers)
    ends = [decide(example, _as_judged(answers[origin.name]), context, origin) for origin in sources]
    failed = next((end for end in ends if has_failed(end)), None)
    return None if failed is None else {"kind": "dropped", "reason": failed.reason, "detail": failed.detail}


def _as_judged(attempt: dict[str, Any]) -> judging.Attempt:
    """An attempt of the journal as rewriting decides on it: with the verdicts of the recipe's checks."""
    verdicts = {
        verdict["check"]: Verdict(verdict["passed"], verdict["reason"], verdict["detail"])
        for verdict in attempt["verdicts"]
        if verdict["in_recipe"]
    }
    error = RowError(**attempt["error"]) if attempt["error"] else None
    return judging.Attempt(attempt["attempt"], Completion("", attempt["text"], error=error), verdicts, "")


def _example(row: dict[str, Any]) -> Example:
    messages = tuple(Message(message["role"], message["content"]) for message in row["prompt"])
    return Example(row["id"], messages, row["reference"], tools=tools_of(row))


def _ids(path: Path) -> list[str]:
    return [row["id"] for row in _read(path, columns=["id"])]


def _row(path: Path, example_id: str) -> dict[str, Any] | None:
    return next(iter(_read(path, filters=[("id", "=", example_id)])), None)


def _gap(path: Path, example_id: str) -> dict[str, Any] | None:
    """Nats per token and tokens of reference and final target under the seed model; None where not measured.

    A target that is the reference is measured once.
    """
    rows = _read(path, filters=[("example_id", "=", example_id)])
    parts = {row["part"]: row["logprobs"] for row in rows}
    if gap.REFERENCE not in parts:
        return None
    scored = {"reference": parts[gap.REFERENCE], "target": parts.get(gap.TARGET, parts[gap.REFERENCE])}
    return {
        name: {"nats_per_token": -sum(values) / len(values), "tokens": len(values)} for name, values in scored.items()
    }


def _read(path: Path, **selection: Any) -> list[dict[str, Any]]:
    """Rows of a Parquet file of the run; none where there is no file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return []
    try:
        return pq.read_table(path, **selection).to_pylist()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise StageError(f"{path} cannot be read: {reason}. Remove it and run its stage again.") from error
