"""Settings, contexts, examples and completions for the tests of benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ownwords.benchmarks.base import DataContext, Item, find_benchmark
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion, Example, Message


def settings_for(name: str, **values: Any) -> BenchmarkSection:
    return BenchmarkSection(name=name, **values)


def context_of(
    train: Sequence[Example] = (), unseen: Sequence[Example] = (), *, generated: bool = False
) -> DataContext:
    return DataContext(train=train, heldout=lambda limit: list(unseen[:limit]), generated=generated)


def example_of(question: str, reference: str, system: str | None = None) -> Example:
    messages = (Message("user", question),)
    if system is not None:
        messages = (Message("system", system), *messages)
    return Example(id=f"id of {question}", messages=messages, reference=reference, origin=f"rows.json, {question}")


def answer(text: str) -> Completion:
    return Completion(request_id="r", text=text)


def scored(*logprobs: float) -> Completion:
    return Completion(request_id="r", finish_reason="scored", logprobs=logprobs)


def scores_of(name: str, item: Item, *completions: Completion) -> dict[str, float | None]:
    """Every metric of a benchmark for one item."""
    return {metric.name: metric.score(item, completions) for metric in find_benchmark(name).metrics}


def asked_of(name: str, item: Item) -> list[tuple[str | None, str | None]]:
    """Text and target of everything that a benchmark asks about an item."""
    return [(ask.text, ask.target) for ask in find_benchmark(name).prompt(item, settings_for(name))]
