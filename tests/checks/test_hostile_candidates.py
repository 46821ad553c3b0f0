"""Whatever a candidate is, every check gives a verdict with a reason, and in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ownwords.checks.base import NeedsJudgeError, NotHereError, all_checks, run_check
from ownwords.checks.named import named_checks
from ownwords.checks.panel import LONG, Panel
from ownwords.recipe import CheckSection
from ownwords.records import Candidate, Example, Message

#: What checks need that need something.
PARAMS: dict[str, dict[str, Any]] = {
    "python_tests": {"tests": "assert f(1) == 1"},
    "same_behaviour": {"inputs": ["1\n"]},
    "json_schema": {"schema": {"type": "object"}},
    "regex": {"pattern": r"(a|b)+c"},
    "instructions": {"instructions": [{"id": "punctuation:no_comma"}]},
}
TOOLS = '[{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]'
EXAMPLE = Example(
    "id", (Message("user", "What is f(1)? Answer as JSON."),), 'f(1) gives {"a": [1]}. The answer is 3.', "", TOOLS
)
RUNS_CODE = ("python_runs", "python_tests", "same_behaviour")
NOT_INSTALLED = () if find_spec("lm_eval") else ("instructions",)
NAMES = [name for name in all_checks() if name not in (*RUNS_CODE, *NOT_INSTALLED)]

PIECES = {
    "letters": "a",
    "words": "word ",
    "digits": "7",
    "numbers": "1,000.5 ",
    "opening": "(",
    "brackets": "[",
    "braces": '{"a":',
    "tags": "<think>",
    "both tags": "<think></think>",
    "fences": "```\n",
    "calls": "f(",
    "call after call": "f(1) ",
    "table": "| a | b |\n",
    "markers": "The answer is ",
    "boxes": "\\boxed{",
    "fractions": "\\frac{1}{",
    "powers": "9^",
    "quotes": "'",
    "backslashes": "\\",
    "bold": "**",
    "line feeds": "\n",
    "half characters": "\ud800",
    "right to left": "\u202e\u05d0\u0661",
    "combining": "e\u0301\u0301\u0301",
    "zero width": "\u200b",
    "Han": "\u7b54",
    "refusals": "I'm sorry, but I can't. ",
    "NUL": "\0",
}


@pytest.fixture(scope="module")
def panels() -> Iterator[dict[str, Panel]]:
    found = {
        name: Panel(
            named_checks([CheckSection.model_validate({"name": name, **PARAMS.get(name, {})})], allow_code=False)
        )
        for name in NAMES
    }
    yield found
    for panel in found.values():
        panel.close()


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_what_is_judged_here_takes_no_time_that_anybody_waits_for(panels: dict[str, Panel], piece: str) -> None:
    """As long as candidates may be that are judged where they arrive, or sent away from there."""
    size = LONG - 1_000
    text = (PIECES[piece] * (size // len(PIECES[piece]) + 1))[:size]
    slow: dict[str, float] = {}
    for name, panel in panels.items():
        clock = time.process_time()
        for check in panel.checks:
            try:
                verdict = check.run(EXAMPLE, Candidate(text, "stop", "Say it again."))
                assert verdict.reason, name
            except (NotHereError, NeedsJudgeError):
                pass
        slow[name] = time.process_time() - clock
    assert max(slow.values()) < 3, sorted(slow.items(), key=lambda pair: -pair[1])[:3]


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["words", "braces", "half characters"])
def test_ten_megabytes_have_a_verdict_within_the_time_limit(panels: dict[str, Panel], piece: str) -> None:
    text = PIECES[piece] * (10_000_000 // len(PIECES[piece]))
    for name, panel in panels.items():
        panel.judge(EXAMPLE, Candidate("short"))
        clock = time.monotonic()
        verdicts = panel.judge(EXAMPLE, Candidate(text, "stop", "Say it again.", None))
        took = time.monotonic() - clock
        limit = panel.checks[0].seconds
        assert took < limit + 5, (name, took)  # and a process has to start again
        for verdict in verdicts.values():
            assert verdict.reason
            assert verdict.passed == (verdict.reason == "ok")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(), reference=st.text())
def test_any_text_has_a_verdict(panels: dict[str, Panel], text: str, reference: str) -> None:
    example = Example("id", (Message("user", "q"),), reference)
    for name, function in all_checks().items():
        if name in NAMES:
            try:
                verdict = run_check(function, example, Candidate(text, "stop"), PARAMS.get(name, {}))
            except NotHereError:
                continue
            assert verdict.passed == (verdict.reason == "ok"), name
            assert verdict.reason not in ("check_crashed", "check_invalid"), (name, verdict.detail)
