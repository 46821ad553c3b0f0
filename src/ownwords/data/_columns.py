"""The format `columns`: prompt, response and system in columns that the recipe names, or a prompt made of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ownwords.data._cells import column, optional_text, text
from ownwords.data._messages import exchange, system_turn
from ownwords.data._order import Turn, dialogue
from ownwords.data._template import render_prompt
from ownwords.data.dialogue import Dialogue
from ownwords.data.tools import read_tools


def dialogue_of_columns(
    row: Mapping[str, Any], columns: Mapping[Any, str], template: str | None, origin: str
) -> Dialogue:
    """`columns` names response, optionally system, and prompt unless `template` makes it.

    Raises:
        DataError: a column is not there or holds no text, or the template fails on this row.
        RecipeError: the template is not valid Jinja.
    """
    response, system = columns["response"], columns.get("system")
    tools = read_tools(column(row, columns["tools"], origin), origin) if "tools" in columns else ""
    turns: list[Turn] = []
    if system is not None:
        column(row, system, origin)
        turns = system_turn(optional_text(row, system, origin))
    if template is None:
        prompt = text(column(row, columns["prompt"], origin), columns["prompt"], origin)
    else:
        prompt = render_prompt(template, row, origin)
    return dialogue(
        [*turns, *exchange(prompt, text(column(row, response, origin), response, origin, numbers=True), origin, tools)],
        origin,
        tools=tools,
    )
