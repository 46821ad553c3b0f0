"""Processes under supervision: their output is read up to a limit, their memory is added up, their time ends.

Whoever starts processes here gets them back ended: with bubblewrap its whole process space, without it the process
group.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Status = Literal["ended", "stopped", "timeout", "memory", "output_limit"]

#: Between two looks at the memory. A process can fill about 2 GB in a second.
_LOOK_SECONDS = 0.05
#: For a process to end by itself, so that its exit code can be told.
_END_SECONDS = 0.2
#: Files in a sandbox's /tmp, which no quota of bytes counts.
_MOST_FILES = 20_000
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended: by itself, with an exit code (negative or above 128 where a signal ended it), or by us:
    because another one had ended (`stopped`), or over a limit. Output is complete unless it was the limit."""

    status: Status
    code: int
    stdout: bytes
    stderr: bytes
    seconds: float


@dataclass(slots=True)
class Running:
    """A process that was started with pipes for its output, in a session of its own."""

    process: subprocess.Popen[bytes]
    began: float = field(default_factory=time.monotonic)
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    open_pipes: int = 0
    over: bool = False

    def kill(self) -> None:
        """End it with its group, once: later another process may have its number."""
        if not self.over:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


def supervise(running: Sequence[Running], *, seconds: float, memory: int, output: int) -> list[Ran]:
    """Wait for the first one to end, then end the others; all of them where a limit is reached before.

    `memory` and `output` are in bytes, for each one with all the processes that it starts.
    """
    over: Status = "ended"
    culprit: Running | None = None
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for one in running:
            _register(selector, one)
        look = time.monotonic() + _LOOK_SECONDS
        while running[0].open_pipes and over == "ended":
            now = time.monotonic()
            if now >= deadline:
                over = "timeout"
                break
            for key, _ in selector.select(min(deadline, look) - now if min(deadline, look) > now else 0):
                one, kept = key.data
                if not _read(selector, one, kept, key.fd):
                    continue
                if len(one.stdout) + len(one.stderr) > output:
                    over, culprit = "output_limit", one
            if time.monotonic() >= look:
                culprit = next((one for one in running if _is_too_large(one.process.pid, memory)), culprit)
                over = "memory" if culprit is not None and over == "ended" else over
                look = time.monotonic() + _LOOK_SECONDS
            if running[0].process.poll() is not None and running[0].open_pipes:
                _drain(selector, running[0], output)
                break
    return [_finish(one, _status(one, running[0], over, culprit), output) for one in running]


def _register(selector: selectors.BaseSelector, one: Running) -> None:
    for pipe, kept in ((one.process.stdout, one.stdout), (one.process.stderr, one.stderr)):
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe.fileno(), selectors.EVENT_READ, (one, kept))
            one.open_pipes += 1


def _read(selector: selectors.BaseSelector, one: Running, kept: bytearray, number: int) -> bool:
    """Whether there was anything; a pipe that has ended is forgotten."""
    try:
        data = os.read(number, 65536)
    except BlockingIOError:
        return False
    kept += data
    if not data:
        selector.unregister(number)
        one.open_pipes -= 1
    return bool(data)


def _drain(selector: selectors.BaseSelector, one: Running, output: int) -> None:
    """What an ended process has left in its pipes. One that it has left behind may hold them open."""
    for key in list(selector.get_map().values()):
        owner, kept = key.data
        while owner is one and len(kept) <= output and _read(selector, one, kept, key.fd):
            pass


def _status(one: Running, first: Running, over: Status, culprit: Running | None) -> Status:
    if over in ("memory", "output_limit"):
        return over if one is culprit else "stopped"
    if over == "timeout":
        return "ended" if one is not first and one.process.poll() is not None else "timeout"
    return "ended" if one is first or one.process.poll() is not None else "stopped"


def _finish(one: Running, status: Status, output: int) -> Ran:
    if status in ("ended", "stopped"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            one.process.wait(_END_SECONDS)  # with its output closed, or its partner gone, it is about to end
            status = "ended"
    one.kill()
    one.over = True
    code = one.process.wait()
    for pipe, kept in ((one.process.stdout, one.stdout), (one.process.stderr, one.stderr)):
        if pipe is not None:
            if status in ("ended", "stopped"):
                _read_rest(one, kept, pipe.fileno(), output)
            pipe.close()
    return Ran(status, code, bytes(one.stdout), bytes(one.stderr), time.monotonic() - one.began)


def _read_rest(one: Running, kept: bytearray, number: int, output: int) -> None:
    """What an ended process wrote last; what it has left behind may hold the pipe open."""
    with contextlib.suppress(BlockingIOError):
        while len(one.stdout) + len(one.stderr) <= output and (data := os.read(number, 65536)):
            kept += data


def _is_too_large(process: int, memory: int) -> bool:
    """Whether a process and those below it hold more memory than this, or more files."""
    resident = 0
    waiting = [process]
    while waiting:
        folder = Path(f"/proc/{waiting.pop()}")
        with contextlib.suppress(OSError, ValueError, IndexError):
            _, pages, shared = (folder / "statm").read_text().split()[:3]
            resident += (int(pages) - int(shared)) * _PAGE
            for thread in (folder / "task").iterdir():
                waiting += [int(child) for child in (thread / "children").read_text().split()]
    return resident > memory or _files(process) > _MOST_FILES


def _files(process: int) -> int:
    """Files and folders in the /tmp of the processes below a process, if that is one of their own."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        place = Path(f"/proc/{children[0]}/root/tmp")
        own = place.stat().st_dev != Path("/tmp").stat().st_dev  # noqa: S108 - to be told from it
        status = os.statvfs(place)
        return status.f_files - status.f_ffree if own else 0
    return 0
