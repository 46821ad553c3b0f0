"""Evaluation puts all benchmarks to all arms in one pass, and each arm's scores end with its own last answer."""

# pyright: basic
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from ownwords.engines.scripted import ScriptedEngine
from ownwords.records import Completion, Request
from tests.pipeline.conftest import Project, script

ARMS = ["seed", "vanilla", "sdft"]
MARK = "{'seed': '', 'vanilla': 'v', 'sdft': 's'}[request.id.split('/')[-1]]"

pytestmark = pytest.mark.usefixtures("as_if_trained")


@pytest.fixture
def benchmarks(project: Project) -> str:
    test, more = project.folder / "test.jsonl", project.folder / "more.json"
    questions = [{"instruction": f"What is {n} and {n}?", "output": f"The answer is {2 * n}"} for n in range(3)]
    more.write_text(json.dumps(questions), encoding="utf-8")
    return f"evaluate.benchmarks=[{{gsm8k: {{path: {test}}}}}, {{multiarith: {{path: {more}}}}}]"


def answers(project: Project, benchmark: str, arm: str) -> list[str]:
    return pq.read_table(project.output / "scores" / benchmark / f"{arm}.parquet")["answer"].to_pylist()


def test_one_stream_asks_everything_arm_after_arm(
    project: Project, benchmarks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams: list[list[Request]] = []
    plain = ScriptedEngine.stream

    def recorded(self: ScriptedEngine, requests: Iterable[Request]) -> Iterator[Completion]:
        streams.append(list(requests))
        return plain(self, streams[-1])

    monkeypatch.setattr(ScriptedEngine, "stream", recorded)
    assert project.ownwords("evaluate", benchmarks) == 0
    (asked,) = streams
    assert len(asked) == len({request.id for request in asked}) == 3 * (4 + 3)
    order = [request.weights.identity for request in asked]
    assert [identity for i, identity in enumerate(order) if i == 0 or order[i - 1] != identity] == [
        asked[0].weights.identity,
        "vanilla-weights",
        "sdft-weights",
    ]


def test_answers_that_come_in_any_order_reach_their_own_arm(
    project: Project, benchmarks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that mixes weights has everything in flight before the first answer comes."""
    plain = ScriptedEngine.stream

    def mixed(self: ScriptedEngine, requests: Iterable[Request]) -> Iterator[Completion]:
        return plain(self, sorted(requests, key=lambda request: request.hash))

    monkeypatch.setattr(ScriptedEngine, "stream", mixed)
    flags = script(project, f"return request.messages[-1].content[:15] + {MARK}")
    assert project.ownwords("evaluate", benchmarks, *flags) == 0
    for benchmark in ("gsm8k", "multiarith"):
        seed = answers(project, benchmark, "seed")
        assert len(set(seed)) == len(seed)
        assert answers(project, benchmark, "vanilla") == [f"{text}v" for text in seed]
        assert answers(project, benchmark, "sdft") == [f"{text}s" for text in seed]


@pytest.mark.slow
def test_what_is_scored_stays_when_a_later_arm_fails(project: Project, benchmarks: str) -> None:
    failing = script(project, f"return '1' + {MARK} if {MARK} != 's' else 1 / 0")
    assert project.ownwords("evaluate", benchmarks, *failing) == 1
    states = {name: stage["status"] for name, stage in project.stages().items()}
    assert states == {
        f"evaluate/{benchmark}/{arm}": "failed" if arm == "sdft" else "done"
        for benchmark in ("gsm8k", "multiarith")
        for arm in ARMS
    }
    written = {path: path.stat().st_mtime_ns for path in project.output.glob("scores/*/*.parquet")}
    assert len(written) == 4
    only_sdft = script(project, f"return '1' if {MARK} == 's' else 1 / 0")
    assert project.ownwords("evaluate", benchmarks, *only_sdft) == 0
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert set(answers(project, "gsm8k", "sdft")) == {"1"}
    assert {stage["status"] for stage in project.stages().values()} == {"done"}


def test_seconds_are_those_that_an_arms_answers_took(
    project: Project, benchmarks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    plain = ScriptedEngine._answer

    def slow(self: ScriptedEngine, request: Request) -> Completion:
        clock[0] += {"seed": 0.0, "vanilla": 2.0, "sdft": 0.5}[request.id.split("/")[-1]]
        return plain(self, request)

    monkeypatch.setattr("ownwords.work.time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(ScriptedEngine, "_answer", slow)
    assert project.ownwords("evaluate", benchmarks) == 0
    seconds = {name: stage["seconds"] for name, stage in project.stages().items()}
    assert seconds == {
        "evaluate/gsm8k/seed": 0.0,
        "evaluate/multiarith/seed": 0.0,
        "evaluate/gsm8k/vanilla": 8.0,
        "evaluate/multiarith/vanilla": 6.0,
        "evaluate/gsm8k/sdft": 2.0,
        "evaluate/multiarith/sdft": 1.5,
    }


def test_there_is_one_progress_line(project: Project, benchmarks: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.ownwords("evaluate", benchmarks) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("evaluating")]
    assert len(lines) == 1
    assert lines[0].startswith("evaluating: 21/21 requests")


def test_one_more_benchmark_asks_only_its_own_questions(
    project: Project, benchmarks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    plain = ScriptedEngine._answer

    def recorded(self: ScriptedEngine, request: Request) -> Completion:
        asked.append(request.id.partition("/")[0])
        return plain(self, request)

    monkeypatch.setattr(ScriptedEngine, "_answer", recorded)
    assert project.ownwords("evaluate", benchmarks.partition(", {multiarith")[0] + "]") == 0
    assert project.ownwords("evaluate", benchmarks) == 0
    assert asked == ["gsm8k"] * 12 + ["multiarith"] * 9
