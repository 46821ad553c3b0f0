"""A call as it was written, and its arguments as plain data: what a check compares.

Literals are Python's own values, tuples as lists. An expression that is no literal (a variable, a lambda, a
comprehension) is `Code`: its source without accidents of spacing and quotes, compared as such. Nothing is evaluated but
arithmetic on numbers that stand there (`1024*1024`), within bounds. `true`, `false` and `null` are the constants
that they mean, since texts mix the two languages.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

#: Levels of lists, objects and calls inside an argument. More is refused, so that nothing here can run out of stack.
DEEPEST = 60
_MOST_BITS = 4_000
_MOST_EXPONENT = 1_000
_OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right,
    ast.Pow: pow,
}
_SPELLED = {"true": True, "false": False, "null": None}

#: None, bool, int, float, complex, str, bytes, list, dict, Unordered, Code or WrittenCall.
Value = Any


@dataclass(frozen=True, slots=True)
class Code:
    """An expression that is no literal, as normalised source text."""

    text: str


@dataclass(frozen=True, slots=True)
class Unordered:
    """The members of a set, in the order in which they were written."""

    members: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A function's name with its arguments as written; a keyword that is given twice stands there twice.

    `form` is the language: in JSON there are no positional arguments, and names can only be written as strings.
    """

    name: str
    positional: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()
    form: Literal["python", "json"] = "python"
    text: str = ""


class UnreadableError(ValueError):
    """A value that is nested too deep, or a call whose parts are not those of a call."""


def value_of(node: ast.expr, depth: int = 0) -> Value:  # noqa: PLR0911 - one a kind of expression
    """The value of an expression.

    Raises:
        UnreadableError: it is nested too deep.
    """
    if depth > DEEPEST:
        raise UnreadableError("it is nested too deep")
    match node:
        case ast.Constant(value=value) if value is not ...:
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items) if not any(isinstance(item, ast.Starred) for item in items):
            return [value_of(item, depth + 1) for item in items]
        case ast.Set(elts=items) if not any(isinstance(item, ast.Starred) for item in items):
            return Unordered(tuple(value_of(item, depth + 1) for item in items))
        case ast.Dict():
            return _object(node, depth)
        case ast.Name(id=name):
            return _SPELLED[name] if name in _SPELLED else Code(plain_name(name))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            number = value_of(operand, depth + 1)
            if is_number(number):
                return -number if isinstance(node.op, ast.USub) else number
        case ast.BinOp(left=left, op=operation, right=right):
            number = _worked_out(value_of(left, depth + 1), operation, value_of(right, depth + 1))
            if number is not None:
                return number
        case ast.Call():
            return call_of(node, dotted_name(node.func), depth + 1)
        case _:
            pass
    return Code(ast.unparse(node))


def call_of(node: ast.Call, name: str, depth: int = 0) -> WrittenCall:
    """The call with this name; `*[…]` and `**{…}` of literals are the arguments that they stand for.

    Raises:
        UnreadableError: an argument is nested too deep.
    """
    positional: list[Value] = []
    keywords: list[tuple[str, Value]] = []
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            inner = value_of(argument.value, depth)
            positional += cast("list[Value]", inner) if isinstance(inner, list) else [Code(ast.unparse(argument))]
        else:
            positional.append(value_of(argument, depth))
    for keyword in node.keywords:
        value = value_of(keyword.value, depth)
        if keyword.arg is not None:
            keywords.append((plain_name(keyword.arg), value))
        elif isinstance(value, dict) and all(isinstance(key, str) for key in cast("dict[Any, Value]", value)):
            keywords += cast("dict[str, Value]", value).items()
        else:
            keywords.append(("**", cast("Value", value)))
    text = ast.unparse(node) if depth else ""  # only values are ever compared as text
    return WrittenCall(name, tuple(positional), tuple(keywords), text=text)


def dotted_name(function: ast.expr) -> str:
    """`torch.hub.load`; of a function that is no name, such as the result of another call, the normalised source."""
    parts: list[str] = []
    node = function
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ast.unparse(function)
    return ".".join([node.id, *reversed(parts)])


def nested_calls(value: Value) -> list[WrittenCall]:
    """The calls that stand inside a value or inside the arguments of a call, at any depth."""
    if isinstance(value, WrittenCall):
        inner = [*value.positional, *(given for _, given in value.keywords)]
    elif isinstance(value, list):
        inner = cast("list[Value]", value)
    elif isinstance(value, dict):
        inner = list(cast("dict[Any, Value]", value).values())
    else:
        inner = list(value.members) if isinstance(value, Unordered) else []
    found: list[WrittenCall] = []
    for part in inner:
        if isinstance(part, WrittenCall):
            found.append(part)
        found += nested_calls(part)
    return found


def require_shallow(value: Value, depth: int = 0) -> None:
    """Refuse JSON that is nested deeper than expressions may be.

    Raises:
        UnreadableError: it is.
    """
    if depth > DEEPEST:
        raise UnreadableError("it is nested too deep")
    if isinstance(value, dict):
        for inner in cast("dict[str, Value]", value).values():
            require_shallow(inner, depth + 1)
    elif isinstance(value, list):
        for inner in cast("list[Value]", value):
            require_shallow(inner, depth + 1)


def is_number(value: Value) -> bool:
    """Whether it is a number; True and False are none."""
    return isinstance(value, int | float | complex) and not isinstance(value, bool)


_MASK = "argument_called_"
_PLACEHOLDER = "placeholder_called_"


def masked_name(name: str) -> str:
    """A Python name that stands for one that Python does not allow: `from`, `max-results`."""
    return _MASK + name.encode("utf-8", "surrogatepass").hex()


def masked_placeholder(name: str) -> str:
    """A Python name that stands for the placeholder `<name>` in a template."""
    return _PLACEHOLDER + name.encode("utf-8", "surrogatepass").hex()


def plain_name(name: str) -> str:
    """The name that a masked one stands for; any other name as it is."""
    for mask, form in ((_MASK, "{}"), (_PLACEHOLDER, "<{}>")):
        if name.startswith(mask):
            try:
                return form.format(bytes.fromhex(name.removeprefix(mask)).decode("utf-8", "surrogatepass"))
            except ValueError:
                return name
    return name


def _object(node: ast.Dict, depth: int) -> Value:
    """A dictionary of literals as a dict; as code if a key is no plain value or is given twice."""
    items: dict[Any, Value] = {}
    for key, inner in zip(node.keys, node.values, strict=True):
        name = Code("**") if key is None else value_of(key, depth + 1)
        if isinstance(name, list | dict | Code | Unordered | WrittenCall) or name in items:
            return Code(ast.unparse(node))
        items[name] = value_of(inner, depth + 1)
    return items


def _worked_out(left: Value, operation: ast.operator, right: Value) -> int | float | None:
    """The result of arithmetic on two real numbers; None where it is no such thing, or would be large."""
    operate = _OPERATIONS.get(type(operation))
    if operate is None or not all(is_number(number) and not isinstance(number, complex) for number in (left, right)):
        return None
    if any(isinstance(number, int) and number.bit_length() > _MOST_BITS for number in (left, right)):
        return None
    if operate is pow and not (isinstance(right, int) and 0 <= right <= _MOST_EXPONENT and abs(left) <= _MOST_BITS):
        return None
    try:
        return operate(left, right)
    except (OverflowError, ZeroDivisionError):
        return None
