"""The check `judge`: an opinion is read strictly, and what cannot be read is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.checks.base import find_check, require_params
from ownwords.checks.judge import CRITERIA, SCHEMA, read_judgement
from ownwords.errors import RecipeError
from ownwords.records import Candidate, Example, Message, Verdict

EXAMPLE = Example("id", (Message("user", "How many?"),), "The answer is 3.")
GOOD = {"differences": "none", "same_result": True, "complete": True, "no_contradiction": True}


def judge(judgement: str | None, **params: Any) -> Verdict:
    return find_check("judge")(EXAMPLE, Candidate("It is 3.", judgement=judgement), **params)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        json.dumps(GOOD, indent=2) + "\n",
        f"```json\n{json.dumps(GOOD)}\n```",
        f"```\n{json.dumps(GOOD)}```",
        f"<think>\nHe says {{3}}.\n</think>\n\n{json.dumps(GOOD)}",
    ],
)
def test_an_opinion_is_read(text: str) -> None:
    assert judge(text).passed


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"same_result": False, "complete": False, "no_contradiction": False}, "other_result"),
        ({"complete": False, "no_contradiction": False}, "contradiction"),
        ({"complete": False}, "incomplete"),
    ],
)
def test_a_no_is_a_reason(changed: dict[str, Any], reason: str) -> None:
    verdict = judge(json.dumps({**GOOD, **changed, "differences": "it leaves out Friday"}))
    assert (verdict.passed, verdict.reason) == (False, reason)
    assert "it leaves out Friday" in verdict.detail


def test_only_the_criteria_that_are_asked_for_count() -> None:
    text = json.dumps({**GOOD, "complete": False})
    assert judge(text, criteria=["same_result", "no_contradiction"]).passed
    assert judge(text, criteria=["complete"]).reason == "incomplete"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yes",
        "[]",
        "null",
        "true",
        json.dumps(GOOD) + " I am sure.",
        "Here: " + json.dumps(GOOD),
        json.dumps(GOOD) + json.dumps(GOOD),
        json.dumps({**GOOD, "same_result": "true"}),
        json.dumps({**GOOD, "same_result": 1}),
        json.dumps({**GOOD, "differences": None}),
        json.dumps({**GOOD, "score": 5}),
        json.dumps({key: value for key, value in GOOD.items() if key != "complete"}),
        json.dumps(GOOD).replace('"complete": true', '"complete": false, "complete": true'),
        json.dumps(GOOD)[:-1],
        "[" * 100_000,
        "\udcff",
    ],
)
def test_what_is_no_opinion_is_none(text: str) -> None:
    verdict = judge(text)
    assert (verdict.passed, verdict.reason) == (False, "judge_unreadable")
    assert verdict.detail


def test_without_a_judge_nothing_passes() -> None:
    assert judge(None).reason == "not_judged"


@given(st.fixed_dictionaries({"differences": st.text(), **dict.fromkeys(CRITERIA, st.booleans())}))
def test_any_opinion_comes_through(opinion: dict[str, Any]) -> None:
    assert read_judgement(json.dumps(opinion)) == opinion


@given(st.text())
def test_any_text_has_a_verdict(text: str) -> None:
    assert judge(text).reason == "judge_unreadable"


def test_the_schema_asks_for_what_is_read() -> None:
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"]) == {"differences", *CRITERIA}


def test_an_unknown_criterion_is_refused() -> None:
    with pytest.raises(RecipeError, match="criteria"):
        require_params("judge", find_check("judge"), {"criteria": ["kind"]})
