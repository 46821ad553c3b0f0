"""Several checks at one candidate: cheap ones first, the others in processes that end when their time is over."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import TypeAdapter

from ownwords.checks import _workers, named
from ownwords.checks.named import NamedCheck, named_checks
from ownwords.checks.panel import LONG, Panel
from ownwords.errors import RecipeError, StageError
from ownwords.recipe import CheckEntry, CheckSection
from ownwords.records import Candidate, Example, Message

EXAMPLE = Example("id", (Message("user", "How many?"),), "The answer is 3.")
ENTRIES = TypeAdapter(list[CheckEntry])

OWN_CHECKS = """
import os, sys, time
from ownwords.records import Verdict

def passes(example, candidate): return Verdict(True, "ok", candidate.text)
def fails(example, candidate): return Verdict(False, "no", "as always")
def raises(example, candidate): raise KeyError("x")
def interrupts(example, candidate): raise KeyboardInterrupt
def sleeps(example, candidate): time.sleep(600)
def spins(example, candidate):
    while True: pass
def prints(example, candidate):
    print('{"passed": true, "reason": "ok", "detail": "printed"}', flush=True)
    os.write(1, b'{"passed": true, "reason": "ok", "detail": "written"}\\n')
    return Verdict(False, "no", "it printed")
def reads(example, candidate): return Verdict(True, "ok", repr(sys.stdin.read()) + repr(os.read(0, 9)))
def forks(example, candidate):
    child = os.fork()
    return Verdict(True, "ok", "child" if child == 0 else "parent")
def leaves_a_child_of_its_own(example, candidate):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    time.sleep(600)
def leaves_a_child(example, candidate):
    if os.fork() == 0: time.sleep(600)
    return Verdict(True, "ok", str(os.getpid()))
def exits(example, candidate): os._exit(0)
def leaves(example, candidate): sys.exit(0)
def aborts(example, candidate): os.abort()
def returns_nothing(example, candidate): pass
def tells_much(example, candidate): return Verdict(False, "no", "x" * 50_000_000)
def nests(example, candidate): return nests(example, candidate)
def takes_time(example, candidate, *, timeout: float = 0): time.sleep(timeout * 1.5); return Verdict(True, "ok")
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(textwrap.dedent(OWN_CHECKS))
    return path


@pytest.fixture
def panels(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Panel]]:
    monkeypatch.setattr(named, "SECONDS", 2.0)
    opened: list[Panel] = []
    yield opened
    for panel in opened:
        panel.close()


def checks_of(*entries: Any) -> list[NamedCheck]:
    return named_checks(ENTRIES.validate_python(list(entries)), allow_code=True)


def panel_of(panels: list[Panel], *entries: Any) -> Panel:
    panels.append(Panel(checks_of(*entries)))
    return panels[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "reason", "detail"),
    [
        ("passes", "ok", "text \udcff \u202e ٣"),
        ("fails", "no", "as always"),
        ("raises", "check_crashed", "KeyError"),
        ("interrupts", "check_crashed", "KeyboardInterrupt"),
        ("sleeps", "check_timeout", "more than 2 seconds"),
        ("spins", "check_timeout", "more than 2 seconds"),
        ("prints", "no", "it printed"),
        ("reads", "ok", "''b''"),
        ("forks", "ok", "parent"),
        ("leaves_a_child_of_its_own", "check_timeout", "more than 2 seconds"),
        ("exits", "check_crashed", "ended its process (exit code 0)"),
        ("leaves", "check_crashed", "SystemExit"),
        ("aborts", "check_crashed", "exit code -6"),
        ("returns_nothing", "check_invalid", "NoneType"),
        ("tells_much", "no", "xxx"),
        ("nests", "check_crashed", "RecursionError"),
    ],
)
def test_whatever_a_users_check_does_there_is_a_verdict_and_the_next_is_judged(
    panels: list[Panel], own: Path, function: str, reason: str, detail: str
) -> None:
    panel, after = (panel_of(panels, f"{own}:{name}") for name in (function, "fails"))
    began = time.monotonic()
    candidate = Candidate("text \udcff \u202e ٣")
    for _ in range(2):
        (verdict,) = panel.judge(EXAMPLE, candidate).values()
        assert verdict.reason == reason
        assert detail.replace("\udcff", "?") in verdict.detail
        assert len(verdict.detail) <= 2_000
        assert next(iter(after.judge(EXAMPLE, candidate).values())).reason == "no"
    assert time.monotonic() - began < 30


