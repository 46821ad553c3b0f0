"""What the word-problem benchmarks share: how to ask for a number and how to score it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from ownwords.benchmarks._rows import Row
from ownwords.benchmarks.base import Ask, Item, Metric
from ownwords.checks.answer import extract_final_answer, same_answer
from ownwords.checks.paper import last_number
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion, Message

INSTRUCTION = "Work it out step by step. Then end with your final answer as a number, in this form: The answer is N."

PAPER_SYSTEM = (
    "You are an expert in math. Below is a math question. Write a response that appropriately answers the question. "
    "Your final answer should be an integer at the end of your response, formatted as: The answer is {answer}."
)
"""The testing prompt of the paper's reference, `{answer}` literally."""

#: Digits of a right number: far more than any sum has, and few enough for Python to read.
_LONGEST = 1000

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_GOLD = re.compile(rf"(?:The answer is|####)\s*({_NUMBER.pattern})\.?\s*\Z")


def gold_number(row: Row, field: str) -> str:
    """The number that ends the field as `The answer is N.` or `#### N`, without thousands separators."""
    found = _GOLD.search(row.text(field))
    if found is None:
        raise row.error(f"the field {field!r} must end with 'The answer is N.' or '#### N'")
    return _short_enough(row, field, found.group(1))


def number_alone(row: Row, field: str) -> str:
    """The number that the field holds and nothing beside it, as text or as a number, without thousands separators."""
    value: object = row.fields.get(field)
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if _NUMBER.fullmatch(text) is None:
        raise row.error(f"the field {field!r} must hold a number, not {str(value)[:60]!r}")
    return _short_enough(row, field, text)


def _short_enough(row: Row, field: str, number: str) -> str:
    if len(number) > _LONGEST:
        raise row.error(f"the number that ends the field {field!r} is longer than {_LONGEST:,} characters")
    return number.replace(",", "")


def ask_for_number(item: Item, settings: BenchmarkSection) -> list[Ask]:
    """The question with a short instruction; with `prompt: paper` the question under the paper's system text."""
    if settings.prompt == "paper":
        return [Ask(messages=(Message("system", PAPER_SYSTEM), Message("user", item.question)))]
    return [Ask(messages=(Message("user", f"{item.question}\n\n{INSTRUCTION}"),))]


def score_number(item: Item, completions: Sequence[Completion]) -> float:
    """1 if the final answer of the one completion equals the right number, else 0."""
    return float(same_answer(extract_final_answer(completions[0].text), Fraction(item.gold)))


def score_last_number(item: Item, completions: Sequence[Completion]) -> float:
    """1 if the last number of the one completion is whole and the right one, wherever it stands, else 0."""
    last = last_number(completions[0].text)
    return float(last is not None and last == last_number(item.gold))


ACCURACY_PAPER = Metric("accuracy_paper", "The last number is the right one, as the paper counts", score_last_number)
