"""Texts that are right or wrong as a whole: how arguments are bound, what is only said about a call, what is cut off.

Each takes a row and gives a candidate; None where it has nothing to act on. `RIGHT` and `WRONG` are all of them by
name, in the order in which they stand here.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

from bench.call_rows import Made, Row, as_object, literal, python, tagged

Text = Callable[[Row, random.Random], str | None]

RIGHT: dict[str, Text] = {}
WRONG: dict[str, Text] = {}


def _right(function: Text) -> Text:
    RIGHT[function.__name__] = function
    return function


def _wrong(function: Text) -> Text:
    WRONG[function.__name__] = function
    return function


def _by_place(row: Row, count: int | None) -> str | None:
    """The row's only call with its first arguments by position, as far as their order is known."""
    call = row.calls[0]
    order = list(row.schema(call)) or list(call.arguments)
    names = [name for name in order if name in call.arguments]
    if len(row.calls) > 1 or not names or names != order[: len(names)]:
        return None
    first = names[:count]
    rest = [f"{name}={literal(call.arguments[name])}" for name in names[len(first) :]]
    return f"{call.name}({', '.join([literal(call.arguments[name]) for name in first] + rest)})"


def _other(row: Row) -> Made:
    """A call of the same function with another value."""
    call = row.calls[0]
    return replace(call, arguments={**call.arguments, "verbosity": 3})


@_right
def all_by_position(row: Row, draw: random.Random) -> str | None:
    return _by_place(row, None)


@_right
def first_by_position(row: Row, draw: random.Random) -> str | None:
    text = _by_place(row, 1)
    return None if text is None else f"Use this:\n\n```python\n{text}\n```"


@_right
def other_call_in_thinking(row: Row, draw: random.Random) -> str:
    return f"<think>\n{python(_other(row))}\n</think>\n" + "\n".join(map(python, row.calls))


@_right
def other_call_ruled_out(row: Row, draw: random.Random) -> str | None:
    wrong = f"{row.calls[0].name}(x=1)"
    return f"Do not call `{wrong}`, that is another thing. Instead:\n\n" + "\n".join(map(python, row.calls))


@_right
def signature_mentioned(row: Row, draw: random.Random) -> str:
    call = row.calls[0]
    plain = [name for name in call.arguments if name.isidentifier() and name != "from"]
    return f"We need `{call.name}({', '.join(plain)})`.\n\n```\n" + "\n".join(map(python, row.calls)) + "\n```"


@_right
def comments_and_text(row: Row, draw: random.Random) -> str:
    lines = "\n".join(f"{python(call)}  # not {call.name}(x=1)" for call in row.calls)
    return f"```python\n# first try: {row.calls[0].name}(x=1)\n{lines}\nprint('done')\n```"


@_wrong
def described(row: Row, draw: random.Random) -> str:
    call = row.calls[0]
    words = ", ".join(f"{name} set to {literal(value)}" for name, value in call.arguments.items())
    return f"You should call the function {call.name} with {words or 'nothing'}."


@_wrong
def negated(row: Row, draw: random.Random) -> str | None:
    call = python(row.calls[0])
    if "\n" in call or "`" in call:
        return None
    return draw.choice(
        [
            f"You should not call `{call}`.",
            f"Never use {call}.",
            f"I can't run `{call}` for you.",
            f"`{call}` would be wrong here.",
            f"Do not run this:\n\n```python\n{call}\n```",
        ]
    )


@_wrong
def refused(row: Row, draw: random.Random) -> str:
    return draw.choice(
        ["I'm sorry, but I can't help with that.", "", "Sure!", "```python\n```", f"`{row.calls[0].name}`"]
    )


@_wrong
def second_call_after(row: Row, draw: random.Random) -> str:
    lines = "\n".join(map(python, row.calls))
    second = draw.choice([_other(row), Made("logs.write", {"text": "done"})])
    return f"{lines}\n\nThen also call {python(second)}."


@_wrong
def second_call_in_second_fence(row: Row, draw: random.Random) -> str:
    fences = [f"```python\n{python(call)}\n```" for call in [*row.calls, _other(row)]]
    return "\n\nThen:\n\n".join(fences)


@_wrong
def quoted_then_another(row: Row, draw: random.Random) -> str | None:
    quoted = python(row.calls[0])
    if "`" in quoted or "\n" in quoted:
        return None
    return f"The notes say `{quoted}`. My answer is:\n\n```python\n{python(_other(row))}\n```"


@_wrong
def cut_off(row: Row, draw: random.Random) -> str:
    text = "\n".join(map(python, row.calls))
    end = len(text) - draw.randint(1, min(20, len(python(row.calls[-1])) - len(row.calls[-1].name) - 1))
    return draw.choice(["", "```python\n", "Here is the call:\n", "Answer: "]) + text[:end]


@_wrong
def cut_off_json(row: Row, draw: random.Random) -> str | None:
    if len(row.calls) != 1 or as_object(row.calls[0]) is None:
        return None
    text = json.dumps(as_object(row.calls[0]))
    opening = draw.choice(["", "```json\n", "<tool_call>\n"])
    return opening + text[: len(text) - draw.randint(1, len(text) // 2)]


@_wrong
def only_in_comment(row: Row, draw: random.Random) -> str:
    lines = "\n".join(map(python, row.calls)).replace("\n", "\n# ")
    return f"```python\n# {lines}\npass\n```"


@_wrong
def only_in_string(row: Row, draw: random.Random) -> str:
    return f"```python\nprint({python(row.calls[0])!r})\n```"


@_wrong
def only_defined(row: Row, draw: random.Random) -> str:
    name = row.calls[0].name.rpartition(".")[2].replace("-", "_")
    return f"```python\ndef {name}(x):\n    return {python(row.calls[0])}\n```"


@_wrong
def dots_for_arguments(row: Row, draw: random.Random) -> str | None:
    return f"The call is `{row.calls[0].name}(...)`." if row.calls[0].arguments else None


@_wrong
def right_only_in_thinking(row: Row, draw: random.Random) -> str:
    return f"<think>\n{python(row.calls[0])}\n</think>\n\n{python(_other(row))}"


@_wrong
def result_used(row: Row, draw: random.Random) -> str:
    return f"```python\n{python(row.calls[0])}.run(now=True)\n```"


@_wrong
def wrapped(row: Row, draw: random.Random) -> str:
    return f"```python\nretry({python(row.calls[0])}, times=3)\n```"


@_wrong
def without_brackets(row: Row, draw: random.Random) -> str | None:
    call = row.calls[0]
    words = " ".join(f"{name}={literal(value)}" for name, value in call.arguments.items())
    return f"{call.name} {words}" if words and "(" not in words else None


@_wrong
def tag_without_end(row: Row, draw: random.Random) -> str | None:
    if as_object(row.calls[0]) is None:
        return None
    return tagged(row.calls[0]).removesuffix("</tool_call>")


@_wrong
def key_given_twice(row: Row, draw: random.Random) -> str | None:
    call = row.calls[0]
    value = as_object(call)
    if value is None or not call.arguments or len(row.calls) > 1:
        return None
    name = next(iter(call.arguments))
    text = json.dumps(value)
    return text.replace(f"{json.dumps(name)}: ", f'{json.dumps(name)}: "other", {json.dumps(name)}: ', 1)


@_wrong
def no_commas(row: Row, draw: random.Random) -> str | None:
    call = row.calls[0]
    if len(call.arguments) < 2:
        return None
    return f"{call.name}({' '.join(f'{name}={literal(value)}' for name, value in call.arguments.items())})"
