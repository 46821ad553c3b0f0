"""Parameters that are right one by one and wrong together, or outside what makes sense, are refused before any work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ownwords.checks.named import named_checks
from ownwords.errors import RecipeError
from ownwords.recipe import CheckSection
from ownwords.stages.check import RowChecks


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("same_behaviour", {"inputs": [[1]]}, "texts to read without the parameter function"),
        ("same_behaviour", {"inputs": ["a"], "function": "f"}, "lists of arguments with the parameter function"),
        ("length_ratio", {"minimum": 5, "maximum": 1}, "minimum 5 is more than maximum 1"),
        ("length_ratio", {"minimum": 6}, "minimum 6 is more than maximum 5"),
        ("length_ratio", {"minimum": -1}, "must not be less than 0, and is -1"),
        ("length_ratio", {"maximum": -0.5}, "must not be less than 0, and is -0.5"),
    ],
)
def test_refused(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        named_checks([CheckSection.model_validate({"name": name, **params})], allow_code=False)
    with pytest.raises(RecipeError, match=message):
        named_checks([CheckSection.model_validate({"name": "any", "of": [{"name": name, **params}]})], allow_code=False)
    row = {"check": name, "prompt": "?", "reference": "r", "candidate": "c", "params": params}
    with pytest.raises(RecipeError, match=f"rows.jsonl line 2: .*{message}"):
        list(RowChecks(allow_unsafe_code=True).verdicts(["", json.dumps(row)], "rows.jsonl"))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("same_behaviour", {"inputs": [[1]], "function": "f"}),
        ("same_behaviour", {"inputs": ["a"]}),
        ("length_ratio", {"minimum": 0, "maximum": 0}),
        ("length_ratio", {"minimum": 1.0, "maximum": 1}),
    ],
)
def test_taken(name: str, params: dict[str, Any]) -> None:
    named_checks([CheckSection.model_validate({"name": name, **params})], allow_code=False)
