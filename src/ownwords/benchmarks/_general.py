"""Prompts of everyday chat that have nothing to do with the task: what an arm says to them should not have changed."""

from __future__ import annotations

from ownwords.benchmarks._rows import Row, benchmark_rows, spread, with_ids
from ownwords.benchmarks.base import Item, take
from ownwords.recipe import BenchmarkSection
from ownwords.records import Message

DEFAULT_LIMIT = 100
FIELDS = ("instruction", "prompt", "goal")


def load_prompts(settings: BenchmarkSection) -> list[Item]:
    """User turns of rows with the field `instruction`, `prompt` or `goal`; by default those of AlpacaEval.

    They are spread over the rows, which may be sorted by origin.
    """
    rows = benchmark_rows(settings, "alpaca_eval.json")
    return take(spread(with_ids(map(_item, rows)), settings.limit or DEFAULT_LIMIT), settings)


def _item(row: Row) -> Item:
    question = row.text(row.first_of(*FIELDS))
    return Item(id="", question=question, gold=None, messages=(Message("user", question),))