@pytest.mark.slow
def test_a_closed_panel_leaves_no_process(panels: list[Panel], own: Path) -> None:
    panel = panel_of(panels, f"{own}:leaves_a_child")
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    (verdict,) = panel.judge(EXAMPLE, Candidate("x")).values()
    worker = psutil.Process(int(verdict.detail))
    started = [worker, *worker.children(recursive=True)]
    assert len(started) == 2
    panel.close()
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the signal that does it is Linux's")
def test_no_process_outlives_one_that_is_killed(own: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"""
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel
from ownwords.recipe import CheckSection
from ownwords.records import Candidate, Example, Message
panel = Panel(named_checks([CheckSection(name={f"{own}:spins"!r})], allow_code=True))
panel.begin(Example("id", (Message("user", "q"),), "r"), Candidate("c"))
input()
"""
    )
    with subprocess.Popen([sys.executable, str(program)], stdin=subprocess.PIPE) as process:
        began = time.monotonic()
        while not (workers := psutil.Process(process.pid).children()):
            assert time.monotonic() - began < 60
        process.kill()
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert not alive


def test_closing_does_not_wait_for_what_is_being_judged(own: Path) -> None:
    panel = Panel(checks_of(f"{own}:sleeps"))
    coming = [panel.begin(EXAMPLE, Candidate("x")) for _ in range(8)]
    assert all(isinstance(verdicts, Future) for verdicts in coming)
    began = time.monotonic()
    panel.close()
    assert time.monotonic() - began < 5


@pytest.mark.slow
def test_time_of_its_own_is_added(panels: list[Panel], own: Path) -> None:
    panel = panel_of(panels, {f"{own}:takes_time": {"timeout": 2.0}})
    assert panel.judge(EXAMPLE, Candidate("x"))[f"{own}:takes_time"].passed


