"""Memory that runs out: how it is told, and what is left of the limits then."""

# pyright: basic
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch

from ownwords.engines._decoding import Limits
from ownwords.engines._rows import Row
from ownwords.errors import EngineError

ADVICE = "out of memory. Lower runtime.batch_size or runtime.max_batch_tokens, or take a smaller model. ({})"
_SIGNS = ("allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")


def is_shortage(error: BaseException) -> bool:
    """Whether the error says that memory ran out; away from CUDA torch has only a plain RuntimeError for that."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


@contextmanager
def advising() -> Iterator[None]:
    """Say what to do when memory runs out and nothing can be made smaller.

    Raises:
        EngineError: it did.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_shortage(error):
            raise
        raise EngineError(ADVICE.format(error)) from error


def halved(limits: Limits, rows: Sequence[Row]) -> Limits | None:
    """Half of the limits, after these rows did not fit; None if it was one row that had all the room there can be."""
    alone = len(rows) == 1 and (limits.rows == 1 or limits.tokens < 2 * rows[0].total)
    return None if alone else replace(limits, rows=max(limits.rows // 2, 1), tokens=max(limits.tokens // 2, 1))
