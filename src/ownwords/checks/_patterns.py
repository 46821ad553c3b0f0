"""Whether a pattern can be compiled, found out at a bounded cost.

A short pattern can stand for gigabytes, because counts of repeats multiply (`((a{1000}){1000}){1000}`), and some take
minutes. What may be such a one is first compiled in a process that has a limit on time and memory; what passes there is
no danger here. Not covered: without Python's `resource` (Windows) there is the limit on time only.

As a program, it reads {package, patterns} as JSON and prints what is wrong with the first pattern that is, or nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Literal

_Package = Literal["regex", "re"]

#: Of a pattern, in characters. No person's comes near, and the time to compile grows with it.
LONGEST = 50_000
_SECONDS = 3  # of processor time
_WAIT = 60.0  # seconds until it is given up, on a machine that is busy
_BYTES = 512 * 2**20
#: Length times all counts of repeats: compiling takes about a microsecond and 300 bytes for each at most.
_HARMLESS = 200_000
_COUNT = re.compile(r"\{\s*(\d+)")
#: Flags in a pattern: `x` hides from a scan what belongs together, with `i` Python's `re` goes through whole ranges.
_FLAGS = re.compile(r"\(\?[\w-]*[xi]")


def require_compilable(patterns: Sequence[str], package: _Package) -> None:
    """Refuse patterns that cannot be compiled, or only at a cost that no pattern is worth (ValueError)."""
    long = next((pattern for pattern in patterns if len(pattern) > LONGEST), None)
    if long is not None:
        raise ValueError(f"is too large: a pattern of {len(long):,} characters, at most {LONGEST:,}")
    doubtful = [pattern for pattern in patterns if not _is_harmless(pattern)]
    if doubtful:
        problem = _tried(doubtful, package)
        if problem:
            raise ValueError(problem)


def _is_harmless(pattern: str) -> bool:
    """Whether it costs little whatever its brackets mean: all its counts are taken for nested in each other."""
    if _FLAGS.search(pattern):
        return False
    counts = (max(1, int(digits[:9])) for digits in _COUNT.findall(pattern))
    return len(pattern) * math.prod(counts) <= _HARMLESS


def _tried(patterns: Sequence[str], package: _Package) -> str:
    """What is wrong with the first pattern that is, found by another process; empty where nothing is."""
    task = json.dumps({"package": package, "patterns": list(patterns)})
    command = [sys.executable, "-P", "-m", "ownwords.checks._patterns"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        ended = subprocess.run(
            command, input=task.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_WAIT, check=False
        )
        if ended.returncode == 0:
            return json.loads(ended.stdout)
    return (
        f"is too large: to compile a pattern takes more than {_SECONDS} seconds or {_BYTES >> 20} MB. Counts of "
        "repeats that stand in each other multiply"
    )


def main() -> None:
    """Compile what standard input says, within limits; a process that is over one of them ends without a word."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    task = json.load(sys.stdin)
    package: Any = importlib.import_module(task["package"])
    print(json.dumps(next(filter(None, (_problem(package, pattern) for pattern in task["patterns"])), "")))


def _problem(package: Any, pattern: str) -> str:
    try:
        package.compile(pattern)
    except (package.error, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}"
    return ""


if __name__ == "__main__":
    main()
