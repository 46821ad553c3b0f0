"""The format `messages`, and what the other conversational formats share with it: turns and their texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from ownwords.data._cells import column, kind, short, text
from ownwords.data._order import Turn, dialogue
from ownwords.data.dialogue import Dialogue
from ownwords.data.tools import identifier, read_calls, read_tools, unpacked
from ownwords.errors import DataError
from ownwords.records import Message
from ownwords.turns import AssistantTurn, Call, read_answer, read_turn, split_reasoning, tidy

#: What rows call a role, and the role that it is.
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_ROLES = {**ROLES, "function": "tool"}
#: Keys that rows keep reasoning in, beside `<think>` in the text itself.
_REASONING = ("reasoning_content", "reasoning", "thinking")
_OPEN = re.compile(r"\s*<think>")
#: Tags that dumps put around a tool's result, and that templates write themselves.
_RESPONSE = re.compile(r"\s*<tool_response>\s*(.*?)\s*</tool_response>\s*", re.DOTALL)


def dialogue_of_messages(row: Mapping[str, Any], origin: str) -> Dialogue:
    """`messages`: a list of {role, content}; an optional system turn, then user and assistant in turn.

    `tools`, `tool_calls` and results (role `tool`) as OpenAI has them; reasoning under any of its names.
    """
    turns = message_turns(column(row, "messages", origin), "messages", origin, "message {}")
    return dialogue(turns, origin, tools=read_tools(row.get("tools") or row.get("functions"), origin))


def exchange(question: str, answer: str, where: str, tools: str = "") -> list[Turn]:
    """A question and its answer; with tools an answer that is nothing but calls in JSON makes them."""
    calls: tuple[Call, ...] = ()
    if tools:
        parts = read_answer(answer, tools=True)
        answer, calls = (parts.words, parts.calls) if parts.calls else (answer, ())
    return [Turn(Message("user", question)), assistant_turn(answer, calls, where)]


def system_turn(content: str) -> list[Turn]:
    return [Turn(Message("system", content))] if content else []


def message_turns(value: Any, name: str, origin: str, each: str) -> list[Turn]:
    """The turns of a list of {role, content}. `each` names one of them by its number, for messages to people.

    Raises:
        DataError: it is no such list, or one of the messages is malformed.
    """
    values = listed(value, name, "{role, content}", origin)
    return [message_turn(value, f"{origin}: {each.format(n)}") for n, value in enumerate(values, 1)]


def listed(value: Any, name: str, of: str, origin: str) -> list[Any]:
    value = unpacked(value, name, origin)
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise DataError(f"{origin}: `{name}` must be a list of {of}, not {kind(value)}.")
    return list(cast("Sequence[Any]", value))


def message_turn(value: Any, where: str, content: str = "content") -> Turn:
    """One {role, content}, with what belongs to its role: calls and reasoning, or the call that it answers.

    `content` is the name of the key that holds the text.
    """
    message = fields(value, "role and content", where)
    role = _ROLES.get(str(message.get("role")))
    if role is None:
        raise DataError(f"{where}: the role must be one of {', '.join(_ROLES)}, not {short(message.get('role'))}.")
    if role == "assistant":
        return _assistant_turn(message, where, content)
    calls = next((key for key in ("tool_calls", "function_call") if message.get(key)), None)
    if calls is not None:
        raise DataError(f"{where}: `{calls}` in a turn of the {role}: only an assistant calls.")
    if role == "tool":
        told = {"answers": identifier(message.get("tool_call_id")), "name": identifier(message.get("name"))}
        return replace(result_turn(message.get(content), content, where), **told)
    return Turn(Message(role, content_text(message.get(content), content, where)), is_trained(message, where))


def _assistant_turn(message: Mapping[str, Any], where: str, content: str) -> Turn:
    """What it says may be empty where it calls."""
    calls = read_calls(message, where)
    given = message.get(content)
    words = "" if calls and _is_blank(given) else content_text(given, content, where)
    thoughts = (message.get(key) for key in _REASONING)
    reasoning = next((value for value in thoughts if value and not isinstance(value, bool)), "")
    return assistant_turn(
        words,
        [call for _, call in calls],
        where,
        reasoning=reasoning,
        trained=is_trained(message, where),
        call_ids=tuple(made for made, _ in calls),
    )


def assistant_turn(
    words: str,
    calls: Sequence[Call],
    where: str,
    *,
    reasoning: Any = "",
    trained: bool = True,
    call_ids: tuple[str, ...] = (),
) -> Turn:
    """The turn as one text, reasoning in its one form.

    Raises:
        DataError: reasoning is given twice or has no end, or the text holds tags of calls.
    """
    if not calls and not reasoning and "think>" not in words:
        return Turn(Message("assistant", words), trained, call_ids)
    if _OPEN.match(words) and "</think>" not in words:
        raise DataError(f"{where}: it opens reasoning with <think> and never ends it. Add </think>, or take it out.")
    inline, answer = split_reasoning(words)
    thought = _reasoning(reasoning, where) if reasoning else ""
    if thought and inline and thought != inline:
        raise DataError(f"{where}: it has reasoning of its own and <think> in its text. Keep one of them.")
    turn = AssistantTurn(answer, thought or inline, tuple(calls))
    whole = turn.as_text() if calls or thought else tidy(words)
    if calls and read_turn(whole, tools=True).calls != turn.calls:
        raise DataError(f"{where}: its text or an argument holds <tool_call> or </tool_call>, the tags of calls.")
    return Turn(Message("assistant", whole), trained, call_ids or ("",) * len(calls))


def _reasoning(value: Any, where: str) -> str:
    """The text of a key for reasoning, without tags around it; empty where it is blank."""
    if isinstance(value, str) and not value.strip():
        return ""
    given = text(value, "reasoning", where).strip()
    given = given.removeprefix("<think>").removesuffix("</think>").strip()
    if "<think>" in given or "</think>" in given:
        raise DataError(f"{where}: its reasoning holds <think> or </think>, the tags of reasoning.")
    return given


def _is_blank(content: Any) -> bool:
    """Nothing said: no content, white space, or parts that are all of that."""
    if isinstance(content, (list, tuple)):
        return all(
            isinstance(part, Mapping) and _is_blank(cast("Mapping[str, Any]", part).get("text", part))
            for part in cast("Sequence[Any]", content)
        )
    return content is None or (isinstance(content, str) and not content.strip())


def result_turn(value: Any, name: str, where: str) -> Turn:
    """What a tool gave back: text, which may be empty, or any JSON."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return Turn(Message("tool", ""))
    if isinstance(value, str) or _are_parts(value):
        given = content_text(value, name, where)
        wrapped = _RESPONSE.fullmatch(given)
        return Turn(Message("tool", wrapped.group(1) if wrapped else given))
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{where}: `{name}` is neither text nor JSON: {error}.") from error
    return Turn(Message("tool", text(written, name, where)))


