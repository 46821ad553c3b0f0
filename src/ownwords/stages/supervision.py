"""Tokenised training rows, and the count of what they supervise: known and shown before a step is trained.

Rows go through the same rendering as rewriting and evaluation (`rendering.target_ids`), so the trainer sees token ids
and decides nothing itself: no silent truncation, no row dropped without a count.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ownwords.data.export import tools_of
from ownwords.errors import DataError, StageError
from ownwords.records import Example, Message, digest
from ownwords.rendering import Given, TemplateError, target_ids

IGNORED = -100  # the label that the loss leaves out
SHOWN = 5

TooLong = Literal["error", "drop", "truncate"]


@dataclass(slots=True)
class Supervision:
    """Rows ready for training and their counts. Tokens are counted after the chat template, end of turn included.

    `heldout` rows only tell when to stop; nothing is trained on them and the counts leave them out. `masked_tokens`
    are targets that are read and not trained on; `emptied_rows` had no others and are left out.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    heldout: list[dict[str, Any]] = field(default_factory=list)
    supervised_tokens: int = 0
    truncated_rows: int = 0
    truncated_tokens: int = 0
    dropped_rows: int = 0
    masked_tokens: int = 0
    emptied_rows: int = 0
    too_long: list[tuple[str, int]] = field(default_factory=list)

    def describe(self) -> str:
        held = f", {len(self.heldout)} rows held out to tell when to stop" if self.heldout else ""
        return (
            f"{len(self.rows)} rows, {self.supervised_tokens:,} supervised tokens, "
            f"{self.truncated_rows} truncated ({self.truncated_tokens:,} tokens cut off), "
            f"{self.dropped_rows} dropped{self._masked()}{held}"
        )

    def _masked(self) -> str:
        if not self.masked_tokens:
            return ""
        share = self.masked_tokens / (self.masked_tokens + self.supervised_tokens)
        emptied = f", with them all of {self.emptied_rows} rows, which are left out" if self.emptied_rows else ""
        return f", {self.masked_tokens:,} tokens masked ({share:.0%} of all){emptied}"


def held_out_ids(ids: Sequence[str], share: float, seed: int) -> set[str]:
    """A share of the rows, at least one: by a hash of their ids, so that it is the same for every arm and order.

    Raises:
        DataError: nothing would be left to train on.
    """
    count = max(1, round(len(ids) * share))
    if count >= len(ids):
        raise DataError(f"tune.early_stopping.share={share:g} leaves none of the {len(ids)} rows to train on.")
    return set(sorted(ids, key=lambda row_id: digest([seed, row_id]))[:count])


def supervise(
    tokenizer: Any,
    rows: Iterable[Mapping[str, Any]],
    max_length: int,
    on_too_long: TooLong,
    held_out: Set[str] = frozenset(),
    *,
    thinking: bool | None = None,
) -> Supervision:
    """Tokenise training rows (`id`, `prompt`, `completion`, `reference`, `tools`) with the tokenizer's chat template.

    Each result row has `input_ids`, `labels` (prompt ignored), `target`: tokens of the whole target, and `length`:
    tokens of prompt and *reference*, whatever the target, so that every arm groups rows alike. Rows of `held_out` are
    kept apart.

    Raises:
        DataError: a row is longer than `max_length` and `on_too_long` is "error", or the template refuses one.
        StageError: nothing is left to supervise.
    """
    result = Supervision()
    for row in rows:
        text = row["completion"][0]["content"]
        prompt, target = _ids(tokenizer, row, text, thinking)
        reference = target if text == row["reference"] else _ids(tokenizer, row, row["reference"], thinking)[1]
        length, whole = len(prompt) + len(target), len(target)
        if length > max_length:
            result.too_long.append((row["id"], length))
            kept = max(max_length - len(prompt), 0)
            if on_too_long == "drop" or kept == 0:
                result.dropped_rows += 1
                continue
            result.truncated_rows += 1
            result.truncated_tokens += len(target) - kept
            target = target[:kept]
        tokens = {
            "id": row["id"],
            "input_ids": prompt + target,
            "labels": [IGNORED] * len(prompt) + target,
            "target": whole,
            "length": len(prompt) + len(reference),
        }
        if row["id"] in held_out:
            result.heldout.append(tokens)
            continue
        result.supervised_tokens += len(target)
        result.rows.append(tokens)
    if result.too_long and on_too_long == "error":
        raise DataError(_too_long_message(result, max_length))
    if result.supervised_tokens == 0:
        raise StageError("there is nothing to train on: no row has a supervised token within tune.max_length.")
    return result


def _ids(tokenizer: Any, row: Mapping[str, Any], text: str, thinking: bool | None) -> tuple[list[int], list[int]]:
    messages = tuple(Message(m["role"], m["content"]) for m in row["prompt"])
    try:
        return target_ids(tokenizer, messages, text, Given(tools=tools_of(row), thinking=thinking))
    except TemplateError as error:
        where = row.get("origin") or f"the row {row['id']}"
        raise DataError(
            f"the chat template cannot render {where}: {error}. Leave the row out, or change it."
        ) from error


def _too_long_message(result: Supervision, max_length: int) -> str:
    longest = sorted(result.too_long, key=lambda pair: -pair[1])[:SHOWN]
    listed = ", ".join(f"{row_id} ({length})" for row_id, length in longest)
    return (
        f"{len(result.too_long)} rows are longer than tune.max_length={max_length} tokens. Longest: {listed}. "
        "Raise tune.max_length, or choose tune.on_too_long=drop or tune.on_too_long=truncate."
    )


def reference_rows(examples: Iterable[Example]) -> list[dict[str, Any]]:
    """Training rows whose targets are the references: those of the vanilla arm, known before anything is rewritten."""
    return [
        {
            "id": example.id,
            "prompt": [message.as_dict() for message in example.messages],
            "completion": [{"role": "assistant", "content": example.reference}],
            "reference": example.reference,
            "tools": example.tools,
            "origin": example.origin,
        }
        for example in examples
    ]


def read_training_rows(path: Path) -> list[dict[str, Any]]:
    """The columns of an arm's Parquet file that training reads."""
    import pyarrow.parquet as pq

    if not path.is_file():
        raise StageError(f"there is no {path}: run `ownwords rewrite` first.")
    columns = ["id", "prompt", "completion", "reference"]
    with pq.ParquetFile(path) as file:
        return file.read([*columns, *({"tools"} & set(file.schema_arrow.names))]).to_pylist()
