"""General rows among the task's: where they come from, which are left out, and that nothing is asked twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ownwords.arms.base import find_arm
from ownwords.engines.scripted import ScriptedEngine
from ownwords.errors import RecipeError, StageError
from ownwords.pipeline import open_recipe
from ownwords.recipe import ArmSection
from ownwords.records import Completion, Request
from ownwords.stages import replay
from ownwords.stages.context import Context
from ownwords.stages.status import expected_stages
from tests.pipeline.conftest import Project, question, script, write_rows

#: Every fourth prompt is one of the training rows', others come twice.
OWN = """if request.text is None:
        return request.example.reference if request.example else 'An answer.'
    number = request.seed % 28
    return f'What is {number % 12} plus {number % 12}?' if number % 4 == 0 else f'Tell me of {number}.'"""


def self_arm(share: float = 0.2, name: str = "replay") -> str:
    return f"tune.arms=[{{{name}: {{of: replay, replay: {{share: {share}}}}}}}]"


def data_arm(path: Path, answers: str = "self", share: float = 0.2, more: str = "") -> str:
    source = f"{{path: {path}, columns: {{prompt: question, response: answer}}{more}}}"
    return f"tune.arms=[{{replay: {{replay: {{share: {share}, prompts: data, answers: {answers}, data: {source}}}}}}}]"


def general(project: Project, count: int = 40, name: str = "general.jsonl", start: int = 100) -> Path:
    rows = [{"question": f"Who was number {n}?", "answer": f"Somebody, {n}."} for n in range(start, start + count)]
    return write_rows(project.folder / name, rows)


def find(project: Project, *keys: str, arm: int = 0) -> list[dict[str, Any]]:
    """Rewrite, find the general rows of an arm, and give them."""
    assert project.ownwords("rewrite", *keys) == 0
    context = open_context(project, *keys)
    try:
        chosen = find_arm(context.recipe.tune.arms[arm])
        replay.run(context, chosen)
        return pq.read_table(context.run.arm_data(chosen.name) / "replay.parquet").to_pylist()
    finally:
        context.close()


def open_context(project: Project, *keys: str) -> Context:
    overrides = [key for key in keys if not key.startswith("--")]
    return Context(open_recipe(project.recipe, overrides), allow_code="--allow-code" in keys)


def facts(project: Project, arm: str = "replay") -> dict[str, Any]:
    return json.loads((project.output / "replay" / f"{arm}.json").read_text(encoding="utf-8"))


def prompts(rows: Iterable[dict[str, Any]]) -> list[str]:
    return [row["prompt"][-1]["content"] for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize(("share", "rows"), [(0.2, 3), (0.25, 4), (0.5, 12)])
def test_the_share_is_of_all_rows_that_are_trained_on(project: Project, share: float, rows: int) -> None:
    found = find(project, self_arm(share), *script(project, OWN))
    assert len(found) == rows


def test_prompts_that_the_model_writes_are_new_to_the_run_and_each_ends_with_a_reason(project: Project) -> None:
    rows = find(project, self_arm(0.5), *script(project, OWN))
    assert all(text.startswith("Tell me of") for text in prompts(rows))
    assert len(set(prompts(rows))) == len(rows) == 12
    told = facts(project)
    assert sum(told["reasons"].values()) == told["candidates"] > 12
    assert {"ok", "training_prompt", "duplicate"} <= told["reasons"].keys()
    assert told["reasons"]["ok"] == told["rows"] == 12


def test_a_row_has_the_columns_of_the_tasks_rows_and_says_where_it_is_from(project: Project) -> None:
    rows = find(project, self_arm(), *script(project, OWN))
    task = pq.read_table(project.output / "data" / "replay" / "train.parquet").to_pylist()
    assert rows[0].keys() == task[0].keys()
    assert {(row["source"], row["reason"]) for row in rows} == {("replay", "own_prompt")}
    assert all(row["completion"][0]["content"] == row["reference"] == "An answer." for row in rows)
    assert not {row["id"] for row in rows} & {row["id"] for row in task}


def test_equal_recipes_find_equal_rows_and_another_seed_finds_others(project: Project) -> None:
    asking = script(project, OWN)
    first, again, other = (
        find(project, self_arm(0.5), *asking, f"output_dir={project.folder / name}", *more)
        for name, more in (("a", []), ("b", []), ("c", ["seed=7"]))
    )
    assert first == again
    assert prompts(first) != prompts(other)
    files = [(project.folder / name / "data" / "replay" / "replay.parquet").read_bytes() for name in "ab"]
    assert files[0] == files[1]


def test_an_interrupted_search_asks_only_for_what_is_missing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [self_arm(0.5), *script(project, OWN)]
    whole = find(project, *keys, f"output_dir={project.folder / 'whole'}")
    stream = ScriptedEngine.stream
    asked: list[str] = []

    def stopping(self: ScriptedEngine, requests: Iterable[Request]) -> Iterator[Completion]:
        for completion in stream(self, requests):
            asked.append(completion.request_id)
            yield completion
            if len(asked) == 9:
                raise KeyboardInterrupt

    assert project.ownwords("rewrite", *keys) == 0
    monkeypatch.setattr(ScriptedEngine, "stream", stopping)
    with pytest.raises(KeyboardInterrupt):
        find(project, *keys)
    assert find(project, *keys) == whole
    told = facts(project)
    answered = told["candidates"] - told["reasons"].get("training_prompt", 0) - told["reasons"].get("duplicate", 0)
    assert len(asked) == told["candidates"] + answered, "every prompt was written once, every answer given once"


def test_arms_with_equal_settings_share_what_is_asked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    arms = "tune.arms=[replay, {twin: {of: replay}}]"
    keys = [arms, *script(project, OWN)]
    first = find(project, *keys)
    monkeypatch.setattr(ScriptedEngine, "stream", lambda *_: pytest.fail("something was asked again"))
    assert find(project, *keys, arm=1) == first
    assert facts(project, "twin")["rows"] == 3


def test_rows_of_a_source_are_chosen_by_content_not_by_place(project: Project) -> None:
    path = general(project)
    lines = path.read_text(encoding="utf-8").splitlines()
    turned = project.folder / "turned.jsonl"
    turned.write_text("\n".join(lines[::-1]) + "\n", encoding="utf-8")
    keys = script(project, OWN)
    rows = find(project, data_arm(path), *keys)
    others = find(project, data_arm(turned), *keys, f"output_dir={project.folder / 'turned'}")
    assert prompts(rows) == prompts(others)
    assert set(prompts(rows)) != {json.loads(line)["question"] for line in lines[:3]}
    assert {row["reason"] for row in rows} == {"own_answer"}


def test_answers_of_the_source_need_no_model(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [data_arm(general(project), answers="data")]
    assert project.ownwords("rewrite", *keys) == 0
    monkeypatch.setattr(ScriptedEngine, "stream", lambda *_: pytest.fail("a model was asked"))
    rows = find(project, *keys)
    assert all(row["completion"][0]["content"].startswith("Somebody, ") for row in rows)
    assert {(row["reason"], row["attempt"], row["engine"]) for row in rows} == {("as_given", -1, "")}


def test_no_row_repeats_a_prompt_of_training_or_test(project: Project) -> None:
    numbers = [*range(12), *range(50, 54), *range(200, 204)]  # training rows, items of the benchmark, others
    rows = [{**question(n), "question": question(n)["question"].upper() + " "} for n in numbers]
    path = write_rows(project.folder / "general.jsonl", [*rows, rows[-1]])
    found = find(project, data_arm(path), *script(project, OWN))
    assert {int(text.split()[2]) for text in prompts(found)} <= {200, 201, 202, 203}
    assert facts(project)["unused"] == {"training_prompt": 12, "test_prompt": 4, "duplicate": 1}


def test_the_fingerprint_holds_the_content_of_the_source_and_not_its_place(project: Project) -> None:
    path = general(project)
    moved = project.folder / "moved.jsonl"
    moved.write_bytes(path.read_bytes())
    other = general(project, name="other.jsonl", start=300)
    found = [_inputs(project, data_arm(name)) for name in (path, moved, other)]
    assert found[0] == found[1] != found[2]


def test_a_benchmark_makes_the_rows_anew_only_if_it_repeats_one(project: Project) -> None:
    path = general(project)
    free = write_rows(project.folder / "free.jsonl", [{"question": "Why?", "answer": "#### 1"}])
    taken = write_rows(project.folder / "taken.jsonl", [{"question": "Who was number 107?", "answer": "#### 1"}])
    none, other, repeating = (
        _inputs(project, data_arm(path), f"evaluate.benchmarks=[{benchmark}]")
        for benchmark in ("heldout_nll", f"heldout_nll,{{gsm8k: {{path: {free}}}}}", f"{{gsm8k: {{path: {taken}}}}}")
    )
    assert none == other != repeating


def test_a_learning_rate_does_not_touch_general_rows_and_they_belong_to_training(project: Project) -> None:
    from ownwords.stages import tune

    path = general(project)
    assert _inputs(project, data_arm(path)) == _inputs(project, data_arm(path), "tune.learning_rate=0.5")
    context = open_context(project, data_arm(path))
    read = tune.inputs(context, context.trainings[0])
    assert "stage replay" in read
    assert not any("path" in key for key in read)


def _inputs(project: Project, *keys: str) -> dict[str, Any]:
    context = open_context(project, *keys)
    return replay.inputs(context, find_arm(context.recipe.tune.arms[0]))


def test_answers_that_are_cut_empty_too_long_or_missing_are_replaced(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = ScriptedEngine.stream

    def spoiling(self: ScriptedEngine, requests: Iterable[Request]) -> Iterator[Completion]:
        for completion in stream(self, requests):
            kind = sum(completion.request_id.encode()) % 5
            spoiled: dict[int, dict[str, Any]] = {
                0: {"finish_reason": "length"},
                1: {"text": "  "},
                2: {"text": "word " * 300},
            }
            yield replace(completion, **({} if "What is" in completion.text else spoiled.get(kind, {})))

    keys = [data_arm(general(project)), *script(project, OWN)]
    assert project.ownwords("rewrite", *keys) == 0
    monkeypatch.setattr(ScriptedEngine, "stream", spoiling)
    rows = find(project, *keys)
    assert len(rows) == 3
    assert {row["completion"][0]["content"] for row in rows} == {"An answer."}
    told = facts(project)["reasons"]
    assert told.keys() <= {"ok", "unfinished", "empty", "too_long", "not_needed"}
    assert told["ok"] == 3
    assert sum(told.values()) > 3


@pytest.mark.slow
def test_an_arm_without_its_general_rows_ends_neither_the_others_nor_the_run(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    short = "{short: {of: replay, replay: {sampling: {max_tokens: 2}}}}"
    arms = f"tune.arms=[{short}, {{w: {{of: wise, trained_as: short}}}}, vanilla]"
    keys = [arms, "runtime.engine=transformers"]
    assert project.ownwords("run", *keys) == 1
    assert "\n  replay/short: tune.arms.short.replay: a share of 0.2 wants 3 general rows" in capsys.readouterr().err
    assert project.ownwords("evaluate", *keys) == 1
    assert "\n  tune/short: replay/short failed before" in capsys.readouterr().err
    scores = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))["scores"]
    assert {score["variant"] for score in scores} == {"seed", "vanilla"}


def test_a_model_that_writes_nothing_new_is_given_up_with_what_to_do(project: Project) -> None:
    keys = [self_arm(), *script(project, "return request.example.reference if request.example else 'The same.'")]
    with pytest.raises(StageError, match=r"wants 3 general rows, and the seed model made 1 that can be used.*share"):
        find(project, *keys)
    assert not (project.output / "data" / "replay" / "replay.parquet").exists()


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("{path: nowhere.jsonl}", "tune.arms.replay.replay.data: there is no file"),
        ("{path: PATH}", "columns: {prompt: question, response: answer}"),
        ("{path: PATH, columns: {prompt: question, response: answer}, limit: 2}", "gave 2 that can be used"),
    ],
)
def test_a_source_that_does_not_do_is_refused_before_anything_is_written(
    project: Project, capsys: pytest.CaptureFixture[str], arm: str, message: str
) -> None:
    source = arm.replace("PATH", str(general(project)))
    keys = f"tune.arms=[{{replay: {{replay: {{prompts: data, data: {source}}}}}}}]"
    assert project.ownwords("run", keys) == 2
    assert message in capsys.readouterr().err
    assert not project.output.exists()


def test_a_share_of_less_than_a_row_is_refused(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.ownwords("run", self_arm(0.01)) == 2
    assert "less than one row beside 12" in capsys.readouterr().err
    assert not project.output.exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prompts": "data"}, "needs `data`"),
        ({"data": {"path": "rows.jsonl"}}, "goes with `prompts: data`"),
        ({"answers": "data"}, "goes with `prompts: data`"),
        ({"sampling": {"temperature": 0}}, "one prompt again and again"),
        ({"share": 1}, "less than 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], message: str) -> None:
    section = ArmSection.model_validate({"name": "replay", "replay": settings})
    with pytest.raises(RecipeError, match=message):
        find_arm(section)


def test_status_expects_general_rows_before_training(project: Project) -> None:
    context = open_context(project, "tune.arms=[vanilla, replay]", "tune.sweep.learning_rate=[0.1, 0.2]")
    expected = expected_stages(context.recipe, context.run)
    assert [name for name in expected if name.startswith("replay")] == ["replay/replay"]
    assert expected.index("replay/replay") < expected.index("tune/vanilla@lr0.1")


def test_the_dataset_card_tells_of_the_general_rows_once(project: Project) -> None:
    keys = [self_arm(0.5), *script(project, OWN)]
    find(project, *keys)
    find(project, *keys)
    card = (project.output / "data" / "replay" / "README.md").read_text(encoding="utf-8")
    assert card.count("## General rows") == 1
    assert "on 12 rows besides" in card
    assert "training\\_prompt" in card
    assert "an empty user turn" in card


@pytest.mark.slow
def test_a_run_trains_on_both_kinds_of_rows_and_says_so(project: Project) -> None:
    keys = ["tune.arms=[vanilla, replay]", *script(project, OWN)]
    assert project.ownwords("run", *keys) == 0
    told = {arm: _training(project, arm) for arm in ("vanilla", "replay")}
    assert [(t["rows"], t["replay_rows"]) for t in told.values()] == [(12, 0), (15, 3)]
    assert told["replay"]["supervised_tokens"] == told["vanilla"]["supervised_tokens"] + told["replay"]["replay_tokens"]
    assert told["replay"]["replay_tokens"] > 0
    assert "of them<br>replay" in (project.output / "report.html").read_text(encoding="utf-8")
    assert list(project.stages())[2:4] == ["replay/replay", "tune/vanilla"]
    before = project.stages()
    assert project.ownwords("run", *keys) == 0
    assert project.stages() == before


def _training(project: Project, arm: str) -> dict[str, Any]:
    return json.loads((project.output / "arms" / arm / "seed42" / "training.json").read_text(encoding="utf-8"))
