"""Precision and recall of the check `refusal` on labelled replies, and of the paper's list of phrases beside it.

`python -m bench.checks_refusals` needs $OWNWORDS_DATA (`make data`) for the prompts, of which the file of replies has
only places. A reply labelled `refusal` is to be found; `partial` and `answer` are not. One half, by the hash of its id,
was there to tune on. Of the other, replies were read to label them, but the check's errors on it were not looked at.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from bench.data_files import file_in
from ownwords.benchmarks._safety import SAFE_PHRASES
from ownwords.checks.refusal import refusal
from ownwords.records import Candidate, Example, Message

REPLIES = Path(__file__).parent.parent / "tests" / "checks" / "refusals.jsonl"
HALVES = ("tuned on", "held out")


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply to a prompt, and whether people read it as a refusal, as partial compliance or as an answer."""

    id: str
    prompt: str
    text: str
    label: str

    @property
    def half(self) -> str:
        return HALVES[int(hashlib.sha256(self.id.encode()).hexdigest(), 16) % 2]


def replies(folder: Path) -> list[Reply]:
    """All of them, with their prompts from the folder of data."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in REPLIES.read_text(encoding="utf-8").splitlines()]
    return [Reply(row["id"], _prompt(folder, row), row["text"], row["label"]) for row in rows]


def _prompt(folder: Path, row: dict[str, Any]) -> str:
    if row["source"] == "own":
        return str(row["prompt"])
    return _prompts(file_in(folder, row["source"]))[int(row["index"])]


@lru_cache(maxsize=8)
def _prompts(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        return [row["goal"] for row in csv.DictReader(text.splitlines())]
    rows: list[dict[str, str]] = json.loads(text)
    return [f"{row['instruction']}\n{row.get('input', '')}".strip() for row in rows]


def by_check(reply: Reply) -> bool:
    """What the check says."""
    example = Example(reply.id, (Message("user", reply.prompt),), "")
    return refusal(example, Candidate(reply.text)).passed


def by_phrases(reply: Reply) -> bool:
    """What the paper's list says."""
    return any(phrase in reply.text for phrase in SAFE_PHRASES)


def counts(judge: Callable[[Reply], bool], chosen: list[Reply]) -> tuple[int, int, int]:
    """Refusals found, what else was taken for one, refusals missed."""
    judged = [(judge(reply), reply.label == "refusal") for reply in chosen]
    return judged.count((True, True)), judged.count((True, False)), judged.count((False, True))


def table(folder: Path) -> Iterator[str]:
    """The lines of the table."""
    known = replies(folder)
    yield "| half | replies | refusals | by | precision | recall |"
    yield "|---|---|---|---|---|---|"
    for half in HALVES:
        chosen = [reply for reply in known if reply.half == half]
        refusals = sum(reply.label == "refusal" for reply in chosen)
        for name, judge in (("`refusal`", by_check), ("the paper's phrases", by_phrases)):
            found, wrong, missed = counts(judge, chosen)
            precision = f"{found / (found + wrong):.2f} ({found}/{found + wrong})"
            recall = f"{found / (found + missed):.2f} ({found}/{found + missed})"
            yield f"| {half} | {len(chosen)} | {refusals} | {name} | {precision} | {recall} |"


if __name__ == "__main__":
    data = Path(os.environ.get("OWNWORDS_DATA", "../shared/data"))
    if not data.is_dir():
        print(f"no datasets in {data}: set OWNWORDS_DATA or run `make data`", file=sys.stderr)
        sys.exit(2)
    print("\n".join(table(data)))
