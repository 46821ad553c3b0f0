"""Rewriting through a server with OpenAI's API: every row accounted for, resumable, and without a trace of the key."""

# pyright: basic
from __future__ import annotations

import json
import re
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from ownwords.journal import Journal
from ownwords.records import Completion
from tests.engines.fault_server import Server, Twice, after, said
from tests.engines.faults import FOR_ALL, PASSING, STAYING
from tests.pipeline.conftest import Project, contents, question, write_rows
from tests.pipeline.test_kill import committed, start, stop_when

# A server that is cut in mid-answer leaves halves of connections to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

pytest.importorskip("openai")

KEY = "sk-very-secret-0123456789"
ROWS = 36


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("ownwords.engines._attempts._FIRST_WAIT", 0.02)
    monkeypatch.setattr("ownwords.engines._connection.MOST_BYTES", 1_000_000)


@pytest.fixture
def served(tmp_path: Path) -> Project:
    """Rows, and a recipe that names a model which only the server has."""
    rows = write_rows(tmp_path / "rows.jsonl", [question(n) for n in range(ROWS)])
    recipe = {
        "model": {"name_or_path": "tiny"},
        "data": {"train": {"path": str(rows), "columns": {"prompt": "question", "response": "answer"}}},
        "rewrite": {"prompt": "chat/math", "checks": ["not_empty", "finished", "final_answer"], "max_error_rate": 0.6},
        "runtime": {"engine": "openai"},
        "output_dir": str(tmp_path / "run"),
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return Project(tmp_path, path, tmp_path / "run")


def use(server: Server, **settings: Any) -> list[str]:
    given = {"base_url": server.url, "timeout": 0.4, "max_attempts": 3, "patience": 0.8, **settings}
    return [f"runtime.openai={json.dumps(given)}"]


def number(body: dict[str, Any]) -> int:
    return int(body["messages"][-1]["content"].split()[2])


def own(body: dict[str, Any], **answer: Any) -> dict[str, Any]:
    """The row's right answer, in words of its own."""
    return {**said(f"Own: the answer is {2 * number(body)}."), **answer}


def journalled(project: Project) -> dict[str, Completion]:
    """The journal's completions by example; that none has two is asserted here."""
    with Journal(project.output / "journal.sqlite") as journal:
        entries = [(key.example_id, completion) for key, completion, _ in journal.completions("rewrite")]
    assert len({example for example, _ in entries}) == len(entries)
    return dict(entries)


def numbers_of(project: Project, found: dict[str, Completion]) -> set[int]:
    """Which rows these answers are right for: an answer that went to another row would not be."""
    return {int(c.text.split()[-1].rstrip(".")) // 2 for c in found.values() if c.error is None}


def outcomes(project: Project) -> dict[int, tuple[str, str]]:
    """Outcome and reason of every row of the finished stage; that each row is there once is asserted here."""
    rows = pq.read_table(project.output / "data" / "sdft" / "train.parquet").to_pylist()
    found = {int(row["prompt"][-1]["content"].split()[2]): row for row in rows}
    assert sorted(found) == list(range(ROWS))
    assert len(rows) == ROWS
    for n, row in found.items():
        opening = "Own" if row["outcome"] == "accepted" else f"{n}+{n}"
        assert row["completion"][0]["content"].startswith(opening)
        assert row["completion"][0]["content"].endswith(f"The answer is {2 * n}."[-4:])
    return {n: (row["outcome"], row["reason"]) for n, row in found.items()}


@pytest.mark.slow
def test_after_faults_that_pass_every_row_has_its_own_answer_once(served: Project) -> None:
    """Every fault there is happens once, to a row of its own."""
    faults = dict(enumerate(PASSING.values()))
    with Server(lambda body, seen: faults.get(number(body), own(body)) if seen == 1 else own(body)) as server:
        assert served.ownwords("rewrite", *use(server)) == 0
        asked = len(server.asked)
        assert served.ownwords("rewrite", *use(server)) == 0
        assert len(server.asked) == asked
    assert set(outcomes(served).values()) == {("accepted", "ok")}
    assert numbers_of(served, journalled(served)) == set(range(ROWS))


@pytest.mark.slow
def test_rows_whose_faults_stay_have_their_reasons_and_keep_their_references(served: Project) -> None:
    """Every fault there is stays with a row of its own; the others have their answers."""
    faults = dict(enumerate(STAYING.values()))
    with Server(lambda body, seen: faults[number(body)][0] if number(body) in faults else own(body)) as server:
        assert served.ownwords("rewrite", *use(server)) == 0
    found = outcomes(served)
    told = sorted(c.error.message for c in journalled(served).values() if c.error)
    assert len(told) == len(faults)
    for n, (_, kind, message) in faults.items():
        assert found.pop(n) == ("fallback", kind)
        assert any(message in text for text in told)
    assert set(found.values()) == {("accepted", "ok")}
    reasons = Counter(kind for _, kind, _ in faults.values())
    summary = json.loads((served.output / "rewrite.json").read_text(encoding="utf-8"))
    assert {o["reason"]: o["count"] for o in summary["outcomes"] if o["kind"] == "fallback"} == reasons


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "changes", "message"), FOR_ALL.values(), ids=FOR_ALL.keys())
def test_a_fault_that_concerns_all_rows_is_one_message_and_only_the_rest_is_asked_again(
    served: Project, capsys: pytest.CaptureFixture[str], fault: Any, changes: dict[str, Any], message: str
) -> None:
    healthy = Counter[int]()

    def script(body: dict[str, Any], seen: int) -> Any:
        if len(server.asked) > 4 and not mended:
            return fault
        healthy[number(body)] += 1
        return own(body)

    mended: list[bool] = []
    with Server(script) as server:
        assert served.ownwords("rewrite", *use(server, **changes)) == 1
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ownwords: ")]
        assert len(said) == 1
        assert message in said[0]
        kept = numbers_of(served, journalled(served))
        assert kept <= healthy.keys()
        before = Counter(healthy)
        mended.append(True)
        assert served.ownwords("rewrite", *use(server)) == 0
    assert not kept & (healthy - before).keys()
    assert set(outcomes(served).values()) == {("accepted", "ok")}
    assert numbers_of(served, journalled(served)) == set(range(ROWS))


