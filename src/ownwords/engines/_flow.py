"""How many requests a server gets at once: more while it answers, half as many when it says that it is too much."""

from __future__ import annotations

import asyncio
import time
from collections import deque

#: Seconds after a cut in which further complaints count as the same one: they answer requests sent before it.
_SAME_COMPLAINT = 1.0


class Flow:
    """A gate that lets `limit` requests through at once: additive increase, multiplicative decrease (as TCP does).

    Used within one event loop.
    """

    def __init__(self, start: int, maximum: int) -> None:
        self.limit = float(min(start, maximum))
        self._maximum = maximum
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._cut_at = float("-inf")

    async def __aenter__(self) -> None:
        while self._active >= int(self.limit):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._active += 1

    async def __aexit__(self, *_: object) -> None:
        self._active -= 1
        self._wake()

    def answered(self) -> None:
        """One more at once for every round of answers."""
        self.limit = min(self._maximum, self.limit + 1 / self.limit)

    def congested(self) -> None:
        """Half as many at once, at least one."""
        now = time.monotonic()
        if now - self._cut_at >= _SAME_COMPLAINT:
            self.limit, self._cut_at = max(1.0, self.limit / 2), now

    def _wake(self) -> None:
        free = int(self.limit) - self._active
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
