"""The record of a stage that is being worked on: since when, how it ended, and the seconds that went into it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any


class Clock:
    """Deals out time: a lap is the seconds since the one before."""

    def __init__(self) -> None:
        self._mark = time.monotonic()

    def lap(self) -> float:
        now = time.monotonic()
        seconds = now - self._mark
        self._mark = now
        return seconds


class Work:
    """One stage that is being worked on.

    Stages that are worked on together share one clock: time goes to the one that charges for it, and each ends when it
    is done, whatever becomes of the others.
    """

    def __init__(self, save: Callable[[dict[str, Any]], None], clock: Clock, entry: dict[str, Any], seconds: float):
        """`save` writes what run.json says of the stage: `entry` with status and seconds. `seconds` are of earlier
        attempts."""
        self._save = save
        self._clock = clock
        self._entry = entry
        self._seconds = seconds
        self.ended = False
        self._write("running")

    def charge(self) -> None:
        """Put down to this stage the time since any stage was last charged."""
        self._seconds += self._clock.lap()

    def done(self) -> None:
        """The stage is finished."""
        self.end("done", finished=now())

    def end(self, status: str, **more: Any) -> None:
        """The stage ends like this."""
        self.charge()
        self.ended = True
        self._write(status, **more)

    def _write(self, status: str, **more: Any) -> None:
        self._save({**self._entry, "status": status, "seconds": round(self._seconds, 2), **more})


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
