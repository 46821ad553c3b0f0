"""Whether a judge's words can be read at all, told by the first items of each benchmark about which it has said all.

They cannot where no metric that reads judgements has a number. Then the cause is not the item: asking on would be
paying for nothing. Errors are no words; there are rules of their own for them (`giving_up`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ownwords.benchmarks.base import Benchmark, Item
from ownwords.errors import StageError
from ownwords.records import Completion
from ownwords.stages.giving_up import EARLY_STOP_ROWS
from ownwords.turns import turn_of


class Asked(NamedTuple):
    """An item, and the ids of all questions about the answers to it."""

    benchmark: Benchmark
    item: Item
    ids: tuple[str, ...]


class Readable:
    """Counts what cannot be read, up to the first of a benchmark that can. Equal questions count once, in each."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        self._about: dict[str, list[Asked]] = {}
        for one in asked:
            for request_id in dict.fromkeys(one.ids):
                self._about.setdefault(request_id, []).append(one)
        self._scored = {one.benchmark.name for one in asked if one.benchmark.reads == "judgements"}
        self._looked_at: set[tuple[str, tuple[str, ...]]] = set()
        self._readable: set[str] = set()
        self._unreadable: Counter[str] = Counter()
        self._last: dict[str, str] = {}

    def take(self, request_id: str, known: Mapping[str, Completion]) -> None:
        """Look at the items that this judgement is about, if all is known about them.

        Raises:
            StageError: none of the first can be read.
        """
        for one in self._about[request_id]:
            self._look(one, request_id, known)

    def _look(self, one: Asked, request_id: str, known: Mapping[str, Completion]) -> None:
        benchmark, item, ids = one
        if benchmark.name in self._readable or (benchmark.name, ids) in self._looked_at:
            return
        said = [known[own] for own in ids if own in known and known[own].error is None]
        if len(said) < len(ids):
            return
        self._looked_at.add((benchmark.name, ids))
        if any(m.score(item, said) is not None for m in benchmark.metrics if m.reads == "judgements"):
            self._readable.add(benchmark.name)
            return
        self._unreadable[benchmark.name] += 1
        self._last[benchmark.name] = turn_of(known[request_id]).as_text()
        if self._unreadable[benchmark.name] == EARLY_STOP_ROWS:
            self._give_up(benchmark.name)

    def is_fine(self, benchmark: Benchmark) -> bool:
        """Whether something about it could be read, or its own score needs nothing to be."""
        return benchmark.name in self._readable or benchmark.name not in self._scored

    def finish(self) -> None:
        """The same where there are fewer items, of benchmarks that have no score then; others keep theirs.

        Raises:
            StageError: none can be read.
        """
        for name in self._unreadable.keys() & self._scored - self._readable:
            self._give_up(name)

    def _give_up(self, name: str) -> None:
        raise StageError(
            f"judging stopped: nothing that the judge says about the first {self._unreadable[name]} answers to {name} "
            f"can be read; the last: {self._last[name][:200]!r}. Take another model or engine for it (evaluate.judge), "
            "or more evaluate.judge.sampling.max_tokens."
        )
