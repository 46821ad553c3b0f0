"""The openai engine against a server that misbehaves: no row is lost or repeated, each has its reason."""

# pyright: basic
from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from tests.engines.fault_server import CUT, HALF, Server, after, drip, said

from ownwords.engines.base import open_engine
from ownwords.errors import EngineError, InputError, RecipeError
from ownwords.recipe import OpenAISection, RuntimeSection
from ownwords.records import Completion, Message, Request, Sampling

pytest.importorskip("openai")

KEY = "sk-very-secret-0123456789"
FAST = {"timeout": 0.6, "max_attempts": 3, "patience": 3.0, "model": "tiny"}


def engine_for(server: Server, **changes: Any) -> Any:
    section = OpenAISection.model_validate({"base_url": server.url, **FAST, **changes})
    return open_engine("openai", None, RuntimeSection(engine="openai", openai=section))


def ask(name: str, **fields: Any) -> Request:
    return Request(name, (Message("user", f"question {name}"),), sampling=Sampling(max_tokens=9), **fields)


def answers(server: Server, count: int = 12, **changes: Any) -> dict[str, Completion]:
    """Every request's completion; that there is exactly one is asserted here."""
    engine = engine_for(server, **changes)
    try:
        found = list(engine.stream(ask(str(n)) for n in range(count)))
    finally:
        engine.close()
    assert sorted(int(c.request_id) for c in found) == list(range(count))
    return {completion.request_id: completion for completion in found}


def name_of(body: dict[str, Any]) -> int:
    return int(body["messages"][0]["content"].split()[1])


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("ownwords.engines.openai._FIRST_WAIT", 0.02)


def test_answers_come_with_their_counts_and_the_request_is_the_apis() -> None:
    with Server(lambda body, seen: said()) as server:
        found = answers(server)
    assert {c.text for c in found.values()} == {"Own words."}
    assert {(c.prompt_tokens, c.completion_tokens, c.finish_reason) for c in found.values()} == {(10, 5, "stop")}
    body = min(server.asked, key=name_of)
    assert body == {
        "model": "tiny",
        "temperature": 0.0,
        "top_p": 1.0,
        "max_tokens": 9,
        "seed": 0,
        "messages": [{"role": "user", "content": "question 0"}],
    }


ONCE: dict[str, Any] = {
    "429": (429, {"error": {"message": "slow down"}}, {"retry-after": "0.05"}),
    "429 without a word": (429, {}),
    "429 until a date": (429, {}, {"retry-after": "Wed, 01 Jan 2020 00:00:00 GMT"}),
    "500": (500, {"error": {"message": "boom"}}),
    "502 with a page": (502, b"<html>bad gateway</html>"),
    "503": (503, {"error": "busy"}),
    "cut connection": CUT,
    "closed at once": b"",
    "half JSON": HALF,
    "a list": (200, []),
    "empty choices": (200, {"choices": []}),
    "no message": (200, {"choices": [{"finish_reason": "stop"}]}),
    "no finish reason": said(finish=None),
    "slow loris": drip,
    "late": after(1.2, said("Too late.")),
}


@pytest.mark.parametrize("fault", ONCE.values(), ids=ONCE.keys())
def test_a_fault_that_passes_leaves_every_row_with_its_answer(fault: Any) -> None:
    with Server(lambda body, seen: fault if name_of(body) % 3 == 0 and seen == 1 else said()) as server:
        found = answers(server)
    assert {c.text for c in found.values()} == {"Own words."}
    assert all(c.error is None for c in found.values())
    assert 16 <= len(server.asked) <= 24


STAYING: dict[str, tuple[Any, str, str]] = {
    "500": ((500, {"error": {"message": "boom"}}), "server_error", "the server answered 500: boom"),
    "half JSON": (HALF, "bad_answer", "the answer cannot be read"),
    "empty choices": ((200, {"choices": []}), "bad_answer", "the answer has no choices"),
    "slow loris": (drip, "timeout", "no whole answer within runtime.openai.timeout"),
    "content filter": (said("", finish="content_filter"), "content_filter", "content filter held the answer back"),
    "too long": (
        (400, {"error": {"message": "maximum context length is 512 tokens"}}),
        "prompt_too_long",
        "the server answered 400: maximum context length is 512 tokens",
    ),
    "refused": ((400, {"error": {"message": f"bad key {KEY}"}}), "refused", "the server answered 400: bad key [key]"),
    "torn arguments": (
        said(None, finish="tool_calls", tool_calls=[{"function": {"name": "f", "arguments": '{"x"'}}]),
        "bad_call",
        "the arguments of a call to f are no JSON",
    ),
}


