"""The whole rewriting stage without a model: how fast rows go through it, and what their number costs.

`python -m bench.load` runs `ownwords rewrite` as a command on 200,000 rows and, to compare, on 10,000: load → prompts →
checks → journal → Parquet. The scripted engine answers at once, so what is left is our own work a row. Rows are made
like GSM8K's: a question of about 60 words and an answer of about 60 words, all different, with `The answer is N.` at
the end. Start-up is what the command takes for one row; it is in the rate, and taken out of times per row.

Then the journal of the long run loses its last 1,000 answers with their verdicts, as a kill would leave it, and the
command goes on; at last it is given once more, with nothing left to do.

What it does not cover: engines (`bench.rewriting`), and a disk that is slower than the rows.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROWS = 200_000
FEW_ROWS = 10_000
LOST_ROWS = 1_000
REPEATS = 3  # of everything but the long run, which is long enough

_SENTENCES = (
    "{name} bought {a} {things} at the market and packed them into boxes.",
    "On the way home {name} gave {b} of them to a friend.",
    "The next morning a neighbour brought {c} more and asked for nothing in return.",
    "Then {name} found a box behind the door with {d} {things} in it.",
    "How many {things} does {name} have in the end?",
)
_STEPS = (
    "{name} starts with {a} {things} from the market.",
    "After the gift there are {a} - {b} = {left} {things} left.",
    "The neighbour brings {c}, so the next sum is {left} + {c} = {more}.",
    "The box behind the door holds {d}, so we come to {more} + {d} = {all} {things} in the end.",
    "The answer is {all}.",
)
_NAMES = ("Amira", "Bo", "Chen", "Dalia", "Emeka", "Farid", "Greta", "Hana", "Ivo", "Jun")
_THINGS = ("apples", "marbles", "stamps", "pencils", "shells", "coins", "buttons", "cards")


@dataclass(frozen=True, slots=True)
class Spent:
    """What one command took: wall-clock seconds, and the most memory it held, in MB."""

    seconds: float
    memory: float


def row(number: int, dice: random.Random) -> dict[str, str]:
    """A question and its answer; no two rows are alike, because the first number is the row's own."""
    a, b, c, d = number + 100, dice.randrange(2, 100), dice.randrange(2, 500), dice.randrange(2, 500)
    facts: dict[str, Any] = {
        "name": dice.choice(_NAMES),
        "things": dice.choice(_THINGS),
        "a": a,
        "b": b,
        "c": c,
        "d": d,
    }
    facts |= {"left": a - b, "more": a - b + c, "all": a - b + c + d}
    question, answer = (" ".join(sentences).format(**facts) for sentences in (_SENTENCES, _STEPS))
    return {"question": question, "answer": answer}


def write_project(folder: Path, rows: int) -> Path:
    """Rows and a recipe for the scripted engine."""
    dice = random.Random(rows)
    folder.mkdir()
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row(number, dice)) + "\n" for number in range(rows))
    columns = {"prompt": "question", "response": "answer"}
    recipe = {
        "model": {"name_or_path": "none-is-loaded"},
        "data": {"train": {"path": str(folder / "rows.jsonl"), "columns": columns}},
        "rewrite": {"prompt": "chat/math", "checks": ["not_empty", "finished", "length_ratio", "final_answer"]},
        "runtime": {"engine": "scripted"},
        "output_dir": str(folder / "run"),
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


def rewrite(recipe: Path) -> Spent:
    """Run the command."""
    clock = time.perf_counter()
    command = [sys.executable, "-m", "ownwords.cli", "rewrite", str(recipe)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"`ownwords rewrite` ended with exit code {process.returncode}")
    return Spent(time.perf_counter() - clock, usage.ru_maxrss / 1024)


def rewrite_anew(recipe: Path) -> Spent:
    shutil.rmtree(recipe.parent / "run", ignore_errors=True)
    return rewrite(recipe)


def lose_last_answers(run: Path, count: int) -> None:
    """Leave the run as a kill before the last `count` answers would."""
    connection = sqlite3.connect(run / "journal.sqlite")
    with connection:
        (last,) = connection.execute("SELECT max(rowid) FROM completions").fetchone()
        connection.execute(
            "DELETE FROM verdicts WHERE (stage, example_id, attempt, request_hash) IN"
            " (SELECT stage, example_id, attempt, request_hash FROM completions WHERE rowid > ?)",
            (last - count,),
        )
        connection.execute("DELETE FROM completions WHERE rowid > ?", (last - count,))
    connection.close()
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    facts["stages"]["rewrite"]["status"] = "running"
    (run / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    for product in ("rewrite.json", "samples.json"):
        (run / product).unlink()
    shutil.rmtree(run / "data")


def main() -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table."""
    with tempfile.TemporaryDirectory() as folder:
        one, few, many = (write_project(Path(folder) / str(rows), rows) for rows in (1, FEW_ROWS, ROWS))
        startup = statistics.median(rewrite_anew(one).seconds for _ in range(REPEATS))
        short = [rewrite_anew(few) for _ in range(REPEATS)]
        long = rewrite_anew(many)
        lose_last_answers(many.parent / "run", LOST_ROWS)
        resumed = rewrite(many)
        again = statistics.median(rewrite(many).seconds for _ in range(REPEATS))
    few_seconds = statistics.median(spent.seconds for spent in short)
    a_row, a_row_of_few = (
        (seconds - startup) / rows for seconds, rows in ((long.seconds, ROWS), (few_seconds, FEW_ROWS))
    )
    memory = long.memory - statistics.median(spent.memory for spent in short)
    rate = f"{ROWS / long.seconds:,.0f} rows/s"
    of_few = f"of {FEW_ROWS:,} rows"
    return [
        (f"scripted engine, {ROWS:,} rows, load → Parquet", "4,000 rows/s (aim 10,000)", rate),
        (f"its peak memory beside that {of_few}", "+ 200 MB at most", f"{memory:+,.0f} MB (to {long.memory:,.0f} MB)"),
        (
            f"its time per row beside that {of_few}, start-up of {startup:.1f} s taken out",
            "± 15 %",
            f"{100 * (a_row / a_row_of_few - 1):+.0f} % ({1e6 * a_row:.0f} against {1e6 * a_row_of_few:.0f} µs)",
        ),
        (f"going on with the last {LOST_ROWS:,} answers missing", "≤ 60 s (aim 15 s)", f"{resumed.seconds:.1f} s"),
        ("second run of the finished stage", "≤ 3 s", f"{again:.2f} s"),
    ]


if __name__ == "__main__":
    print(main())
