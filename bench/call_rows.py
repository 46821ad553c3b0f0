"""The rows that the labelled calls are made of: references as the datasets have them, and calls by schemas.

Three sources: OpenFunctions (one call in Python, no schema), the tool calls of `docs/recipes` (JSON, with schemas), and
calls of the schemas below with values drawn by a seed (in Python or JSON, one to three at a time).
"""

from __future__ import annotations

import ast
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bench.data_files import file_in

Value = Any

RECIPES = Path(__file__).parent.parent / "docs" / "recipes"


@dataclass(frozen=True, slots=True)
class Source:
    """A value that is no literal, as Python source."""

    text: str


@dataclass(frozen=True, slots=True)
class Made:
    """A call that a row's reference makes, with its arguments by name."""

    name: str
    arguments: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Row:
    """A reference, what it calls, and the row's tools (JSON text, or empty)."""

    reference: str
    calls: tuple[Made, ...]
    tools: str = ""

    def schema(self, call: Made) -> dict[str, dict[str, Any]]:
        """The properties of the call's parameters, in the schema's order; empty without tools."""
        tools: list[dict[str, Any]] = json.loads(self.tools) if self.tools else []
        for tool in tools:
            if tool["function"]["name"] == call.name:
                return cast("dict[str, dict[str, Any]]", tool["function"]["parameters"]["properties"])
        return {}


def open_function_rows(folder: Path) -> list[Row]:
    """Rows of OpenFunctions, equal references once, without those that are no Python or give arguments by position."""
    rows: dict[str, Row] = {}
    for part in ("train", "test"):
        for item in json.loads(file_in(folder, f"openfunction_{part}.json").read_text(encoding="utf-8")):
            reference = item["output"]
            call = _made(reference)
            if call is not None:
                rows.setdefault(reference, Row(reference, (call,)))
    return list(rows.values())


