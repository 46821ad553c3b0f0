"""The paper's filters, with the weaknesses that the published numbers rest on."""

from __future__ import annotations

import time

import pytest

from ownwords.checks.base import find_check
from ownwords.records import Candidate, Example, Message


def reason(name: str, text: str, reference: str = "The answer is 3.") -> str:
    verdict = find_check(name)(Example("id", (Message("user", "?"),), reference), Candidate(text))
    assert verdict.passed == (verdict.reason == "ok")
    return verdict.reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Based on the Reference Answer, it is 3.", "banned_phrase"),
        ("Your response: 3", "banned_phrase"),
        ("Here is MY RESPONSE.", "banned_phrase"),
        ("Write your own response.", "banned_phrase"),
        ("Now it's your turn!", "banned_phrase"),
        ("Your turn to try", "banned_phrase"),
        ("your turn to try", "ok"),
        ("It is Your turn", "ok"),
        (" Your turn", "ok"),
        ("Now it’s your turn!", "ok"),
        ("The answer is 3.", "ok"),
        ("", "ok"),
    ],
)
def test_ban_list(text: str, expected: str) -> None:
    assert reason("paper_ban_list", text) == expected


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("It is 3", "The answer is 3.", "ok"),
        ("It is 1,000 dollars", "The answer is 1000.", "ok"),
        ("It is 1 000", "The answer is 1000.", "ok"),
        ("It is 3.00", "The answer is 3.", "ok"),
        ("It is 3, as 1 + 2 = 3, of 7", "The answer is 3.", "wrong_answer"),
        ("It is -3", "The answer is 3.", "wrong_answer"),
        ("From 10-3", "The answer is 3.", "wrong_answer"),
        ("It is 4", "The answer is 3.", "wrong_answer"),
        # The digits of "1\n3" are read as one number, which then is none.
        ("Steps: 1\n3", "The answer is 3.", "wrong_answer"),
        ("It is 3.5", "The answer is 3.", "wrong_answer"),
        ("No number", "The answer is 3.", "wrong_answer"),
        # Two invalid numbers count as equal.
        ("It is 3.5", "The answer is 0.25.", "ok"),
        ("No number", "The answer is 0.25.", "ok"),
        ("", "", "ok"),
    ],
)
def test_last_number(text: str, reference: str, expected: str) -> None:
    assert reason("paper_last_number", text, reference) == expected


CALL = "math.add(a=1, b='x')"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CALL, "ok"),
        ('math.add(a=1,b="x")', "ok"),
        ("Sure: `math.add(a=1,\n   b='x')` does it", "ok"),
        ("x.math.add(a=1, b='x') and more", "ok"),
        ("mymath.add(a=1, b='x')", "call_missing"),
        ("math.add(a=1 , b='x')", "call_missing"),
        ("math.add(b='x', a=1)", "call_missing"),
        ("math.add(a=1)", "call_missing"),
        ("", "call_missing"),
    ],
)
def test_openfunction(text: str, expected: str) -> None:
    assert reason("paper_openfunction", text, CALL) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["paper_ban_list", "paper_last_number", "paper_openfunction"])
def test_a_megabyte_takes_seconds(name: str) -> None:
    start = time.process_time()
    for text in ("1" * 1_000_000, "0." + "1" * 1_000_000, "-1," * 300_000, "1\n" * 500_000, "a" * 1_000_000):
        reason(name, text, text[:500_000])
    assert time.process_time() - start < 30
