"""The format `sharegpt`: `conversations`, a list of {from, value}, with the names that its dumps give to speakers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ownwords.data._cells import column, optional_text, short
from ownwords.data._messages import (
    Turn,
    content_text,
    dialogue,
    fields,
    is_trained,
    listed,
    message_turn,
    refuse_calls,
    system_turn,
)
from ownwords.data.dialogue import Dialogue
from ownwords.errors import DataError
from ownwords.records import Message

#: What dumps call a speaker, whatever its capitals, and the role that it has.
SPEAKERS = {
    "system": "system",
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "model", "bing", "bard"), "assistant"),
    **dict.fromkeys(
        ("function_call", "function_response", "function", "observation", "tool", "tool_call", "tool_response"), "tool"
    ),
}


def dialogue_of_sharegpt(row: Mapping[str, Any], origin: str) -> Dialogue:
    """`conversations`: a list of {from, value} or {role, content}; an optional `system` column stands before them.

    Raises:
        DataError: a turn is malformed or where it does not belong, or there are two system prompts.
    """
    values = listed(column(row, "conversations", origin), "conversations", "{from, value}", origin)
    turns = [_turn(value, f"{origin}: message {number}") for number, value in enumerate(values, 1)]
    system = system_turn(optional_text(row, "system", origin))
    if system and turns and turns[0].message.role == "system":
        raise DataError(f"{origin}: both the column `system` and message 1 are a system prompt. Keep one of them.")
    first = next((turn.message.role for turn in turns if turn.message.role != "system"), "user")
    if first == "assistant":
        raise DataError(
            f"{origin}: the conversation begins with an assistant turn, as ShareGPT dumps that were cut do: nobody "
            "asked for it. Take that turn out, or the row."
        )
    return dialogue([*system, *turns], origin)


def _turn(value: Any, where: str) -> Turn:
    message = fields(value, "from and value", where)
    if message.get("from") is None and message.get("role") is not None:
        role = SPEAKERS.get(str(message["role"]).lower())
        renamed = message if role in (None, "tool") else {**message, "role": role}
        return message_turn(renamed, where)
    speaker = message.get("from")
    role = SPEAKERS.get(speaker.lower()) if isinstance(speaker, str) else None
    refuse_calls(message, role, where, shown=speaker)
    if role is None:
        known = ", ".join(name for name, meaning in SPEAKERS.items() if meaning != "tool")
        raise DataError(f"{where}: `from` must be one of {known}, not {short(speaker)}.")
    return Turn(Message(role, content_text(message.get("value"), "value", where)), is_trained(message, where))
