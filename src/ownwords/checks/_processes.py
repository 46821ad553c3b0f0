"""Processes that are sent a line and answer with one, in a time that is limited."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading

_END_SECONDS = 1.0


def exchange(process: subprocess.Popen[bytes], sent: bytes, seconds: float) -> tuple[bytes | None, bool]:
    """Send something and wait for a line; None if the process ended instead, and whether that was for its time."""
    assert process.stdin is not None
    assert process.stdout is not None
    over = threading.Event()

    def end_it() -> None:
        over.set()
        kill(process)

    timer = threading.Timer(seconds, end_it)
    timer.start()
    try:
        process.stdin.write(sent)
        process.stdin.flush()
        line = process.stdout.readline()
    except (BrokenPipeError, ConnectionResetError):
        line = b""
    finally:
        timer.cancel()
    return (line if line.endswith(b"\n") else None), over.is_set()


def own_end(process: subprocess.Popen[bytes]) -> int | None:
    """The exit code of a process that answers no more; None where it has closed its pipe and goes on."""
    try:
        return process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def end(process: subprocess.Popen[bytes]) -> int:
    """Kill the process and give back what belonged to it; its exit code."""
    kill(process)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # a part of a task may still wait to be written
                pipe.close()
    return process.wait()


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and, where there are process groups, all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
