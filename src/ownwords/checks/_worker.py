"""The program of a worker process: it judges what comes in on standard input, a JSON line each, until that ends.

Verdicts go out as JSON lines on what was standard output; whatever a check prints goes to standard error instead, and
a check that reads finds nothing. A child that a check forks has neither of the two, does not outlive this process where
the system can help it, and goes no further than the check.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from dataclasses import asdict
from typing import Any

from ownwords.checks import sandbox
from ownwords.checks.base import become_worker
from ownwords.checks.named import check_of
from ownwords.errors import OwnwordsError
from ownwords.records import Candidate, Example, Message

ALLOW_UNSAFE_CODE = "--allow-unsafe-code"


def task_line(spec: str, example: Example, candidate: Candidate) -> bytes:
    """What a worker is sent, as it is read by `_answer`."""
    task = {"check": spec, "example": asdict(example), "candidate": asdict(candidate)}
    return json.dumps(task).encode("ascii") + b"\n"  # ASCII: half of a surrogate pair gets through as well


def main() -> None:
    """Work until standard input ends."""
    become_worker()
    _end_with_parent()
    if ALLOW_UNSAFE_CODE in sys.argv[1:]:
        sandbox.allow_unsafe_code()
    tasks, verdicts = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    process = os.getpid()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _become_child(tasks.fileno(), verdicts.fileno()))
    verdicts.write(tasks.readline())  # the line that asks whether everything is imported
    verdicts.flush()
    for line in tasks:
        answer = _answer(json.loads(line))
        if os.getpid() != process:
            os._exit(0)
        verdicts.write(json.dumps(answer).encode("ascii") + b"\n")
        verdicts.flush()


def _become_child(*ours: int) -> None:
    """What a forked child does first: who waits for a verdict must not wait for it."""
    for number in ours:
        os.close(number)
    _end_with_parent()


def _end_with_parent() -> None:
    """Where the system can (Linux), this process ends when the one that started it is killed, whatever a check does."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _answer(task: dict[str, Any]) -> dict[str, Any]:
    """The verdict; or `error`, where something is wrong that is not the candidate's doing and concerns every row."""
    messages = tuple(Message(**message) for message in task["example"].pop("messages"))
    try:
        check = check_of(task["check"])
        return asdict(check.run(Example(messages=messages, **task["example"]), Candidate(**task["candidate"])))
    except OwnwordsError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    main()
