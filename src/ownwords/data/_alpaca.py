"""The format `alpaca`: `instruction`, `output`, optional `input`, `system` and `history`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ownwords.data._cells import column, kind, optional_text, short, text
from ownwords.data._messages import exchange, system_turn
from ownwords.data._order import dialogue
from ownwords.data.dialogue import Dialogue
from ownwords.data.tools import read_tools, unpacked
from ownwords.errors import DataError


def dialogue_of_alpaca(row: Mapping[str, Any], origin: str) -> Dialogue:
    """The pairs of `history`, then instruction and output; `input` follows the instruction on a line of its own."""
    prompt = text(column(row, "instruction", origin), "instruction", origin)
    extra = optional_text(row, "input", origin)
    turns = system_turn(optional_text(row, "system", origin))
    tools = read_tools(row.get("tools"), origin)
    history: Any = unpacked(row.get("history"), "history", origin) or []
    if not isinstance(history, Sequence) or isinstance(history, (str, bytes)):
        raise DataError(f"{origin}: `history` must be a list of [question, answer], not {kind(cast('Any', history))}.")
    for number, value in enumerate(cast("Sequence[Any]", history), 1):
        where = f"{origin}: pair {number} of `history`"
        pair = cast("list[Any]", value)
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)) or len(pair) != 2:
            raise DataError(f"{where} must be [question, answer], not {short(value)}.")
        turns += exchange(text(pair[0], "question", where), text(pair[1], "answer", where), where)
    reference = text(column(row, "output", origin), "output", origin, numbers=True)
    return dialogue(
        [*turns, *exchange(f"{prompt}\n{extra}" if extra else prompt, reference, origin, tools)], origin, tools=tools
    )
