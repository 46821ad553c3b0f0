"""Explain: one row's story is what the run's files hold, found by its id or by how the id begins."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from ownwords.cli import main
from ownwords.journal import Journal
from tests.pipeline.conftest import Project, contents, question, script, write_rows

Captured = pytest.CaptureFixture[str]
WRONG = "' 3 plus' in request.example.prompt"


def trained(project: Project, arm: str) -> list[dict[str, Any]]:
    return pq.read_table(project.output / "data" / arm / "train.parquet").to_pylist()


def explain(project: Project, capsys: Captured, example_id: str) -> dict[str, Any]:
    capsys.readouterr()
    before = contents(project.output)
    assert main(["explain", str(project.output), example_id, "--json"]) == 0
    assert contents(project.output) == before
    return json.loads(capsys.readouterr().out)


def refused(project: Project, capsys: Captured, example_id: str) -> str:
    capsys.readouterr()
    assert main(["explain", str(project.output), example_id]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


def test_an_accepted_row_is_told_from_its_place_to_its_targets(project: Project, capsys: Captured) -> None:
    assert project.ownwords("rewrite", *script(project, "return 'Mine. ' + request.example.reference")) == 0
    row = trained(project, "sdft")[4]
    story = explain(project, capsys, row["id"])
    assert story["id"] == row["id"]
    assert story["example"] == {
        "tools": [],
        "messages": [{"role": "user", "content": question(4)["question"]}],
        "reference": question(4)["answer"],
        "origin": "rows.jsonl line 5",
    }
    (attempt,) = story["attempts"]
    assert (attempt["attempt"], attempt["text"]) == (0, "Mine. " + question(4)["answer"])
    assert (attempt["finish_reason"], attempt["same_prompt"], attempt["error"]) == ("stop", True, None)
    assert attempt["engine"]["kind"] == "scripted"
    assert [verdict["check"] for verdict in attempt["verdicts"]] == ["not_empty", "finished", "final_answer"]
    assert question(4)["answer"] in story["prompt"]["messages"][-1]["content"]
    assert story["outcome"] == {"kind": "accepted", "reason": "ok", "detail": ""}
    assert story["targets"] == {
        "vanilla": {"text": question(4)["answer"], "source": "reference"},
        "sdft": {"text": "Mine. " + question(4)["answer"], "source": "rewrite"},
    }
    assert (story["gap"], story["notes"]) == (None, [])


def test_every_attempt_is_told_in_order(project: Project, capsys: Captured) -> None:
    body = f"return '{{}}. The answer is 999.'.format(request.seed) if {WRONG} else request.example.reference"
    flags = ["rewrite.on_failure=retry", "rewrite.max_attempts=3"]
    assert project.ownwords("rewrite", *flags, *script(project, body)) == 0
    story = explain(project, capsys, trained(project, "sdft")[3]["id"])
    assert [attempt["attempt"] for attempt in story["attempts"]] == [0, 1, 2]
    assert len({attempt["text"] for attempt in story["attempts"]}) == 3
    assert all(attempt["same_prompt"] for attempt in story["attempts"])
    assert story["outcome"]["kind"] == "fallback"
    assert story["outcome"]["reason"] == "wrong_answer"
    assert "999" in story["outcome"]["detail"]
    assert story["targets"]["sdft"] == {"text": question(3)["answer"], "source": "reference"}


def test_a_dropped_row_says_why_no_arm_trains_on_it(project: Project, capsys: Captured) -> None:
    body = f"return '' if {WRONG} else request.example.reference"
    assert project.ownwords("rewrite", *script(project, body)) == 0
    ids = [row["id"] for row in trained(project, "sdft")]
    assert project.ownwords("rewrite", "--yes", "rewrite.on_failure=drop", *script(project, body)) == 0
    story = explain(project, capsys, ids[3])
    assert (story["outcome"]["kind"], story["outcome"]["reason"]) == ("dropped", "empty")
    assert story["targets"] == {}
    assert explain(project, capsys, ids[4])["outcome"]["kind"] == "accepted"


def test_a_row_without_an_answer_tells_the_error(project: Project, capsys: Captured) -> None:
    flags = ["rewrite.max_error_rate=1", "runtime.scripted.fail_share=0.3"]
    assert project.ownwords("rewrite", *flags) == 0
    failed = next(row for row in trained(project, "sdft") if row["outcome"] == "fallback")
    story = explain(project, capsys, failed["id"])
    assert story["attempts"][0]["error"]["kind"] == "scripted_failure"
    assert story["outcome"]["reason"] == "scripted_failure"
    assert main(["explain", str(project.output), failed["id"]]) == 0
    assert "scripted_failure" in capsys.readouterr().out


def test_answers_to_an_earlier_prompt_are_told_apart(project: Project, capsys: Captured) -> None:
    assert project.ownwords("rewrite", "rewrite.prompt=chat/general") == 0
    assert project.ownwords("rewrite", "--yes") == 0
    story = explain(project, capsys, trained(project, "sdft")[0]["id"])
    assert [attempt["same_prompt"] for attempt in story["attempts"]] == [False, True]


def test_verdicts_of_earlier_checks_are_told_apart(project: Project, capsys: Captured) -> None:
    assert project.ownwords("rewrite", "rewrite.checks=[{length_ratio: {maximum: 9}}]") == 0
    assert project.ownwords("rewrite", "--yes") == 0
    (attempt,) = explain(project, capsys, trained(project, "sdft")[0]["id"])["attempts"]
    told = [(verdict["check"], verdict["in_recipe"]) for verdict in attempt["verdicts"]]
    assert told == [("not_empty", True), ("finished", True), ("final_answer", True), ("length_ratio", False)]


@pytest.mark.slow
def test_the_gap_is_the_mean_of_the_journals_likelihoods(project: Project, capsys: Captured) -> None:
    body = f"return request.example.reference if {WRONG} else 'Mine. ' + request.example.reference"
    assert project.ownwords("rewrite", *script(project, body)) == 0
    assert project.ownwords("gap", *script(project, body)) == 0
    with Journal(project.output / "journal.sqlite") as journal:
        scored = {(key.example_id, key.attempt): c.logprobs or () for key, c, _ in journal.completions("gap")}
    for row in trained(project, "sdft")[2:4]:
        story = explain(project, capsys, row["id"])
        for name, part in (("reference", 0), ("target", 1)):
            values = scored.get((row["id"], part), scored[row["id"], 0])
            assert story["gap"][name]["tokens"] == len(values)
            assert story["gap"][name]["nats_per_token"] == pytest.approx(-sum(values) / len(values), rel=1e-3)
        assert (story["gap"]["reference"] == story["gap"]["target"]) == (row["id"] == trained(project, "sdft")[3]["id"])
    assert project.ownwords("rewrite", "--yes", "seed=7") == 0
    notes = explain(project, capsys, trained(project, "sdft")[0]["id"])["notes"]
    assert any("gap was measured before" in note for note in notes)


def test_an_id_may_be_cut_where_only_one_begins_so(project: Project, capsys: Captured) -> None:
    rows = write_rows(project.folder / "rows.jsonl", [question(1), question(2), question(1)])
    assert project.ownwords("rewrite", f"data.train.path={rows}") == 0
    first, second, third = (row["id"] for row in trained(project, "sdft"))
    content = first.removesuffix("-0")
    assert third == f"{content}-1"
    assert explain(project, capsys, second[:8])["id"] == second
    assert explain(project, capsys, first)["example"]["origin"] == "rows.jsonl line 1"
    message = refused(project, capsys, content)
    assert first in message
    assert third in message
    assert second not in message


def test_an_exact_id_is_never_ambiguous(project: Project, capsys: Captured) -> None:
    rows = write_rows(project.folder / "rows.jsonl", [question(1)] * 12)
    assert project.ownwords("rewrite", f"data.train.path={rows}") == 0
    ids = [row["id"] for row in trained(project, "sdft")]
    assert ids[1].endswith("-1")
    assert ids[10].startswith(ids[1])
    assert explain(project, capsys, ids[1])["id"] == ids[1]
    assert "(12 in all)" in refused(project, capsys, ids[0][:6])


def test_an_unknown_id_names_the_nearest_or_the_first(project: Project, capsys: Captured) -> None:
    assert project.ownwords("rewrite") == 0
    ids = sorted(row["id"] for row in trained(project, "sdft"))
    typo = ids[5][:4] + ("0" if ids[5][4] != "0" else "1") + ids[5][5:]
    assert f"The nearest: {ids[5]}" in refused(project, capsys, typo)
    message = refused(project, capsys, "zzz")
    assert all(example_id in message for example_id in ids[:5])
    assert ids[5] not in message


def test_a_story_is_told_without_the_data_file(project: Project, capsys: Captured) -> None:
    assert project.ownwords("rewrite") == 0
    example_id = trained(project, "sdft")[2]["id"]
    (project.folder / "rows.jsonl").unlink()
    story = explain(project, capsys, example_id)
    assert story["example"]["reference"] == question(2)["answer"]
    assert story["example"]["origin"] is None
    assert story["attempts"][0]["same_prompt"]
    assert any("rows.jsonl" in note for note in story["notes"])


def test_an_unfinished_run_tells_what_there_is(project: Project, capsys: Captured) -> None:
    flags = script(project, f"if {WRONG}: raise ValueError('stop')\n    return request.example.reference")
    assert project.ownwords("rewrite", *flags) == 1
    with Journal(project.output / "journal.sqlite") as journal:
        done = [key.example_id for key, _, _ in journal.completions("rewrite")]
    assert len(done) == 3
    story = explain(project, capsys, done[0])
    assert (len(story["attempts"]), story["outcome"], story["targets"]) == (1, None, {})
    assert any("rewriting has not finished" in note for note in story["notes"])


def test_a_run_in_which_another_process_works_can_be_read(project: Project, capsys: Captured) -> None:
    assert project.ownwords("rewrite") == 0
    example_id = trained(project, "sdft")[0]["id"]
    with Journal(project.output / "journal.sqlite"):
        capsys.readouterr()
        assert main(["explain", str(project.output), example_id, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["attempts"]) == 1


def test_people_read_the_same(project: Project, capsys: Captured) -> None:
    assert project.ownwords("rewrite", *script(project, "return 'Mine. ' + request.example.reference")) == 0
    capsys.readouterr()
    assert main(["explain", str(project.recipe), trained(project, "sdft")[4]["id"][:10]]) == 0
    text = capsys.readouterr().out
    assert "from rows.jsonl line 5" in text
    assert "passed  final_answer" in text
    assert "Outcome: accepted (ok)" in text
    assert "sdft trains on the rewrite\n    Mine. " + question(4)["answer"] in text


def test_without_a_run_it_says_so(project: Project, capsys: Captured) -> None:
    assert project.ownwords("explain", "abc") == 2
    assert "there is no run" in capsys.readouterr().err
    assert not project.output.exists()


def test_a_damaged_file_of_the_run_is_one_message(project: Project, capsys: Captured) -> None:
    assert project.ownwords("rewrite") == 0
    (project.output / "data" / "sdft" / "train.parquet").write_bytes(b"no parquet")
    capsys.readouterr()
    assert main(["explain", str(project.output), "abc"]) == 1
    said = capsys.readouterr().err
    assert "train.parquet cannot be read" in said
    assert "Traceback" not in said
