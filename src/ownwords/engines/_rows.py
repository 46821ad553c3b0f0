"""Requests turned into token rows, and the bounded, sorted pool in which they wait for their turn."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ownwords.records import Completion, Request, Weights


@dataclass(frozen=True, slots=True)
class Row:
    """A request as token ids. `max_new` is what the context leaves of `max_tokens`; a scored row has `target`.

    `opened` says that the prompt ends inside the model's reasoning.
    """

    request: Request
    prompt: list[int]
    target: list[int] | None
    max_new: int
    opened: bool = False

    @property
    def total(self) -> int:
        """Tokens that the row can come to hold."""
        return len(self.prompt) + (self.max_new if self.target is None else len(self.target))


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that can share a batch: the same weights, and all generated or all scored."""

    weights: Weights
    scored: bool


class Pool:
    """Pulls requests lazily and keeps at most `window` rows waiting, by group, sorted by length."""

    def __init__(
        self, requests: Iterator[Request], prepare: Callable[[Request], Row | Completion], window: int
    ) -> None:
        self._requests = requests
        self._prepare = prepare
        self._window = window
        self._waiting: dict[Group, list[Row]] = {}
        self._count = 0

    def fill(self) -> Iterator[Completion]:
        """Pull until the window is full. Gives the completions of requests that cannot become rows."""
        while self._count < self._window:
            request = next(self._requests, None)
            if request is None:
                return
            row = self._prepare(request)
            if isinstance(row, Completion):
                yield row
                continue
            self._add(row)

    def next_group(self) -> Group | None:
        """The group that has waited longest; None when nothing waits."""
        return next(iter(self._waiting), None)

    def groups(self) -> list[Group]:
        """Those that wait, the one that has waited longest first."""
        return list(self._waiting)

    def longest(self, group: Group) -> Row | None:
        rows = self._waiting.get(group)
        return rows[-1] if rows else None

    def pop_longest(self, group: Group) -> Row:
        rows = self._waiting[group]
        row = rows.pop()
        self._count -= 1
        if not rows:
            del self._waiting[group]
        return row

    def put_back(self, rows: Sequence[Row]) -> None:
        """Rows that were taken and not begun."""
        for row in rows:
            self._add(row)

    def _add(self, row: Row) -> None:
        group = Group(row.request.weights, row.target is not None)
        insort(self._waiting.setdefault(group, []), row, key=_length)
        self._count += 1


class Lending(Pool):
    """A pool that knows which rows are out, so that none is lost when a batch breaks. Ids must not repeat."""

    def __init__(
        self, requests: Iterator[Request], prepare: Callable[[Request], Row | Completion], window: int
    ) -> None:
        super().__init__(requests, prepare, window)
        self._out: dict[str, Row] = {}

    def pop_longest(self, group: Group) -> Row:
        row = super().pop_longest(group)
        self._out[row.request.id] = row
        return row

    def put_back(self, rows: Sequence[Row]) -> None:
        super().put_back(rows)
        for row in rows:
            self._out.pop(row.request.id, None)

    def answered(self, completion: Completion) -> None:
        self._out.pop(completion.request_id, None)

    def take_back(self) -> list[Row]:
        """The rows that are out and not answered; they are out no more."""
        rows = list(self._out.values())
        self._out.clear()
        return rows


def _length(row: Row) -> int:
    return len(row.prompt) + len(row.target or ())