@pytest.mark.slow
@pytest.mark.parametrize(("change", "message"), [("unlink", "there is no file"), ("edit", "has changed since")])
def test_a_file_that_is_gone_or_has_changed_is_no_candidates_fault(
    panels: list[Panel], tmp_path: Path, change: str, message: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(OWN_CHECKS)
    panel = panel_of(panels, f"{path}:fails")
    if change == "unlink":
        path.unlink()
    else:
        path.write_text(OWN_CHECKS + "\n")
    with pytest.raises(StageError, match=message):
        panel.judge(EXAMPLE, Candidate("x"))


def test_an_answer_in_the_last_moment_costs_the_next_candidate_nothing(
    panels: list[Panel], own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = panel_of(panels, f"{own}:passes")
    exchange = _workers.exchange

    def late(process: Any, sent: bytes, seconds: float) -> tuple[bytes | None, bool]:
        line, _ = exchange(process, sent, seconds)
        process.kill()
        return line, True

    assert panel.judge(EXAMPLE, Candidate("x"))[f"{own}:passes"].passed
    monkeypatch.setattr(_workers, "exchange", late)
    assert panel.judge(EXAMPLE, Candidate("x"))[f"{own}:passes"].passed
    monkeypatch.setattr(_workers, "exchange", exchange)
    assert panel.judge(EXAMPLE, Candidate("x"))[f"{own}:passes"].passed


def test_cheap_checks_come_first_and_spare_the_others(panels: list[Panel], own: Path) -> None:
    panel = panel_of(panels, f"{own}:sleeps", "not_empty", "final_answer")
    verdicts = panel.begin(EXAMPLE, Candidate("The answer is 4."))
    assert not isinstance(verdicts, Future)
    assert [(label, verdict.reason) for label, verdict in verdicts.items()] == [
        ("not_empty", "ok"),
        ("final_answer", "wrong_answer"),
    ]
    assert panel.is_done(verdicts)


def test_verdicts_come_in_the_recipes_order_and_stop_at_the_first_that_fails(panels: list[Panel], own: Path) -> None:
    panel = panel_of(panels, f"{own}:passes", "not_empty", f"{own}:fails", f"{own}:sleeps")
    verdicts = panel.judge(EXAMPLE, Candidate("x"))
    assert list(verdicts) == [f"{own}:passes", "not_empty", f"{own}:fails"]
    assert panel.is_done(verdicts)
    assert not panel.is_done({"not_empty": verdicts["not_empty"]})


def test_what_is_known_is_not_judged_again(panels: list[Panel], own: Path) -> None:
    panel = panel_of(panels, "not_empty", f"{own}:sleeps")
    known = panel_of(panels, "not_empty").judge(EXAMPLE, Candidate("x"))
    verdicts = panel.judge(EXAMPLE, Candidate("x"), {**known, f"{own}:sleeps": known["not_empty"]})
    assert list(verdicts) == ["not_empty", f"{own}:sleeps"]


@pytest.mark.slow
def test_a_long_candidate_is_judged_apart_within_the_time(panels: list[Panel]) -> None:
    panel = panel_of(panels, "not_empty", "no_prompt_leak", "no_repetition", "length_ratio", "final_answer")
    long = Candidate("(" * 10_000_000, "stop")
    assert len(long.text) > LONG
    began = time.monotonic()
    verdicts = panel.judge(EXAMPLE, long)
    assert time.monotonic() - began < 30
    assert any(not verdict.passed for verdict in verdicts.values())


@pytest.mark.parametrize(
    ("entry", "candidate", "passed", "reason", "detail"),
    [
        ({"any": ["final_answer", "length_ratio"]}, "The answer is 3.", True, "ok", "final_answer passed"),
        ({"any": ["final_answer", "length_ratio"]}, "The answer is 4.", True, "ok", "length_ratio passed"),
        (
            {"any": ["final_answer", {"length_ratio": {"minimum": 5.0}}]},
            "The answer is 4.",
            False,
            "none_passed",
            "final_answer: wrong_answer; length_ratio: too_short",
        ),
        ({"all": ["final_answer", "not_empty"]}, "The answer is 3.", True, "ok", ""),
        (
            {"all": ["not_empty", "final_answer"]},
            "The answer is 4.",
            False,
            "wrong_answer",
            "final_answer: the final answer is 4, the reference has 3",
        ),
        ({"any": [{"all": ["not_empty", "final_answer"]}, "thinking"]}, "It is 3.", True, "ok", "passed"),
    ],
)
def test_checks_compose(
    panels: list[Panel], entry: Any, candidate: str, passed: bool, reason: str, detail: str
) -> None:
    (verdict,) = panel_of(panels, entry).judge(EXAMPLE, Candidate(candidate, "stop")).values()
    assert (verdict.passed, verdict.reason) == (passed, reason)
    assert detail in verdict.detail


@pytest.mark.slow
def test_a_composed_check_of_a_users_runs_apart(panels: list[Panel], own: Path) -> None:
    panel = panel_of(panels, {"any": [f"{own}:fails", "final_answer"]})
    assert isinstance(panel.begin(EXAMPLE, Candidate("3")), Future)
    (verdict,) = panel.judge(EXAMPLE, Candidate("3")).values()
    assert verdict.detail == "final_answer passed"


def test_labels_are_unique() -> None:
    checks = checks_of(
        {"any": ["finished", "not_empty"]}, {"length_ratio": {"maximum": 2.0}}, "length_ratio", "finished"
    )
    assert [check.label for check in checks] == [
        "any(finished, not_empty)",
        "length_ratio",
        "length_ratio (2)",
        "finished",
    ]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"any": []}], "takes a list of checks"),
        ([{"name": "any", "of": "finished"}], "takes a list of checks"),
        ([{"name": "all"}], "takes a list of checks"),
        ([{"any": ["finished"], "name": "any"}], "takes a list of checks"),
        ([{"any": [3]}], "a check is a name"),
        ([{"any": ["finishd"]}], "Did you mean 'finished'"),
        ([{"any": [{"length_ratio": {"maximun": 1.0}}]}], "Did you mean 'maximum'"),
        ([{"json_schema": {"schema": {"properties": {True: {}, "a": {}}}}}], "must be plain JSON, with text as keys"),
        ([{"json_schema": {"schema": {"properties": {True: {}}}}}], "must be plain JSON, with text as keys"),
        ([{"regex": {"pattern": 3}}], "must be str, not 3"),
        ([{"no_prompt_leak": {"max_words": 10**9}}], "less than or equal to 1000"),
        (["finished", "finished"], "names the check finished twice"),
        ([{"any": ["finished"]}, {"any": ["finished"]}], r"names the check any\(finished\) twice"),
    ],
)
def test_what_is_no_composition_is_refused(entries: list[Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        checks_of(*entries)


def test_compositions_have_a_depth() -> None:
    entry: Any = "finished"
    for _ in range(50):
        entry = {"any": [entry]}
    with pytest.raises(RecipeError, match="at most 5 deep"):
        checks_of(entry)


def test_a_section_keeps_its_identity() -> None:
    """Journals of earlier runs are read by it."""
    (check,) = named_checks([CheckSection(name="length_ratio", maximum=3.0)], allow_code=False)  # type: ignore[call-arg]
    assert check.identity == '["length_ratio", {"maximum": 3.0}, ""]'


# --- what a check looks at ---------------------------------------------------------------------------------------

SEEING = ["final_answer", "json_equal", "function_call", "same_calls", "judge"]
PAPERS = ["paper_last_number", "paper_openfunction"]
BLIND = ["not_empty", "finished", "no_prompt_leak", "length_ratio", "same_language", "paper_ban_list", "python_runs"]


@pytest.mark.parametrize("name", [*SEEING, *PAPERS, *BLIND])
def test_a_check_says_whether_it_looks_at_the_result(name: str) -> None:
    (check,) = named_checks(ENTRIES.validate_python([name]), allow_code=False)
    assert check.traits.result == ("unseen" if name in BLIND else "seen")


@pytest.mark.parametrize(
    "entry",
    [
        {"python_tests": {"tests": "assert True"}},
        {"same_behaviour": {"inputs": ["1"]}},
    ],
)
def test_tests_of_code_look_at_the_result(entry: dict[str, Any]) -> None:
    (check,) = named_checks(ENTRIES.validate_python([entry]), allow_code=False)
    assert check.traits.result == "seen"


@pytest.mark.parametrize(
    ("entry", "result"),
    [
        ({"all": ["finished", "final_answer"]}, "seen"),
        ({"all": ["finished", "not_empty"]}, "unseen"),
        ({"any": ["final_answer", "json_equal"]}, "seen"),
        ({"any": ["final_answer", "length_ratio"]}, "partly"),
        ({"any": ["finished", "not_empty"]}, "unseen"),
        ({"any": [{"all": ["finished", "judge"]}, "function_call"]}, "seen"),
        ({"all": ["finished", {"any": ["final_answer", "length_ratio"]}]}, "partly"),
        ({"all": ["final_answer", {"any": ["final_answer", "length_ratio"]}]}, "seen"),
        ({"any": [{"any": ["final_answer", "length_ratio"]}, "judge"]}, "partly"),
    ],
)
def test_checks_of_others_look_at_the_result_as_far_as_nothing_passes_without(
    entry: dict[str, Any], result: str
) -> None:
    (check,) = named_checks(ENTRIES.validate_python([entry]), allow_code=False)
    assert check.traits.result == result


def test_ones_own_checks_are_known_by_name_also_inside_others(tmp_path: Path) -> None:
    code = tmp_path / "own.py"
    code.write_text(OWN_CHECKS, encoding="utf-8")
    own = f"{code}:passes"
    alone, within = named_checks(ENTRIES.validate_python([own, {"any": ["final_answer", own]}]), allow_code=True)
    assert (alone.traits.result, alone.traits.own) == ("unseen", (own,))
    assert (within.traits.result, within.traits.own) == ("partly", (own,))
