"""Starting an engine and loading weights is told apart from work, wherever a speed or a duration is shown."""

# pyright: basic
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace

import pytest

from ownwords.engines import scripted
from ownwords.engines.scripted import ScriptedEngine
from ownwords.progress import Progress
from ownwords.records import Completion, Request, Weights
from ownwords.work import Clock, Work
from tests.pipeline.conftest import Project

OPENING, WARMING, SWITCHING, ANSWERING = 5.0, 7.0, 3.0, 1.0


class Time(SimpleNamespace):
    """A clock that goes on only when it is told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    for module in ("work", "progress", "engines.base", "stages.probe"):
        monkeypatch.setattr(f"ownwords.{module}.time", time)
    return time


@pytest.fixture
def slow_start(as_if_trained: None, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scripted engine that takes its time to open, to warm up, for other weights, and for each answer."""
    create, answer = scripted.create, ScriptedEngine._answer

    class Slow(ScriptedEngine):
        loaded: Weights | None = None

        def warm_up(self, weights: Sequence[Weights]) -> None:
            with self.starting():
                time.now += WARMING
            self.loaded = weights[0]

        def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
            for request in requests:
                if request.weights != self.loaded:
                    with self.starting():
                        time.now += SWITCHING
                    self.loaded = request.weights
                time.now += ANSWERING
                yield answer(self, request)

    def opened(*given, **more) -> ScriptedEngine:
        time.now += OPENING
        engine = create(*given, **more)
        engine.__class__ = Slow
        return engine

    monkeypatch.setattr(scripted, "create", opened)


def test_rewriting_tells_opening_and_warming_up_from_its_rows(
    project: Project, slow_start: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("rewrite") == 0
    stage = project.stages()["rewrite"]
    assert (stage["seconds"], stage["startup_seconds"]) == (12 * ANSWERING, OPENING + WARMING)
    said = capsys.readouterr().err
    assert "scripted is open after 5 s" in said
    assert "rewriting: 12/12 rows, 1.0 rows/s" in said
    assert project.ownwords("status") == 0
    assert "12 s  12 completions, 12 s of starting up besides" in capsys.readouterr().out
    assert project.ownwords("report") == 0
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert '<td>rewrite</td><td>done</td><td class="n">12 s</td><td class="n">12 s</td>' in page


def test_an_arm_whose_weights_are_loaded_in_mid_evaluation_has_that_beside_its_seconds(
    project: Project, slow_start: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("evaluate", f"evaluate.benchmarks=[{{gsm8k: {{path: {project.folder}/test.jsonl}}}}]") == 0
    found = {name: (stage["seconds"], stage["startup_seconds"]) for name, stage in project.stages().items()}
    assert found == {
        "evaluate/gsm8k/seed": (4 * ANSWERING, OPENING + WARMING),
        "evaluate/gsm8k/vanilla": (4 * ANSWERING, SWITCHING),
        "evaluate/gsm8k/sdft": (4 * ANSWERING, SWITCHING),
    }
    said = capsys.readouterr().err
    assert "evaluating: 12/12 requests, 1.0 requests/s" in said
    assert f"{WARMING + 2 * SWITCHING:.0f} s of starting up not counted" in said


def test_validate_times_rows_without_the_start(
    project: Project, slow_start: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("validate", "--json", "--probe", "4", "tune.on_too_long=drop", "tune.max_length=9") == 0
    trial = json.loads(capsys.readouterr().out)["probe"]
    assert (trial["seconds"], trial["startup_seconds"]) == (4 * ANSWERING, OPENING + WARMING)
    assert trial["rows_per_second"] == pytest.approx(1 / ANSWERING)


def test_starting_up_before_a_stage_counts_for_it_and_other_time_does_not(time: Time) -> None:
    startup = [0.0]
    clock = Clock(lambda: startup[0])
    time.now, startup[0] = 30.0, 10.0  # 20 of them were something else
    clock.skip()
    time.now += 4
    assert clock.lap() == (4.0, 10.0)
    time.now, startup[0] = time.now + 6, 11.0
    assert clock.lap() == (5.0, 1.0)
    assert clock.lap() == (0.0, 0.0)


def test_a_stage_goes_on_with_the_seconds_of_its_earlier_attempt(time: Time) -> None:
    saved: list[dict[str, float]] = []
    work = Work(saved.append, Clock(lambda: 0.0), {}, {"seconds": 5.0, "startup_seconds": 2.0})
    time.now = 3.0
    work.done()
    assert [(state["status"], state["seconds"], state["startup_seconds"]) for state in saved] == [
        ("running", 5.0, 2.0),
        ("done", 8.0, 2.0),
    ]


def test_progress_expects_no_more_starting_up(time: Time, capsys: pytest.CaptureFixture[str]) -> None:
    startup = [100.0]  # before it began
    with Progress("x", 4, startup=lambda: startup[0]) as progress:
        time.now, startup[0] = 20.0, 116.0
        progress.advance(2)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "x: 2/4 rows, 0.5 rows/s, 16 s of starting up not counted, 4 s left"


def test_the_first_rows_of_many_tell_no_time(time: Time, capsys: pytest.CaptureFixture[str]) -> None:
    """Many are under way at once, so that the first comes late and the others soon after it."""
    with Progress("x", 80) as progress:
        for time.now, rows in ((50.0, 1), (60.0, 6), (70.0, 1), (80.0, 32)):
            progress.advance(rows)
    assert capsys.readouterr().err.splitlines()[:4] == [
        "x: 1/80 rows, 0.0 rows/s",
        "x: 7/80 rows, 0.1 rows/s",
        "x: 8/80 rows, 0.1 rows/s, 10 min left",
        "x: 40/80 rows, 0.5 rows/s, 80 s left",
    ]
