"""The format `messages`, and what the other conversational formats share with it: turns, their texts, their order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ownwords.data._cells import column, cut, kind, short, text
from ownwords.data._tools import read_calls, read_tools, unpacked
from ownwords.data.dialogue import Dialogue
from ownwords.errors import DataError
from ownwords.records import Message
from ownwords.turns import AssistantTurn, Call, read_turn, split_reasoning, tool_names

#: What rows call a role, and the role that it is.
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_ROLES = {**ROLES, "function": "tool"}
#: Keys that rows keep reasoning in, beside `<think>` in the text itself.
_REASONING = ("reasoning_content", "reasoning", "thinking")


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, and whether the row leaves it to be trained on: `weight` 0 says no.

    `call_ids` are those of the calls that it makes, in order; `answers` is the id of the call whose result it is.
    """

    message: Message
    trained: bool = True
    call_ids: tuple[str, ...] = ()
    answers: str = ""


def dialogue_of_messages(row: Mapping[str, Any], origin: str) -> Dialogue:
    """`messages`: a list of {role, content}; an optional system turn, then user and assistant in turn.

    `tools`, `tool_calls` and results (role `tool`) as OpenAI has them; reasoning under any of its names.
    """
    turns = message_turns(column(row, "messages", origin), "messages", origin, "message {}")
    return dialogue(turns, origin, tools=read_tools(row.get("tools"), origin))


def exchange(question: str, answer: str) -> list[Turn]:
    return [Turn(Message("user", question)), Turn(Message("assistant", answer))]


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
        return result_turn(message.get(content), content, where, str(message.get("tool_call_id") or ""))
    return Turn(Message(role, content_text(message.get(content), content, where)), is_trained(message, where))


def _assistant_turn(message: Mapping[str, Any], where: str, content: str) -> Turn:
    """What it says may be empty where it calls."""
    calls = read_calls(message, where)
    given = message.get(content)
    words = "" if calls and given in (None, "", []) else content_text(given, content, where)
    reasoning = next((message[key] for key in _REASONING if message.get(key)), "")
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
    """The turn as one text."""
    inline, answer = split_reasoning(words)
    if reasoning:
        if inline:
            raise DataError(f"{where}: it has reasoning of its own and <think> in its text. Keep one of them.")
        inline, answer = text(reasoning, "reasoning", where).strip(), words
    if calls and not call_ids:
        call_ids = ("",) * len(calls)
    whole = AssistantTurn(answer, inline, tuple(calls)).as_text() if calls or reasoning else words
    return Turn(Message("assistant", whole), trained, call_ids)


def result_turn(value: Any, name: str, where: str, answers: str = "") -> Turn:
    """What a tool gave back: text, which may be empty, or any JSON."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return Turn(Message("tool", ""), answers=answers)
    parts = isinstance(value, (list, tuple)) and all(
        isinstance(part, Mapping) and "type" in part for part in cast("Sequence[Any]", value)
    )
    if isinstance(value, str) or parts:
        return Turn(Message("tool", content_text(value, name, where)), answers=answers)
    return Turn(Message("tool", text(json.dumps(value, ensure_ascii=False), name, where)), answers=answers)


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


def dialogue(turns: Sequence[Turn], origin: str, *, tools: str = "", begin: int = 0) -> Dialogue:
    """Turns in their right order as a conversation; those before `begin` are no targets.

    Raises:
        DataError: the order is wrong, a call is to no tool, or there is nothing to train on.
    """
    _require_order(turns, origin)
    _require_tools(turns, tools, origin)
    turns = _results_in_order(turns, origin)
    messages = tuple(turn.message for turn in turns)
    trained = [turn.trained and index >= begin and turn.message.role == "assistant" for index, turn in enumerate(turns)]
    targets = tuple(index for index, wanted in enumerate(trained) if wanted)
    if not targets:
        raise DataError(f"{origin}: every assistant turn has the `weight` 0, so nothing to train on.")
    return Dialogue(messages, targets, tools)


#: Which roles may follow a role; an assistant's turn with calls may also be followed by their results.
_FOLLOWS = {"start": ("user",), "user": ("assistant",), "assistant": ("user",), "tool": ("assistant", "tool")}


def _require_order(turns: Sequence[Turn], origin: str) -> None:
    start = 1 if turns and turns[0].message.role == "system" else 0
    before: Any = "start"
    calling = False
    for number, turn in enumerate(turns[start:], start + 1):
        role = turn.message.role
        expected = (*_FOLLOWS[before], *(("tool",) if before == "assistant" and calling else ()))
        if role not in expected:
            article = {"user": "a", "assistant": "an", "tool": "a"}.get(role, "a second or late")
            wanted = "user" if before == "assistant" else expected[0]
            why = " Only calls have results." if role == "tool" else ""
            raise DataError(
                f"{origin}: message {number} is {article} {role} turn where a turn of the {wanted} belongs: an "
                f"optional system turn comes first, then user and assistant in alternation.{why}"
            )
        before, calling = role, bool(turn.call_ids) or "<tool_call>" in turn.message.content
    if not any(turn.message.role == "assistant" for turn in turns):
        raise DataError(f"{origin}: the conversation has no assistant turn after a user turn, so nothing to train on.")


def _require_tools(turns: Sequence[Turn], tools: str, origin: str) -> None:
    """Whoever calls needs tools, and only those that there are."""
    known = tool_names(tools)
    for number, turn in enumerate(turns, 1):
        calling = bool(turn.call_ids)
        if calling and not known:
            raise DataError(
                f"{origin}: message {number} calls a function, and the row has no `tools`: without their schema the "
                "model cannot know what it may call. Add them to the row."
            )
        if calling or (known and turn.message.role == "assistant"):
            calls = read_turn(turn.message.content, tools=True).calls
            unknown = next((call.name for call in calls if call.name not in known), None)
            if unknown is not None:
                listed_names = ", ".join(cut(name) for name in known)
                raise DataError(
                    f"{origin}: message {number} calls {cut(unknown)}, which is none of the row's `tools` "
                    f"({listed_names})."
                )


def _results_in_order(turns: Sequence[Turn], origin: str) -> list[Turn]:
    """Results in the order of their calls, which is how templates and exports pair them."""
    ordered: list[Turn] = []
    index = 0
    while index < len(turns):
        turn = turns[index]
        ordered.append(turn)
        index += 1
        end = index
        while end < len(turns) and turns[end].message.role == "tool":
            end += 1
        results = list(turns[index:end])
        if turn.call_ids and len(results) > len(turn.call_ids):
            raise DataError(
                f"{origin}: message {index} makes {len(turn.call_ids)} calls, and {len(results)} results follow it."
            )
        if all(turn.call_ids) and results and all(result.answers for result in results):
            for number, result in enumerate(results, index + 1):
                if result.answers not in turn.call_ids:
                    raise DataError(
                        f"{origin}: message {number} answers the call {short(result.answers)}, which message {index} "
                        "does not make."
                    )
            results.sort(key=lambda result: turn.call_ids.index(result.answers))
        ordered += results
        index = end
    return ordered
