"""Conversations as rows of the formats that trainers read; `formats.to_examples` reads each of them back.

| format | a row | what it cannot hold |
|---|---|---|
| messages | `messages`; an answer that is no target has the `weight` 0 | nothing |
| prompt-completion | `prompt`, `completion` from the first target on; `weight` likewise | nothing |
| alpaca | `instruction`, `input` (always ""), `output`, `system`, `history` | which answers of `history` are targets |
| sharegpt | `conversations`; `weight` likewise | nothing |

`weight` is OpenAI's key. axolotl obeys it where `message_field_training` names it; TRL and LLaMA-Factory do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ownwords.data.dialogue import Dialogue

ExportFormat = Literal["messages", "prompt-completion", "alpaca", "sharegpt"]

_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}
_WEIGHT = "`weight` 0 marks an answer that is no target"


@dataclass(frozen=True, slots=True)
class Writer:
    """One format: how a conversation becomes a row, and what each column of it holds."""

    row: Callable[[Dialogue], dict[str, Any]]
    columns: dict[str, str]


def messages_row(dialogue: Dialogue) -> dict[str, Any]:
    return {"messages": _messages(dialogue)}


def prompt_completion_row(dialogue: Dialogue) -> dict[str, Any]:
    """Answers of the prompt need no mark: only the completion is trained."""
    first, last = dialogue.targets[0], dialogue.targets[-1]
    prompt = [message.as_dict() for message in dialogue.messages[:first]]
    return {"prompt": prompt, "completion": _messages(dialogue)[first : last + 1]}


def sharegpt_row(dialogue: Dialogue) -> dict[str, Any]:
    names = {"role": "from", "content": "value", "weight": "weight"}
    turns = [{names[key]: value for key, value in message.items()} for message in _messages(dialogue)]
    return {"conversations": [{**turn, "from": _SPEAKERS[turn["from"]]} for turn in turns]}


def alpaca_row(dialogue: Dialogue) -> dict[str, Any]:
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


def _messages(dialogue: Dialogue) -> list[dict[str, Any]]:
    """Role and content of each turn, and the mark of those answers that are no target."""
    return [
        message.as_dict() | ({"weight": 0} if index in dialogue.untrained else {})
        for index, message in enumerate(dialogue.messages)
    ]
