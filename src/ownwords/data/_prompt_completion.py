"""The format `prompt-completion`: `prompt` and `completion`, both text or both lists of messages, as TRL has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ownwords.data._cells import column, text
from ownwords.data._messages import exchange, message_turns
from ownwords.data._order import Turn, dialogue
from ownwords.data.dialogue import Dialogue
from ownwords.data.tools import read_tools
from ownwords.errors import DataError


def dialogue_of_prompt_completion(row: Mapping[str, Any], origin: str) -> Dialogue:
    """The prompt's turns, then the completion's; only the completion's assistant turns are targets.

    Raises:
        DataError: the two are not of one kind, or do not follow one another.
    """
    prompt, completion = (_listed(column(row, name, origin)) for name in ("prompt", "completion"))
    if _is_list(prompt) != _is_list(completion):
        lists = ("`prompt`", "`completion`") if _is_list(prompt) else ("`completion`", "`prompt`")
        raise DataError(
            f"{origin}: {lists[0]} is a list and {lists[1]} is not: both must be text, or both lists of messages."
        )
    tools = read_tools(row.get("tools"), origin)
    if not _is_list(prompt):
        answer = text(completion, "completion", origin, numbers=True)
        return dialogue(exchange(text(prompt, "prompt", origin), answer, origin, tools), origin, tools=tools)
    before = message_turns(prompt, "prompt", origin, "message {} of `prompt`")
    after = message_turns(completion, "completion", origin, "message {} of `completion`")
    if _role(before[-1:]) not in ("user", "tool"):
        raise DataError(f"{origin}: `prompt` must end with a user turn, not with {_role(before[-1:])}.")
    if _role(after[:1]) != "assistant":
        raise DataError(f"{origin}: `completion` must begin with an assistant turn, not with {_role(after[:1])}.")
    return dialogue([*before, *after], f"{origin}, prompt and completion in one", tools=tools, begin=len(before))


def _listed(value: Any) -> Any:
    """A list of messages from its JSON text, as a CSV cell holds it; other text stays text."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    try:
        loaded: Any = json.loads(value)
    except (ValueError, RecursionError):
        return value
    values = cast("list[Any]", loaded) if isinstance(loaded, list) else []
    return values if values and all(isinstance(value, dict) and "role" in value for value in values) else value


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _role(turns: Sequence[Turn]) -> str:
    return turns[0].message.role if turns else "nothing"
