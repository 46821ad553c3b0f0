"""Progress for people: a bar with rows/s, tokens/s and time left on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

LINE_SECONDS = 5.0
#: So many rows, or a tenth of fewer, before a time is told.
FIRST_ROWS = 10


def say(text: str) -> None:
    """One line of progress to standard error, which leaves standard output to answers."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Counts rows and tokens of one stage. Use it as a context manager.

    `before` is how many rows an earlier attempt has done, as far as is known yet: they say nothing about the speed.
    Nor do seconds in which an engine loads weights meanwhile: `startup` tells how many there have been so far.
    """

    def __init__(
        self,
        label: str,
        total: int,
        *,
        done: int = 0,
        unit: str = "rows",
        startup: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.label, self.total, self.before, self.unit = label, total, done, unit
        self.advanced = 0
        self.tokens = 0
        self._startup, self._startup_before = startup, startup()
        self._start = self._last_line = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            self._open_bar()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self.advanced:
            say(f"{self.label}: {self._facts()}")

    @property
    def done(self) -> int:
        return self.before + self.advanced

    def advance(self, rows: int = 1, tokens: int = 0) -> None:
        self.advanced += rows
        self.tokens += tokens
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, speed=self._speed())
        elif time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            say(f"{self.label}: {self._facts()}{self._left()}")

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self.label, total=self.total, completed=self.done, speed="")
        self._bar.start()

    def _starting(self) -> float:
        """Seconds of starting up since it began."""
        return self._startup() - self._startup_before

    def _seconds(self) -> float:
        return max(time.monotonic() - self._start - self._starting(), 1e-9)

    def _speed(self) -> str:
        seconds = self._seconds()
        tokens = f", {self.tokens / seconds:,.0f} tokens/s" if self.tokens else ""
        return f"{self.advanced / seconds:,.1f} {self.unit}/s{tokens}"

    def _facts(self) -> str:
        starting = self._starting()
        apart = f", {starting:.0f} s of starting up not counted" if starting >= 1 else ""
        return f"{self.done:,}/{self.total:,} {self.unit}, {self._speed()}{apart}"

    def _left(self) -> str:
        """The first few rows say little: they are long in coming where many are under way at once."""
        if self.advanced < min(FIRST_ROWS, (self.total - self.before) / 10):
            return ""
        seconds = self._seconds() / self.advanced * max(self.total - self.done, 0)
        return f", {seconds / 60:.0f} min left" if seconds >= 90 else f", {seconds:.0f} s left"
