"""How many rows a second the checks judge, and whether their memory stays flat.

`python -m bench.checks_speed` needs $OWNWORDS_DATA (`make data`). Rows are real ones: GSM8K for text and numbers,
OpenFunctions for calls. A candidate is the reference of the row in another dress, so that nothing is equal by accident:
other words around the answer, other quotes and blanks in a call. Checks are asked through `Panel`, as the stage asks
them. Rows that need a process of their own (algebra, a user's check) are timed apart, as are those that only fail.
"""

# pyright: basic
from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from pydantic import TypeAdapter

from bench.data_files import data_file
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel
from ownwords.recipe import CheckEntry
from ownwords.records import Candidate, Example, Message

ROUNDS = 3
LONG_RUN = 100_000
TEXT = ["not_empty", "finished", "no_prompt_leak", "no_repetition", "length_ratio", "final_answer"]
CALLS = ["not_empty", "finished", "function_call"]

OWN = """
from ownwords.records import Verdict
def mine(example, candidate):
    return Verdict(True, "ok")
"""

Row = tuple[Example, Candidate]


def data(name: str) -> list[dict[str, Any]]:
    return json.loads(data_file(name).read_text(encoding="utf-8"))


def math_rows() -> list[Row]:
    """GSM8K: the steps in a list, the answer in other words."""
    return [
        (
            Example(str(number), (Message("user", row["question"]),), row["answer"]),
            Candidate(_retold(row["answer"]), "stop"),
        )
        for number, row in enumerate(data("gsm8k_train.json"))
    ]


def _retold(answer: str) -> str:
    steps, _, final = answer.rpartition("The answer is ")
    lines = [f"{place}. {line.strip()}" for place, line in enumerate(steps.strip().split("\n"), start=1)]
    return "Let us go step by step.\n\n" + "\n".join(lines) + f"\n\nSo the final answer is **{final.rstrip('.')}**."


def call_rows() -> list[Row]:
    """OpenFunctions: the call with other quotes and blanks, in a fence."""
    return [
        (
            Example(str(number), (Message("user", row["instruction"]),), row["output"]),
            Candidate(f"Here is the call:\n\n```python\n{row['output'].replace(', ', ',')}\n```", "stop"),
        )
        for number, row in enumerate(data("openfunction_train.json"))
    ]


def expression_rows() -> list[Row]:
    """Answers that only algebra can compare."""
    return [
        (
            Example(str(number), (Message("user", "Expand."),), rf"The answer is $x^2 + {2 * number}x + {number**2}$."),
            Candidate(rf"We get $\boxed{{(x+{number})^2}}$", "stop"),
        )
        for number in range(2, 202)
    ]


def panel_of(checks: Sequence[Any]) -> Panel:
    return Panel(named_checks(TypeAdapter(list[CheckEntry]).validate_python(list(checks)), allow_code=True))


def judge_all(panel: Panel, rows: Iterable[Row]) -> int:
    """How many pass. As many are under way as the stage lets be."""
    passed = 0
    running: list[Future[Any]] = []

    def settle(most: int) -> Iterator[dict[str, Any]]:
        while len(running) > most:
            yield running.pop(0).result()

    for example, candidate in rows:
        verdicts = panel.begin(example, candidate)
        if isinstance(verdicts, Future):
            running.append(verdicts)
            passed += sum(all(v.passed for v in found.values()) for found in settle(8 * panel.size))
        else:
            passed += all(verdict.passed for verdict in verdicts.values())
    return passed + sum(all(v.passed for v in found.values()) for found in settle(0))


def rate(checks: Sequence[Any], rows: Sequence[Row]) -> tuple[float, float]:
    """Rows a second (the best of a few rounds) and the share that passes."""
    with closing(panel_of(checks)) as panel:
        judge_all(panel, rows[:50])  # processes start, patterns are compiled
        best, passed = 0.0, 0
        for _ in range(ROUNDS):
            clock = time.perf_counter()
            passed = judge_all(panel, rows)
            best = max(best, len(rows) / (time.perf_counter() - clock))
        return best, passed / len(rows)


def growth(checks: Sequence[Any], rows: Sequence[Row]) -> float:
    """MB that this process and its workers have grown by between a tenth of a long run and its end."""
    with closing(panel_of(checks)) as panel:
        judge_all(panel, _cycled(rows, LONG_RUN // 10))
        before = _memory()
        judge_all(panel, _cycled(rows, LONG_RUN))
        return (_memory() - before) / 2**20


def _cycled(rows: Sequence[Row], count: int) -> Iterator[Row]:
    return (rows[place % len(rows)] for place in range(count))


def _memory() -> int:
    process = psutil.Process()
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))


def main() -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured)."""
    table: list[tuple[str, str, str]] = []
    math, calls = math_rows(), call_rows()

    def add(what: str, least: str, make: Callable[[], tuple[float, float]]) -> None:
        rows_a_second, passing = make()
        table.append((what, least, f"{rows_a_second:,.0f} rows/s ({passing:.1%} pass)"))

    add(f"{', '.join(TEXT)}, {len(math):,} GSM8K rows", "5,000 rows/s", lambda: rate(TEXT, math))
    add(f"{', '.join(CALLS)}, {len(calls):,} OpenFunctions rows", "2,000 rows/s", lambda: rate(CALLS, calls))
    add("final_answer where algebra is needed, 200 rows", "", lambda: rate(["final_answer"], expression_rows()))
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "own.py"
        own.write_text(OWN, encoding="utf-8")
        add("a user's own check that does nothing, 2,000 rows", "", lambda: rate([f"{own}:mine"], math[:2000]))
    for name, checks, rows in (("text and numbers", TEXT, math), ("calls", CALLS, calls)):
        table.append((f"memory, {name}: {LONG_RUN:,} more rows", "flat", f"{growth(checks, rows):+.1f} MB"))
    return table


if __name__ == "__main__":
    for line in main():
        print("| " + " | ".join(line) + " |", flush=True)
