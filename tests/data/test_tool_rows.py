"""Rows with tools and reasoning as people have them: every spelling becomes the one text of a turn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ownwords.data.load import load_train
from ownwords.recipe import DataSection
from ownwords.records import Example

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}}
TIME = {"type": "function", "function": {"name": "time", "description": "", "parameters": SCHEMA}}
ASK = {"role": "user", "content": "Weather?"}
CALLED = '<tool_call>\n{"name": "weather", "arguments": {"city": "Łódź"}}\n</tool_call>'
TIMED = '<tool_call>\n{"name": "time", "arguments": {"city": "Łódź"}}\n</tool_call>'


def read(tmp_path: Path, *rows: Any, name: str = "x.jsonl", **values: Any) -> list[Example]:
    path = tmp_path / name
    if not path.exists():
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_train(DataSection.model_validate({"train": {"path": str(path), **values}}))


def call(name: str = "weather", **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": {"city": "Łódź"}}, **fields}


PADDED = {"city": "Łódź", "n": None}
ESCAPED = '<tool_call>{"name": "weather", "arguments": {"city": "\\u0141\\u00f3d\\u017a"}}</tool_call>'
SPELLINGS: dict[str, dict[str, Any]] = {
    "openai": {"content": None, "tool_calls": [call(id="c1")]},
    "arguments as text": {"tool_calls": [{"function": {"name": "weather", "arguments": '{"city": "Łódź"}'}}]},
    "escaped": {
        "content": '<tool_call>{"name": "weather", "arguments": {"city": "\\u0141\\u00f3d\\u017a"}}</tool_call>'
    },
    "old": {"function_call": {"name": "weather", "arguments": '{"city": "Łódź"}'}, "tool_calls": None},
    "blank words": {"content": " \n", "tool_calls": [call()]},
    "blank parts": {"content": [{"type": "text", "text": ""}], "tool_calls": [call()]},
    "padded": {"tool_calls": [call(), None], "function_call": {"name": None, "arguments": None}},
    "flag": {"tool_calls": [call()], "thinking": True, "reasoning": "\n"},
    "null-padded arguments": {
        "tool_calls": [call(function={"name": "weather", "arguments": {"city": "Łódź", "n": None}})]
    },
}


@pytest.mark.parametrize("answer", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("tools", [[TOOL], json.dumps([TOOL]), [TOOL["function"]]], ids=["list", "text", "bare"])
def test_every_spelling_of_a_call_is_one_text(tmp_path: Path, answer: dict[str, Any], tools: Any) -> None:
    (example,) = read(tmp_path, {"messages": [ASK, {"role": "assistant", **answer}], "tools": tools})
    assert example.reference == CALLED
    assert json.loads(example.tools) == [TOOL]


@pytest.mark.parametrize("tools", [None, [], "", "null", "nan", "None", "[]"])
def test_no_tools_are_no_tools(tmp_path: Path, tools: Any) -> None:
    (example,) = read(tmp_path, {"messages": [ASK, {"role": "assistant", "content": "Sunny."}], "tools": tools})
    assert (example.reference, example.tools) == ("Sunny.", "")


def test_other_names_of_tools_and_of_their_schema(tmp_path: Path) -> None:
    anthropic = {"name": "weather", "description": "d", "input_schema": SCHEMA}
    answer = {"role": "assistant", "function_call": {"name": "weather", "arguments": '{"city": "Łódź"}'}}
    (example,) = read(tmp_path, {"messages": [ASK, answer], "functions": [anthropic]})
    assert json.loads(example.tools) == [TOOL]
    properties = {"name": "weather", "description": "d", "parameters": {"city": {"type": "string"}}}
    (alone,) = read(tmp_path, {"messages": [ASK, answer], "tools": [properties]}, name="y.jsonl")
    assert json.loads(alone.tools)[0]["function"]["parameters"]["properties"] == SCHEMA["properties"]


RESULTS: dict[str, list[dict[str, Any]]] = {
    "ids": [{"tool_call_id": 1, "content": "noon"}, {"tool_call_id": 0, "content": "sunny"}],
    "names": [{"name": "time", "content": "noon"}, {"name": "weather", "content": "sunny"}],
    "place": [{"content": "sunny"}, {"content": "noon"}],
    "wrapped": [{"content": "<tool_response>\nsunny\n</tool_response>"}, {"content": "noon"}],
}


@pytest.mark.parametrize("results", RESULTS.values(), ids=RESULTS.keys())
def test_results_follow_in_the_order_of_their_calls(tmp_path: Path, results: list[dict[str, Any]]) -> None:
    numbered = any("tool_call_id" in result for result in results)
    calls = [call(**({"id": 0} if numbered else {})), call("time", **({"id": 1} if numbered else {}))]
    turns = [ASK, {"role": "assistant", "tool_calls": calls}, *({"role": "tool", **result} for result in results)]
    end = {"role": "assistant", "content": "Sunny at noon."}
    *_, last = read(tmp_path, {"messages": [*turns, end], "tools": [TOOL, TIME]})
    assert [message.content for message in last.messages[1:]] == [f"{CALLED}\n{TIMED}", "sunny", "noon"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([], "[]"),
        ({"sky": "clear"}, '{"sky": "clear"}'),
        ([{"type": "restaurant"}], '[{"type": "restaurant"}]'),
        ("", ""),
    ],
)
def test_a_result_may_be_any_json(tmp_path: Path, content: Any, text: str) -> None:
    turns = [ASK, {"role": "assistant", "tool_calls": [call()]}, {"role": "tool", "content": content}]
    *_, last = read(tmp_path, {"messages": [*turns, {"role": "assistant", "content": "Yes."}], "tools": [TOOL]})
    assert last.messages[-1].content == text


@pytest.mark.parametrize("value", [{"city": "Łódź"}, '{"city": "Łódź"}'])
def test_sharegpt_calls_and_observations(tmp_path: Path, value: Any) -> None:
    turns = [
        {"from": "human", "value": "Weather?"},
        {"from": "function_call", "value": json.dumps({"name": "weather", "arguments": value})},
        {"from": "observation", "value": "sunny"},
        {"from": "gpt", "value": "Sunny."},
    ]
    first, last = read(tmp_path, {"conversations": turns, "tools": json.dumps([TOOL])})
    assert (first.reference, last.reference) == (CALLED, "Sunny.")
    assert [message.role for message in last.messages] == ["user", "assistant", "tool"]


def test_hermes_dumps_hold_calls_in_the_text(tmp_path: Path) -> None:
    turns = [
        {"from": "system", "value": "You call functions."},
        {"from": "human", "value": "Weather?"},
        {"from": "gpt", "value": CALLED + "\n"},
        {"from": "tool", "value": "<tool_response>\nsunny\n</tool_response>"},
        {"from": "gpt", "value": "Sunny."},
    ]
    first, last = read(tmp_path, {"conversations": turns, "tools": json.dumps([TOOL])})
    assert first.reference == CALLED
    assert last.messages[-1].content == "sunny"


def test_results_stay_where_tools_stand_in_the_system_text(tmp_path: Path) -> None:
    turns = [ASK, {"role": "assistant", "content": CALLED}, {"role": "tool", "content": "sunny"}]
    *_, last = read(tmp_path, {"messages": [*turns, {"role": "assistant", "content": "Sunny."}]})
    assert [message.role for message in last.messages] == ["user", "assistant", "tool"]
    assert last.tools == ""


def test_columns_with_calls_in_plain_json_make_calls(tmp_path: Path) -> None:
    row = {
        "query": "Weather?",
        "tools": json.dumps([TOOL]),
        "answers": '[{"name": "weather", "arguments": {"city": "Łódź"}}]',
    }
    (example,) = read(tmp_path, row, columns={"prompt": "query", "response": "answers", "tools": "tools"})
    assert example.reference == CALLED
    (plain,) = read(tmp_path, row, columns={"prompt": "query", "response": "answers"})
    assert plain.reference == row["answers"]


def test_a_table_with_cells_of_json_text_is_read(tmp_path: Path) -> None:
    messages = json.dumps([ASK, {"role": "assistant", "tool_calls": [call()]}])
    pq.write_table(pa.table({"messages": [messages], "tools": [json.dumps([TOOL])]}), tmp_path / "x.parquet")
    (example,) = read(tmp_path, name="x.parquet")
    assert example.reference == CALLED
    cells = {"prompt": json.dumps([ASK]), "completion": json.dumps([{"role": "assistant", "content": "Sunny."}])}
    pq.write_table(pa.table({key: [value] for key, value in cells.items()}), tmp_path / "y.parquet")
    (pair,) = read(tmp_path, name="y.parquet")
    assert (pair.prompt, pair.reference) == ("Weather?", "Sunny.")
    (text,) = read(tmp_path, {"prompt": "q", "completion": "[1, 2]"})
    assert text.reference == "[1, 2]"


def test_a_tables_padding_is_no_argument(tmp_path: Path) -> None:
    other = {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}}
    tools = json.dumps([TOOL, {"name": "count", "parameters": other}])
    rows = [
        {"messages": [ASK, {"role": "assistant", "content": "", "tool_calls": [made]}], "tools": tools}
        for made in (call(), call("count", function={"name": "count", "arguments": {"n": None}}))
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    first, second = read(tmp_path, name="x.parquet")
    assert first.reference == CALLED
    assert second.reference == '<tool_call>\n{"name": "count", "arguments": {"n": null}}\n</tool_call>'


THOUGHT = "<think>\nhm\n</think>\n\nYes."


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"content": "hm\n</think>\n\nYes."}, THOUGHT),
        ({"content": "<think>hm</think>Yes."}, THOUGHT),
        ({"content": "<think>\n\n</think>\n\nYes."}, "Yes."),
        ({"content": "<think>h</think><think>m</think>Yes."}, "<think>\nh\n\nm\n</think>\n\nYes."),
        ({"content": "Yes.", "reasoning_content": "<think>\nhm\n</think>"}, THOUGHT),
        ({"content": THOUGHT, "reasoning": "hm"}, THOUGHT),
        ({"content": "<think>\n</think>Yes.", "reasoning": "hm"}, THOUGHT),
        ({"content": "The tag </think> ends it."}, "The tag </think> ends it."),
    ],
)
def test_reasoning_has_one_form(tmp_path: Path, answer: dict[str, Any], text: str) -> None:
    (example,) = read(tmp_path, {"messages": [ASK, {"role": "assistant", **answer}]})
    assert example.reference == text
