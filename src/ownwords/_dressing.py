"""Messages as a chat template can take them: what it has no place for is written into what it has.

| a template without | gets |
|---|---|
| a system role | its text at the opening of the first user turn |
| tools | their schemas in the system text, with the form in which to call them |
| `tool_calls`, or a tool's results | calls as text in the assistant's turn, results as user turns |
| reasoning of its own | reasoning as text at the opening of the turn |

What a template has is found by trying it, once for each tokenizer and template.
"""

# pyright: basic
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from jinja2 import TemplateError

from ownwords.records import Message
from ownwords.turns import split_reasoning, structured

PROBE = "text-probe"
#: Names by which templates of thinking models are told not to think; the others do not read them.
_NO_THINKING = {"enable_thinking": False, "thinking": False}
_REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
_CALL = {"id": "call00000", "type": "function", "function": {"name": PROBE, "arguments": {}}}
_TOOL = {
    "type": "function",
    "function": {"name": PROBE, "description": PROBE, "parameters": {"type": "object", "properties": {}}},
}
_TOOLS_TEXT = """You may call these functions. Each line is one of them, with its parameters as JSON schema:

{tools}

To call one, write its name and its arguments as JSON, between tags of their own:
<tool_call>
{{"name": "the function", "arguments": {{"parameter": "value"}}}}
</tool_call>"""


@dataclass(frozen=True, slots=True)
class Given:
    """What a template is given beside the messages. `template` None is the tokenizer's own; `tools` is JSON text of a
    list, or empty; `thinking` False tells a thinking model not to, None leaves it to the template."""

    template: str | None = None
    tools: str = ""
    thinking: bool | None = None


@dataclass(frozen=True, slots=True)
class Takes:
    """What a template has a place for.

    `reasoning` is the key that it reads it from, empty if there is none; `inline` says that it leaves reasoning alone
    that opens a turn's text; `words` that it writes what a turn says beside its calls.
    """

    system: bool
    tools: bool
    calls: bool
    words: bool
    reasoning: str
    inline: bool


_TAKES: WeakKeyDictionary[Any, dict[str, Takes]] = WeakKeyDictionary()


def takes(tokenizer: Any, template: str | None = None) -> Takes:
    """What the template has a place for."""
    known = _TAKES.setdefault(tokenizer, {})
    key = template or str(tokenizer.chat_template)
    if key not in known:
        known[key] = _try(tokenizer, Given(template))
    return known[key]


def apply(
    tokenizer: Any, messages: Sequence[Mapping[str, Any]], given: Given, *, generate: bool, tools: Any = None
) -> str:
    """The template's text.

    Raises:
        TemplateError: the template refuses the messages, or fails.
    """
    switch = _NO_THINKING if given.thinking is False else {}
    try:
        return tokenizer.apply_chat_template(
            [dict(message) for message in messages],
            tools=tools,
            chat_template=given.template,
            tokenize=False,
            add_generation_prompt=generate,
            **switch,
        )
    except TemplateError:
        raise
    except Exception as error:  # a template is foreign code: 1 / 0 or an include in it is its error, not ours
        raise TemplateError(f"{type(error).__name__}: {error}") from error


def dress(tokenizer: Any, messages: Sequence[Message], given: Given) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """The messages and tools to hand to the template."""
    has = takes(tokenizer, given.template)
    tools: list[Any] | None = json.loads(given.tools) if given.tools else None
    turns = list(messages)
    if tools and not has.tools:
        turns = _with_system(turns, _TOOLS_TEXT.format(tools="\n".join(_line(tool) for tool in tools)))
        tools = None
    if not has.calls:
        turns = [_told(turn) for turn in turns]
    if not has.system:
        turns = fold_system(turns)
    dressed = structured(turns, tools=bool(given.tools) and has.calls)
    return [_with_reasoning(turn, has.reasoning) for turn in dressed], tools


def fold_system(messages: Sequence[Message]) -> list[Message]:
    """Without a system turn: its text opens the first user turn."""
    if not messages or messages[0].role != "system":
        return list(messages)
    system, *turns = messages
    for index, turn in enumerate(turns):
        if turn.role == "user":
            joined = f"{system.content}\n\n{turn.content}" if system.content else turn.content
            return [*turns[:index], Message("user", joined), *turns[index + 1 :]]
    return [Message("user", system.content), *turns]


def _with_system(messages: Sequence[Message], text: str) -> list[Message]:
    """With the text at the end of the system turn."""
    if messages and messages[0].role == "system":
        own = messages[0].content
        return [Message("system", f"{own}\n\n{text}" if own else text), *messages[1:]]
    return [Message("system", text), *messages]


def _told(message: Message) -> Message:
    """A tool's result as a turn of the user's."""
    if message.role != "tool":
        return message
    return Message("user", f"<tool_response>\n{message.content}\n</tool_response>")


def _with_reasoning(turn: dict[str, Any], key: str) -> dict[str, Any]:
    if not key or turn["role"] != "assistant":
        return turn
    reasoning, answer = split_reasoning(turn["content"])
    return {**turn, "content": answer, key: reasoning} if reasoning else turn


def _line(tool: Any) -> str:
    return json.dumps(tool["function"], ensure_ascii=False)


def _try(tokenizer: Any, given: Given) -> Takes:
    user, answer = {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello"}
    thought = {"role": "assistant", "content": f"<think>\n{PROBE}\n</think>\n\nHello"}
    calling = {"role": "assistant", "content": "", "tool_calls": [_CALL]}
    telling = {**calling, "content": "words-probe"}
    result = {"role": "tool", "content": "result-probe", "tool_call_id": "call00000", "name": PROBE}

    def shows(*messages: dict[str, Any], tools: Any = None, wanted: Sequence[str] = (PROBE,)) -> bool:
        try:
            text = apply(tokenizer, messages, given, generate=messages[-1]["role"] != "assistant", tools=tools)
        except TemplateError:
            return False
        return all(part in text for part in wanted)

    return Takes(
        system=shows({"role": "system", "content": PROBE}, user),
        tools=shows(user, tools=[_TOOL]),
        calls=shows(user, calling, result, wanted=(PROBE, "result-probe")),
        words=shows(user, telling, result, wanted=("words-probe",)),
        inline=shows(user, thought),
        reasoning=next((key for key in _REASONING_KEYS if shows(user, {**answer, key: PROBE})), ""),
    )
