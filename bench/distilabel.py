"""Whole jobs, from a JSON lines file to Parquet: `ownwords rewrite` against a distilabel pipeline with the same server.

`make bench-distilabel` makes an environment for distilabel 1.5.3 below `build/` and runs this with its Python. Both
have the same rows, the server that answers at once, and as many requests at once. Each time is of a whole command,
start-up included; repeats are interleaved. It is no part of `make bench`: distilabel is no dependency, and installing
it takes a network.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.http import CONCURRENCY, rewrite_command, server
from bench.instant_server import MODEL
from bench.load import write_project

ROWS = 5_000
REPEATS = 3
_JOB = Path(__file__).with_name("distilabel_job.py")


def rate(command: list[str]) -> float:
    """Rows a second of a command."""
    clock = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return ROWS / (time.perf_counter() - clock)


def pair(python: str, url: str) -> tuple[float, float]:
    """(distilabel, ownwords) in rows a second."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "project"
        recipe = write_project(folder, ROWS)
        job = [python, "-P", str(_JOB), url, MODEL, str(CONCURRENCY), f"{folder}/rows.jsonl", f"{folder}/out.parquet"]
        return rate(job), rate(rewrite_command(recipe, url))


def main(python: str) -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured), as for the table of docs/performance.md."""
    with server() as url:
        pairs = [pair(python, url) for _ in range(REPEATS)]
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    theirs, ours = (statistics.median(p[side] for p in pairs) for side in (0, 1))
    what = f"`ownwords rewrite` against distilabel 1.5.3, {ROWS:,} rows, whole commands"
    return [(what, "", f"{ratio:.2f} ({ours:,.0f} against {theirs:,.0f} rows/s)")]


if __name__ == "__main__":
    print(main(sys.argv[1]))
