"""Preview: the first rows as rewriting would ask, judge and decide them, and nothing on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ownwords.prompts.render import load_prompt
from ownwords.records import Example, Message
from tests.pipeline.conftest import Project, contents, question, script


def preview(project: Project, capsys: pytest.CaptureFixture[str], *rest: str) -> dict[str, Any]:
    before = contents(project.folder)
    assert project.ownwords("preview", "--json", *rest) == 0
    assert contents(project.folder) == before
    return json.loads(capsys.readouterr().out)


WRONG = "return 'The answer is 999.' if ' 1 plus' in request.example.prompt else 'Mine. ' + request.example.reference"


def test_a_row_shows_what_is_sent_answered_judged_and_decided(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = preview(project, capsys, "--rows", "2", *script(project, WRONG))
    good, wrong = facts["rows"]
    example = Example("", (Message("user", question(0)["question"]),), question(0)["answer"])
    sent = load_prompt("chat/math").render(example)
    assert good["messages"] == [message.as_dict() for message in sent.messages]
    assert (good["origin"], good["reference"]) == ("rows.jsonl line 1", question(0)["answer"])
    assert good["rewrite"] == "Mine. " + question(0)["answer"]
    assert (good["outcome"], good["reason"]) == ("accepted", "ok")
    assert [verdict["passed"] for verdict in good["verdicts"]] == [True, True, True]
    assert wrong["rewrite"] == "The answer is 999."
    assert (wrong["outcome"], wrong["reason"]) == ("fallback", "wrong_answer")
    assert [(v["check"], v["passed"]) for v in wrong["verdicts"]][-1] == ("final_answer", False)
    assert "999" in wrong["detail"]


def test_it_says_what_rewriting_then_does(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    flags = script(project, WRONG)
    shown = preview(project, capsys, "--rows", "99", *flags)["rows"]
    assert project.ownwords("rewrite", *flags) == 0
    rows = pq.read_table(project.output / "data" / "sdft" / "train.parquet").to_pylist()
    assert len(shown) == len(rows) == 12
    for ours, theirs in zip(shown, rows, strict=True):
        assert (ours["id"], ours["outcome"], ours["reason"]) == (theirs["id"], theirs["outcome"], theirs["reason"])
        assert ours["verdicts"] == json.loads(theirs["verdicts"])


@pytest.mark.parametrize(
    ("on_failure", "outcome", "again"),
    [("fallback", "fallback", False), ("drop", "dropped", False), ("retry", "fallback", True)],
)
def test_one_attempt_is_made_whatever_happens_on_failure(
    project: Project, capsys: pytest.CaptureFixture[str], on_failure: str, outcome: str, again: bool
) -> None:
    facts = preview(project, capsys, f"rewrite.on_failure={on_failure}", *script(project, "return ''"))
    assert [(row["outcome"], row["asked_again"]) for row in facts["rows"]] == [(outcome, again)] * 3


def test_a_row_without_an_answer_says_why(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = preview(project, capsys, "--rows", "1", "runtime.scripted.fail_share=1")["rows"]
    assert (row["rewrite"], row["verdicts"], row["reason"]) == (None, [], "scripted_failure")


def test_people_see_the_last_turn_or_with_full_the_whole_conversation(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "First?"}]
    turns += [{"role": "assistant", "content": "One."}, {"role": "user", "content": "Second?"}]
    turns += [{"role": "assistant", "content": "The answer is 2."}]
    path = project.folder / "chat.jsonl"
    path.write_text(json.dumps({"messages": turns}) + "\n", encoding="utf-8")
    source = f"data.train={{path: {path}, turns: last}}"
    assert project.ownwords("preview", source) == 0
    short = capsys.readouterr().out
    assert project.ownwords("preview", source, "--full") == 0
    full = capsys.readouterr().out
    assert "Second?" in short
    assert "Be brief." not in short
    assert all(text in full for text in ("Be brief.", "First?", "One.", "Second?", "The answer is 2."))


def test_no_line_is_wider_than_the_terminal_and_none_steers_it(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    flags = script(project, "return '\\x1b[2J' + 'word ' * 40 + 'x' * 200")
    assert project.ownwords("preview", "--rows", "1", *flags) == 0
    text = capsys.readouterr().out
    assert max(len(line) for line in text.splitlines()) <= 50
    assert "\x1b" not in text
    assert "␛[2J" in text


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (["--rows", "0"], "--rows 0"),
        (["rewrite.prompt=chat/meth"], "Did you mean 'chat/math'"),
        (["data.train.path=none.jsonl"], "none.jsonl"),
        (["rewrite.checks=['mine.py:f']"], "--allow-code"),
        (["runtime.engine=transformers", "model.name_or_path=./no-model-here"], "no-model-here"),
    ],
)
def test_what_is_wrong_is_one_message(
    project: Project, capsys: pytest.CaptureFixture[str], rest: list[str], message: str
) -> None:
    assert project.ownwords("preview", *rest) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert not project.output.exists()


@pytest.mark.slow
def test_the_recipes_engine_answers(project: Project, capsys: pytest.CaptureFixture[str], tiny_model: Path) -> None:
    facts = preview(project, capsys, "runtime.engine=transformers", "rewrite.sampling.max_tokens=6", "--rows", "2")
    assert (facts["engine"]["kind"], facts["engine"]["model"]) == ("transformers", str(tiny_model))
    assert all(row["prompt_tokens"] > 0 and 0 < row["completion_tokens"] <= 6 for row in facts["rows"])
