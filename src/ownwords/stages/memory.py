"""The most memory that this program has held so far, in its own process and in those that it has started."""

# pyright: basic
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ownwords.environment import ask_nvidia

_PROCESSES = Path("/proc")


def peak_resident_gib() -> float | None:
    """The peak of every process, added up; None where the system does not tell.

    Peaks that came one after the other, and pages that processes share, are counted as if they were not, so it is
    rather too much than too little. Outside Linux only this process is seen.
    """
    if sys.platform == "win32":
        return None  # it has no getrusage
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return round((own + sum(_peak_bytes(process) for process in _descendants())) / 2**30, 3)


def peak_device_gib(device: str) -> float | None:
    """The most that torch has held here on a CUDA device, and what processes that were started hold on it now.

    None on any other device, and where the driver does not tell.
    """
    if not device.startswith("cuda"):
        return None
    import torch

    started = set(_descendants())
    used = [line.split(", ") for line in ask_nvidia("compute-apps", "pid,used_memory")]
    others = sum(int(mib) for pid, mib in used if pid.isdigit() and int(pid) in started and mib.isdigit()) << 20
    return round((torch.cuda.max_memory_allocated() + others) / 2**30, 3) or None


def _descendants() -> Iterator[int]:
    """Processes that this one has started, those that they have started, and so on."""
    children: dict[int, list[int]] = {}
    for stat in _PROCESSES.glob("[0-9]*/stat"):
        fields = _read(stat).rpartition(")")[2].split()  # the name before may hold blanks
        if fields:
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    waiting = [os.getpid()]
    while waiting:
        found = children.get(waiting.pop(), [])
        yield from found
        waiting += found


def _peak_bytes(process: int) -> int:
    for line in _read(_PROCESSES / str(process) / "status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: Path) -> str:
    """The file's text; empty if its process has ended meanwhile."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
