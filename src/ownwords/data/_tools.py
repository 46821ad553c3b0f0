"""Tools, calls and results as rows hold them, in the spellings of OpenAI, Hugging Face and ShareGPT dumps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ownwords.data._cells import cut, kind, short, text
from ownwords.errors import DataError
from ownwords.turns import Call, as_call


def read_tools(value: Any, origin: str) -> str:
    """The functions of a row's `tools` as JSON text of a list in OpenAI's form; empty where there are none.

    A function may stand bare ({name, parameters}) or as {type: function, function: {…}}.

    Raises:
        DataError: it is no list of functions, or the parameters of one are no JSON schema of an object.
    """
    values: Any = unpacked(value, "tools", origin)
    if not values or (isinstance(values, str) and not values.strip()):
        return ""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise DataError(f"{origin}: `tools` must be a list of functions, not {kind(values)}.")
    tools = [_tool(tool, f"{origin}: tool {number}") for number, tool in enumerate(cast("Sequence[Any]", values), 1)]
    names = [tool["function"]["name"] for tool in tools]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{origin}: `tools` has two functions named {cut(twice)}.")
    return text(json.dumps(tools, ensure_ascii=False), "tools", origin)


def unpacked(value: Any, name: str, origin: str) -> Any:
    """A list or object, also from its JSON text, as cells of CSV files and of many dumps hold it. Other text stays.

    Raises:
        DataError: the text begins like JSON and is none, or it is JSON text once more.
    """
    if not isinstance(value, str) or value.strip()[:1] not in ("[", "{", '"'):
        return value
    try:
        loaded: Any = json.loads(value)
    except (ValueError, RecursionError) as error:
        reason = f": {error}" if isinstance(error, ValueError) else " that can be read: it is nested too deep"
        raise DataError(f"{origin}: `{name}` is no JSON{reason}.") from error
    if isinstance(loaded, str):
        raise DataError(f"{origin}: `{name}` is JSON text inside JSON text: write it as JSON once.")
    return loaded


def read_calls(message: Mapping[str, Any], where: str) -> list[tuple[str, Call]]:
    """The calls of a message's `tool_calls` or old `function_call`, each with its id (empty where it has none).

    Raises:
        DataError: a call is malformed.
    """
    if message.get("tool_calls") and message.get("function_call"):
        raise DataError(f"{where}: it has both `tool_calls` and `function_call`. Keep one of them.")
    if message.get("function_call"):
        return [("", one_call(message["function_call"], f"{where}: `function_call`"))]
    values: Any = unpacked(message.get("tool_calls"), "tool_calls", where) or ()
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise DataError(f"{where}: `tool_calls` must be a list of calls, not {kind(values)}.")
    calls: list[tuple[str, Call]] = []
    for number, value in enumerate(cast("Sequence[Any]", values), 1):
        at = f"{where}: call {number} of `tool_calls`"
        if not isinstance(value, Mapping):
            raise DataError(f"{at} must be an object with a function, not {kind(value)}.")
        given = cast("Mapping[str, Any]", value)
        calls.append((str(given.get("id") or ""), one_call(given.get("function") or dict(given), at)))
    return calls


def one_call(value: Any, where: str) -> Call:
    """A call: a function's name with its arguments, an object or its JSON text.

    Raises:
        DataError: it is something else.
    """
    call = None
    if isinstance(value, Mapping):
        given = dict(cast("Mapping[str, Any]", value))
        call = as_call({**given, "arguments": unpacked(given.get("arguments"), "arguments", where) or {}})
    if call is None:
        raise DataError(f"{where} must be a function's name with its arguments, {{name, arguments}}: {short(value)}.")
    text(call.as_json(), "arguments", where)
    return call


def _tool(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise DataError(f"{where} must be an object with a function, not {kind(value)}.")
    tool = cast("Mapping[str, Any]", value)
    function: Any = tool.get("function", tool)
    if tool.get("type", "function") != "function" or not isinstance(function, Mapping):
        raise DataError(f"{where} must be of the type 'function', with a `function`.")
    function = dict(cast("Mapping[str, Any]", function))
    function.pop("type", None)
    name = function.get("name")
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"{where}: its function has no `name`.")
    parameters = _parameters(function.get("parameters"), f"{where} ({cut(name)})")
    rest = {key: value for key, value in function.items() if value is not None}
    return {
        "type": "function",
        "function": {"name": name, "description": "", **rest, "parameters": parameters},
    }


def _without_nulls(value: Any) -> Any:
    """Without keys that hold null: Parquet and `datasets` give every object the keys of all of them."""
    if isinstance(value, Mapping):
        given = cast("Mapping[str, Any]", value)
        return {key: _without_nulls(inner) for key, inner in given.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_without_nulls(inner) for inner in cast("Sequence[Any]", value)]
    return value


def _parameters(value: Any, where: str) -> dict[str, Any]:
    """The JSON schema of an object, with the three keys that every function then has: readers of columns fill up what
    one row has and another lacks with nulls."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    value = _without_nulls(unpacked(value, "parameters", where)) or {}
    if not isinstance(value, dict):
        raise DataError(f"{where}: `parameters` must be a JSON schema, not {kind(value)}.")
    given = cast("dict[str, Any]", value)
    schema: dict[str, Any] = {"type": "object", "properties": {}, "required": [], **given}
    if schema["type"] != "object":
        raise DataError(
            f"{where}: `parameters` must be a JSON schema of the type 'object', not {short(schema['type'])}."
        )
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path) or "parameters"
        raise DataError(f"{where}: `parameters` is no valid JSON schema, at {place}: {error.message[:200]}.") from error
    except RecursionError as error:
        raise DataError(f"{where}: `parameters` is nested too deep.") from error
    return schema
