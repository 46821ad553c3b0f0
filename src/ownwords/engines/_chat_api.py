"""Requests and answers in the form of OpenAI's API: what is sent, and what came back as a completion."""

# pyright: basic
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ownwords.engines._answers import answered
from ownwords.engines._faults import BadAnswerError
from ownwords.recipe import OpenAISection
from ownwords.records import Completion, Message, Request, RowError
from ownwords.turns import structured

#: Servers' words for an answer that the model ended itself, and for one that was cut.
_ENDED = frozenset({"stop", "eos", "end_turn", "stop_sequence", "tool_calls", "function_call"})
_CUT = frozenset({"length", "max_tokens"})
_REASONING = ("reasoning_content", "reasoning", "thinking")


def path_of(request: Request) -> str:
    return "/completions" if request.messages is None else "/chat/completions"


def body_of(request: Request, model: str, settings: OpenAISection) -> dict[str, Any]:
    """The JSON to send. A prefill opens an assistant's turn that the server is asked to go on with."""
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": model,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        settings.token_limit_key: sampling.max_tokens,
    }
    if settings.send_seed:
        body["seed"] = request.seed
    if settings.send_top_k and sampling.top_k:
        body["top_k"] = sampling.top_k
    if request.messages is None:
        body["prompt"] = (request.text or "") + request.prefill
    else:
        turns = list(request.messages)
        if request.prefill:
            turns.append(Message("assistant", request.prefill))
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        body["messages"] = [_sent(turn) for turn in structured(turns, tools=bool(request.tools))]
        if request.tools:
            body["tools"] = json.loads(request.tools)
        if request.thinking is not None:
            body["chat_template_kwargs"] = {"enable_thinking": request.thinking}
    return {**body, **settings.extra_body}


def completion_of(request: Request, answer: Any) -> Completion:
    """The completion in a server's answer.

    Raises:
        BadAnswerError: there is none in it.
    """
    if not isinstance(answer, dict):
        raise BadAnswerError(f"the answer is {type(answer).__name__}, not a JSON object")
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise BadAnswerError("the answer has no choices")
    choice = choices[0]
    message = choice if request.messages is None else choice.get("message")
    if not isinstance(message, dict):
        raise BadAnswerError("the answer's choice has no message")
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    counts: dict[str, Any] = {
        "prompt_tokens": int(usage.get("prompt_tokens") or 0),
        "completion_tokens": int(usage.get("completion_tokens") or 0),
    }
    reason = choice.get("finish_reason")
    if reason == "content_filter":
        error = RowError("content_filter", "the server's content filter held the answer back")
        return Completion(request.id, finish_reason="error", error=error, **counts)
    if reason not in _ENDED and reason not in _CUT:
        raise BadAnswerError(f"the answer has the finish_reason {reason!r}, which says neither ended nor cut")
    text = _text(message.get("text") if request.messages is None else message.get("content"))
    done = answered(request, text, finish_reason="stop" if reason in _ENDED else "length", **counts)
    reasoning = next((str(message[key]) for key in _REASONING if message.get(key)), None)
    try:
        calls = tuple(_call(call) for call in message.get("tool_calls") or ())
    except ValueError as error:
        return Completion(request.id, finish_reason="error", error=RowError("bad_call", str(error)), **counts)
    return replace(done, reasoning=reasoning or done.reasoning, tool_calls=calls or done.tool_calls)


def _sent(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn with the arguments of its calls as JSON text, which is the API's own form."""
    if "tool_calls" not in turn:
        return turn
    calls = [
        {**call, "function": {**call["function"], "arguments": json.dumps(call["function"]["arguments"])}}
        for call in turn["tool_calls"]
    ]
    return {**turn, "tool_calls": calls}


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return "" if content is None else str(content)


def _call(call: Any) -> dict[str, Any]:
    """Name and arguments; a ValueError says what the model wrote instead."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise ValueError("a call of the model has no function")
    arguments = function.get("arguments") or "{}"
    try:
        loaded = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError as error:
        raise ValueError(f"the arguments of a call to {function['name']} are no JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise ValueError(f"the arguments of a call to {function['name']} are no JSON object")
    return {"name": function["name"], "arguments": loaded}