def _are_parts(value: Any) -> bool:
    """A list of content parts, not a tool's own JSON."""
    if not isinstance(value, (list, tuple)) or not value:
        return False
    kinds = ("text", "image", "image_url", "input_text", "output_text", "input_image", "audio", "file")
    parts = cast("Sequence[Any]", value)
    return all(isinstance(part, Mapping) and cast("Mapping[str, Any]", part).get("type") in kinds for part in parts)


def fields(value: Any, of: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DataError(f"{where} must be an object with {of}, not {kind(value)}.")
    return cast("Mapping[str, Any]", value)


def content_text(value: Any, name: str, where: str) -> str:
    """The text of a turn; a list of text parts is one text.

    Raises:
        DataError: it is not text, or a part is something else, such as an image.
    """
    if not isinstance(value, (list, tuple)):
        return text(value, name, where)
    parts: list[str] = []
    for number, part in enumerate(cast("Sequence[Any]", value), 1):
        at = f"{where}: part {number} of `{name}`"
        given = fields(part, "type and text", at)
        if given.get("type") != "text":
            raise DataError(f"{at} is of the type {short(given.get('type'))}: only parts of the type 'text' are read.")
        if not isinstance(given.get("text"), str):
            raise DataError(f"{at}: `text` must be text, not {kind(given.get('text'))}.")
        parts.append(given["text"])
    return text("".join(parts), name, where)


def is_trained(message: Mapping[str, Any], where: str) -> bool:
    """Whether a turn may be a target: OpenAI's `weight`, 0 or 1."""
    weight = message.get("weight")
    if weight is None:
        return True
    if weight not in (0, 1):
        raise DataError(f"{where}: `weight` must be 0 (do not train on it) or 1, not {short(weight)}.")
    return bool(weight)
