"""Conversations as rows of the formats that trainers read; `formats.to_examples` reads each of them back.

| format | a row | what it cannot hold |
|---|---|---|
| messages | `messages`; in a marked file each answer has the `weight` 1, or 0 if it is no target | nothing |
| prompt-completion | `prompt`, `completion` from the first target on | nothing |
| alpaca | `instruction`, `input` (always ""), `output`, `system`, `history` | which answers of `history` are targets |
| sharegpt | `conversations`; `weight` likewise | nothing |

`weight` is OpenAI's key. axolotl obeys it where `message_field_training` names it; TRL and LLaMA-Factory do not. A
whole file has it or has it not, because readers take the columns from the first rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ownwords.data.dialogue import Dialogue

ExportFormat = Literal["messages", "prompt-completion", "alpaca", "sharegpt"]

_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}
_WEIGHT = "where answers have a `weight`, 0 marks one that is no target"


@dataclass(frozen=True, slots=True)
class Writer:
    """One format: how a conversation becomes a row, and what each column of it holds.

    `row` is also told whether the file is marked; one with an answer that is no target has to be.
    """

    row: Callable[[Dialogue, bool], dict[str, Any]]
    columns: dict[str, str]


def messages_row(dialogue: Dialogue, marked: bool) -> dict[str, Any]:
    return {"messages": _messages(dialogue, marked)}


def prompt_completion_row(dialogue: Dialogue, marked: bool) -> dict[str, Any]:
    """Only the completion is trained, so nothing needs a mark but an answer between two targets."""
    first, last = dialogue.targets[0], dialogue.targets[-1]
    prompt = [message.as_dict() for message in dialogue.messages[:first]]
    between = any(first < index < last for index in dialogue.untrained)
    return {"prompt": prompt, "completion": _messages(dialogue, between)[first : last + 1]}


def sharegpt_row(dialogue: Dialogue, marked: bool) -> dict[str, Any]:
    names = {"role": "from", "content": "value", "weight": "weight"}
    turns = [{names[key]: value for key, value in message.items()} for message in _messages(dialogue, marked)]
    return {"conversations": [{**turn, "from": _SPEAKERS[turn["from"]]} for turn in turns]}


def alpaca_row(dialogue: Dialogue, marked: bool) -> dict[str, Any]:
    """The last exchange, with those before it as `history`."""
    texts = [message.content for message in dialogue.messages]
    system = texts.pop(0) if dialogue.messages[0].role == "system" else ""
    *before, instruction, output = texts
    history = [[before[index], before[index + 1]] for index in range(0, len(before), 2)]
    return {"instruction": instruction, "input": "", "output": output, "system": system, "history": history}


WRITERS: dict[ExportFormat, Writer] = {
    "messages": Writer(messages_row, {"messages": f"role and content of each turn; {_WEIGHT}"}),
    "prompt-completion": Writer(
        prompt_completion_row,
        {"prompt": "messages before the target: role and content of each", "completion": "the target: one message"},
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
    "sharegpt": Writer(sharegpt_row, {"conversations": f"from and value of each turn; {_WEIGHT}"}),
}


def _messages(dialogue: Dialogue, marked: bool) -> list[dict[str, Any]]:
    """Role and content of each turn; with `marked` also whether an answer is a target."""
    turns: list[dict[str, Any]] = [message.as_dict() for message in dialogue.messages]
    for index, turn in enumerate(turns):
        if marked and turn["role"] == "assistant":
            turn["weight"] = int(index in dialogue.targets)
    return turns
