"""Rewriting with the scripted engine: every row ends in one outcome, and nothing is asked twice."""

from __future__ import annotations

import gc
import json
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ownwords.data.export import training_table
from ownwords.journal import Journal
from ownwords.records import Example
from ownwords.stages.judging import _begin as judge
from tests.pipeline.conftest import Project, question, write_rows


def rows_of(project: Project, arm: str) -> list[dict[str, Any]]:
    return pq.read_table(project.output / "data" / arm / "train.parquet").to_pylist()


def script(project: Project, body: str) -> list[str]:
    """Overrides that let `body` (of a function of `request`) answer, and log every question asked."""
    code = project.folder / "script.py"
    code.write_text(
        "from pathlib import Path\n"
        f"LOG = Path({str(project.folder / 'asked.log')!r})\n"
        "def answer(request):\n"
        "    with LOG.open('a') as log:\n"
        "        log.write(f'{request.id} {request.seed}\\n')\n"
        f"    {body}\n",
        encoding="utf-8",
    )
    return ["--allow-code", f"runtime.scripted.function={code}:answer"]


def asked(project: Project) -> list[str]:
    """`id seed` of every question, in order."""
    return (project.folder / "asked.log").read_text(encoding="utf-8").splitlines()


def test_accepted_rewrites_are_trained_on_by_sdft_and_references_by_vanilla(project: Project) -> None:
    flags = script(project, "return 'In short: ' + request.example.reference")
    assert project.ownwords("rewrite", *flags) == 0
    sdft, vanilla = rows_of(project, "sdft"), rows_of(project, "vanilla")
    assert [row["id"] for row in sdft] == [row["id"] for row in vanilla]
    for ours, theirs in zip(sdft, vanilla, strict=True):
        assert ours["completion"][0]["content"] == "In short: " + ours["reference"]
        assert theirs["completion"][0]["content"] == theirs["reference"]
        assert (ours["outcome"], ours["source"], ours["reason"]) == ("accepted", "rewrite", "ok")
        assert theirs["source"] == "reference"


def test_a_wrong_answer_keeps_the_reference_with_its_reason(project: Project) -> None:
    flags = script(
        project,
        "return 'The answer is 999.' if ' 3 plus' in request.example.prompt else 'The answer is ' + "
        "str(2 * int(request.example.prompt.split()[2])) + '.'",
    )
    assert project.ownwords("rewrite", *flags) == 0
    failed = [row for row in rows_of(project, "sdft") if row["outcome"] == "fallback"]
    assert [row["reference"] for row in failed] == [question(3)["answer"]]
    assert failed[0]["completion"][0]["content"] == question(3)["answer"]
    assert failed[0]["reason"] == "wrong_answer"
    verdicts = {v["check"]: v["passed"] for v in json.loads(failed[0]["verdicts"])}
    assert verdicts == {"not_empty": True, "finished": True, "final_answer": False}
    summary = json.loads((project.output / "rewrite.json").read_text(encoding="utf-8"))
    assert (summary["n"], summary["accepted"]) == (12, 11)
    assert summary["outcomes"] == [
        {"kind": "accepted", "reason": "ok", "count": 11},
        {"kind": "fallback", "reason": "wrong_answer", "count": 1},
    ]


def test_drop_leaves_the_row_out_of_every_arm(project: Project) -> None:
    flags = script(project, "return '' if ' 3 plus' in request.example.prompt else request.example.reference")
    assert project.ownwords("rewrite", "rewrite.on_failure=drop", *flags) == 0
    for arm in ("sdft", "vanilla"):
        assert len(rows_of(project, arm)) == 11
    summary = json.loads((project.output / "rewrite.json").read_text(encoding="utf-8"))
    assert {"kind": "dropped", "reason": "empty", "count": 1} in summary["outcomes"]


def test_retry_asks_only_for_what_failed_with_another_seed_each_time(project: Project) -> None:
    flags = script(project, "return '' if ' 3 plus' in request.example.prompt else request.example.reference")
    assert project.ownwords("rewrite", "rewrite.on_failure=retry", "rewrite.max_attempts=3", *flags) == 0
    assert len(asked(project)) == 12 + 1 + 1
    assert len({line.split()[1] for line in asked(project)}) == 14
    stubborn = [row for row in rows_of(project, "sdft") if row["outcome"] == "fallback"]
    assert [(row["attempt"], row["reason"]) for row in stubborn] == [(2, "empty")]


def test_a_second_run_asks_nothing_and_gives_the_same_bytes(project: Project) -> None:
    flags = script(project, "return request.example.reference")
    assert project.ownwords("rewrite", *flags) == 0
    before = (project.output / "data" / "sdft" / "train.parquet").read_bytes()
    assert project.ownwords("rewrite", *flags) == 0
    assert len(asked(project)) == 12
    assert (project.output / "data" / "sdft" / "train.parquet").read_bytes() == before


def test_two_runs_of_one_recipe_give_the_same_data(project: Project) -> None:
    assert project.ownwords("rewrite") == 0
    other = project.folder / "other"
    assert project.ownwords("rewrite", f"output_dir={other}") == 0
    for arm in ("sdft", "vanilla"):
        first = (project.output / "data" / arm / "train.parquet").read_bytes()
        assert (other / "data" / arm / "train.parquet").read_bytes() == first


