"""From a row's turns to a conversation: roles in their order, calls to known tools, results beside their calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ownwords.data._cells import cut
from ownwords.data.dialogue import Dialogue
from ownwords.data.tools import without_padding
from ownwords.errors import DataError
from ownwords.records import Message
from ownwords.turns import read_turn, tool_names


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, and whether the row leaves it to be trained on: `weight` 0 says no.

    `call_ids` are those of the calls that it makes, in order; `answers` and `name` tell of the call whose result it is.
    """

    message: Message
    trained: bool = True
    call_ids: tuple[str, ...] = ()
    answers: str = ""
    name: str = ""


def dialogue(turns: Sequence[Turn], origin: str, *, tools: str = "", begin: int = 0) -> Dialogue:
    """Turns in their right order as a conversation; those before `begin` are no targets.

    Raises:
        DataError: the order is wrong, a call is to no tool, or there is nothing to train on.
    """
    _require_order(turns, origin)
    if tools or any(turn.call_ids for turn in turns):
        turns = [_with_known_calls(turn, tools, f"{origin}: message {number}") for number, turn in enumerate(turns, 1)]
        turns = _results_in_order(turns, origin)
    messages = tuple([turn.message for turn in turns])
    trained = [turn.trained and index >= begin and turn.message.role == "assistant" for index, turn in enumerate(turns)]
    targets = tuple([index for index, wanted in enumerate(trained) if wanted])
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
        expected = _FOLLOWS[before]
        if role not in expected and not (role == "tool" and before == "assistant" and calling):
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


def _with_known_calls(turn: Turn, tools: str, where: str) -> Turn:
    """The turn with its calls as the row's tools know them.

    Raises:
        DataError: it calls without tools, calls none of them, or holds tags of calls that are none.
    """
    if turn.message.role != "assistant":
        return turn
    if not tools:
        if turn.call_ids:
            raise DataError(
                f"{where} calls a function, and the row has no `tools`: without their schema the model cannot know "
                "what it may call. Add them to the row."
            )
        return turn
    parts = read_turn(turn.message.content, tools=True)
    if not parts.calls:
        if "<tool_call>" in turn.message.content:
            raise DataError(
                f"{where} holds <tool_call>, and what follows is no call: JSON with name and arguments, </tool_call>, "
                "and nothing after it but further calls."
            )
        return turn
    known = tool_names(tools)
    unknown = next((call.name for call in parts.calls if call.name not in known), None)
    if unknown is not None:
        names = ", ".join(cut(name) for name in known)
        raise DataError(f"{where} calls {cut(unknown)}, which is none of the row's `tools` ({names}).")
    calls = tuple(without_padding(call, tools) for call in parts.calls)
    text_of_it = replace(parts, calls=calls).as_text()
    return replace(turn, message=Message("assistant", text_of_it), call_ids=turn.call_ids or ("",) * len(calls))


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
        results = turns[index:end]
        ordered += _paired(turn, results, f"{origin}: message {index}") if results and turn.call_ids else results
        index = end
    return ordered


def _paired(turn: Turn, results: Sequence[Turn], where: str) -> list[Turn]:
    """One result a call, told by id, by the function's name where it is called once, or else by place."""
    if len(results) != len(turn.call_ids):
        raise DataError(
            f"{where} makes {_count(len(turn.call_ids), 'call')}, and {_count(len(results), 'result')} follow it: "
            "every call needs one, or none has any."
        )
    names = [call.name for call in read_turn(turn.message.content, tools=True).calls]
    given = [result.answers for result in results]
    keys: Sequence[str] = turn.call_ids
    if not all(turn.call_ids) or not any(given):
        given, keys = [result.name for result in results], names
        if not all(given) or len(set(names)) < len(names):
            return list(results)
    if sorted(given) != sorted(keys):
        raise DataError(
            f"{where} makes the calls {', '.join(cut(key) for key in keys)}, and the results after it answer "
            f"{', '.join(cut(key) or 'none' for key in given)}."
        )
    return [results[given.index(key)] for key in keys]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
