"""Tools, calls and results as rows hold them, in the spellings of OpenAI, Hugging Face and ShareGPT dumps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ownwords.data._cells import cut, kind, short, text
from ownwords.errors import DataError
from ownwords.turns import Call, as_call

_NO_TOOLS = ("", "null", "nan", "none")  # how tables write an empty cell


def read_tools(value: Any, origin: str) -> str:
    """The functions of a row's `tools` as JSON text of a list in OpenAI's form; empty where there are none.

    A function may stand bare ({name, parameters}) or as {type: function, function: {…}}.

    Raises:
        DataError: it is no list of functions, or the parameters of one are no JSON schema of an object.
    """
    values: Any = unpacked(value, "tools", origin)
    if not values or (isinstance(values, str) and values.strip().lower() in _NO_TOOLS):
        return ""
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise DataError(f"{origin}: `tools` must be a list of functions, not {kind(values)}.")
    tools = [_tool(tool, f"{origin}: tool {number}") for number, tool in enumerate(cast("Sequence[Any]", values), 1)]
    names = [tool["function"]["name"] for tool in tools]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{origin}: `tools` has two functions named {cut(twice)}.")
    try:
        return text(json.dumps(tools, ensure_ascii=False, allow_nan=False), "tools", origin)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{origin}: `tools` holds what is no JSON: {error}.") from error


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
    old: Any = message.get("function_call")
    if isinstance(old, Mapping) and not any(cast("Mapping[str, Any]", old).values()):
        old = None  # a table gives every message the keys of all of them
    if message.get("tool_calls") and old:
        raise DataError(f"{where}: it has both `tool_calls` and `function_call`. Keep one of them.")
    if old:
        return [("", one_call(old, f"{where}: `function_call`"))]
    values: Any = unpacked(message.get("tool_calls"), "tool_calls", where) or ()
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise DataError(f"{where}: `tool_calls` must be a list of calls, not {kind(values)}.")
    calls: list[tuple[str, Call]] = []
    given_calls = [value for value in cast("Sequence[Any]", values) if value is not None]
    for number, value in enumerate(given_calls, 1):
        at = f"{where}: call {number} of `tool_calls`"
        if not isinstance(value, Mapping):
            raise DataError(f"{at} must be an object with a function, not {kind(value)}.")
        given = cast("Mapping[str, Any]", value)
        calls.append((identifier(given.get("id")), one_call(given.get("function") or dict(given), at)))
    return calls


def _require_json(arguments: dict[str, Any], where: str) -> None:
    """Say what of arguments no JSON text can hold: a date, an infinity, half a character, a depth without end."""
    try:
        text(json.dumps(arguments, ensure_ascii=False, allow_nan=False), "arguments", where)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{where}: `arguments` holds what is no JSON: {error}.") from error


def identifier(value: Any) -> str:
    """A call's id as text; empty where there is none."""
    return "" if value is None else str(value)


def without_padding(call: Call, tools: str) -> Call:
    """The call without nulls that its function's schema does not know: tables give every call the arguments of all."""
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in json.loads(tools)}
    return Call(call.name, _unpadded(call.arguments, schemas.get(call.name, {})))


def _unpadded(value: Any, schema: Any) -> Any:
    properties: Any = cast("dict[str, Any]", schema).get("properties") if isinstance(schema, dict) else None
    if not isinstance(value, dict) or not isinstance(properties, dict):
        return cast("Any", value)
    known, given = cast("dict[str, Any]", properties), cast("dict[str, Any]", value)
    kept = {key: inner for key, inner in given.items() if inner is not None or _allows_null(known.get(key))}
    return {key: _unpadded(inner, known.get(key)) for key, inner in kept.items()}


def _allows_null(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    kinds: Any = cast("dict[str, Any]", schema).get("type")
    return kinds is None or kinds == "null" or (isinstance(kinds, list) and "null" in kinds)


def one_call(value: Any, where: str) -> Call:
    """A call: a function's name with its arguments, an object or its JSON text.

    Raises:
        DataError: it is something else.
    """
    call = None
    if isinstance(value, Mapping):
        given = dict(cast("Mapping[str, Any]", value))
        arguments = unpacked(given.get("arguments"), "arguments", where)
        empty = not arguments or (isinstance(arguments, str) and arguments.strip() in ("", "null"))
        if isinstance(arguments, dict):
            _require_json(cast("dict[str, Any]", arguments), where)
        call = as_call({**given, "arguments": {} if empty else arguments})
    if call is None:
        raise DataError(f"{where} must be a function's name with its arguments, {{name, arguments}}: {short(value)}.")
    return call


def _tool(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise DataError(f"{where} must be an object with a function, not {kind(value)}.")
    tool = cast("Mapping[str, Any]", value)
    function: Any = tool.get("function", tool)
    if tool.get("type", "function") != "function" or not isinstance(function, Mapping):
        raise DataError(f"{where} must be of the type 'function', with a `function`.")
    try:
        function = dict(cast("dict[str, Any]", _without_nulls(function)))
    except RecursionError as error:
        raise DataError(f"{where} is nested too deep.") from error
    function.pop("type", None)
    name = function.get("name")
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"{where}: its function has no `name`.")
    parameters = _parameters(function.pop("parameters", None) or function.pop("input_schema", None), where, name)
    rest = function
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


def _parameters(value: Any, where: str, name: str) -> dict[str, Any]:
    """The JSON schema of an object, with the three keys that every function then has: readers of columns fill up what
    one row has and another lacks with nulls."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    where = f"{where} ({cut(name)})"
    value = unpacked(value, "parameters", where) or {}
    if not isinstance(value, dict):
        raise DataError(f"{where}: `parameters` must be a JSON schema, not {kind(value)}.")
    given = cast("dict[str, Any]", _without_nulls(value))
    if given and "properties" not in given and all(isinstance(inner, dict) for inner in given.values()):
        given = {"properties": given}  # the properties alone
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