def test_new_checks_judge_the_old_rewrites_again_without_asking(project: Project) -> None:
    flags = script(project, "return 'nothing to see here'")
    checks = "rewrite.checks=[not_empty]"
    assert project.ownwords("rewrite", checks, *flags) == 0
    assert all(row["outcome"] == "accepted" for row in rows_of(project, "sdft"))
    assert project.ownwords("rewrite", *flags) == 2  # finished work would be done again
    assert project.ownwords("rewrite", "--yes", *flags) == 0
    assert len(asked(project)) == 12
    assert {row["reason"] for row in rows_of(project, "sdft")} == {"wrong_answer"}


def test_a_changed_key_is_named_before_finished_work_is_done_again(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("rewrite") == 0
    assert project.ownwords("rewrite", "rewrite.sampling.temperature=0.5") == 2
    message = capsys.readouterr().err
    assert "rewrite.sampling.temperature: 0.95 → 0.5" in message
    assert "--yes" in message


@pytest.mark.slow
@pytest.mark.parametrize("key", ["runtime.batch_size=1", "tune.learning_rate=1", "rewrite.max_error_rate=1"])
def test_a_key_that_rewriting_does_not_read_leaves_it_done(project: Project, key: str) -> None:
    flags = script(project, "return request.example.reference")
    assert project.ownwords("rewrite", *flags) == 0
    assert project.ownwords("rewrite", key, *flags) == 0
    assert len(asked(project)) == 12


def test_rows_that_fail_in_the_engine_keep_the_reference_and_say_why(project: Project) -> None:
    assert project.ownwords("rewrite", "runtime.scripted.fail_share=0.3", "rewrite.max_error_rate=1") == 0
    reasons = [row["reason"] for row in rows_of(project, "sdft")]
    assert len(reasons) == 12
    assert 0 < reasons.count("scripted_failure") < 12


def test_when_every_row_fails_for_one_cause_the_stage_stops_early_and_can_go_on(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("rewrite", "runtime.scripted.fail_share=1") == 1
    assert "rewriting stopped: 10 of 10 rows have no answer" in capsys.readouterr().err
    assert project.ownwords("rewrite") == 0
    assert [row["outcome"] for row in rows_of(project, "sdft")] == ["accepted"] * 12


@pytest.mark.slow
def test_a_crashing_check_is_a_verdict_and_never_stops_the_run(project: Project) -> None:
    check = project.folder / "mine.py"
    check.write_text("def crash(example, candidate):\n    raise ZeroDivisionError('oops')\n", encoding="utf-8")
    assert project.ownwords("rewrite", "--allow-code", f"rewrite.checks=['{check}:crash']") == 0
    assert {row["reason"] for row in rows_of(project, "sdft")} == {"check_crashed"}


def test_code_named_in_a_recipe_needs_permission(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    check = project.folder / "mine.py"
    check.write_text("raise SystemExit('was run')\n", encoding="utf-8")
    assert project.ownwords("rewrite", f"rewrite.checks=['{check}:f']") == 2
    assert "--allow-code" in capsys.readouterr().err
    assert not project.output.exists()


def test_equal_rows_are_told_apart_by_occurrence(project: Project) -> None:
    rows = write_rows(project.folder / "rows.jsonl", [question(1), question(2), question(1)])
    assert project.ownwords("rewrite", f"data.train.path={rows}") == 0
    ids = [row["id"] for row in rows_of(project, "sdft")]
    assert len(set(ids)) == 3
    assert ids[0].rpartition("-")[0] == ids[2].rpartition("-")[0]


def test_every_completion_says_which_engine_made_it(project: Project) -> None:
    assert project.ownwords("rewrite") == 0
    with Journal(project.output / "journal.sqlite") as journal:
        engines = {json.loads(engine)["kind"] for _, _, engine in journal.completions("rewrite")}
    assert engines == {"scripted"}
    assert {json.loads(row["engine"])["kind"] for row in rows_of(project, "sdft")} == {"scripted"}


def test_the_card_states_counts_and_no_text_of_a_row(project: Project) -> None:
    assert project.ownwords("rewrite") == 0
    card = (project.output / "data" / "sdft" / "README.md").read_text(encoding="utf-8")
    assert "12" in card
    assert "2402.13669" in card
    assert "plus" not in card


def test_the_data_loads_with_the_datasets_library(project: Project, tmp_path: Path) -> None:
    from datasets import load_dataset

    assert project.ownwords("rewrite") == 0
    rows = load_dataset(
        "parquet", data_dir=str(project.output / "data" / "sdft"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert rows[0]["completion"][0]["role"] == "assistant"


def test_rows_that_are_wrong_are_left_out_listed_and_said(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    rows = project.folder / "rows.jsonl"
    rows.write_text("torn\n" + rows.read_text(encoding="utf-8"), encoding="utf-8")
    assert project.ownwords("rewrite") == 2
    assert not project.output.exists()
    assert project.ownwords("rewrite", "data.on_bad_row=skip") == 0
    assert "left out: " in capsys.readouterr().err
    summary = json.loads((project.output / "rewrite.json").read_text(encoding="utf-8"))
    assert (summary["n"], [row["origin"] for row in summary["skipped"]]) == (11, ["rows.jsonl line 1"])
    assert project.ownwords("report") == 0
    assert "1 rows of the dataset are wrong" in (project.output / "report.html").read_text(encoding="utf-8")


def lose(project: Project, count: int) -> None:
    """Leave the run as a kill before the last `count` answers would."""
    with sqlite3.connect(project.output / "journal.sqlite") as connection:
        keys = "SELECT stage, example_id, attempt, request_hash FROM completions ORDER BY rowid DESC LIMIT ?"
        connection.execute(
            f"DELETE FROM verdicts WHERE (stage, example_id, attempt, request_hash) IN ({keys})", (count,)
        )
        connection.execute(
            f"DELETE FROM completions WHERE (stage, example_id, attempt, request_hash) IN ({keys})", (count,)
        )
    connection.close()
    facts = json.loads((project.output / "run.json").read_text(encoding="utf-8"))
    facts["stages"]["rewrite"]["status"] = "running"
    (project.output / "run.json").write_text(json.dumps(facts), encoding="utf-8")


def dialogues(project: Project, count: int) -> str:
    """An override: conversations with two targets each, every third equal to the one before it."""
    path = project.folder / "dialogues.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for place in range(count):
            number = place - (place % 3 == 2)
            pairs = [question(number), question(number + 5000)]
            turns = [("user", pair["question"], "assistant", pair["answer"]) for pair in pairs]
            messages = [{"role": role, "content": text} for turn in turns for role, text in (turn[:2], turn[2:])]
            file.write(json.dumps({"messages": messages}) + "\n")
    return f"data.train={{path: {path}}}"


#: Right, wrong or empty, as the row and the attempt have it.
MIXED = "return ['', 'The answer is 1.', request.example.reference][request.seed % 3]"
PRODUCTS = ("rewrite.json", "samples.json", "data/sdft/train.parquet", "data/vanilla/train.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("on_failure", ["fallback", "drop", "retry"])
@pytest.mark.parametrize("turns", ["all", "last"])
def test_going_on_asks_what_is_missing_and_ends_in_the_same_data(project: Project, on_failure: str, turns: str) -> None:
    flags = [dialogues(project, 400), f"rewrite.on_failure={on_failure}", f"rewrite.turns={turns}"]
    flags += script(project, MIXED)
    assert project.ownwords("rewrite", *flags) == 0
    whole = {name: (project.output / name).read_bytes() for name in PRODUCTS}
    before = asked(project)
    assert len(set(before)) == len(before)
    lose(project, 250)
    assert project.ownwords("rewrite", *flags) == 0
    again = asked(project)[len(before) :]
    assert (len(again), set(again) <= set(before)) == (250, True)
    assert {name: (project.output / name).read_bytes() for name in PRODUCTS} == whole


def test_rows_stay_in_the_order_of_the_dataset_across_row_groups(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ownwords.data.export.ROW_GROUP", 30)
    monkeypatch.setattr("ownwords.stages.products.PIECE", 10)
    flags = [dialogues(project, 40), *script(project, MIXED)]
    assert project.ownwords("rewrite", *flags) == 0
    expected = [
        question(number + more)["answer"]
        for place in range(40)
        for number in [place - (place % 3 == 2)]
        for more in (0, 5000)
    ]
    for arm in ("sdft", "vanilla"):
        assert [row["reference"] for row in rows_of(project, arm)] == expected
        with pq.ParquetFile(project.output / "data" / arm / "train.parquet") as file:
            assert [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)] == [30, 30, 20]


@pytest.mark.slow
def test_the_number_of_rows_costs_no_memory_for_their_texts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no time, while they are asked or written, are more than some of the examples there."""
    rows = write_rows(project.folder / "many.jsonl", [question(number) for number in range(6_000)])
    alive: list[int] = []

    def count() -> None:
        alive.append(sum(isinstance(value, Example) for value in gc.get_objects()))

    def counting_table(some: Any) -> Any:
        count()
        return training_table(some)

    def counting_judge(context: Any, example: Example, completion: Any, *more: Any, **known: Any) -> Any:
        if completion.request_id.startswith("00"):
            count()
        return judge(context, example, completion, *more, **known)

    monkeypatch.setattr("ownwords.stages.products.training_table", counting_table)
    monkeypatch.setattr("ownwords.stages.judging._begin", counting_judge)
    overrides = [f"data.train.path={rows}", "data.train.limit=6000", "rewrite.checks=[not_empty]"]
    assert project.ownwords("rewrite", *overrides) == 0
    assert len(alive) > 6
    assert max(alive) < 3500


def test_another_model_is_asked_anew(project: Project) -> None:
    flags = script(project, "return request.example.reference")
    assert project.ownwords("rewrite", *flags) == 0
    assert project.ownwords("rewrite", "--yes", "model.name_or_path=another", *flags) == 0
    assert len(asked(project)) == 2 * 12