@pytest.mark.parametrize(("fault", "kind", "message"), STAYING.values(), ids=STAYING.keys())
def test_a_fault_that_stays_is_the_rows_own_error_and_nobody_elses(fault: Any, kind: str, message: str) -> None:
    with Server(lambda body, seen: fault if name_of(body) == 5 else said()) as server:
        found = answers(server)
    error = found.pop("5").error
    assert error is not None
    assert error.kind == kind
    assert message in error.message
    assert all(c.error is None for c in found.values())


FOR_ALL: dict[str, tuple[Any, dict[str, Any], str]] = {
    "wrong key": ((401, {"error": {"message": f"no such key {KEY}"}}), {}, "no such key [key]"),
    "no such path": ((404, {"error": {"message": "no route"}}), {}, "the server answered 404: no route"),
    "no quota": ((429, {"error": {"code": "insufficient_quota", "message": "pay"}}), {}, "429: pay"),
    "429 for ever": ((429, {}, {"retry-after": "0.01"}), {"patience": 0.5}, "runtime.openai.patience=0.5"),
    "503 for ever": ((503, {}), {"patience": 0.5}, "has given no answer for"),
}


@pytest.mark.parametrize(("fault", "changes", "message"), FOR_ALL.values(), ids=FOR_ALL.keys())
def test_a_fault_that_concerns_all_rows_stops_with_one_message(
    fault: Any, changes: dict[str, Any], message: str
) -> None:
    with Server(lambda body, seen: fault) as server:
        engine = engine_for(server, **changes)
        with pytest.raises(EngineError) as caught:
            list(engine.stream(ask(str(n)) for n in range(50)))
        engine.close()
    assert message in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_server_that_is_not_there_is_said_before_anything_is_asked() -> None:
    with Server(lambda body, seen: said()) as server:
        pass
    with pytest.raises(
        EngineError, match=rf"no server answers at http://127\.0\.0\.1:{server.port}/v1 .*Is it running\?"
    ):
        engine_for(server)


def test_a_model_that_the_server_does_not_have_is_named_with_the_nearest() -> None:
    with (
        Server(lambda body, seen: said(), models=("tiny-chat", "other")) as server,
        pytest.raises(EngineError) as caught,
    ):
        engine_for(server, model="tiny-chatt")
    assert "there is no model named 'tiny-chatt'. Did you mean 'tiny-chat'" in str(caught.value)


def test_a_server_that_lists_no_models_is_used_all_the_same() -> None:
    with Server(lambda body, seen: said(), models=None) as server:
        assert len(answers(server)) == 12


def test_a_server_that_dies_and_returns_costs_no_row() -> None:
    def script(body: dict[str, Any], seen: int) -> Any:
        return said() if name_of(body) < 10 or back.is_set() else after(30, said())

    back = threading.Event()

    def restart() -> None:
        time.sleep(0.3)
        server.die()
        time.sleep(0.5)
        back.set()
        server.start()

    with Server(script) as server:
        thread = threading.Thread(target=restart)
        thread.start()
        found = answers(server, 40, timeout=10, patience=20)
        thread.join()
    assert all(c.error is None for c in found.values())


def test_a_server_that_never_returns_ends_the_stage_and_keeps_what_there_is() -> None:
    with Server(lambda body, seen: said() if name_of(body) < 10 else after(30, said())) as server:
        engine = engine_for(server, timeout=10, patience=0.6)
        found = []
        with pytest.raises(EngineError, match=r"has given no answer for .* What is answered is kept"):
            for completion in engine.stream(ask(str(n)) for n in range(40)):
                found.append(completion.request_id)
                if len(found) == 10:
                    server.die()
        engine.close()
        server.start()
    assert sorted(map(int, found)) == list(range(10))


