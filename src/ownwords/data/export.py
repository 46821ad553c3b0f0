"""Training rows as Parquet: conversational prompt and completion, with where each target comes from beside them.

TRL trains such rows on the completion only, with no template markers. No cell is ever null: text that there is none of
is "", a number is -1.
"""

# pyright: basic
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from ownwords.records import Outcome, Source, Verdict
from ownwords.run import atomic

#: What each column holds, in the order of the file. The dataset card prints this table.
COLUMNS: dict[str, str] = {
    "prompt": "messages before the target: role and content of each",
    "completion": "the target: one assistant message",
    "id": "hash of the row's content with an occurrence number among equal rows",
    "outcome": "accepted (a candidate passed) or fallback (the reference was taken)",
    "source": "where the target comes from: own, rewrite or reference",
    "reason": "why it came to this outcome",
    "reference": "the target as the dataset had it",
    "verdicts": "JSON: what each check said of the candidate (check, passed, reason, detail)",
    "prompt_preset": "rewriting prompt; empty where the model was asked without one",
    "prompt_hash": "hash of the rewriting prompt's text, empty likewise",
    "model": "model that was asked: the seed model, or rewrite.model",
    "revision": "its revision; empty where none was named",
    "engine": "JSON: what ran the model (kind, version, dtype, device, weights hash)",
    "sampling": "JSON: how the rewrite was drawn",
    "attempt": "number of the attempt that decided, from 0; -1 where nothing was asked",
    "prompt_tokens": "tokens of the prompt as asked; -1 where nothing was asked",
    "completion_tokens": "tokens of the answer; -1 where nothing was asked",
}

#: Rows of a file are written in groups of so many.
ROW_GROUP = 10_000

NO_TOOLS = "[]"  # in a file of which other rows have tools

#: Columns that a file has only if its rows need them.
EXTRA_COLUMNS: dict[str, str] = {
    "tools": "JSON: the functions that the conversation may call, as OpenAI lists them; calls stand in the text",
    "chat_template_kwargs": "what the chat template is told: not to think",
}

_PROVENANCE = ("prompt_preset", "prompt_hash", "model", "revision", "sampling")
_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True)


def training_row(outcome: Outcome, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """One row with the outcome's own target; `with_targets` gives another arm's.

    `provenance` has `prompt_preset`, `prompt_hash`, `model`, `revision` (text or None) and `sampling` (JSON).
    """
    example, completion = outcome.example, outcome.completion
    return {
        "prompt": [message.as_dict() for message in example.messages],
        "completion": [{"role": "assistant", "content": outcome.target or ""}],
        "id": example.id,
        "outcome": outcome.kind,
        "source": outcome.source or "",
        "reason": outcome.reason,
        "reference": example.reference,
        "verdicts": _verdicts(outcome.verdicts),
        **{name: provenance[name] or "" for name in _PROVENANCE},
        "engine": outcome.engine,
        "attempt": outcome.attempt,
        "prompt_tokens": -1 if completion is None else completion.prompt_tokens,
        "completion_tokens": -1 if completion is None else completion.completion_tokens,
    }


@lru_cache(maxsize=1024)  # most rows have the same: every check passed
def _verdicts(verdicts: tuple[tuple[str, Verdict], ...]) -> str:
    return _JSON.encode(
        [
            {"check": name, "passed": verdict.passed, "reason": verdict.reason, "detail": verdict.detail}
            for name, verdict in verdicts
        ]
    )


def tools_of(row: Mapping[str, Any]) -> str:
    """The tools of a training row as examples have them: empty where it has none."""
    tools = str(row.get("tools", NO_TOOLS))
    return "" if tools == NO_TOOLS else tools


def has_tools(path: Path) -> bool:
    """Whether a Parquet file of training rows has a column of tools."""
    import pyarrow.parquet as pq

    return "tools" in pq.read_schema(path).names


def training_table(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows of `training_row` as an Arrow table; of EXTRA_COLUMNS it has those that every row has.

    Raises:
        ValueError: a row lacks a column, has one too many, or holds a null.
    """
    import pyarrow as pa

    message = _message_type()
    kinds = {"prompt": pa.list_(message), "completion": pa.list_(message)}
    kinds |= dict.fromkeys(("attempt", "prompt_tokens", "completion_tokens"), pa.int64())
    kinds |= {"chat_template_kwargs": pa.struct([("enable_thinking", pa.bool_())])}
    extra = [name for name in EXTRA_COLUMNS if rows and all(name in row for row in rows)]
    names = [*COLUMNS, *extra]
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    for row in rows:
        _require_columns(row, names)
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def with_targets(table: Any, texts: Sequence[str], sources: Sequence[Source]) -> Any:
    """The same rows trained on other targets: one text and one source a row."""
    import pyarrow as pa

    if not len(texts) == len(sources) == table.num_rows:
        raise ValueError(f"{len(texts)} targets and {len(sources)} sources for {table.num_rows} rows")
    roles = pa.array(["assistant"] * len(texts), pa.string())
    messages = pa.StructArray.from_arrays([roles, pa.array(texts, pa.string())], fields=list(_message_type()))
    completions = pa.ListArray.from_arrays(pa.array(range(len(texts) + 1), pa.int32()), messages)
    place = table.schema.get_field_index
    table = table.set_column(place("completion"), "completion", completions.cast(pa.list_(_message_type())))
    return table.set_column(place("source"), "source", pa.array(sources, pa.string()))


def write_tables(paths: Sequence[Path], pieces: Iterable[Sequence[Any]]) -> None:
    """Write Parquet files side by side, each whole or not at all; equal tables give equal bytes.

    Each of `pieces`, of which there is at least one, has a table for every file: its next rows. While a row group is
    written, the next one is put together.
    """
    left = iter(pieces)
    first = next(left)
    with ExitStack() as files:
        writers = [_writer(files, path, table.schema) for path, table in zip(paths, first, strict=True)]
        thread = files.enter_context(ThreadPoolExecutor(max_workers=1))
        writing: Future[None] | None = None
        for group in _row_groups(chain([first], left)):
            if writing is not None:
                writing.result()
            writing = thread.submit(_write_group, writers, group)
        if writing is not None:
            writing.result()


def _row_groups(pieces: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    group: list[Sequence[Any]] = []
    rows = 0
    for tables in pieces:
        group.append(tables)
        rows += tables[0].num_rows
        if rows >= ROW_GROUP:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _writer(files: ExitStack, path: Path, schema: Any) -> Any:
    """A Parquet writer to a temporary file, which takes its place when the stack is closed."""
    import pyarrow.parquet as pq

    return files.enter_context(pq.ParquetWriter(files.enter_context(atomic(path)), schema, compression="zstd"))


def _write_group(writers: Sequence[Any], pieces: Sequence[Sequence[Any]]) -> None:
    import pyarrow as pa

    for writer, tables in zip(writers, zip(*pieces, strict=True), strict=True):
        writer.write_table(pa.concat_tables(tables).combine_chunks(), row_group_size=ROW_GROUP)


def _message_type() -> Any:
    import pyarrow as pa

    return pa.struct([("role", pa.string()), ("content", pa.string())])


def _require_columns(row: Mapping[str, Any], columns: Sequence[str]) -> None:
    if row.keys() != set(columns):
        raise ValueError(f"a training row has other columns than the file: {sorted(row.keys() ^ set(columns))}")
    nulls = [name for name, value in row.items() if value is None]
    if nulls:
        raise ValueError(f"training row {row['id']} holds null in {', '.join(nulls)}")
