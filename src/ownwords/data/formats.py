"""Rows of the known layouts become conversations with one target each.

| format | a row has |
|---|---|
| messages | `messages`: a list of {role, content}; an optional system turn, then user and assistant in turn; `tools` |
| prompt-completion | `prompt` and `completion`: both text, or both lists of messages |
| alpaca | `instruction`, `output`, optional `input`, `system` and `history` (pairs of question and answer) |
| sharegpt | `conversations`: a list of {from, value}; optional `system` and `tools` |
| columns | what `data.train.columns` names as prompt, response and (optionally) system |

With `data.train.template` the prompt of `columns` is made of several of them.

A conversation with several assistant turns gives one target for each of them (`turns: all`) or for the last one only
(`turns: last`); the turns before a target are the references. An assistant turn with the `weight` 0 is no target. A
user turn at the end that nobody answers is left out. Texts are taken as they are, never stripped; a list of text parts
is one text.

Tools are a list of functions in OpenAI's form. Calls (`tool_calls`, `function_call`, a speaker of that name), their
results and reasoning (`reasoning_content`, `reasoning`, `thinking`, or `<think>` in the text) become part of the turn's
one text: see `turns`. A list of messages or tools may also be JSON text, as a CSV cell holds it.

Not covered: parts that are not text (images). Columns that no format names are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, cast

from ownwords.data._alpaca import dialogue_of_alpaca
from ownwords.data._cells import cut, kind, names
from ownwords.data._columns import dialogue_of_columns
from ownwords.data._messages import dialogue_of_messages
from ownwords.data._prompt_completion import dialogue_of_prompt_completion
from ownwords.data._sharegpt import dialogue_of_sharegpt
from ownwords.data.dialogue import Dialogue
from ownwords.errors import DataError, RecipeError
from ownwords.recipe import SourceSection
from ownwords.records import Message

FormatName = Literal["messages", "prompt-completion", "alpaca", "sharegpt", "columns"]


class Conversation(NamedTuple):
    """What comes before a target, the target, the tools (JSON text), and whether no later turn is a target."""

    messages: tuple[Message, ...]
    reference: str
    tools: str = ""
    last: bool = True


#: Formats that a row's columns show by themselves, in the order of looking, with the columns that show them.
_SIGNS: dict[FormatName, tuple[str, ...]] = {
    "messages": ("messages",),
    "sharegpt": ("conversations",),
    "alpaca": ("instruction", "output"),
    "prompt-completion": ("prompt", "completion"),
}
_READERS: dict[FormatName, Callable[[Mapping[str, Any], str], Dialogue]] = {
    "messages": dialogue_of_messages,
    "sharegpt": dialogue_of_sharegpt,
    "alpaca": dialogue_of_alpaca,
    "prompt-completion": dialogue_of_prompt_completion,
}
_PROMPT_NAMES = ("prompt", "question", "query", "instruction", "input", "problem", "goal")
_RESPONSE_NAMES = ("response", "answer", "output", "completion", "solution", "target", "chosen", "answers")


def detect(row: Mapping[str, Any]) -> FormatName | None:
    """The format that a row's columns show by themselves, or None: then the recipe has to name the columns."""
    return next((name for name, signs in _SIGNS.items() if all(sign in row for sign in signs)), None)


def resolve_format(row: Mapping[str, Any], source: SourceSection, origin: str) -> FormatName:
    """The format of a source, judged by its first row unless the recipe says it.

    Raises:
        DataError: the row has no known layout.
        RecipeError: the recipe's `format`, `columns` and `template` contradict each other, or are incomplete.
    """
    if source.columns is not None or source.template is not None:
        _require_whole_map(row, source)
        return "columns"
    if source.format == "columns":
        raise RecipeError(f"`format: columns` needs to know which. {_columns_example(row)}")
    if source.format != "auto":
        return source.format
    found = detect(row)
    if found is None:
        raise DataError(
            f"{origin}: the layout is not one that is known by its columns ({names(row)}). "
            f"{_rename_example(row) or _columns_example(row)}"
        )
    return found


def to_examples(row: Any, source: SourceSection, origin: str) -> list[Conversation]:
    """The conversations of one row, one for each target.

    `origin` is where the row lies ("gsm8k.jsonl line 17"); every message begins with it.

    Raises:
        DataError: the row is malformed.
        RecipeError: the recipe's `format`, `columns` and `template` contradict each other, or are incomplete.
    """
    if not isinstance(row, Mapping):
        raise DataError(f"{origin}: a row must be an object with named columns, not {kind(row)}.")
    row = cast("Mapping[str, Any]", row)
    layout = resolve_format(row, source, origin)
    if layout == "columns":
        whole = dialogue_of_columns(row, source.columns or {}, source.template, origin)
    else:
        whole = _READERS[layout](row, origin)
    targets = whole.targets if source.turns == "all" else whole.targets[-1:]
    return [
        Conversation(whole.messages[:index], whole.messages[index].content, whole.tools, last=index == targets[-1])
        for index in targets
    ]


def _require_whole_map(row: Mapping[str, Any], source: SourceSection) -> None:
    """`columns` and `template` together say where prompt and response come from, once each."""
    columns = source.columns or {}
    key = "columns" if source.columns is not None else "template"
    if source.format not in ("auto", "columns"):
        raise RecipeError(f"`{key}` does not go with `format: {source.format}`. Leave one of the two out.")
    if source.template is not None:
        if "prompt" in columns:
            raise RecipeError("`template` makes the prompt, so `columns` must not name one: leave one of the two out.")
        if "response" not in columns:
            example = cut(_response_name(row, ""))
            raise RecipeError(f"`template` needs to know the response, e.g. columns: {{response: {example}}}")
        return
    for part in ("prompt", "response"):
        if part not in columns:
            raise RecipeError(f"`columns` has no {part}. {_columns_example(row)}")


def _rename_example(row: Mapping[str, Any]) -> str:
    """What to do about a conversation in a column of another name; empty where there is none."""
    for name, value in row.items():
        first: Any = cast("list[Any]", value)[0] if isinstance(value, (list, tuple)) and value else None
        if isinstance(first, Mapping):
            for wanted, keys in (("messages", {"role", "content"}), ("conversations", {"from", "value"})):
                if keys <= cast("Mapping[str, Any]", first).keys():
                    return f"The column {cut(str(name))} looks like a conversation: name it `{wanted}`."
    return ""


def _columns_example(row: Mapping[str, Any]) -> str:
    """A `columns:` line to paste, with the best guesses from the row's own columns."""
    columns = [str(name) for name in row] or ["question", "answer"]
    prompt = next((name for name in columns if name.lower() in _PROMPT_NAMES), columns[0])
    response = _response_name(row, prompt)
    return f"Say which columns to use, e.g. columns: {{prompt: {cut(prompt)}, response: {cut(response)}}}"


def _response_name(row: Mapping[str, Any], prompt: str) -> str:
    """The column that most likely holds the response, other than the prompt's."""
    rest = [str(name) for name in row if str(name) != prompt] or ["answer"]
    return next((name for name in rest if name.lower() in _RESPONSE_NAMES), rest[0])
