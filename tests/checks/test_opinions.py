"""An opinion is read strictly by its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.checks.opinions import opinion_schema, read_opinion

SCHEMA = opinion_schema(
    {"why": {"type": "string"}, "yes": {"type": "boolean"}, "how": {"type": "string", "enum": ["much", "little"]}}
)
GOOD = {"why": "so", "yes": True, "how": "much"}


@given(
    st.fixed_dictionaries(
        {"why": st.text(), "yes": st.booleans(), "how": st.sampled_from(SCHEMA["properties"]["how"]["enum"])}
    )
)
def test_what_the_schema_allows_comes_through(opinion: dict[str, Any]) -> None:
    assert read_opinion(json.dumps(opinion), SCHEMA) == opinion


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"how": "very"}, "has 'very' under how, not one of much, little"),
        ({"how": None}, "says nothing under how, or not as str"),
        ({"yes": 1}, "says nothing under yes, or not as bool"),
        ({"more": 1}, "has a key 'more' that was not asked for"),
    ],
)
def test_what_it_does_not_allow_is_said(changed: dict[str, Any], reason: str) -> None:
    found = read_opinion(json.dumps({**GOOD, **changed}), SCHEMA)
    assert isinstance(found, str)
    assert reason in found


@given(st.dictionaries(st.sampled_from([*GOOD, "more"]), st.one_of(st.text(), st.booleans(), st.none(), st.integers())))
def test_nothing_else_is_an_opinion(values: dict[str, Any]) -> None:
    found = read_opinion(json.dumps(values), SCHEMA)
    allowed = (
        set(values) == {"why", "yes", "how"}
        and isinstance(values["why"], str)
        and isinstance(values["yes"], bool)
        and values["how"] in ("much", "little")
    )
    assert isinstance(found, dict) == allowed
