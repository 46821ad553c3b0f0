"""Reasoning of thinking models: kept, stripped or forbidden by one switch; and the turns that are rewritten."""

# pyright: basic
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from ownwords.data.load import load_train
from ownwords.engines.base import open_engine
from ownwords.models import resolve
from ownwords.recipe import DataSection, ModelSection, RuntimeSection
from ownwords.records import Message, Request, Sampling
from tests.pipeline.conftest import Project, make_project, script
from tests.tiny import make_tiny_model

THOUGHT = "<think>\nTwo and two.\n</think>\n\nThe answer is 4."
ANSWER = "The answer is 4."
OWN = "return '<think>I was shown it.</think>It is 4.'"


def turn(**fields: Any) -> dict[str, Any]:
    return {"role": "assistant", **fields}


def project_of(tmp_path: Path, tiny_model: Path, *rows: dict[str, Any]) -> Project:
    project = make_project(tmp_path, tiny_model)
    path = tmp_path / "thoughts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = yaml.safe_load(project.recipe.read_text(encoding="utf-8"))
    recipe["data"] = {"train": {"path": str(path)}}
    recipe["rewrite"] = {"prompt": "chat/general", "checks": ["not_empty", "finished"]}
    project.recipe.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return project


def asked(answer: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "2 + 2?"}, answer]}


def targets(project: Project) -> list[tuple[str, str]]:
    rows = pq.read_table(project.output / "data" / "sdft" / "train.parquet").to_pylist()
    return [(row["completion"][0]["content"], row["reason"]) for row in rows]


@pytest.mark.parametrize(
    "answer",
    [
        turn(content=THOUGHT),
        turn(content="<think>Two and two.</think>The answer is 4.", weight=1),
        turn(content=ANSWER, reasoning_content="Two and two."),
        turn(content=ANSWER, reasoning="Two and two.\n"),
        turn(content=ANSWER, thinking="Two and two."),
    ],
)
def test_reasoning_in_every_spelling_is_one_text(tmp_path: Path, answer: dict[str, Any]) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(asked(answer)), encoding="utf-8")
    train = {"train": {"path": str(path)}}
    (kept,) = load_train(DataSection.model_validate(train))
    assert kept.reference.replace("<think>\n", "<think>").replace("\n</think>\n\n", "</think>") == THOUGHT.replace(
        "<think>\n", "<think>"
    ).replace("\n</think>\n\n", "</think>")
    (stripped,) = load_train(DataSection.model_validate({**train, "thinking": "strip"}))
    assert stripped.reference == ANSWER


@pytest.mark.parametrize(
    ("reference", "thinking", "answer", "expected"),
    [
        (THOUGHT, "keep", OWN, ("<think>\nI was shown it.\n</think>\n\nIt is 4.", "ok")),
        (THOUGHT, "keep", "return 'It is 4.'", (THOUGHT, "no_reasoning")),
        (ANSWER, "keep", OWN, ("It is 4.", "ok")),
        (THOUGHT, "strip", OWN, ("It is 4.", "ok")),
        (ANSWER, "forbid", OWN, (ANSWER, "reasoning")),
        (ANSWER, "forbid", "return 'It is 4.'", ("It is 4.", "ok")),
        (ANSWER, "keep", "return '<think>only thoughts</think>'", (ANSWER, "empty")),
    ],
)
def test_one_switch_decides_about_references_and_rewrites(
    tmp_path: Path, tiny_model: Path, reference: str, thinking: str, answer: str, expected: tuple[str, str]
) -> None:
    project = project_of(tmp_path, tiny_model, asked(turn(content=reference)))
    assert project.ownwords("rewrite", f"data.thinking={thinking}", *script(project, answer)) == 0
    assert targets(project) == [expected]


def test_a_model_that_must_not_think_is_told_so_everywhere(tmp_path: Path, tiny_model: Path) -> None:
    project = project_of(tmp_path, tiny_model, asked(turn(content=ANSWER)))
    body = "assert request.thinking is False; return 'It is 4.'"
    assert project.ownwords("rewrite", "data.thinking=forbid", *script(project, body)) == 0
    row = pq.read_table(project.output / "data" / "vanilla" / "train.parquet").to_pylist()[0]
    assert row["chat_template_kwargs"] == {"enable_thinking": False}


def test_rewriting_reasoning_is_called_risky(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = project_of(tmp_path, tiny_model, asked(turn(content=THOUGHT)), TALK)
    for thinking, risky in (("keep", True), ("strip", False)):
        assert project.ownwords("validate", "--json", f"data.thinking={thinking}", "data.train.limit=1") == 0
        warnings = json.loads(capsys.readouterr().out)["warnings"]
        assert any("1 references have reasoning, and rewriting that is risky" in w for w in warnings) is risky


OPENS_REASONING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is not defined %}<think>\n"
    "{% endif %}{% endif %}"
)


def test_an_answer_that_begins_inside_the_reasoning_is_no_words(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "model", chat_template=OPENS_REASONING)
    engine = open_engine("transformers", resolve(ModelSection(name_or_path=str(folder))), RuntimeSection())
    messages = (Message("user", "Hi"),)
    sampling = Sampling(max_tokens=8)
    requests = [Request("on", messages, sampling=sampling), Request("off", messages, sampling=sampling, thinking=False)]
    answers = {answer.request_id: answer for answer in engine.stream(requests)}
    assert answers["on"].text == ""
    assert answers["on"].reasoning
    assert answers["off"].text
    assert answers["off"].reasoning is None


TALK = {
    "messages": [
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "3 + 3?"},
        {"role": "assistant", "content": "6"},
    ]
}


def test_only_the_last_turn_is_rewritten_where_the_recipe_says_so(tmp_path: Path, tiny_model: Path) -> None:
    project = project_of(tmp_path, tiny_model, TALK, asked(turn(content=ANSWER)))
    body = "assert request.example.last; return 'Own: ' + request.example.reference"
    assert project.ownwords("rewrite", "rewrite.turns=last", *script(project, body)) == 0
    assert targets(project) == [("4", "earlier_turn"), ("Own: 6", "ok"), (f"Own: {ANSWER}", "ok")]
    summary = json.loads((project.output / "rewrite.json").read_text(encoding="utf-8"))
    assert (summary["n"], summary["accepted"]) == (3, 2)
    row = pq.read_table(project.output / "data" / "sdft" / "train.parquet").to_pylist()[0]
    assert (row["attempt"], row["prompt_tokens"], row["outcome"]) == (-1, -1, "fallback")


OTHER = {"messages": [{"role": "user", "content": "5 + 5?"}, {"role": "assistant", "content": "10"}]}


def test_only_turns_that_are_asked_are_measured_and_previewed(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = project_of(tmp_path, tiny_model, TALK, asked(turn(content=ANSWER)), OTHER)
    use = ["rewrite.turns=last", "data.train.limit=2"]
    assert project.ownwords("validate", "--json", "--probe", "9", *use) == 0
    assert json.loads(capsys.readouterr().out)["probe"]["rows"] == 2
    assert project.ownwords("preview", "--json", *use) == 0
    shown = json.loads(capsys.readouterr().out)["rows"]
    assert [row["reference"] for row in shown] == ["6", ANSWER]


def test_dropping_failures_keeps_turns_that_were_not_asked(tmp_path: Path, tiny_model: Path) -> None:
    project = project_of(tmp_path, tiny_model, TALK)
    overrides = ["rewrite.turns=last", "rewrite.on_failure=drop"]
    assert project.ownwords("rewrite", *overrides, *script(project, "return ''")) == 0
    assert targets(project) == [("4", "earlier_turn")]
