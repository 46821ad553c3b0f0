"""How many requests a server gets at once: more while it answers, half as many when it says that it is too much."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager


class Flow:
    """A gate that lets `limit` requests through at once, and none while the server has asked for a pause.

    The limit grows by one an answer until the server first complains, from then on by one a round of answers; a
    complaint halves it (additive increase, multiplicative decrease, as TCP does it). Used within one event loop.
    `heard` is when the server last gave an answer, or, after a time in which nobody waited for one, when it was asked.
    """

    def __init__(self, start: int, maximum: int) -> None:
        self.limit = float(min(start, maximum))
        self.heard = time.monotonic()
        self._maximum = maximum
        self._rows = 0
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._cut_at = float("-inf")
        self._pause: asyncio.TimerHandle | None = None

    @contextmanager
    def row(self) -> Generator[None]:
        """All attempts at one row, and the waits between them."""
        if not self._rows:
            self.heard = time.monotonic()
        self._rows += 1
        try:
            yield
        finally:
            self._rows -= 1

    async def __aenter__(self) -> None:
        if self._free() > 0 and not self._waiting:
            self._active += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it has been given its turn in the same moment
                await self.__aexit__()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._active -= 1
        self._let_in()

    def answered(self) -> None:
        self.heard = time.monotonic()
        untroubled = self._cut_at == float("-inf")
        self.limit = min(self._maximum, self.limit + (1 if untroubled else 1 / self.limit))
        self._let_in()

    def congested(self, sent_at: float) -> None:
        """The server complains of a request sent then. One that was sent before the last cut says nothing new."""
        if sent_at >= self._cut_at:
            self.limit, self._cut_at = max(1.0, self.limit / 2), time.monotonic()

    def pause(self, seconds: float) -> None:
        """Nothing is sent for so long: the server's own word."""
        loop = asyncio.get_running_loop()
        if self._pause is not None:
            if self._pause.when() >= loop.time() + seconds:
                return
            self._pause.cancel()
        self._pause = loop.call_later(seconds, self._end_pause)

    def _end_pause(self) -> None:
        self._pause = None
        self._let_in()

    def _free(self) -> int:
        return 0 if self._pause is not None else int(self.limit) - self._active

    def _let_in(self) -> None:
        while self._waiting and self._free() > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._active += 1
