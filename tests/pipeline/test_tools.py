"""Conversations with tools, through a whole run: rewritten as calls, trained, evaluated and exported."""

# pyright: basic
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from datasets import load_dataset

from ownwords.cli import main
from ownwords.data.load import load_heldout, load_train
from ownwords.engines.base import open_engine
from ownwords.models import resolve
from ownwords.recipe import DataSection, ModelSection, RuntimeSection
from ownwords.records import Message, Request, Sampling
from tests.pipeline.conftest import Project, make_project, script
from tests.tiny import make_tiny_model

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}}]


def call(city: str, call_id: str = "c1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": json.dumps({"city": city})}}


def conversation(city: str) -> dict[str, Any]:
    """A question, two calls at once, their results (the second first), an answer."""
    calls = [call(city, "c1"), call(f"Old {city}", "c2")]
    messages = [
        {"role": "user", "content": f"Weather in {city}?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c2", "content": "rain"},
        {"role": "tool", "tool_call_id": "c1", "content": {"sky": "clear"}},
        {"role": "assistant", "content": f"Clear in {city}, rain in Old {city}."},
    ]
    return {"messages": messages, "tools": TOOLS}


CITIES = ["Kraków", "Łódź", "São Paulo", "東京", "Lviv", "Bergen"]
CALLS = (
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Kraków"}}\n</tool_call>\n'
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Old Kraków"}}\n</tool_call>'
)


@pytest.fixture
def tools(tmp_path: Path) -> Project:
    project = make_project(tmp_path, tmp_path)
    rows = tmp_path / "calls.jsonl"
    plain = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    rows.write_text("".join(json.dumps(row) + "\n" for row in [*map(conversation, CITIES), plain]), encoding="utf-8")
    recipe = yaml.safe_load(project.recipe.read_text(encoding="utf-8"))
    recipe["data"] = {"train": {"path": str(rows), "limit": 4}}
    recipe["rewrite"] = {"prompt": "chat/tools", "checks": ["not_empty", "finished"]}
    recipe["model"]["name_or_path"] = str(make_tiny_model(tmp_path / "tiny", context=2000))
    recipe["tune"]["max_length"] = 2000
    recipe["evaluate"] = {"benchmarks": [{"heldout_nll": {"limit": 4}}]}
    project.recipe.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return project


def rows_of(project: Project, arm: str) -> list[dict[str, Any]]:
    return load_dataset("parquet", data_dir=str(project.output / "data" / arm), split="train").to_list()


def test_calls_are_rewritten_as_calls_and_results_stay_with_their_calls(tools: Project) -> None:
    answer = "return request.example.reference if '<tool_call>' in request.example.reference else 'Own words.'"
    assert tools.ownwords("rewrite", *script(tools, answer)) == 0
    first, second, *_ = rows = rows_of(tools, "sdft")
    assert len(rows) == 8
    assert {row["outcome"] for row in rows} == {"accepted"}
    assert first["completion"] == [{"role": "assistant", "content": CALLS}]
    assert second["completion"] == [{"role": "assistant", "content": "Own words."}]
    assert [(turn["role"], turn["content"]) for turn in second["prompt"]] == [
        ("user", "Weather in Kraków?"),
        ("assistant", CALLS),
        ("tool", '{"sky": "clear"}'),
        ("tool", "rain"),
    ]
    assert {row["tools"] for row in rows} == {first["tools"]}
    assert json.loads(first["tools"])[0]["function"]["name"] == "weather"


def test_a_rewrite_that_does_not_call_keeps_the_reference(tools: Project) -> None:
    assert tools.ownwords("rewrite", *script(tools, "return 'Own words.'")) == 0
    outcomes = [(row["outcome"], row["reason"]) for row in rows_of(tools, "sdft")]
    assert outcomes == [("fallback", "missing_call"), ("accepted", "ok")] * 4


def test_a_row_that_a_joining_check_dropped_is_told(tools: Project, capsys: pytest.CaptureFixture[str]) -> None:
    dropping = ["rewrite.on_failure=drop", *script(tools, "return 'Own words.'")]
    assert tools.ownwords("rewrite", *dropping) == 0
    summary = json.loads((tools.output / "rewrite.json").read_text(encoding="utf-8"))
    assert summary["checks"] == ["not_empty", "finished", "same_calls"]
    capsys.readouterr()
    dropped = load_train(DataSection.model_validate({"train": {"path": str(tools.folder / "calls.jsonl")}}))[0]
    assert main(["explain", str(tools.output), dropped.id, "--json"]) == 0
    story = json.loads(capsys.readouterr().out)
    assert (story["outcome"]["kind"], story["outcome"]["reason"]) == ("dropped", "missing_call")
    assert [verdict["in_recipe"] for verdict in story["attempts"][0]["verdicts"]] == [True, True, True]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", ['{"city": "\\ud83d"}', '{"city": NaN}', '{"a":' * 700 + "1" + "}" * 700])
def test_a_call_that_no_file_can_hold_is_an_answer_like_any_other(tools: Project, arguments: str) -> None:
    text = f'<tool_call>{{"name": "weather", "arguments": {arguments}}}</tool_call>'
    assert tools.ownwords("rewrite", *script(tools, f"return {text!r}")) == 0
    assert tools.ownwords("rewrite") == 0


