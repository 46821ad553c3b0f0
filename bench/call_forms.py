"""Honest ways to write calls: quotes, spacing, fences, prose around, JSON, tags. Each says what the calls say, no more.

A form takes calls and gives a text; None where it cannot write them (several calls in one sentence, or values that JSON
lacks). `FORMS` are all of them by name, in the order in which they stand here.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

from bench.call_rows import Made, as_object, literal, python, tagged

Form = Callable[[Sequence[Made], random.Random], str | None]

FORMS: dict[str, Form] = {}

LEADS = (
    "Here is the function call:",
    "Sure! You can use this:",
    "To answer the question, make the following call:",
    "**Answer:**",
    "I'd be happy to help (it isn't hard). The call is:",
)
TAILS = (
    "This does what you asked for (all arguments are set).",
    "Let me know if you need anything else!",
    "Note that the values are taken from your question, e.g. the first one.",
    "It won't change anything else.",
)


def _form(function: Form) -> Form:
    FORMS[function.__name__] = function
    return function


def _lines(calls: Sequence[Made]) -> str:
    return "\n".join(python(call) for call in calls)


def _json_lines(calls: Sequence[Made]) -> list[str] | None:
    objects = [as_object(call) for call in calls]
    return None if None in objects else [json.dumps(value, ensure_ascii=False) for value in objects]


@_form
def alone(calls: Sequence[Made], draw: random.Random) -> str:
    return _lines(calls)


@_form
def single_quotes(calls: Sequence[Made], draw: random.Random) -> str:
    return "\n".join(python(call, quote="'") for call in calls)


@_form
def no_blanks(calls: Sequence[Made], draw: random.Random) -> str:
    return "\n".join(python(call, gap="") for call in calls)


@_form
def many_blanks(calls: Sequence[Made], draw: random.Random) -> str:
    return "\n".join(python(call, equals=" = ", gap="  ") for call in calls) + "\n\n"


@_form
def python_fence(calls: Sequence[Made], draw: random.Random) -> str:
    return f"```python\n{_lines(calls)}\n```"


@_form
def fence_with_prose(calls: Sequence[Made], draw: random.Random) -> str:
    return f"{draw.choice(LEADS)}\n\n```\n{_lines(calls)}\n```\n\n{draw.choice(TAILS)}"


@_form
def own_line(calls: Sequence[Made], draw: random.Random) -> str:
    return f"{draw.choice(LEADS)}\n{_lines(calls)}\n{draw.choice(TAILS)}"


@_form
def inline_code(calls: Sequence[Made], draw: random.Random) -> str:
    shown = " and ".join(f"`{python(call)}`" for call in calls)
    return f"You can call {shown}. {draw.choice(TAILS)}" if "`" not in _lines(calls) and "\n" not in shown else ""


@_form
def in_sentence(calls: Sequence[Made], draw: random.Random) -> str:
    return f"The answer is {' and then '.join(python(call) for call in calls)}. {draw.choice(TAILS)}"


@_form
def after_label(calls: Sequence[Made], draw: random.Random) -> str:
    return "\n".join(f"Function call: {python(call)}" for call in calls)


@_form
def assigned(calls: Sequence[Made], draw: random.Random) -> str:
    lines = "\n".join(f"result_{number} = {python(call)}" for number, call in enumerate(calls))
    return f"{draw.choice(LEADS)}\n\n```python\n{lines}\nprint(result_0)\n```"


@_form
def printed(calls: Sequence[Made], draw: random.Random) -> str:
    return "\n".join(f"print({python(call)})" for call in calls)


@_form
def over_lines(calls: Sequence[Made], draw: random.Random) -> str:
    texts: list[str] = []
    for call in calls:
        arguments = "".join(f"    {name}={literal(value)},\n" for name, value in call.arguments.items())
        texts.append(f"{call.name}(\n{arguments})")
    body = "\n".join(texts)
    return draw.choice([f"{draw.choice(LEADS)}\n\n{body}\n\n{draw.choice(TAILS)}", f"```python\n{body}\n```"])


@_form
def list_of_calls(calls: Sequence[Made], draw: random.Random) -> str:
    return f"[{', '.join(python(call) for call in calls)}]"


@_form
def bullets(calls: Sequence[Made], draw: random.Random) -> str:
    return draw.choice(LEADS) + "\n\n" + "\n".join(f"- `{python(call)}`" for call in calls) + "\n"


@_form
def numbered(calls: Sequence[Made], draw: random.Random) -> str:
    return "\n".join(f"{number}. {python(call)}" for number, call in enumerate(calls, 1)) + f"\n\n{draw.choice(TAILS)}"


@_form
def bold(calls: Sequence[Made], draw: random.Random) -> str:
    return f"{draw.choice(LEADS)} " + ", ".join(f"**{python(call)}**" for call in calls)


@_form
def quoted_block(calls: Sequence[Made], draw: random.Random) -> str:
    return f"{draw.choice(LEADS)}\n\n" + "\n".join(f"> {python(call)}" for call in calls)


@_form
def with_import(calls: Sequence[Made], draw: random.Random) -> str | None:
    modules = sorted({call.name.partition(".")[0] for call in calls if "." in call.name})
    if not modules:
        return None
    imports = "\n".join(f"import {module}" for module in modules)
    return f"```python\n{imports}\n\n# what was asked for\n{_lines(calls)}\n```"


@_form
def prompt_lines(calls: Sequence[Made], draw: random.Random) -> str:
    return "```\n" + "\n".join(f">>> {python(call)}" for call in calls) + "\n```"


@_form
def explained(calls: Sequence[Made], draw: random.Random) -> str:
    notes = [f"- `{name}`: what you gave (as it stands there)" for call in calls for name in call.arguments]
    return f"The function `{calls[0].name}` fits.\n\n```python\n{_lines(calls)}\n```\n\n" + "\n".join(notes)


@_form
def said_again(calls: Sequence[Made], draw: random.Random) -> str:
    shown = python(calls[0])
    again = f"Here, {shown} does the work." if "\n" not in shown else TAILS[0]
    return f"```\n{_lines(calls)}\n```\n{again}"


@_form
def name_mentioned(calls: Sequence[Made], draw: random.Random) -> str:
    return f"The functions are called with `{calls[0].name}()` here:\n\n{_lines(calls)}"


@_form
def after_thinking(calls: Sequence[Made], draw: random.Random) -> str:
    return f"<think>\nMaybe {calls[0].name}(x=1)? No, that is not it.\n</think>\n\n{_lines(calls)}"


@_form
def json_alone(calls: Sequence[Made], draw: random.Random) -> str | None:
    lines = _json_lines(calls)
    return None if lines is None else "\n".join(lines)


@_form
def json_list(calls: Sequence[Made], draw: random.Random) -> str | None:
    lines = _json_lines(calls)
    return None if lines is None else f"[{', '.join(lines)}]"


@_form
def json_fence(calls: Sequence[Made], draw: random.Random) -> str | None:
    objects = [as_object(call) for call in calls]
    if None in objects:
        return None
    body = json.dumps(objects[0] if len(objects) == 1 else objects, indent=2)
    return f"{draw.choice(LEADS)}\n\n```json\n{body}\n```\n\n{draw.choice(TAILS)}"


@_form
def json_in_prose(calls: Sequence[Made], draw: random.Random) -> str | None:
    lines = _json_lines(calls)
    return None if lines is None else f"{draw.choice(LEADS)} {' '.join(lines)}\n\n{draw.choice(TAILS)}"


@_form
def openai(calls: Sequence[Made], draw: random.Random) -> str | None:
    objects = [as_object(call) for call in calls]
    made = [
        {
            "id": f"call_{n}",
            "type": "function",
            "function": {"name": v["name"], "arguments": json.dumps(v["arguments"])},
        }
        for n, v in enumerate(objects)
        if v is not None
    ]
    return None if len(made) < len(calls) else json.dumps(draw.choice([made, {"content": None, "tool_calls": made}]))


@_form
def tags(calls: Sequence[Made], draw: random.Random) -> str | None:
    if any(as_object(call) is None for call in calls):
        return None
    return draw.choice(["", "One moment.\n"]) + "\n".join(tagged(call) for call in calls)


@_form
def python_objects(calls: Sequence[Made], draw: random.Random) -> str | None:
    objects = [as_object(call) for call in calls]
    return None if None in objects else "\n".join(repr(value) for value in objects)


@_form
def parameters_key(calls: Sequence[Made], draw: random.Random) -> str | None:
    if any(as_object(call) is None for call in calls):
        return None
    return "\n".join(json.dumps({"name": call.name, "parameters": call.arguments}) for call in calls)
