"""The check that a rewrite calls what its reference calls."""

from __future__ import annotations

import json

import pytest

from ownwords.checks.base import find_check, run_check
from ownwords.records import Candidate, Example, Message
from ownwords.turns import AssistantTurn, Call

TOOLS = json.dumps([{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("f", "g")])


def turn(*names: str, words: str = "") -> str:
    return AssistantTurn(words, calls=tuple(Call(name, {}) for name in names)).as_text()


@pytest.mark.parametrize(
    ("reference", "candidate", "reason"),
    [
        (turn("f"), turn("f"), "ok"),
        (turn("f", "g"), turn("g", "f", words="One moment."), "ok"),
        ("Words.", "Other words.", "ok"),
        (turn("f"), "Words.", "missing_call"),
        (turn("f", "f"), turn("f"), "missing_call"),
        (turn("f"), turn("g"), "missing_call"),
        (turn("f"), turn("f", "g"), "extra_call"),
        ("Words.", turn("f"), "extra_call"),
        (turn("f"), turn("f", "h"), "unknown_function"),
    ],
)
def test_the_same_functions_as_often(reference: str, candidate: str, reason: str) -> None:
    example = Example("id", (Message("user", "q"),), reference, tools=TOOLS)
    verdict = run_check(find_check("same_calls"), example, Candidate(candidate), {})
    assert (verdict.reason, verdict.passed) == (reason, reason == "ok")


def test_without_tools_nothing_is_a_call() -> None:
    example = Example("id", (Message("user", "q"),), turn("f"))
    assert run_check(find_check("same_calls"), example, Candidate("Words."), {}).passed
