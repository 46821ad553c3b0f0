"""An assistant's turn as one text and as its parts."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.records import Completion, Message
from ownwords.turns import AssistantTurn, Call, read_answer, read_turn, split_reasoning, structured, turn_of

plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0<"), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3),
    max_leaves=6,
)
calls = st.builds(Call, plain.filter(bool), st.dictionaries(plain, values, max_size=3))
reasonings = plain.map(str.strip)


@pytest.mark.slow
@given(words=plain.map(lambda text: text.rstrip("\n")), reasoning=reasonings, made=st.lists(calls, max_size=3))
def test_a_turn_is_read_back_from_its_text(words: str, reasoning: str, made: list[Call]) -> None:
    words = words.lstrip() if reasoning else words
    turn = AssistantTurn(words, reasoning, tuple(made))
    assert read_turn(turn.as_text(), tools=True) == turn


@given(st.text())
def test_text_without_tags_is_words(text: str) -> None:
    if "<think>" not in text and "<tool_call>" not in text:
        assert read_turn(text, tools=True) == AssistantTurn(text)
    assert read_turn(text, tools=False).calls == ()


CALL = Call("weather", {"city": "Łódź"})


def test_the_text_is_the_one_that_hermes_and_qwen_models_write() -> None:
    turn = AssistantTurn("One moment.", "They want the weather.", (CALL, Call("time", {})))
    assert turn.as_text() == (
        "<think>\nThey want the weather.\n</think>\n\nOne moment.\n"
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Łódź"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>'
    )


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>\n{"name": "weather", "arguments": {"city": "Łódź"}}\n</tool_call>',
        '<tool_call>{"name": "weather", "arguments": "{\\"city\\": \\"Łódź\\"}"}</tool_call>\n',
        '{"name": "weather", "parameters": {"city": "Łódź"}}',
        '<|python_tag|>{"name": "weather", "parameters": {"city": "Łódź"}}',
        '[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Łódź"}}]',
        ' [{"name": "weather", "arguments": {"city": "Łódź"}}]',
    ],
)
def test_calls_of_other_families_are_calls(text: str) -> None:
    assert read_answer(text, tools=True) == AssistantTurn("", calls=(CALL,))
    assert read_answer(text, tools=False) == AssistantTurn(text)


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>",
        "<tool_call>weather()</tool_call>",
        '<tool_call>{"name": "weather", "arguments": {}}',
        '<tool_call>{"name": "weather", "arguments": {}}</tool_call> and that is all',
        '<tool_call>{"name": 3, "arguments": {}}</tool_call>',
        '<tool_call>{"name": "weather", "arguments": [1]}</tool_call>',
        '{"temperature": 3}',
        "[1, 2]",
        "[]",
        "{" * 100_000,
    ],
)
def test_what_is_no_call_stays_words(text: str) -> None:
    assert read_answer(text, tools=True) == AssistantTurn(text)


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        ("<think>\nhm\n</think>\n\nYes.", False, AssistantTurn("Yes.", "hm")),
        ("hm\n</think>\n\nYes.", True, AssistantTurn("Yes.", "hm")),
        ("<think>\n\n</think>\n\nYes.", False, AssistantTurn("Yes.")),
        ("<think>cut in mid", False, AssistantTurn("", "cut in mid")),
        ("cut in mid", True, AssistantTurn("", "cut in mid")),
        ("Yes <think>hm</think>", False, AssistantTurn("Yes <think>hm</think>")),
        ("hm</think>Yes.", False, AssistantTurn("hm</think>Yes.")),
    ],
)
def test_reasoning_is_what_opens_an_answer(text: str, opened: bool, expected: AssistantTurn) -> None:
    assert read_answer(text, tools=False, opened=opened) == expected


def test_reasoning_of_a_reference_has_an_end() -> None:
    assert split_reasoning("<think>no end") == ("", "<think>no end")


def test_a_completion_has_the_parts_of_its_turn() -> None:
    called = {"name": "weather", "arguments": {"city": "Łódź"}}
    completion = Completion("r", " Sure. ", reasoning="hm", tool_calls=(called,))
    assert turn_of(completion) == AssistantTurn("Sure.", "hm", (CALL,))


def test_results_are_paired_with_the_calls_before_them() -> None:
    two = AssistantTurn("", calls=(CALL, Call("time", {})))
    talk = [
        Message("user", "q"),
        Message("assistant", two.as_text()),
        Message("tool", "sunny"),
        Message("tool", "noon"),
        Message("assistant", "Sunny."),
    ]
    turns = structured(talk, tools=True)
    made: list[dict[str, Any]] = turns[1]["tool_calls"]
    assert [call["id"] for call in made] == [turns[2]["tool_call_id"], turns[3]["tool_call_id"]]
    assert [turn.get("name") for turn in turns] == [None, None, "weather", "time", None]
    assert turns[1]["content"] == ""
    assert json.loads(json.dumps(turns)) == turns
    assert [turn["content"] for turn in structured(talk, tools=False)] == [message.content for message in talk]


DEEP = '{"a":' * 700 + "1" + "}" * 700


@pytest.mark.parametrize("arguments", ['{"city": "\\ud83d"}', '{"n": NaN}', '{"n": 1e400}', DEEP, "[1]", '"x"'])
def test_a_call_that_no_file_can_hold_is_no_call(arguments: str) -> None:
    text = f'<tool_call>\n{{"name": "weather", "arguments": {arguments}}}\n</tool_call>'
    answer = read_answer(text, tools=True)
    assert answer.calls == () or json.loads(json.dumps(answer.calls[0].as_dict())) == answer.calls[0].as_dict()
    answer.as_text().encode("utf-8")


def test_many_empty_blocks_take_linear_time() -> None:
    began = time.process_time()
    assert split_reasoning("<think></think>" * 200_000 + "Yes.") == ("", "Yes.")
    assert time.process_time() - began < 5
