"""Rows with tools that are wrong: one message each that says where, what and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ownwords.data.load import load_train
from ownwords.errors import DataError
from ownwords.recipe import DataSection, SourceSection

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
ASK = {"role": "user", "content": "Weather in Kyiv?"}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Kyiv"}}}
OTHER = {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": {"city": "Lviv"}}}


def calling(*calls: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def result(call_id: str, content: Any = "sunny") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def row(*messages: Any, tools: Any = (TOOL,)) -> dict[str, Any]:
    return {"messages": list(messages), "tools": list(tools) if isinstance(tools, tuple) else tools}


def function(**changes: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "weather", "parameters": SCHEMA, **changes}}


END = {"role": "assistant", "content": "Sunny."}
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "calls without tools": (
        row(ASK, calling(CALL), tools=None),
        "message 2 calls a function, and the row has no `tools`",
    ),
    "calls with empty tools": (
        row(ASK, calling(CALL), tools=[]),
        "message 2 calls a function, and the row has no `tools`",
    ),
    "a call to no tool": (
        row(ASK, calling({"function": {"name": "time", "arguments": "{}"}})),
        "message 2 calls time, which is none of the row's `tools` (weather).",
    ),
    "a call in the text to no tool": (
        row(ASK, {"role": "assistant", "content": '<tool_call>{"name": "time", "arguments": {}}</tool_call>'}),
        "message 2 calls time, which is none of the row's `tools` (weather).",
    ),
    "tools that are text": (row(ASK, END, tools="weather"), "`tools` must be a list of functions, not text."),
    "tools that are torn JSON": (row(ASK, END, tools='[{"name": '), "`tools` is no JSON: Expecting value"),
    "tools as JSON inside JSON": (
        row(ASK, END, tools=json.dumps(json.dumps([TOOL]))),
        "`tools` is JSON text inside JSON text",
    ),
    "a tool that is a number": (row(ASK, END, tools=[3]), "tool 1 must be an object with a function, not a number."),
    "a tool of another type": (row(ASK, END, tools=[{"type": "retrieval"}]), "tool 1 must be of the type 'function'"),
    "a tool without a name": (
        row(ASK, END, tools=[{"function": {"parameters": SCHEMA}}]),
        "tool 1: its function has no `name`.",
    ),
    "two tools of one name": (row(ASK, END, tools=[TOOL, TOOL]), "`tools` has two functions named weather."),
    "parameters that are text": (
        row(ASK, END, tools=[function(parameters="city")]),
        "tool 1 (weather): `parameters` must be a JSON schema, not text.",
    ),
    "parameters of a list": (
        row(ASK, END, tools=[function(parameters={"type": "array"})]),
        "`parameters` must be a JSON schema of the type 'object', not 'array'.",
    ),
    "a schema that is not valid": (
        row(ASK, END, tools=[function(parameters={"type": "object", "properties": {"city": {"type": "strung"}}})]),
        "`parameters` is no valid JSON schema, at properties.city.type: 'strung' is not valid",
    ),
    "properties that are a list": (
        row(ASK, END, tools=[function(parameters={"type": "object", "properties": ["city"]})]),
        "`parameters` is no valid JSON schema, at properties: ['city'] is not of type 'object'",
    ),
    "calls that are an object": (
        row(ASK, {"role": "assistant", "tool_calls": {"name": "weather"}}),
        "message 2: `tool_calls` must be a list of calls, not an object.",
    ),
    "a call that is text": (
        row(ASK, calling("weather")),
        "call 1 of `tool_calls` must be an object with a function, not text.",
    ),
    "a call without a name": (
        row(ASK, calling({"function": {"arguments": {}}})),
        "call 1 of `tool_calls` must be a function's name with its arguments, {name, arguments}: an object.",
    ),
    "arguments that are a list": (
        row(ASK, calling({"function": {"name": "weather", "arguments": ["Kyiv"]}})),
        "call 1 of `tool_calls` must be a function's name with its arguments",
    ),
    "arguments that are torn JSON": (
        row(ASK, calling({"function": {"name": "weather", "arguments": '{"city": "Ky'}})),
        "call 1 of `tool_calls`: `arguments` is no JSON: Unterminated string",
    ),
    "arguments that are JSON inside JSON": (
        row(ASK, calling({"function": {"name": "weather", "arguments": '"{}"'}})),
        "call 1 of `tool_calls`: `arguments` is JSON text inside JSON text",
    ),
    "half a character in an argument": (
        row(ASK, calling({"function": {"name": "weather", "arguments": {"city": "\ud83d"}}})),
        "call 1 of `tool_calls`: `arguments` holds a lone surrogate (U+D83D)",
    ),
    "calls and a function call": (
        row(ASK, {**calling(CALL), "function_call": {"name": "weather", "arguments": "{}"}}),
        "message 2: it has both `tool_calls` and `function_call`.",
    ),
    "a user that calls": (
        row({**ASK, "tool_calls": [CALL]}, END),
        "message 1: `tool_calls` in a turn of the user: only an assistant calls.",
    ),
    "a result without a call": (
        row(ASK, result("c1"), END),
        "message 2 is a tool turn where a turn of the assistant belongs",
    ),
    "a result after words": (
        row(ASK, END, result("c1"), END),
        "message 3 is a tool turn where a turn of the user belongs: an optional system turn comes first, then user and "
        "assistant in alternation. Only calls have results.",
    ),
    "a result of another call": (
        row(ASK, calling(CALL), result("c9"), END),
        "message 2 makes the calls c1, and the results after it answer c9.",
    ),
    "more results than calls": (
        row(ASK, calling(CALL), result("c1"), result("c1"), END),
        "message 2 makes 1 call, and 2 results follow it: every call needs one, or none has any.",
    ),
    "an image among results": (
        row(ASK, calling(CALL), result("c1", [{"type": "image"}]), END),
        "message 3: part 1 of `content` is of the type 'image'",
    ),
    "a result for one of two calls": (
        row(ASK, calling(CALL, OTHER), result("c2"), END),
        "message 2 makes 2 calls, and 1 result follow it: every call needs one, or none has any.",
    ),
    "two results of one call": (
        row(ASK, calling(CALL, OTHER), result("c2"), result("c2"), END),
        "message 2 makes the calls c1, c2, and the results after it answer c2, c2.",
    ),
    "a date in an argument's place": (
        row(ASK, calling({"function": {"name": "weather", "arguments": {"city": float("inf")}}})),
        "call 1 of `tool_calls`: `arguments` holds what is no JSON: Out of range float values",
    ),
    "tags of calls beside calls": (
        row(ASK, {**calling(CALL), "content": "I write <tool_call> here"}),
        "message 2: its text or an argument holds <tool_call> or </tool_call>, the tags of calls.",
    ),
    "tags of calls around no call": (
        row(ASK, {"role": "assistant", "content": "<tool_call>weather(Kyiv)</tool_call>"}),
        "message 2 holds <tool_call>, and what follows is no call",
    ),
    "words after calls": (
        row(ASK, {"role": "assistant", "content": '<tool_call>{"name": "weather"}</tool_call> hey'}),
        "message 2 holds <tool_call>, and what follows is no call",
    ),
    "parameters of another language": (
        row(ASK, END, tools=[function(parameters={"city": {"type": "str"}})]),
        "`parameters` is no valid JSON schema, at properties.city.type: 'str' is not valid",
    ),
    "reasoning without an end": (
        row(ASK, {"role": "assistant", "content": "<think>hm\nYes."}),
        "message 2: it opens reasoning with <think> and never ends it. Add </think>, or take it out.",
    ),
    "tags inside reasoning": (
        row(ASK, {"role": "assistant", "content": "b", "reasoning": "a </think> c"}),
        "message 2: its reasoning holds <think> or </think>, the tags of reasoning.",
    ),
    "reasoning twice": (
        row(ASK, {"role": "assistant", "content": "<think>a</think>b", "reasoning": "c"}),
        "message 2: it has reasoning of its own and <think> in its text. Keep one of them.",
    ),
    "reasoning that is a list": (
        row(ASK, {"role": "assistant", "content": "b", "reasoning_content": ["c"]}),
        "message 2: `reasoning` must be text, not a list.",
    ),
    "an empty list of calls": (
        {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "[]"}]},
        "message 2: `value` is an empty list of calls.",
    ),
    "a call that is no JSON": (
        {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "{weather}"}]},
        "message 2: `value` is no JSON: Expecting property name",
    ),
}


@pytest.mark.parametrize(("content", "message"), CASES.values(), ids=CASES.keys())
def test_a_row_that_is_wrong_is_one_message(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_train(DataSection(train=SourceSection(path=str(path))))
    assert message in str(caught.value)
    assert "x.jsonl line 1: " in str(caught.value)


@pytest.mark.parametrize(
    ("thinking", "message"), [("forbid", "data.thinking is forbid"), ("strip", "nothing but reasoning")]
)
def test_reasoning_that_the_recipe_does_not_want_is_one_message(tmp_path: Path, thinking: Any, message: str) -> None:
    path = tmp_path / "x.jsonl"
    answer = {"role": "assistant", "content": "<think>hm</think>\n"}
    path.write_text(json.dumps({"messages": [ASK, answer]}), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_train(DataSection(train=SourceSection(path=str(path)), thinking=thinking))