def test_the_schema_reaches_the_request_and_the_instruction_the_last_user_turn(tools: Project) -> None:
    seen = tools.folder / "seen.jsonl"
    body = f"""
    import json
    with open({str(seen)!r}, "a", encoding="utf-8") as file:
        print(json.dumps([request.tools, [[m.role, m.content] for m in request.messages]]), file=file)
    return request.example.reference"""
    assert tools.ownwords("rewrite", *script(tools, body)) == 0
    asked = [json.loads(line) for line in seen.read_text(encoding="utf-8").splitlines()]
    assert all(json.loads(schema)[0]["function"]["parameters"] == SCHEMA for schema, _ in asked)
    answer = next(messages for _, messages in asked if len(messages) == 4)
    assert [role for role, _ in answer] == ["user", "assistant", "tool", "tool"]
    assert "Clear in Kraków, rain in Old Kraków." in answer[0][1]


@pytest.mark.slow
def test_a_whole_run_with_tools_trains_and_scores_both_kinds_of_targets(tools: Project) -> None:
    assert tools.ownwords("run") == 0
    items = load_dataset("parquet", data_files=str(tools.output / "scores/heldout_nll/vanilla.parquet"), split="train")
    assert len(items) == 4  # two conversations: the calls, and the answers after their results


@pytest.mark.slow
@pytest.mark.parametrize("form", ["messages", "prompt-completion", "sharegpt"])
def test_an_export_is_read_back_as_the_rows_that_were_trained(tools: Project, form: str) -> None:
    assert tools.ownwords("rewrite") == 0
    folder = tools.folder / form
    assert main(["export", str(tools.output), "-o", str(folder), "--format", form]) == 0
    data = DataSection.model_validate({"train": {"path": str(folder / "train.jsonl")}})
    trained = {(row["completion"][0]["content"], row["tools"]) for row in rows_of(tools, "sdft")}
    assert {(example.reference, example.tools) for example in load_train(data)} == trained
    assert "tools" in (folder / "README.md").read_text(encoding="utf-8")
    made = load_dataset("json", data_files=str(folder / "train.jsonl"), split="train")
    if form != "sharegpt":
        assert all(tool["function"]["parameters"]["required"] == ["city"] for row in made for tool in row["tools"])


def test_alpaca_has_no_place_for_tools(tools: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.ownwords("rewrite") == 0
    assert main(["export", str(tools.output), "-o", str(tools.folder / "a"), "--format", "alpaca"]) == 2
    assert "the format alpaca has no place for tools" in capsys.readouterr().err
    assert not (tools.folder / "a").exists()


def test_an_answer_after_results_is_unseen_beside_the_call_before_it(tools: Project) -> None:
    data = DataSection.model_validate({"train": {"path": str(tools.folder / "calls.jsonl"), "limit": 4}})
    unseen = load_heldout(data, load_train(data), None)
    assert [example.messages[-1].role for example in unseen] == ["user", "tool", "user", "tool", "user"]


ONE_CALL = (  # as Llama 3.1's: one call at a time
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.tool_calls %}{% if m.tool_calls | length > 1 %}"
    "{{ raise_exception('one call at a time') }}{% endif %}{{ m.tool_calls[0].function | tojson }}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}{% if tools %}{{ tools | tojson }}{% endif %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_a_row_that_the_template_refuses_is_named(tools: Project, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_tiny_model(tools.folder / "one-call", chat_template=ONE_CALL, context=2000)
    use = f"model.name_or_path={folder}"
    assert tools.ownwords("rewrite", use) == 0
    assert tools.ownwords("tune", use) == 2
    error = capsys.readouterr().err
    assert "the chat template cannot render calls.jsonl line 1: one call at a time" in error
    assert "one call at a time" in error
    engine = open_engine("transformers", resolve(ModelSection(name_or_path=str(folder))), RuntimeSection())
    messages = (Message("user", "q"), Message("assistant", CALLS), Message("user", "r"))
    schema = json.dumps(TOOLS)
    (refused,) = engine.stream([Request("r", messages, tools=schema, sampling=Sampling(max_tokens=4))])
    assert refused.error is not None
    assert refused.error.kind == "chat_template"


def test_a_prompt_that_the_template_refuses_is_named_before_a_run(
    tools: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_tiny_model(tools.folder / "one-call", chat_template=ONE_CALL, context=2000)
    assert tools.ownwords("validate", "--probe", "0", f"model.name_or_path={folder}") == 2
    assert "cannot render" in capsys.readouterr().err


@pytest.mark.slow
def test_validate_and_preview_tell_of_the_tools(tools: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.ownwords("validate", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["chat"] == {
        "tools": 8,
        "functions": ["weather"],
        "calls": 4,
        "reasoning": 0,
        "words_beside_calls": 0,
        "template_drops_words": False,
        "thinking": "keep",
        "template_takes_tools": False,
        "template_thinks": False,
    }
    assert any("8 examples have tools, and the chat template has no place for them" in w for w in facts["warnings"])
    assert tools.ownwords("validate") == 0
    assert "tools       8 examples, 1 functions; 4 references call" in capsys.readouterr().out
    assert tools.ownwords("preview", "--rows", "2") == 0
    shown = capsys.readouterr().out
    assert "weather" in shown
    assert shown.count("Here is a correct reply to the message above") == 2
