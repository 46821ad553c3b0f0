"""The format `messages`, and what the other conversational formats share with it: turns, their texts, their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ownwords.data._cells import column, kind, short, text
from ownwords.data.dialogue import Dialogue
from ownwords.errors import DataError
from ownwords.records import Message

_ROLES = ("system", "user", "assistant")
_CALLS = ("tool_calls", "function_call", "tool_call_id")


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, and whether the row leaves it to be trained on: `weight` 0 says no."""

    message: Message
    trained: bool = True


def dialogue_of_messages(row: Mapping[str, Any], origin: str) -> Dialogue:
    """`messages`: a list of {role, content}; an optional system turn, then user and assistant in turn."""
    return dialogue(message_turns(column(row, "messages", origin), "messages", origin, "message {}"), origin)


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
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise DataError(f"{origin}: `{name}` must be a list of {of}, not {kind(value)}.")
    return list(cast("Sequence[Any]", value))


def message_turn(value: Any, where: str) -> Turn:
    """One {role, content}."""
    message = fields(value, "role and content", where)
    role = message.get("role")
    refuse_calls(message, "tool" if role == "function" else role, where, shown=role)
    if role not in _ROLES:
        raise DataError(f"{where}: the role must be one of {', '.join(_ROLES)}, not {short(role)}.")
    return Turn(Message(str(role), content_text(message.get("content"), "content", where)), is_trained(message, where))


def fields(value: Any, of: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DataError(f"{where} must be an object with {of}, not {kind(value)}.")
    return cast("Mapping[str, Any]", value)


def refuse_calls(message: Mapping[str, Any], role: Any, where: str, *, shown: Any) -> None:
    """Tool calls and their results. `role` is what the row's own word for it, `shown`, means."""
    calls = next((key for key in _CALLS if message.get(key)), None)
    if role == "tool" or calls is not None:
        what = f"`{calls}`" if calls is not None else f"the role {shown!r}"
        raise DataError(f"{where}: {what} is not supported yet by this format.")


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


def dialogue(turns: Sequence[Turn], origin: str, *, begin: int = 0) -> Dialogue:
    """Turns in their right order as a conversation; those before `begin` are no targets.

    Raises:
        DataError: the order is wrong, or there is nothing to train on.
    """
    messages = tuple(turn.message for turn in turns)
    _require_alternation(messages, origin)
    trained = [turn.trained and index >= begin and turn.message.role == "assistant" for index, turn in enumerate(turns)]
    targets = tuple(index for index, wanted in enumerate(trained) if wanted)
    if not targets:
        raise DataError(f"{origin}: every assistant turn has the `weight` 0, so nothing to train on.")
    return Dialogue(messages, targets)


def _require_alternation(messages: Sequence[Message], origin: str) -> None:
    start = 1 if messages and messages[0].role == "system" else 0
    for index, message in enumerate(messages[start:]):
        expected = "user" if index % 2 == 0 else "assistant"
        if message.role != expected:
            article = {"user": "a", "assistant": "an"}.get(message.role, "a second or late")
            raise DataError(
                f"{origin}: message {start + index + 1} is {article} {message.role} turn where a turn of the "
                f"{expected} belongs: an optional system turn comes first, then user and assistant in alternation."
            )
    if len(messages) - start < 2:
        raise DataError(f"{origin}: the conversation has no assistant turn after a user turn, so nothing to train on.")
