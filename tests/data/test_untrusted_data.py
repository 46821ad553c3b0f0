"""Datasets from strangers: whatever is in a file, its rows become examples or our own error comes out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ownwords.data.load import Skipped, load_train
from ownwords.errors import InputError
from ownwords.recipe import DataSection
from ownwords.records import Example
from ownwords.turns import read_turn, structured

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
VALUES_OF_SCHEMA = SCALARS | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2) | st.lists(SCALARS, max_size=2)
ROLES = st.sampled_from(["system", "user", "assistant", "tool", "human", "gpt", "function_call", "model", "", "User"])
TEXTS = st.sampled_from(["Hello", "", " ", "a\0b", "\ud800", "7", "é"]) | SCALARS
PARTS = st.lists(st.fixed_dictionaries({"type": st.sampled_from(["text", "image"]), "text": TEXTS}), max_size=2)
NAMES = st.sampled_from(["f", "g", ""])
ARGUMENTS = st.dictionaries(st.text(max_size=3), SCALARS, max_size=2) | TEXTS | st.just('{"x": 1}')
FUNCTIONS = st.fixed_dictionaries({"name": NAMES}, optional={"arguments": ARGUMENTS, "parameters": ARGUMENTS})
CALLS = st.fixed_dictionaries({}, optional={"id": SCALARS, "function": FUNCTIONS | TEXTS, "name": NAMES})
THOUGHTS = st.sampled_from(
    ["<think>hm</think>Yes", "<think>hm", '<tool_call>{"name": "f"}</tool_call>', '{"name": "f"}']
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "role": ROLES,
            "content": TEXTS | PARTS | THOUGHTS,
            "weight": SCALARS,
            "tool_calls": st.lists(CALLS | SCALARS, max_size=2) | SCALARS,
            "function_call": CALLS | FUNCTIONS | SCALARS,
            "tool_call_id": SCALARS,
            "reasoning": TEXTS,
        },
    )
    | st.fixed_dictionaries({"from": ROLES, "value": TEXTS | THOUGHTS}),
    max_size=5,
)
PARAMETERS = st.dictionaries(st.sampled_from(["type", "properties", "required", "enum"]), VALUES_OF_SCHEMA, max_size=2)
TOOLS = st.lists(
    st.fixed_dictionaries({}, optional={"name": NAMES, "type": st.just("function"), "parameters": PARAMETERS})
    | st.fixed_dictionaries({"function": FUNCTIONS}),
    max_size=2,
)
CALLING = st.fixed_dictionaries({"messages": MESSAGES, "tools": TOOLS | TEXTS}) | st.fixed_dictionaries(
    {"conversations": MESSAGES, "tools": TOOLS.map(json.dumps) | TEXTS}
)
VALUES = (
    TEXTS | MESSAGES | st.lists(st.lists(TEXTS, max_size=3), max_size=2) | st.dictionaries(TEXTS, TEXTS, max_size=2)
)
COLUMNS = st.sampled_from(
    [
        *("messages", "conversations", "prompt", "completion", "instruction", "input", "output", "system", "history"),
        *("tools", "question", "answer"),
    ]
)
ROWS = st.dictionaries(COLUMNS, VALUES, max_size=5) | CALLING | VALUES


def settings_of(path: Path, **values: Any) -> DataSection:
    on_bad_row = values.pop("on_bad_row", "error")
    return DataSection.model_validate({"train": {"path": str(path), **values}, "on_bad_row": on_bad_row})


def outcome(data: DataSection, skipped: Skipped | None = None) -> list[Example] | None:
    try:
        examples = load_train(data, skipped)
    except InputError as error:
        assert str(error)
        return None
    for example in examples:
        assert example.messages[-1].role in {"user", "tool"}
        assert json.dumps(structured(example.messages, tools=bool(example.tools)))
        assert read_turn(example.reference, tools=bool(example.tools)).as_text()
        assert example.reference.strip()
        assert all("\0" not in m.content for m in example.messages)
        example.reference.encode("utf-8")
    return list(examples)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4), st.sampled_from(["all", "last"]), st.booleans())
def test_rows_of_any_shape_become_examples_or_one_message(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], turns: str, mapped: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "shapes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    columns = {"columns": {"prompt": "question", "response": "answer"}} if mapped else {}
    strict = outcome(settings_of(path, turns=turns, **columns))
    skipped: Skipped = {}
    lenient = outcome(settings_of(path, turns=turns, on_bad_row="skip", **columns), skipped)
    if strict is not None:
        assert (lenient, skipped) == (strict, {})
    elif lenient is not None:
        assert skipped


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(
    st.sampled_from([".json", ".jsonl", ".csv", ".parquet", ".jsonl.gz", ".csv.gz", ".jsonl.zst"]),
    st.binary(max_size=60) | st.text('[]{}",:ab\n\r\t 1e', max_size=40).map(lambda text: text.encode()),
    st.booleans(),
)
def test_bytes_of_any_kind_become_examples_or_one_message(
    tmp_path_factory: pytest.TempPathFactory, kind: str, content: bytes, packed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / f"bytes{kind}"
    path.write_bytes(gzip.compress(content) if packed and kind.endswith(".gz") else content)
    outcome(settings_of(path))
    outcome(settings_of(path, on_bad_row="skip"))
