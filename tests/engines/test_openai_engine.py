"""The openai engine's requests and answers: OpenAI's form, and what servers make of it."""

# pyright: basic
from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines.asking import answers, ask, engine_for, have_their_own, number, own
from tests.engines.fault_server import Server, said

from ownwords.engines._chat_api import completion_of, read_answer, usage_of
from ownwords.engines._faults import BadAnswerError
from ownwords.errors import EngineError, InputError
from ownwords.records import Message, Request, Sampling
from ownwords.turns import turn_of

pytest.importorskip("openai")
pytestmark = [
    pytest.mark.usefixtures("openai_key"),
    # A server that is cut in mid-answer leaves halves of connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_answers_come_with_their_counts_and_the_request_is_the_apis() -> None:
    with Server(lambda body, seen: said()) as server:
        found = answers(server)
    assert {c.text for c in found.values()} == {"Own words."}
    assert {(c.prompt_tokens, c.completion_tokens, c.finish_reason) for c in found.values()} == {(10, 5, "stop")}
    body = min(server.asked, key=number)
    assert body == {
        "model": "tiny",
        "temperature": 0.0,
        "top_p": 1.0,
        "max_tokens": 9,
        "seed": 0,
        "messages": [{"role": "user", "content": "question 0"}],
    }


def test_settings_say_what_a_request_holds() -> None:
    changes = {
        "send_seed": False,
        "token_limit_key": "max_completion_tokens",
        "extra_body": {"top_p": 0.5, "min_p": 0.1},
    }
    drawn = ask("0", seed=5)
    drawn = replace(drawn, sampling=Sampling(0.9, 0.7, 50, 9))
    with Server(lambda body, seen: said()) as server:
        for more in ({}, changes, {"send_top_k": False}):
            with closing(engine_for(server, **more)) as engine:
                list(engine.stream([drawn]))
    shared = {"model": "tiny", "temperature": 0.9, "messages": [{"role": "user", "content": "question 0"}]}
    assert server.asked == [
        {**shared, "top_p": 0.7, "top_k": 50, "max_tokens": 9, "seed": 5},
        {**shared, "top_p": 0.5, "top_k": 50, "max_completion_tokens": 9, "min_p": 0.1},
        {**shared, "top_p": 0.7, "max_tokens": 9, "seed": 5},
    ]


def test_bare_text_is_completed_as_text() -> None:
    answer = {
        "choices": [{"text": " 4.", "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
    with Server(lambda body, seen: answer) as server, closing(engine_for(server, prefill="yes")) as engine:
        (found,) = engine.stream([Request("r", text="2 + 2", prefill=" is")])
    assert (found.text, found.finish_reason, found.prompt_tokens, found.completion_tokens) == (" 4.", "stop", 5, 2)
    assert server.asked[0]["prompt"] == "2 + 2 is"
    assert server.headers[-1].startswith("POST /v1/completions ")


def test_a_model_that_the_server_does_not_have_is_named_with_the_nearest() -> None:
    with (
        Server(lambda body, seen: said(), models=("tiny-chat", "other")) as server,
        pytest.raises(EngineError) as caught,
    ):
        engine_for(server, model="tiny-chatt")
    assert "there is no model named 'tiny-chatt'. Did you mean 'tiny-chat'" in str(caught.value)


@pytest.mark.parametrize(
    "models",
    [
        None,
        (),
        {"data": None},
        {"data": [3, None]},
        [],
        (200, b"<html>"),
        (200, b"[" * 9000),
        (503, {}),
        ("tiny:latest",),
    ],
    ids=["404", "empty", "null", "odd entries", "a list", "a page", "too deep", "still loading", "Ollama's tag"],
)
def test_a_server_whose_list_of_models_says_nothing_against_it_is_used(models: Any) -> None:
    with Server(lambda body, seen: own(body), models=models) as server:
        assert have_their_own(answers(server))


def test_a_hosted_catalogue_need_not_name_every_model() -> None:
    with Server(lambda body, seen: own(body), models=tuple(f"model-{n}" for n in range(101))) as server:
        assert have_their_own(answers(server, model="deployment-of-ours"))


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_of_three_kinds_is_one(field: str) -> None:
    with Server(lambda body, seen: said("Yes.", **{field: "Because."})) as server:
        assert {(c.text, c.reasoning) for c in answers(server, 1).values()} == {("Yes.", "Because.")}
    with Server(lambda body, seen: said("<think>Because.</think>Yes.", **{field: None})) as server:
        assert {(c.text, c.reasoning) for c in answers(server, 1).values()} == {("Yes.", "Because.")}


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": None}, "", None),
        ({}, "", None),
        ({"content": None, "refusal": "I cannot."}, "I cannot.", None),
        ({"content": [{"type": "text", "text": "Yes"}, {"type": "text", "text": "."}]}, "Yes.", None),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Because."}]},
                    {"type": "text", "text": "Yes."},
                ]
            },
            "Yes.",
            "Because.",
        ),
        ({"content": "Yes.", "reasoning": {"effort": "high"}, "thinking": ["a"]}, "Yes.", None),
        ({"content": "nul \0 and half \ud83d"}, "nul \0 and half ?", None),
        ({"content": "Yes.", "reasoning_content": "half \ud83d"}, "Yes.", "half ?"),
    ],
)
def test_what_a_message_says_in_whatever_shape(message: dict[str, Any], text: str, reasoning: str | None) -> None:
    answer = {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": "stop"}]}
    found = completion_of(ask("0"), answer)
    assert (found.text, found.reasoning, found.error) == (text, reasoning, None)


@pytest.mark.parametrize(
    ("word", "reason"),
    [("stop", "stop"), ("eos_token", "stop"), ("STOP", "stop"), ("length", "length"), ("max_tokens", "length")],
)
def test_servers_words_for_the_end_of_an_answer(word: str, reason: str) -> None:
    assert completion_of(ask("0"), said(finish=word)).finish_reason == reason


@pytest.mark.parametrize(
    "usage", [None, 3, {}, {"prompt_tokens": "x"}, {"prompt_tokens": -1}, {"prompt_tokens": 2**70}]
)
def test_counts_that_are_none_are_none(usage: Any) -> None:
    found = completion_of(ask("0"), {**said(), "usage": usage})
    assert (found.text, found.prompt_tokens, found.completion_tokens) == ("Own words.", 0, 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PARTS = (
    "content",
    "text",
    "reasoning_content",
    "thinking",
    "refusal",
    "tool_calls",
    "function_call",
    "function",
    "name",
)


@st.composite
def odd_answers(draw: st.DrawFn) -> dict[str, Any]:
    """Answers that are right in some places and anything in others."""
    calls = st.lists(st.fixed_dictionaries({}, optional={"function": st.dictionaries(st.sampled_from(PARTS), JSON)}))
    message = draw(JSON | st.dictionaries(st.sampled_from(PARTS), JSON | calls | st.text()))
    choice = {"message": message, "text": draw(JSON), "finish_reason": draw(st.sampled_from(["stop", "length"]) | JSON)}
    return {"choices": draw(st.just([choice]) | JSON), "usage": draw(JSON), "error": draw(JSON), "model": draw(JSON)}


@pytest.mark.slow
@given(answer=odd_answers(), raw=st.booleans(), tools=st.booleans())
def test_any_json_is_an_answer_or_said_to_be_none(answer: dict[str, Any], raw: bool, tools: bool) -> None:
    request = Request("r", text="p") if raw else ask("r", tools=TOOLS if tools else "")
    try:
        found = completion_of(request, read_answer(json.dumps(answer).encode()))
    except BadAnswerError:
        return
    assert found.request_id == "r"
    assert all(count >= 0 for count in usage_of(answer))
    turn_of(found).as_text().encode()


@given(content=st.binary() | st.integers(1, 3000).map(lambda depth: b"[" * depth + b"]" * depth))
def test_any_bytes_are_an_answer_or_said_to_be_none(content: bytes) -> None:
    try:
        completion_of(ask("r"), read_answer(content))
    except BadAnswerError as error:
        str(error).encode()


TOOLS = json.dumps([{"type": "function", "function": {"name": "f", "description": "", "parameters": {}}}])


def test_calls_go_out_and_come_back_in_the_apis_form() -> None:
    made = [{"id": "x", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]
    talk = (
        Message("user", "q"),
        Message("assistant", '<tool_call>\n{"name": "f", "arguments": {"x": 0}}\n</tool_call>'),
        Message("tool", "none"),
    )
    calling = said(None, finish="tool_calls", tool_calls=made)
    with Server(lambda body, seen: calling) as server, closing(engine_for(server)) as engine:
        (found,) = engine.stream([Request("r", talk, tools=TOOLS, thinking=False)])
    assert (found.text, found.tool_calls, found.finish_reason) == ("", ({"name": "f", "arguments": {"x": 1}},), "stop")
    (body,) = server.asked
    old = {"role": "assistant", "content": None, "function_call": made[0]["function"]}
    was = completion_of(ask("r", tools=TOOLS), {"choices": [{"message": old, "finish_reason": "function_call"}]})
    assert (was.tool_calls, was.finish_reason) == (found.tool_calls, "stop")
    assert body["tools"] == json.loads(TOOLS)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"x": 0}'
    assert body["messages"][2]["tool_call_id"] == body["messages"][1]["tool_calls"][0]["id"]


def test_a_prefill_is_gone_on_with_where_the_server_can_and_refused_where_not() -> None:
    with Server(lambda body, seen: said(" 72."), owner="vllm") as server:
        engine = engine_for(server)
        assert "prefill" in engine.capabilities
        (found,) = engine.stream([ask("0", prefill="The answer is")])
        engine.close()
    assert found.text == " 72."
    assert server.asked[0]["messages"][-1] == {"role": "assistant", "content": "The answer is"}
    assert server.asked[0]["continue_final_message"] is True
    with Server(lambda body, seen: said()) as server:
        engine = engine_for(server)
        with pytest.raises(
            InputError, match=r"is not known to go on with a half-written answer\. Set runtime\.openai\.pref"
        ):
            engine.preflight([ask("0", prefill="The answer is")])
        engine.close()


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"target": "x"}, "gives no likelihoods"), ({"chat_template": "paper/alpaca"}, "takes no layout")],
)
def test_what_the_engine_cannot_do_is_refused(fields: dict[str, Any], message: str) -> None:
    with Server(lambda body, seen: said()) as server:
        engine = engine_for(server)
        with pytest.raises(InputError, match=message):
            list(engine.stream([ask("0", **fields)]))
        engine.close()
    assert server.asked == []