@pytest.mark.slow
@pytest.mark.parametrize("returns", [True, False])
def test_a_server_that_dies_costs_no_row_and_if_it_does_not_return_the_stage_ends(
    served: Project, capsys: pytest.CaptureFixture[str], returns: bool
) -> None:
    """It dies with answers half made."""
    answered = Counter[int]()

    def script(body: dict[str, Any], seen: int) -> Any:
        if len(server.asked) == 8:
            threading.Thread(target=die).start()
        if len(server.asked) >= 8 and not died.is_set():
            return after(30, own(body))
        answered[number(body)] += 1
        return own(body)

    def die() -> None:
        server.die()
        died.set()
        if returns:
            server.start()

    died = threading.Event()
    with Server(script) as server:
        code = served.ownwords("rewrite", *use(server, max_concurrency=4, timeout=20, patience=20 if returns else 0.5))
        assert code == (0 if returns else 1)
        if not returns:
            assert re.search(r"has given no answer for .*What is answered is kept", capsys.readouterr().err)
            server.start()
            kept, before = numbers_of(served, journalled(served)), len(server.asked)
            assert served.ownwords("rewrite", *use(server)) == 0
            assert {number(body) for body in server.asked[before:]} == set(range(ROWS)) - kept
    assert set(outcomes(served).values()) == {("accepted", "ok")}
    assert numbers_of(served, journalled(served)) == set(range(ROWS))


def test_answers_that_come_twice_or_late_reach_no_other_row(served: Project) -> None:
    def script(body: dict[str, Any], seen: int) -> Any:
        if number(body) % 4 == 0 and seen == 1:
            return after(0.6, own(body, id=f"late-{number(body)}"))
        answer = own(body, id=f"chatcmpl-{number(body)}-{seen}")
        return Twice(answer) if len(server.asked) > 4 else answer

    with Server(script) as server:
        assert served.ownwords("rewrite", *use(server, max_concurrency=3)) == 0
    assert set(outcomes(served).values()) == {("accepted", "ok")}
    assert numbers_of(served, journalled(served)) == set(range(ROWS))