def recipe_rows() -> list[Row]:
    """The turns of the recipes' conversations that make calls, as one text each."""
    rows: list[Row] = []
    for path in sorted(RECIPES.glob("tool-calls*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            conversation = json.loads(line)
            for message in conversation["messages"]:
                calls = tuple(_from_openai(call["function"]) for call in message.get("tool_calls") or ())
                if calls:
                    words = message.get("content") or ""
                    reference = "\n".join(filter(None, [words, *map(tagged, calls)]))
                    rows.append(Row(reference, calls, json.dumps(conversation["tools"], ensure_ascii=False)))
    return rows


def schema_rows(count: int, draw: random.Random) -> list[Row]:
    """Rows of the schemas below; every third makes two or three calls, every second is written in JSON."""
    rows: list[Row] = []
    for number in range(count):
        names = draw.sample(sorted(SCHEMAS), 4)
        tools = [
            {
                "type": "function",
                "function": {
                    "name": name,
                    "description": "",
                    "parameters": {"type": "object", "properties": SCHEMAS[name]},
                },
            }
            for name in names
        ]
        wanted = draw.randint(2, 3) if number % 3 == 0 else 1
        calls = tuple(_drawn(name, draw) for name in draw.sample(names, wanted))
        lines = [tagged(call) if number % 2 else python(call) for call in calls]
        rows.append(Row("\n".join(lines), calls, json.dumps(tools)))
    return rows


def python(call: Made, *, quote: str = '"', gap: str = " ", equals: str = "=") -> str:
    """The call as Python, all arguments by keyword."""
    arguments = [f"{name}{equals}{literal(value, quote)}" for name, value in call.arguments.items()]
    return f"{call.name}({f',{gap}'.join(arguments)})"


def literal(value: Value, quote: str = '"') -> str:
    """The value as Python source with the quotes that are asked for."""
    if isinstance(value, Source):
        return value.text
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if quote == '"' else repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(literal(item, quote) for item in cast("list[Value]", value)) + "]"
    if isinstance(value, dict):
        items = cast("dict[Any, Value]", value).items()
        return "{" + ", ".join(f"{literal(key, quote)}: {literal(item, quote)}" for key, item in items) + "}"
    return repr(value)


def as_object(call: Made) -> dict[str, Any] | None:
    """The call as a JSON object; None where it has values that JSON lacks."""
    return {"name": call.name, "arguments": call.arguments} if _is_json(call.arguments) else None


def tagged(call: Made) -> str:
    """The call as Hermes and Qwen models write it. Its values must be those of JSON."""
    return f"<tool_call>\n{json.dumps(as_object(call), ensure_ascii=False)}\n</tool_call>"


def _is_json(value: Value) -> bool:
    if isinstance(value, dict):
        items = cast("dict[Any, Value]", value)
        return all(isinstance(key, str) for key in items) and all(map(_is_json, items.values()))
    if isinstance(value, list):
        return all(map(_is_json, cast("list[Value]", value)))
    return value is None or isinstance(value, bool | int | float | str)


def _made(reference: str) -> Made | None:
    try:
        tree = ast.parse(reference.strip(), mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(tree, ast.Call) or tree.args or isinstance(tree.func, ast.Call):
        return None
    return Made(ast.unparse(tree.func), {str(word.arg): _value(word.value) for word in tree.keywords})


def _value(node: ast.expr) -> Value:
    try:
        value: Value = ast.literal_eval(node)
    except ValueError:
        constants = {"true": True, "false": False}
        return constants[node.id] if isinstance(node, ast.Name) and node.id in constants else Source(ast.unparse(node))
    return value


def _from_openai(function: dict[str, Any]) -> Made:
    arguments: Any = function["arguments"]
    return Made(function["name"], json.loads(arguments) if isinstance(arguments, str) else arguments)


def _drawn(name: str, draw: random.Random) -> Made:
    arguments: dict[str, Value] = {}
    for argument, schema in SCHEMAS[name].items():
        if "default" in schema and draw.random() < 0.5:
            continue
        arguments[argument] = _drawn_value(schema, draw)
    return Made(name, arguments)


def _drawn_value(schema: dict[str, Any], draw: random.Random) -> Value:
    if "enum" in schema:
        return draw.choice(schema["enum"])
    match schema["type"]:
        case "integer":
            return draw.randint(2, 500)
        case "number":
            return draw.choice([draw.randint(2, 90), round(draw.uniform(1, 90), 2)])
        case "boolean":
            return draw.random() < 0.5
        case "array":
            return [_drawn_value(schema["items"], draw) for _ in range(draw.randint(1, 3))]
        case "object":
            return {key: _drawn_value(inner, draw) for key, inner in schema["properties"].items()}
        case _:
            return draw.choice(WORDS)


WORDS = (
    "Kyiv", "San Francisco, CA", "it's late (really)", 'the "blue" one', "2024-05-01", "München", "a=b, c=d", "ab12",
    "O'Hare → Zürich", "SELECT * FROM t WHERE (x > 1)", "first\nsecond", "[1, 2]", "#4", "f(x=1)", "C:\\temp",
)  # fmt: skip
_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}

SCHEMAS: dict[str, dict[str, dict[str, Any]]] = {
    "get_weather": {
        "city": _TEXT,
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
        "days": {"type": "integer", "default": 1},
    },
    "book_table": {
        "restaurant": _TEXT,
        "people": {"type": "integer"},
        "outdoors": {"type": "boolean", "default": False},
        "wishes": {**_TEXTS, "default": []},
    },
    "flights.search": {
        "origin": _TEXT,
        "destination": _TEXT,
        "passengers": {"type": "integer", "default": 1},
        "cabin": {"type": "string", "enum": ["Economy", "Business", "First"], "default": "Economy"},
    },
    "send_email": {"to": _TEXTS, "subject": _TEXT, "body": _TEXT, "urgent": {"type": "boolean", "default": False}},
    "lights.set": {
        "room": _TEXT,
        "brightness": {"type": "number"},
        "color": {"type": "object", "properties": {c: {"type": "integer"} for c in ("red", "green", "blue")}},
    },
    "torch.hub.load": {"repo_or_dir": _TEXT, "model": _TEXT, "pretrained": {"type": "boolean", "default": True}},
    "convert_currency": {"amount": {"type": "number"}, "from": _TEXT, "to": _TEXT},
    "create-event": {"title": _TEXT, "max-guests": {"type": "integer"}, "public": {"type": "boolean"}},
    "query": {
        "table": _TEXT,
        "filters": {
            "type": "array",
            "items": {"type": "object", "properties": {"column": _TEXT, "above": {"type": "number"}}},
        },
        "limit": {"type": "integer", "default": 10},
        "order": {"type": "string", "enum": ["asc", "desc"], "default": "asc"},
    },
    "math.integrate": {"expression": _TEXT, "lower": {"type": "number"}, "upper": {"type": "number"}},
}
