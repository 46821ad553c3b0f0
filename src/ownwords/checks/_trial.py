"""A candidate's code on trial: its process, the process of its tests, and what came of it.

Both run in sandboxes of their own, side by side. The candidate's has the code, the other one the tests and a token,
which is made anew for each trial; between them are two pipes. Only a result with the token counts. Where a sandbox
cannot start, nothing is said of the candidate: that is an error of its own (see `sandbox`).
"""

from __future__ import annotations

import json
import os
import secrets
import signal
from typing import Any, cast

from ownwords.checks._inside.candidate import NO_MEMORY
from ownwords.checks.sandbox import Limits, Program, Ran, run_programs
from ownwords.records import Verdict

Result = dict[str, Any]


def try_code(source: str, timeout: float, **job: Any) -> Result:
    """How it went: `reason` (`ok` where all went well), `detail`, and `outputs` where calls were asked for.

    The job is `name` (of the module that the code is) and either `tests` and `defined` (names of Python's own that the
    tests take from the candidate) or `function` and `calls`.
    """
    token = secrets.token_hex(16)
    to_candidate, to_tests = os.pipe(), os.pipe()
    text = json.dumps({**job, "source": source, "token": token}).encode("ascii")
    ends = (to_tests[0], to_candidate[1]), (to_candidate[0], to_tests[1])
    tests = Program("tests", {"channel": ends[0]}, text, ends[0])
    candidate = Program("candidate", {"channel": ends[1]}, b"", ends[1])
    tested, tried = run_programs([tests, candidate], Limits(seconds=timeout))
    result = _result(tested, token)
    if result is not None and result["reason"] != "ended":
        return result
    return _ended(tested, tried, timeout)


def failed(result: Result) -> Verdict:
    """The verdict for what did not go well."""
    return Verdict(False, result["reason"], result.get("detail", ""))


def _result(tested: Ran, token: str) -> Result | None:
    if tested.status != "ended":
        return None
    try:
        result: Any = json.loads(tested.stdout)
    except (ValueError, RecursionError):
        return None
    if not isinstance(result, dict):
        return None
    told = cast("Result", result)
    return told if told.get("token") == token else None


def _ended(tested: Ran, tried: Ran, timeout: float) -> Result:
    """What there is to say where the tests' process has not said it: one of the two did not get to the end."""
    statuses = {tested.status, tried.status}
    number = tried.code - 128 if tried.code > 128 else -tried.code
    if "output_limit" in statuses:
        return {"reason": "output_limit", "detail": "it wrote more than is read"}
    if "memory" in statuses or tried.code == NO_MEMORY:
        return {"reason": "memory", "detail": "it used more memory than it may"}
    if "timeout" in statuses or number == signal.SIGXCPU:
        return {"reason": "timeout", "detail": f"it took more than {timeout:g} seconds"}
    if tried.status == "ended" and number > 0:
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        return {"reason": "crashed", "detail": f"its process was ended by {name}"}
    if tested.stdout:
        return {"reason": "exited_early", "detail": "it ended its process before the end"}
    said = tested.stderr.decode("utf-8", "replace").strip().splitlines()
    return {"reason": "crashed", "detail": f"the tests' process ended: {said[-1] if said else tested.code}"}
