"""One benchmark for one variant, while it is being put: its requests, and what is known of each item so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ownwords.benchmarks.base import Benchmark, Item, Reads
from ownwords.journal import Key
from ownwords.records import Completion, Request, Verdict
from ownwords.stages.seed_answers import Task

GROUP = "evaluate"


@dataclass(slots=True)
class Exam:
    """What is asked, and what has been answered, by (item id, number of the ask), and by which engine. Of an answered
    one, by the item's id: the verdicts of the benchmark's check on its answers, and what a judge said to the questions
    about them."""

    task: Task
    label: str
    requests: dict[Key, Request]
    answers: dict[Key, Completion] = field(default_factory=dict[Key, Completion])
    engine: Mapping[str, str] = field(default_factory=dict[str, str])
    verdicts: dict[str, list[Verdict]] = field(default_factory=dict[str, list[Verdict]])
    judgements: dict[str, list[Completion]] = field(default_factory=dict[str, list[Completion]])

    @property
    def stage(self) -> str:
        return stage_name(self.benchmark.name, self.label)

    @property
    def benchmark(self) -> Benchmark:
        return self.task.benchmark

    @property
    def answered(self) -> bool:
        return len(self.answers) == len(self.requests)

    @property
    def items(self) -> list[Item]:
        """Each once: a file may hold an item twice."""
        return list({item.id: item for item in self.task.items}.values())

    def by_item(self) -> dict[str, list[Completion]]:
        """The answers to each item in the order of its asks."""
        ordered: dict[str, list[Completion]] = {}
        for key in self.requests:
            ordered.setdefault(key.example_id, []).append(self.answers[key])
        return ordered

    def readings(self) -> dict[Reads, Mapping[str, Sequence[Any]]]:
        """What its metrics read, by the item's id."""
        return {"answers": self.by_item(), "verdicts": self.verdicts, "judgements": self.judgements}

    def forget(self) -> None:
        """Let go of everything: the scores are written."""
        for known in (self.requests, self.answers, self.verdicts, self.judgements):
            known.clear()


def stage_name(benchmark: str, label: str) -> str:
    return f"{GROUP}/{benchmark}/{label}"
