"""What validation reckons from a trial: never less time than it takes, tokens and money beside the budgets, memory."""

# pyright: basic
from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.benchmarks.base import Item, find_benchmark
from ownwords.recipe import BenchmarkSection
from ownwords.stages.estimates import at_most
from ownwords.stages.memory import peak_resident_gib
from tests.engines.fault_server import Server, said
from tests.pipeline.conftest import Project, question
from tests.pipeline.test_validate import prompt_tokens, rewriting_tokens, target_tokens

TRAINED = [question(number) for number in range(12)]
counts = st.integers(0, 10_000)
costs = st.floats(0, 1)


def validate(project: Project, capsys: pytest.CaptureFixture[str], *rest: str) -> dict[str, Any]:
    assert project.ownwords("validate", "--json", *rest) == 0
    return json.loads(capsys.readouterr().out)


@given(counts, st.integers(1, 10_000), counts, counts, costs, costs)
def test_an_estimate_holds_whatever_reading_costs_beside_writing(
    read: int, written: int, other_read: int, other_written: int, reading: float, writing: float
) -> None:
    reading, writing = sorted((reading, writing))
    trial = {"prompt_tokens": read, "completion_tokens": written, "seconds": read * reading + written * writing}
    estimate = at_most(other_read, other_written, trial)
    assert estimate is not None
    assert estimate * (1 + 1e-9) >= other_read * reading + other_written * writing


def test_an_estimate_of_the_same_tokens_is_the_trial_itself() -> None:
    assert at_most(70, 30, {"prompt_tokens": 70, "completion_tokens": 30, "seconds": 9.0}) == pytest.approx(9.0)
    assert at_most(70, 30, {"prompt_tokens": 70, "completion_tokens": 0, "seconds": 9.0}) is None


def test_requests_and_tokens_of_benchmarks_are_those_that_would_be_asked(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = validate(project, capsys, "--probe", "0")["evaluation"]
    assert evaluation["arms"] == 3
    gsm8k, heldout = evaluation["benchmarks"]
    settings = BenchmarkSection(name="gsm8k")
    items = [Item("", question(number)["question"], None) for number in range(50, 54)]
    asks = [ask for item in items for ask in find_benchmark("gsm8k").prompt(item, settings)]
    read = sum(prompt_tokens(message.content) for ask in asks for message in ask.messages or ()) / 4
    assert (gsm8k["benchmark"], gsm8k["requests"], gsm8k["written_at_most"]) == ("gsm8k", 4, 8)
    assert gsm8k["read"] == pytest.approx(read, abs=0.05)
    unseen = [question(number) for number in range(12, 18)]
    read = sum(prompt_tokens(row["question"]) + target_tokens(row["answer"]) for row in unseen) / 6
    assert (heldout["requests"], heldout["written_at_most"]) == (6, 0)
    assert heldout["read"] == pytest.approx(read, abs=0.05)
    assert [found["hours_at_most"] for found in evaluation["benchmarks"]] == [None, None]


def test_only_what_the_tried_engine_evaluates_has_an_estimate(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = validate(project, capsys, "--probe", "4", "runtime.scripted.delay_ms=10", "tune.on_too_long=drop")
    gsm8k, heldout = facts["evaluation"]["benchmarks"]
    assert gsm8k["hours_at_most"] * 3600 >= 12 * 0.01
    assert heldout["hours_at_most"] is None  # the scripted engine gives no likelihoods


@pytest.mark.slow
def test_tokens_of_the_trial_and_of_all_rows_are_those_of_the_prompts(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ["runtime.engine=transformers", "rewrite.sampling.max_tokens=4", "--probe", "12"]
    trial = validate(project, capsys, *keys)["probe"]
    read = sum(rewriting_tokens(row) for row in TRAINED)
    assert trial["prompt_tokens"] == trial["all_prompt_tokens"] == read
    assert trial["prompt_tokens_per_second"] == pytest.approx(read / trial["seconds"], rel=0.01)
    assert 12 <= trial["completion_tokens"] == trial["all_completion_tokens"] <= 12 * 4


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")

    def overrides(server: Server, **settings: Any) -> list[str]:
        given = {"base_url": server.url, "model": "tiny", **settings}
        keys = ["tune.on_too_long=drop", "tune.max_length=9", "--probe", "4"]  # no training on trial
        return ["runtime.engine=openai", f"runtime.openai={json.dumps(given)}", *keys]

    return overrides


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("settings", "cost", "warned"),
    [
        ({}, None, []),
        ({"token_budget": 100}, None, ["token_budget=100"]),
        ({"token_budget": 10_000, "prompt_price": 2, "completion_price": 10}, True, []),
        ({"cost_budget": 0.0005, "prompt_price": 2, "completion_price": 10}, True, ["cost_budget=0.0005"]),
    ],
)
def test_a_server_has_its_tokens_priced_and_held_against_the_budget(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    use: Any,
    settings: dict[str, Any],
    cost: Any,
    warned: list[str],
) -> None:
    with Server(lambda body, seen: said()) as server:  # counts 10 tokens read and 5 written a row
        facts = validate(project, capsys, *use(server, **settings))
        capsys.readouterr()
        assert project.ownwords("validate", *use(server, **settings)) == 0
        text = " ".join(capsys.readouterr().out.split())
    spending, trial = facts["spending"], facts["probe"]
    assert trial["all_completion_tokens"] == 12 * 5
    assert trial["all_prompt_tokens"] == pytest.approx(12 * 10, rel=0.05)
    assert spending["tokens"] == trial["all_prompt_tokens"] + 60
    expected = (trial["all_prompt_tokens"] * 2 + 60 * 10) / 1e6 if cost else None
    assert spending["cost"] == (None if expected is None else pytest.approx(expected))
    found = [warning for warning in facts["warnings"] if "budget" in warning]
    assert len(found) == len(warned)
    assert all(key in warning for key, warning in zip(warned, found, strict=True))
    assert f"about {spending['tokens']} tokens" in text
    assert ("set runtime.openai.prompt_price" in text) == (cost is None)
    assert [found["hours_at_most"] for found in facts["evaluation"]["benchmarks"]] == [None, None]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_server_that_counts_no_tokens_gives_no_estimate(
    project: Project, capsys: pytest.CaptureFixture[str], use: Any
) -> None:
    with Server(lambda body, seen: {**said(), "usage": None}) as server:
        facts = validate(project, capsys, *use(server))
    assert (facts["spending"]["tokens"], facts["spending"]["cost"]) == (None, None)


def test_an_engine_that_costs_nothing_has_no_bill(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(project, capsys, "tune.on_too_long=drop", "tune.max_length=9")["spending"] is None


@pytest.mark.skipif(sys.platform != "linux", reason="only there are other processes seen")
def test_memory_of_processes_that_were_started_counts() -> None:
    before = peak_resident_gib()
    program = (
        "import subprocess, sys\n"
        "inner = 'x = b\"x\" * (128 << 20); print(len(x), flush=True); input()'\n"
        "subprocess.run([sys.executable, '-c', inner])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert int(process.stdout.readline()) == 128 << 20
        during = peak_resident_gib()
        process.stdin.close()
    assert before is not None
    assert during is not None
    assert 0.125 <= during - before < 0.5
