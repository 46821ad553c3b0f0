"""Requests and answers in the form of OpenAI's API: what is sent, and what came back as a completion."""

# pyright: basic
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ownwords.engines._answers import answered
from ownwords.engines._faults import BadAnswerError
from ownwords.recipe import OpenAISection
from ownwords.records import CUT, ENDED, Completion, Message, Request, RowError, storable
from ownwords.turns import as_call, structured

_REASONING = ("reasoning_content", "reasoning", "thinking")


def path_of(request: Request) -> str:
    return "/completions" if request.messages is None else "/chat/completions"


def body_of(request: Request, model: str, settings: OpenAISection) -> bytes:
    """The JSON to send. A prefill opens an assistant's turn that the server is asked to go on with.

    Raises:
        UnicodeEncodeError: the request holds half a character, which is no text.
    """
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
        if request.schema:
            form = {"name": "answer", "strict": True, "schema": json.loads(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        if request.thinking is not None:
            body["chat_template_kwargs"] = {"enable_thinking": request.thinking}
    body |= settings.extra_body
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def read_answer(content: bytes) -> dict[str, Any]:
    """The JSON object that a server sent.

    Raises:
        BadAnswerError: it is none.
    """
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        start = " ".join(content[:80].decode("utf-8", "replace").split())
        raise BadAnswerError(f"the answer cannot be read as JSON ({error}); it starts {start!r}") from None
    if not isinstance(answer, dict):
        raise BadAnswerError(f"the answer is {type(answer).__name__}, not a JSON object")
    return answer


def usage_of(answer: dict[str, Any]) -> tuple[int, int]:
    """Tokens of prompt and answer; 0 where the server does not say."""
    usage = answer.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    prompt, completion = (_count(counts.get(f"{part}_tokens")) for part in ("prompt", "completion"))
    return prompt, completion


def completion_of(request: Request, answer: dict[str, Any]) -> Completion:
    """The completion in a server's answer.

    Raises:
        BadAnswerError: there is none in it.
    """
    choice, message = _choice(request, answer)
    prompt_tokens, completion_tokens = usage_of(answer)
    counts: dict[str, Any] = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    reason = choice.get("finish_reason")
    reason = reason.lower() if isinstance(reason, str) else ""
    if reason.startswith("content_filter"):
        error = RowError("content_filter", "the server's content filter held the answer back")
        return Completion(request.id, finish_reason="error", error=error, **counts)
    if reason not in ENDED and reason not in CUT:
        shown = f"has the finish_reason {reason[:40]!r}" if reason else "has no finish_reason"
        raise BadAnswerError(f"the answer {shown}, which says neither ended nor cut")
    try:
        calls = tuple(_call(call) for call in _calls(message))
    except ValueError as error:
        return Completion(request.id, finish_reason="error", error=RowError("bad_call", storable(str(error))), **counts)
    words, thoughts = _parts(message.get("text") if request.messages is None else message.get("content"))
    refusal, fields = message.get("refusal"), [message.get(key) for key in _REASONING]
    if not words and isinstance(refusal, str):
        words = storable(refusal)
    done = answered(request, words, finish_reason="stop" if reason in ENDED else "length", **counts)
    reasoning = next((storable(field) for field in fields if isinstance(field, str) and field.strip()), thoughts)
    return replace(done, reasoning=reasoning.strip() or done.reasoning, tool_calls=calls or done.tool_calls)


def _choice(request: Request, answer: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first choice, and the message in it; a text completion is its own message."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        error = answer.get("error")
        said = error.get("message") if isinstance(error, dict) else error
        more = f", but says: {' '.join(said.split())[:500]}" if isinstance(said, str) else ""
        raise BadAnswerError(f"the answer has no choices{more}")
    message = choices[0] if request.messages is None else choices[0].get("message")
    if not isinstance(message, dict):
        raise BadAnswerError("the answer's choice has no message")
    return choices[0], message


def _sent(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn with the arguments of its calls as JSON text, which is the API's own form."""
    if "tool_calls" not in turn:
        return turn
    calls = [
        {**call, "function": {**call["function"], "arguments": json.dumps(call["function"]["arguments"])}}
        for call in turn["tool_calls"]
    ]
    return {**turn, "tool_calls": calls}


def _parts(content: Any) -> tuple[str, str]:
    """Words and thoughts of a message's content: text, or a list of parts of the types `text` and `thinking`."""
    if isinstance(content, str):
        return storable(content), ""
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    thoughts = [part.get("thinking") for part in parts]
    said = [thought if isinstance(thought, str) else _words(thought) for thought in thoughts]
    return _words(parts), storable("\n\n".join(filter(None, said)))


def _words(parts: Any) -> str:
    texts = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return storable("".join(text for text in texts if isinstance(text, str)))


def _calls(message: dict[str, Any]) -> list[Any]:
    """Calls in the API's form, or in its older one, which had a single call."""
    calls, call = message.get("tool_calls"), message.get("function_call")
    if isinstance(calls, list) and calls:
        return calls
    return [{"function": call}] if isinstance(call, dict) else []


def _call(call: Any) -> dict[str, Any]:
    """Name and arguments; a ValueError says what the model wrote instead."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise ValueError("a call of the model has no function")
    made = as_call({"name": function["name"], "arguments": function.get("arguments") or {}})
    if made is None:
        raise ValueError(f"the arguments of a call to {function['name'][:80]} are no JSON object")
    return made.as_dict()


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 2**31 else 0
