"""Conversations as rows of the formats that trainers read; `formats.to_examples` reads each of them back.

| format | a row | what it cannot hold |
|---|---|---|
| messages | `messages`; in a marked file each answer has the `weight` 1, or 0 if it is no target | nothing |
| prompt-completion | `prompt`, `completion` from the first target on | nothing |
| alpaca | `instruction`, `input` (""), `output`, `system`, `history` | which turns of `history` are targets; tools |
| sharegpt | `conversations`; `weight` likewise | nothing |

`weight` is OpenAI's key. axolotl obeys it where `message_field_training` names it; TRL and LLaMA-Factory do not. A
whole file has it or has it not, because readers take the columns from the first rows; likewise `tools`.

With tools, messages have `tool_calls` as OpenAI has them, and sharegpt has turns from `function_call` and `observation`
as LLaMA-Factory has them; there a turn that both says and calls something keeps its calls in its text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ownwords.data.dialogue import Dialogue
from ownwords.turns import read_turn, structured

ExportFormat = Literal["messages", "prompt-completion", "alpaca", "sharegpt"]

_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}
_TOOLS = "the functions that the conversation may call, as OpenAI lists them"
_WEIGHT = "where answers have a `weight`, 0 marks one that is no target"


@dataclass(frozen=True, slots=True)
class FileHas:
    """What every row of a file has because one of them needs it: a `weight` at its answers, a column `tools`."""

    weights: bool = False
    tools: bool = False


@dataclass(frozen=True, slots=True)
class Writer:
    """One format: how a conversation becomes a row, and what each column of it holds.

    `tools_column` says what the column `tools` holds in a file that has it; None if the format has none.
    """

    row: Callable[[Dialogue, FileHas], dict[str, Any]]
    columns: dict[str, str]
    tools_column: str | None = None

    def columns_of(self, has: FileHas) -> dict[str, str]:
        return {**self.columns, "tools": self.tools_column} if has.tools and self.tools_column else self.columns


def messages_row(dialogue: Dialogue, has: FileHas) -> dict[str, Any]:
    return {"messages": _messages(dialogue, has.weights), **_tools(dialogue, has)}


def prompt_completion_row(dialogue: Dialogue, has: FileHas) -> dict[str, Any]:
    """Only the completion is trained, so nothing needs a mark but an answer between two targets."""
    first, last = dialogue.targets[0], dialogue.targets[-1]
    between = any(first < index < last for index in dialogue.untrained)
    return {
        "prompt": _messages(dialogue, False)[:first],
        "completion": _messages(dialogue, between)[first : last + 1],
        **_tools(dialogue, has),
    }


def sharegpt_row(dialogue: Dialogue, has: FileHas) -> dict[str, Any]:
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(dialogue.messages):
        speaker, value = _SPEAKERS[message.role], message.content
        if message.role == "assistant" and dialogue.tools:
            parts = read_turn(value, tools=True)
            if parts.calls and not parts.words and not parts.reasoning:
                calls = [{"name": call.name, "arguments": call.arguments} for call in parts.calls]
                speaker = "function_call"
                value = json.dumps(calls if len(calls) > 1 else calls[0], ensure_ascii=False)
        turn: dict[str, Any] = {"from": speaker, "value": value}
        if has.weights and message.role == "assistant":
            turn["weight"] = int(index in dialogue.targets)
        turns.append(turn)
    return {"conversations": turns, **({"tools": dialogue.tools or "[]"} if has.tools else {})}


def alpaca_row(dialogue: Dialogue, has: FileHas) -> dict[str, Any]:
    """The last exchange, with those before it as `history`."""
    texts = [message.content for message in dialogue.messages]
    system = texts.pop(0) if dialogue.messages[0].role == "system" else ""
    *before, instruction, output = texts
    history = [[before[index], before[index + 1]] for index in range(0, len(before), 2)]
    return {"instruction": instruction, "input": "", "output": output, "system": system, "history": history}


WRITERS: dict[ExportFormat, Writer] = {
    "messages": Writer(messages_row, {"messages": f"role and content of each turn; {_WEIGHT}"}, _TOOLS),
    "prompt-completion": Writer(
        prompt_completion_row,
        {"prompt": "messages before the target: role and content of each", "completion": "the target: one message"},
        _TOOLS,
    ),
    "alpaca": Writer(
        alpaca_row,
        {
            "instruction": "the last user turn",
            "input": "always empty",
            "output": "the last target",
            "system": "system prompt; empty where there is none",
            "history": "earlier turns: pairs of question and answer",
        },
    ),
    "sharegpt": Writer(
        sharegpt_row, {"conversations": f"from and value of each turn; {_WEIGHT}"}, f"JSON text: {_TOOLS}"
    ),
}


def _messages(dialogue: Dialogue, weights: bool) -> list[dict[str, Any]]:
    """Each turn in OpenAI's form; with `weights` also whether an answer is a target."""
    turns = structured(dialogue.messages, tools=bool(dialogue.tools))
    for index, turn in enumerate(turns):
        if weights and turn["role"] == "assistant":
            turn["weight"] = int(index in dialogue.targets)
    return turns


def _tools(dialogue: Dialogue, has: FileHas) -> dict[str, Any]:
    return {"tools": json.loads(dialogue.tools or "[]")} if has.tools else {}
