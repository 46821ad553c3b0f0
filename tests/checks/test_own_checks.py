"""A user's own checks: what is wrong with one is told before any work, and whatever one does ends in a verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ownwords.checks import named
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel
from ownwords.errors import RecipeError
from ownwords.recipe import CheckSection
from ownwords.records import Candidate, Example, Message, Verdict

EXAMPLE = Example("id", (Message("user", "How many?"),), "The answer is 3.")

CHECKS = """
import asyncio, os, sys, time
from ownwords.records import Verdict

def no_arguments(): return Verdict(True, "ok", "")
def one_argument(example): return Verdict(True, "ok", "")
def keywords_only(*, example, candidate): return Verdict(True, "ok", "")
async def waits(example, candidate): return Verdict(True, "ok", "")
def yields(example, candidate): yield Verdict(True, "ok", "")
def anything(*given, **named): return Verdict(True, "ok", "")
def by_position(example, candidate, least, /): return Verdict(True, "ok", "")
def limited(example, candidate, timeout: float = 2.0): return Verdict(True, "ok", "")
def endless(example, candidate, timeout: float = float("inf")): return Verdict(True, "ok", "")

class Silent(Exception):
    def __str__(self): raise RuntimeError("no")
class Half(Exception):
    def __str__(self): return "half \\ud800"

def base(example, candidate): raise BaseException("as base")
def interrupts(example, candidate): raise KeyboardInterrupt
def gives_up(example, candidate): raise GeneratorExit
def cancels(example, candidate): raise asyncio.CancelledError
def silent(example, candidate): raise Silent
def half(example, candidate): raise Half
def odd_verdict(example, candidate): return Odd(True, "ok", "")
class Odd(Verdict):
    def __getattribute__(self, name): raise BaseException(name)
def exits(example, candidate): os._exit(7)
def by_turns(example, candidate):
    if candidate.text == "break":
        return writes_json(example, candidate)
    return Verdict(True, "ok")


def writes_json(example, candidate):
    import json
    json.dumps = lambda *args, **kwargs: '{"passed": true}'
    return Verdict(True, "ok")


def writes_nonsense(example, candidate):
    import json
    json.dumps = lambda *args, **kwargs: '["'
    return Verdict(True, "ok")


def closes_all(example, candidate): os.closerange(0, 50); time.sleep(600)
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("own"), CHECKS)


def write(folder: Path, code: str) -> Path:
    path = folder / "mine.py"
    path.write_text(textwrap.dedent(code))
    return path


def load(name: str, **params: Any) -> Panel:
    return Panel(named_checks([CheckSection.model_validate({"name": name, **params})], allow_code=True))


@pytest.fixture
def judge(own: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(named, "SECONDS", 5.0)
    opened: list[Panel] = []

    def judged(function: str) -> Verdict:
        opened.append(load(f"{own}:{function}"))
        (verdict,) = opened[-1].judge(EXAMPLE, Candidate("x")).values()
        return verdict

    yield judged
    for panel in opened:
        panel.close()


@pytest.mark.parametrize(
    ("function", "params", "message"),
    [
        ("no_arguments", {}, "must take an example and a candidate"),
        ("one_argument", {}, "must take an example and a candidate"),
        ("keywords_only", {}, "must take an example and a candidate"),
        ("waits", {}, "must be a plain function"),
        ("yields", {}, "must be a plain function"),
        ("by_position", {"least": 3}, "least"),
        ("limited", {"timeout": 1e300}, "timeout"),
        ("limited", {"timeout": -1.0}, "timeout"),
        ("endless", {}, "timeout"),
    ],
)
def test_a_function_that_can_never_judge_is_refused(
    own: Path, function: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        load(f"{own}:{function}", **params)


def test_any_way_to_take_the_two_is_fine(own: Path) -> None:
    for function, params in (("anything", {"more": 3}), ("limited", {"timeout": 0.5}), ("limited", {})):
        load(f"{own}:{function}", **params).close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "detail"),
    [
        ("base", "BaseException: as base"),
        ("interrupts", "KeyboardInterrupt"),
        ("gives_up", "GeneratorExit"),
        ("cancels", "CancelledError"),
        ("silent", "Silent"),
        ("half", "Half: half ?"),
        ("odd_verdict", "BaseException: "),
        ("exits", "ended its process (exit code 7)"),
        ("closes_all", "closed"),
        ("writes_json", "is no verdict"),
        ("writes_nonsense", "is no verdict"),
    ],
)
def test_whatever_is_raised_is_a_verdict_that_names_it(
    judge: Any, capfd: pytest.CaptureFixture[str], function: str, detail: str
) -> None:
    verdict = judge(function)
    assert verdict.reason == "check_crashed"
    assert detail in verdict.detail
    assert "-9" not in verdict.detail
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.slow
def test_what_a_check_has_broken_in_its_process_ends_with_it(own: Path) -> None:
    """The next check of the same pool has a process of its own."""
    panel = load(f"{own}:by_turns")
    try:
        verdicts = [panel.judge(EXAMPLE, Candidate(text))[panel.checks[0].label] for text in ("break", "fine")]
    finally:
        panel.close()
    assert [verdict.reason for verdict in verdicts] == ["check_crashed", "ok"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise BaseException('base')", "fails to import: BaseException: base"),
        ("raise KeyboardInterrupt", "fails to import: KeyboardInterrupt"),
        ("import os; os._exit(7)", "exit code 7"),
        ("import os; os._exit(0)", "exit code 0"),
        ("import sys; sys.exit(3)", "fails to import: SystemExit: 3"),
        ("def f(", "fails to import: SyntaxError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "exit code -11"),
        ("import os\nif os.fork() == 0:\n    import time; time.sleep(600)\nos._exit(3)", "exit code 3"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_message(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], code: str, message: str
) -> None:
    path = write(tmp_path, code)
    with pytest.raises(RecipeError) as raised:
        load(f"{path}:f")
    assert message in str(raised.value)
    assert "".join(capfd.readouterr()) == ""


def test_what_a_file_prints_is_no_part_of_the_answer(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "print('LOADED')\ndef f(example, candidate): pass\n")
    load(f"{path}:f").close()
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err == "LOADED\n"
