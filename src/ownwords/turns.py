"""An assistant's turn as one text, and as its parts: reasoning, words, calls.

The house keeps every turn as one text, in the form that Hermes and Qwen models write:

    <think>
    reasoning
    </think>

    words
    <tool_call>
    {"name": "weather", "arguments": {"city": "Kyiv"}}
    </tool_call>

Only the edges take it apart: chat templates, exports and engines. Calls are calls only in a conversation that has
tools; elsewhere such text is text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ownwords.records import Completion, Message

#: The tags of a turn's text. They stand for themselves, even where a tokenizer calls them special tokens.
TAGS = ("<think>", "</think>", "<tool_call>", "</tool_call>")

_THINK = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)
_OPEN_THINK = re.compile(r"\s*<think>")
#: Reasoning whose opening tag stood in the prompt, as in dumps of R1 and QwQ.
_LATE_THINK = re.compile(r"((?:(?!<think>).)*?)</think>[ \t]*(?:\n\s*|$)", re.DOTALL)
_CALL = re.compile(r"\s*<tool_call>\s*(.*?)\s*</tool_call>\s*", re.DOTALL)
#: What other families write before calls in plain JSON; as special tokens they may be gone from the text already.
_CALL_MARKS = ("[TOOL_CALLS]", "<|python_tag|>")


@dataclass(frozen=True, slots=True)
class Call:
    """A function by name, with its arguments by name."""

    name: str
    arguments: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "arguments": self.arguments}

    def as_json(self) -> str:
        """JSON text in which the tag that ends a call cannot stand, not even inside a name or an argument."""
        text = json.dumps(self.as_dict(), ensure_ascii=False, allow_nan=False)
        return text.replace("</tool_call>", "<\\/tool_call>")


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    """The parts of an assistant's turn, in the order in which they are written."""

    words: str
    reasoning: str = ""
    calls: tuple[Call, ...] = ()

    def as_text(self) -> str:
        """The one text of it; `read_turn` gives the parts back."""
        if not self.reasoning and not self.calls:
            return self.words
        calls = [f"<tool_call>\n{call.as_json()}\n</tool_call>" for call in self.calls]
        answer = "\n".join([self.words, *calls] if self.words else calls)
        return f"<think>\n{self.reasoning}\n</think>\n\n{answer}" if self.reasoning else answer


def read_turn(text: str, *, tools: bool) -> AssistantTurn:
    """The parts of a turn's text. Without `tools` nothing in it is a call."""
    reasoning, answer = split_reasoning(text)
    words, calls = _tagged_calls(answer) if tools else (answer, ())
    return AssistantTurn(words, reasoning, calls)


def read_answer(text: str, *, tools: bool, opened: bool = False) -> AssistantTurn:
    """The parts of what a model wrote: other spellings of calls count too, and reasoning that has no end.

    `opened` says that its prompt ended inside the reasoning, as some templates have it.
    """
    text = f"<think>{text}" if opened else text
    start = _OPEN_THINK.match(text)
    if start and "</think>" not in text:
        return AssistantTurn("", text[start.end() :].strip())
    turn = read_turn(text, tools=tools)
    if tools and not turn.calls:
        return AssistantTurn(*_bare_calls(turn.words, turn.reasoning))
    return turn


def split_reasoning(text: str) -> tuple[str, str]:
    """Reasoning that opens the text (empty if none does), and the rest; empty blocks are left out, several are one."""
    found = _THINK.match(text)
    if found is None:
        found = _LATE_THINK.match(text) if "</think>" in text and "<think>" not in text else None
        return ("", text) if found is None else (found.group(1).strip(), text[found.end() :])
    parts: list[str] = []
    place = 0
    while found is not None:
        parts.append(found.group(1).strip())
        place = found.end()
        found = _THINK.match(text, place)
    return "\n\n".join(filter(None, parts)), text[place:]


