"""Things in order, with what the journal has of them: some at a time, the next being read while these are worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from ownwords.journal import Entry, Journal, Key

#: So many are looked up at a time.
GROUP = 512

Item = TypeVar("Item")


def looked_up(
    journal: Journal, stage: str, items: Iterable[Item], key: Callable[[Item], Key | None]
) -> Iterator[tuple[list[Item], dict[Key, Entry]]]:
    """The items, with what the journal has under their keys in that stage."""
    left = iter(items)
    before: list[Item] = []
    result: Callable[[], dict[Key, Entry]] = dict
    while some := list(islice(left, GROUP)):
        coming = journal.look_up(stage, [found for item in some if (found := key(item)) is not None])
        if before:
            yield before, result()
        before, result = some, coming
    if before:
        yield before, result()
