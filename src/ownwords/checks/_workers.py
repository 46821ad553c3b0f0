"""Processes that judge what may take long, or never end: each has one check at a time, and is killed when its time is
over. The next check gets a new one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

from ownwords.checks._processes import end, exchange, kill, own_end
from ownwords.checks._worker import ALLOW_UNSAFE_CODE, task_line
from ownwords.checks.named import NamedCheck
from ownwords.errors import StageError
from ownwords.records import Candidate, Example, Verdict

#: To import what checks need, on a slow disk.
_START_SECONDS = 60.0

Given = ParamSpec("Given")
Result = TypeVar("Result")

_INTERRUPTED = Verdict(False, "check_crashed", "the check was interrupted")


class Worker:
    """One process, started when it is first needed and after each that was killed. For one thread at a time."""

    def __init__(self, *, allow_unsafe_code: bool) -> None:
        unsafe = [ALLOW_UNSAFE_CODE] if allow_unsafe_code else []
        # -P: the folder that somebody works in is no place to import from
        self._command = [sys.executable, "-P", "-m", "ownwords.checks._worker", *unsafe]
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def judge(self, check: NamedCheck, example: Example, candidate: Candidate) -> Verdict:
        """The check's verdict; `check_timeout` where its time was over, `check_crashed` where its process ended.

        Raises:
            StageError: no process can be started, or something is wrong that concerns every row.
        """
        if self._process is None and not self._closed:
            self._process = self._start()
        if self._closed or self._process is None:
            return _INTERRUPTED
        process = self._process
        line, is_over = exchange(process, task_line(check.spec, example, candidate), check.seconds)
        code = own_end(process) if line is None else None
        if line is None or is_over:  # even where the answer came just then, the process has been killed
            self._process = None
            end(process)
        if line is not None:
            answer = _read_answer(line)
            if isinstance(answer, str):
                raise StageError(f"the check {check.label} cannot be run: {answer}")
            if answer is None and self._process is not None:  # who knows what else it has changed there
                self._process = None
                end(process)
            return answer or Verdict(False, "check_crashed", "what came from the check's process is no verdict")
        if is_over:
            return Verdict(False, "check_timeout", f"the check took more than {check.seconds:g} seconds")
        if self._closed:
            return _INTERRUPTED
        how = "closed what its process answers through" if code is None else f"ended its process (exit code {code})"
        return Verdict(False, "check_crashed", f"the check {how}")

    def interrupt(self) -> None:
        """Let a thread that waits for a verdict wait no longer, and none begin to."""
        self._closed = True
        process = self._process
        if process is not None:
            kill(process)

    def close(self) -> None:
        """End the process. No thread may be waiting for its verdict."""
        self._closed = True
        if self._process is not None:
            end(self._process)
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        ready, _ = exchange(process, b"\n", _START_SECONDS)
        if ready is None and not self._closed:
            code = end(process)
            raise StageError(f"a process for checks does not start (exit code {code}): {' '.join(self._command)}")
        return process


def _read_answer(line: bytes) -> Verdict | str | None:
    """The verdict, or why there can be none for any row; None where the process did not write either: a check of the
    user's own may have changed whatever it likes there."""
    try:
        answer: Any = json.loads(line)
        if "error" in answer:
            return str(answer["error"])
        verdict = Verdict(**answer)
    except (ValueError, TypeError, RecursionError):
        return None
    kinds = (type(verdict.passed), type(verdict.reason), type(verdict.detail))
    return verdict if kinds == (bool, str, str) and verdict.reason else None


class Pool:
    """As many workers as there are processor cores, each with a thread that waits for it. Close it."""

    def __init__(self, *, allow_unsafe_code: bool) -> None:
        self.size = os.cpu_count() or 1
        self._allow_unsafe_code = allow_unsafe_code
        self._threads: ThreadPoolExecutor | None = None
        self._own = threading.local()
        self._workers: list[Worker] = []

    def submit(
        self, function: Callable[Concatenate[Worker, Given], Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Result]:
        """Call a function with a worker that is its own until it returns."""
        if self._threads is None:
            self._own = threading.local()
            self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="checks")
        return self._threads.submit(lambda: function(self._worker(), *args, **kwargs))

    def close(self) -> None:
        """End every process, and whoever waits for one."""
        for worker in self._workers:
            worker.interrupt()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None
        for worker in self._workers:
            worker.close()
        self._workers.clear()

    def _worker(self) -> Worker:
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            worker = self._own.worker = Worker(allow_unsafe_code=self._allow_unsafe_code)
            self._workers.append(worker)
        return worker
