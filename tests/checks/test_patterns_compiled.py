"""Patterns that cost too much to compile are refused in bounded time and memory; ordinary ones are taken."""

from __future__ import annotations

import resource
import time
from typing import Any

import pytest

from ownwords.checks.named import named_checks
from ownwords.errors import RecipeError
from ownwords.recipe import CheckSection


def load(name: str, **params: Any) -> None:
    named_checks([CheckSection.model_validate({"name": name, **params})], allow_code=False)


TOO_LARGE = [
    "((((a{1000}){1000}){1000}){1000})",
    "a{100000000}",
    "(?x)(a{10 00} # )\n){1000}{ 1000}",
    "(?x)((a{1000} # )\n){1000}){1000}",
    "(?:(?:a{1000}[)]b[(]c){1000}){1000}",
    "a|" * 300_000,
]


@pytest.mark.slow
@pytest.mark.parametrize("pattern", TOO_LARGE, ids=lambda pattern: pattern[:20])
def test_a_pattern_that_takes_too_much_to_compile_is_refused(pattern: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(RecipeError, match="parameter pattern of the check regex"):
        load("regex", pattern=pattern)
    assert time.process_time() - began < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kilobytes


@pytest.mark.slow
@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": "(?i)" + "[\0-\uffff]" * 5_000},
        {"properties": {"a": {"patternProperties": {"(?i)" + "[\0-\uffff]" * 5_000: {}}}}},
        {"anyOf": [{"pattern": "a|" * 300_000}]},
    ],
)
def test_so_is_one_in_a_schema(schema: dict[str, Any]) -> None:
    began = time.process_time()
    with pytest.raises(RecipeError, match="parameter schema of the check json_schema"):
        load("json_schema", schema=schema)
    assert time.process_time() - began < 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern",
    [
        r"\d+",
        r"(?i)yes|no",
        r"(?x) \d{4} - \d{2}  # a year and a month",
        r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        r".{0,100000}",
        r"(?:\w+\s+){50,200}",
        "|".join(f"word{number}" for number in range(3_000)),
    ],
    ids=lambda pattern: pattern[:20],
)
def test_ordinary_ones_are_taken(pattern: str) -> None:
    load("regex", pattern=pattern)
    if "(?x)" not in pattern:
        load("json_schema", schema={"pattern": pattern})


def test_what_is_no_pattern_is_told_apart_from_what_is_too_large() -> None:
    with pytest.raises(RecipeError, match="is no regular expression"):
        load("regex", pattern="(?i)(" + "x" * 2_000)
    with pytest.raises(RecipeError, match="is no JSON schema"):
        load("json_schema", schema={"pattern": "(?i)(" + "x" * 2_000})
