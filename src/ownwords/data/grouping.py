"""An arm's training rows as conversations again.

A training row is one target, and does not say which conversation it comes from. Two facts tell: rows stand in the order
of the dataset, and the history before a target always shows the references. So a row goes on with the conversation of
the row before it exactly when its prompt begins with that row's prompt and reference. Such rows become one conversation
in which every target stands in its own turn: an answer after the first then follows the chosen targets, where in the
training row it followed the references. An answer between that no row has (it was dropped) stays the reference, and is
no target.
"""

# pyright: basic
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ownwords.data.dialogue import Dialogue
from ownwords.data.export import tools_of
from ownwords.records import Message

_BATCH_ROWS = 1024


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """What grouping reads of a training row. `prompt` ends with a user turn."""

    prompt: tuple[Message, ...]
    target: str
    reference: str
    tools: str = ""


def read_training_rows(path: Path) -> Iterator[TrainingRow]:
    """The rows of an arm's Parquet file, a batch at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        columns = ["prompt", "completion", "reference", *({"tools"} & set(file.schema_arrow.names))]
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
            for row in batch.to_pylist():
                prompt = tuple(Message(message["role"], message["content"]) for message in row["prompt"])
                target = row["completion"][0]["content"]
                yield TrainingRow(prompt, target, row["reference"], tools_of(row))


def count_sources(path: Path) -> dict[str, int]:
    """How many targets of an arm's file come from where (own, rewrite, reference)."""
    import pyarrow.parquet as pq

    return dict(Counter(pq.read_table(path, columns=["source"])["source"].to_pylist()))


def one_by_one(rows: Iterable[TrainingRow]) -> Iterator[Dialogue]:
    """One conversation a row, whose last turn is its only target: exactly what the arm was trained on."""
    for row in rows:
        yield Dialogue((*row.prompt, Message("assistant", row.target)), (len(row.prompt),), row.tools)


def grouped(rows: Iterable[TrainingRow]) -> Iterator[Dialogue]:
    """Rows of one conversation together, as the module describes."""
    shown: tuple[Message, ...] = ()  # the conversation so far, with references
    targets: dict[int, str] = {}
    tools = ""
    for row in rows:
        if targets and (row.prompt[: len(shown)] != shown or row.tools != tools):
            yield _with_targets(shown, targets, tools)
            targets = {}
        tools = row.tools
        targets[len(row.prompt)] = row.target
        shown = (*row.prompt, Message("assistant", row.reference))
    if targets:
        yield _with_targets(shown, targets, tools)


def _with_targets(shown: tuple[Message, ...], targets: dict[int, str], tools: str) -> Dialogue:
    messages = list(shown)
    for index, target in targets.items():
        messages[index] = Message("assistant", target)
    return Dialogue(tuple(messages), tuple(targets), tools)