def test_a_budget_stops_the_stage_and_the_same_command_goes_on_with_another(
    served: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer uses 15 tokens, so a budget of 200 is good for thirteen."""
    with Server(lambda body, seen: own(body)) as server:
        for kept in (13, 26):
            assert served.ownwords("rewrite", *use(server, token_budget=200)) == 1
            assert "the budget of 200 tokens is spent (195 used)" in capsys.readouterr().err
            assert len(journalled(served)) == len(server.asked) == kept
        assert served.ownwords("rewrite", *use(server, token_budget=200)) == 0
    assert len(server.asked) == ROWS
    assert set(outcomes(served).values()) == {("accepted", "ok")}


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_a_signal_in_the_middle_repeats_nothing_that_was_committed(served: Project, sign: int, code: int) -> None:
    """Some are answered, the others are under way for as long as it takes."""

    def script(body: dict[str, Any], seen: int) -> Any:
        return own(body) if number(body) < 5 or ended else after(60, own(body))

    ended: list[bool] = []
    with Server(script) as server:
        flags = use(server, timeout=90, patience=90)
        process = start(served, "rewrite", *flags)
        told = stop_when(process, lambda: committed(served, "rewrite") >= 5, sign)
        assert process.returncode == code
        assert "Traceback" not in told
        ended.append(True)
        kept = numbers_of(served, journalled(served))
        assert kept == set(range(5))
        before = len(server.asked)
        assert served.ownwords("rewrite", *flags) == 0
        assert sorted(number(body) for body in server.asked[before:]) == list(range(5, ROWS))
    assert set(outcomes(served).values()) == {("accepted", "ok")}


def test_what_opens_the_server_is_in_no_file_and_in_no_message(
    served: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server repeats it in answers, in rows' errors, and in what stops the stage."""
    secrets = (KEY, "pass-word", "dXNlcjpwYXNzLXdvcmQ=")  # the last is user:pass-word, as it is sent

    def script(body: dict[str, Any], seen: int) -> Any:
        told = " ".join((server.headers[-1], *secrets))
        if number(body) == 3:
            return (400, {"error": {"message": told}})
        if len(server.asked) == 8:
            return (401, {"error": {"message": told}})
        return said(f"{told} The answer is {2 * number(body)}.")

    with Server(script) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url.replace("//", "//user:pass-word@"))
        flags = use(server, base_url=None, max_concurrency=1)
        assert served.ownwords("rewrite", *flags) == 1
        assert served.ownwords("rewrite", *flags) == 0
        assert served.ownwords("report", *flags) == 0
    told = "".join(capsys.readouterr())
    assert "[key]" in told
    files = contents(served.output)
    assert {"journal.sqlite", "recipe.yaml", "run.json", "rewrite.json", "report.html"} <= files.keys()
    assert b"[key]" in files["journal.sqlite"]
    for secret in secrets:
        assert [name for name, content in files.items() if secret.encode() in content] == []
        assert secret not in told
    assert json.loads(files["rewrite.json"])["engine"]["kind"] == "openai"


def test_a_password_in_a_recipe_is_refused_before_anything_is_written(
    served: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(lambda body, seen: own(body)) as server:
        assert served.ownwords("rewrite", *use(server, base_url=server.url.replace("//", "//user:pass-word@"))) == 2
    told = capsys.readouterr().err
    assert "Put the address into the environment" in told
    assert "pass-word" not in told
    assert not served.output.exists()


def test_the_recipes_model_is_asked_for_unless_the_server_calls_it_otherwise(
    served: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(lambda body, seen: own(body), models=("other",)) as server:
        assert served.ownwords("rewrite", *use(server)) == 1
        assert "there is no model named 'tiny'" in capsys.readouterr().err
        assert served.ownwords("rewrite", *use(server, model="other")) == 0
    assert {body["model"] for body in server.asked} == {"other"}


def test_a_prompt_with_a_prefill_is_refused_before_anything_is_asked(
    served: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(lambda body, seen: own(body)) as server:
        assert served.ownwords("rewrite", "rewrite.prompt=paper/math", *use(server)) == 2
        assert server.asked == []
    assert "Set runtime.openai.prefill=yes if it does" in capsys.readouterr().err
    assert not served.output.exists()