def test_a_storm_of_429_halves_what_is_sent_at_once_and_every_row_is_answered() -> None:
    def script(body: dict[str, Any], seen: int) -> Any:
        return said() if server._active <= 4 else (429, {}, {"retry-after": "0.01"})

    with Server(script) as server:
        found = answers(server, 200, max_concurrency=32, patience=30)
    assert all(c.error is None for c in found.values())


def test_no_more_than_asked_for_at_once_and_more_than_at_first() -> None:
    with Server(lambda body, seen: after(0.02, said())) as server:
        answers(server, 300, max_concurrency=20)
    assert 9 <= server.peak <= 20


def test_requests_are_pulled_as_they_are_needed() -> None:
    pulled: list[int] = []

    def requests() -> Any:
        for n in range(10_000):
            pulled.append(n)
            yield ask(str(n))

    with Server(lambda body, seen: said()) as server:
        engine = engine_for(server, max_concurrency=4)
        stream = engine.stream(requests())
        for _ in range(20):
            next(stream)
        stream.close()
        engine.close()
    assert len(pulled) <= 20 + 2 * 4


def test_a_budget_ends_cleanly_with_what_is_under_way() -> None:
    with Server(lambda body, seen: said()) as server:
        engine = engine_for(server, token_budget=150, max_concurrency=2)
        found = []
        with pytest.raises(
            EngineError, match=r"the budget of 150 tokens is spent \(\d+ used\)\. What is answered is kept"
        ):
            for completion in engine.stream(ask(str(n)) for n in range(100)):
                found.append(completion.request_id)
        engine.close()
    assert 10 <= len(found) == len(server.asked) <= 14


def test_money_is_counted_by_the_prices() -> None:
    with Server(lambda body, seen: said()) as server:
        engine = engine_for(server, cost_budget=0.001, prompt_price=10.0, completion_price=20.0, max_concurrency=1)
        with pytest.raises(EngineError, match=r"the budget of 0\.001 is spent"):
            list(engine.stream(ask(str(n)) for n in range(100)))
        engine.close()
    assert 5 <= len(server.asked) <= 7
    with pytest.raises(ValueError, match="cost_budget needs prompt_price"):
        OpenAISection(cost_budget=1.0)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_of_three_kinds_is_one(field: str) -> None:
    with Server(lambda body, seen: said("Yes.", **{field: "Because."})) as server:
        assert {(c.text, c.reasoning) for c in answers(server, 1).values()} == {("Yes.", "Because.")}
    with Server(lambda body, seen: said("<think>Because.</think>Yes.")) as server:
        assert {(c.text, c.reasoning) for c in answers(server, 1).values()} == {("Yes.", "Because.")}


TOOLS = json.dumps([{"type": "function", "function": {"name": "f", "description": "", "parameters": {}}}])


def test_calls_go_out_and_come_back_in_the_apis_form() -> None:
    made = [{"id": "x", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]
    talk = (
        Message("user", "q"),
        Message("assistant", '<tool_call>\n{"name": "f", "arguments": {"x": 0}}\n</tool_call>'),
        Message("tool", "none"),
    )
    with Server(lambda body, seen: said(None, finish="tool_calls", tool_calls=made)) as server:
        engine = engine_for(server)
        (found,) = engine.stream([Request("r", talk, tools=TOOLS, thinking=False)])
        engine.close()
    assert (found.text, found.tool_calls, found.finish_reason) == ("", ({"name": "f", "arguments": {"x": 1}},), "stop")
    (body,) = server.asked
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


def test_the_key_is_sent_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(lambda body, seen: said()) as server:
        engine = engine_for(server)
        assert KEY not in json.dumps(engine.provenance.as_dict())
        engine.close()
    assert f"Bearer {KEY}" in server.headers[0]
    monkeypatch.delenv("OPENAI_API_KEY")
    with Server(lambda body, seen: said()) as server:
        engine_for(server).close()
    with pytest.raises(RecipeError, match=r"put its key into \$OPENAI_API_KEY"):
        open_engine("openai", None, RuntimeSection(openai=OpenAISection(model="m")))
