"""The record of a stage that is being worked on: since when, how it ended, and the seconds that went into it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any


class Clock:
    """Deals out time: a lap is the seconds since the one before, those in which engines started up apart."""

    def __init__(self, startup: Callable[[], float]) -> None:
        """`startup` tells the seconds of starting up that there have been so far."""
        self._startup = startup
        self._mark = time.monotonic()
        self._dealt = 0.0

    def skip(self) -> None:
        """Leave out the time until now, but no starting up: that was for what comes."""
        self._mark = time.monotonic() - (self._startup() - self._dealt)

    def lap(self) -> tuple[float, float]:
        """Seconds of work and of starting up."""
        now, startup = time.monotonic(), self._startup()
        starting = startup - self._dealt
        working = max(now - self._mark - starting, 0.0)
        self._mark, self._dealt = now, startup
        return working, starting


class Work:
    """One stage that is being worked on.

    Stages that are worked on together share one clock: time goes to the one that charges for it, and each ends when it
    is done, whatever becomes of the others.
    """

    def __init__(
        self, save: Callable[[dict[str, Any]], None], clock: Clock, entry: dict[str, Any], earlier: Mapping[str, Any]
    ) -> None:
        """`save` writes what run.json says of the stage: `entry` with status and seconds. `earlier` is what it said of
        an attempt that this one goes on with."""
        self._save = save
        self._clock = clock
        self._entry = entry
        self._seconds = float(earlier.get("seconds", 0.0))
        self._startup_seconds = float(earlier.get("startup_seconds", 0.0))
        self.ended = False
        self._write("running")

    def charge(self) -> None:
        """Put down to this stage the time since any stage was last charged."""
        working, starting = self._clock.lap()
        self._seconds += working
        self._startup_seconds += starting

    def done(self) -> None:
        """The stage is finished."""
        self.end("done", finished=now())

    def end(self, status: str, **more: Any) -> None:
        """The stage ends like this."""
        self.charge()
        self.ended = True
        self._write(status, **more)

    def _write(self, status: str, **more: Any) -> None:
        seconds = {"seconds": round(self._seconds, 2), "startup_seconds": round(self._startup_seconds, 2)}
        self._save({**self._entry, "status": status, **seconds, **more})


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