def tidy(text: str) -> str:
    """The text with its reasoning in the one form that turns have it in; text without tags stays as it is."""
    if "</think>" not in text:
        return text
    reasoning, answer = split_reasoning(text)
    return text if answer == text else AssistantTurn(answer, reasoning).as_text()


def turn_of(completion: Completion) -> AssistantTurn:
    """The parts of an engine's answer, white space around its words left out."""
    calls = [as_call(call) for call in completion.tool_calls]
    return AssistantTurn(
        completion.text.strip(), completion.reasoning or "", tuple([call for call in calls if call is not None])
    )


def as_call(value: Any) -> Call | None:
    """A call from JSON: `name` with `arguments` (or `parameters`), an object or its JSON text; None if it is none."""
    if not isinstance(value, dict):
        return None
    given = cast("dict[str, Any]", value)
    name, arguments = given.get("name"), given.get("arguments", given.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = _loads(arguments)
    if not isinstance(name, str) or not name or not isinstance(arguments, dict):
        return None
    call = Call(name, cast("dict[str, Any]", arguments))
    try:
        call.as_json().encode("utf-8")  # no half characters, no infinities, no depth without end, nothing but JSON
    except (ValueError, TypeError, RecursionError):
        return None
    return call


def structured(messages: Sequence[Message], *, tools: bool) -> list[dict[str, Any]]:
    """Turns as the OpenAI form has them: `tool_calls` of their own, and each tool's result with the id of its call.

    Ids follow from the place in the conversation; nine letters and digits, as Mistral's templates want. Reasoning stays
    in `content`.
    """
    result: list[dict[str, Any]] = []
    waiting: list[tuple[str, str]] = []  # id and name of the calls without a result yet
    made = 0
    for message in messages:
        turn: dict[str, Any] = message.as_dict()
        if message.role == "assistant" and tools:
            parts = read_turn(message.content, tools=True)
            waiting = [(f"call{made + n:05d}", call.name) for n, call in enumerate(parts.calls)]
            made += len(waiting)
            if parts.calls:
                turn["content"] = AssistantTurn(parts.words, parts.reasoning).as_text()
                turn["tool_calls"] = [
                    {"id": made_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                    for (made_id, _), call in zip(waiting, parts.calls, strict=True)
                ]
        elif message.role == "tool" and waiting:
            turn["tool_call_id"], turn["name"] = waiting.pop(0)
        result.append(turn)
    return result


def tool_names(tools: str) -> list[str]:
    """Names of the functions in a conversation's `tools`, which is JSON text of a list, or empty."""
    return [tool["function"]["name"] for tool in json.loads(tools)] if tools else []


def _tagged_calls(text: str) -> tuple[str, tuple[Call, ...]]:
    """Words, and the calls after them up to the text's end; all of it is words if anything else stands there."""
    start = text.find("<tool_call>")
    if start < 0:
        return text, ()
    calls: list[Call | None] = []
    place = start
    while place < len(text):
        found = _CALL.match(text, place)
        if found is None:
            return text, ()
        calls.append(as_call(_loads(found.group(1))))
        place = found.end()
    if None in calls:
        return text, ()
    return text[:start].rstrip("\n"), tuple(call for call in calls if call is not None)


def _bare_calls(words: str, reasoning: str) -> tuple[str, str, tuple[Call, ...]]:
    """An answer that is nothing but calls in JSON, as Llama and Mistral models write them."""
    text = words.strip()
    for mark in _CALL_MARKS:
        text = text.removeprefix(mark).strip()
    loaded = _loads(text) if text[:1] in ("{", "[") else None
    values: Iterable[Any] = cast("list[Any]", loaded) if isinstance(loaded, list) else [loaded]
    calls = [as_call(value) for value in values]
    if not calls or None in calls:
        return words, reasoning, ()
    return "", reasoning, tuple(call for call in calls if call is not None)


def _loads(text: str) -> Any:
    """The value, None where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
