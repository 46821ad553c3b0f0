"""The format `sharegpt`: `conversations`, a list of {from, value}, with the names that its dumps give to speakers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ownwords.data._cells import column, optional_text, short
from ownwords.data._messages import assistant_turn, fields, is_trained, listed, message_turn, system_turn
from ownwords.data._order import Turn, dialogue
from ownwords.data.dialogue import Dialogue
from ownwords.data.tools import one_call, read_tools, unpacked
from ownwords.errors import DataError

#: What dumps call a speaker, whatever its capitals, and the role that it has.
SPEAKERS = {
    "system": "system",
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "model", "bing", "bard"), "assistant"),
    **dict.fromkeys(("function_call", "tool_call"), "call"),
    **dict.fromkeys(("function_response", "function", "observation", "tool", "tool_response"), "tool"),
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
    return dialogue([*system, *turns], origin, tools=read_tools(row.get("tools"), origin))


def _turn(value: Any, where: str) -> Turn:
    message = fields(value, "from and value", where)
    if message.get("from") is None and message.get("role") is not None:
        role = SPEAKERS.get(str(message["role"]).lower())
        return message_turn(message if role in (None, "call") else {**message, "role": role}, where)
    speaker = message.get("from")
    role = SPEAKERS.get(speaker.lower()) if isinstance(speaker, str) else None
    if role is None:
        raise DataError(f"{where}: `from` must be one of {', '.join(SPEAKERS)}, not {short(speaker)}.")
    if role == "call":
        return _calling(message.get("value"), where, trained=is_trained(message, where))
    return message_turn({**message, "role": role}, where, content="value")


def _calling(value: Any, where: str, *, trained: bool) -> Turn:
    """A turn that is one call, or a list of them, in JSON."""
    values = unpacked(value, "value", where)
    calls = cast("list[Any]", values) if isinstance(values, list) else [values]
    if not calls:
        raise DataError(f"{where}: `value` is an empty list of calls.")
    return assistant_turn("", [one_call(call, f"{where}: `value`") for call in calls], where, trained=trained)
