"""JSON against a reference and against a schema, patterns, and what Markdown lays out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.checks import named
from ownwords.checks.base import find_check, run_check
from ownwords.checks.markdown import Structure, read_structure
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel
from ownwords.errors import RecipeError
from ownwords.recipe import CheckSection
from ownwords.records import Candidate, Example, Message, Verdict

EXAMPLE = Example("id", (Message("user", "?"),), "{}")


def judge(name: str, text: str, *, reference: str = "{}", **params: Any) -> Verdict:
    example = Example("id", (Message("user", "?"),), reference)
    return run_check(find_check(name), example, Candidate(text), params)


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(named, "SECONDS", 2.0)
    opened: list[Panel] = []

    def make(name: str, **params: Any) -> Panel:
        section = CheckSection.model_validate({"name": name, **params})
        opened.append(Panel(named_checks([section], allow_code=False)))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


REFERENCE = '{"name": "Ada", "age": 36, "tags": ["a", "b"], "nested": {"ok": true, "none": null}}'


@pytest.mark.parametrize(
    "text",
    [
        REFERENCE,
        '{"nested":{"none":null,"ok":true},"tags":["a","b"],"age":36.0,"name":"Ada"}',
        '{"name": "\\u0041da", "age": 3.6e1, "tags": ["a", "b"], "nested": {"ok": true, "none": null}}',
        f"```json\n{REFERENCE}\n```",
        f"Here it is:\n\n~~~\n{REFERENCE}\n~~~\nAnything else?",
        f"Here it is: {REFERENCE} I hope [1] it helps {{really}}.",
        f'First I had {{"name": "Bob"}} and then {REFERENCE}.',
        f"<think>Is it {{}}?</think>\n{REFERENCE}",
        f"```python\nprint([1, 2])\n```\n```JSON\n{REFERENCE}\n```\n",
        f"1. the object\n   ```json\n   {REFERENCE}\n   ```",
        f"  \n{REFERENCE}\n\n",
        f"```json\n{REFERENCE}",
    ],
)
def test_the_same_value_in_another_form_is_equal(text: str) -> None:
    assert judge("json_equal", text, reference=REFERENCE).reason == "ok"
    assert judge("json_equal", REFERENCE, reference=text).reason == "ok"


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        (REFERENCE.replace("36", "37"), "wrong_value", "/age is 37, the reference has 36"),
        (REFERENCE.replace("36", '"36"'), "wrong_type", "/age is a string, the reference has a number"),
        (REFERENCE.replace("true", "1"), "wrong_type", "/nested/ok is a number, the reference has a truth value"),
        (REFERENCE.replace("null", "false"), "wrong_type", "/nested/none"),
        (REFERENCE.replace('"b"]', '"c"]'), "wrong_value", '/tags/1 is "c"'),
        (REFERENCE.replace('"a", "b"', '"b", "a"'), "wrong_value", "/tags/0"),
        (REFERENCE.replace('"b"]', '"b", "b"]'), "wrong_length", "/tags has 3 items, the reference has 2"),
        (REFERENCE.replace('"age": 36, ', ""), "missing_key", "/age is missing"),
        (REFERENCE.replace('"age"', '"a/~": 1, "age"'), "extra_key", "/a~1~0"),
        (REFERENCE.replace('"age": 36', '"age": 36, "age": 36'), "duplicate_key", "'age' twice"),
        (f"[{REFERENCE}]", "wrong_type", "the whole value is a list"),
        ("I cannot do that.", "no_json", ""),
        ("", "no_json", ""),
        ("{'name': 'Ada'}", "no_json", ""),
        ('{"name": "Ada",}', "no_json", ""),
        (f"{REFERENCE}\nOr rather {REFERENCE.replace('36', '37')}", "wrong_value", "/age"),
        (f"```json\n{REFERENCE[:-1]}\n```", "no_json", ""),
        ('{"age": NaN}', "no_json", ""),
    ],
)
def test_another_value_is_not_equal_and_the_detail_says_where(text: str, reason: str, detail: str) -> None:
    verdict = judge("json_equal", text, reference=REFERENCE)
    assert verdict.reason == reason
    assert detail in verdict.detail


@pytest.mark.parametrize(
    ("text", "reference", "reason"),
    [
        ("[1, 2, 2]", "[2, 1, 2]", "ok"),
        ("[1, 2, 2]", "[2, 1, 1]", "wrong_value"),
        ('[{"a": [1, 2]}, {"b": 0}]', '[{"b": -0.0}, {"a": [2.0, 10e-1]}]', "ok"),
        ("[[1, 2], [3]]", "[[3], [1], [2]]", "wrong_length"),
        ("[true]", "[1]", "wrong_type"),
    ],
)
def test_lists_in_any_order_where_asked_for(text: str, reference: str, reason: str) -> None:
    assert judge("json_equal", text, reference=reference, ignore_order=True).reason == reason
    if reason == "ok":
        assert judge("json_equal", text, reference=reference).reason == "wrong_value" or text.startswith("[{")


@pytest.mark.parametrize("text", ["3", '"three"', "true", "null", "3.0", "[]"])
def test_bare_values_count_as_the_whole_text_only(text: str) -> None:
    assert judge("json_equal", f" {text} ", reference=text).reason == "ok"
    if text[0] != "[":
        assert judge("json_equal", f"It is {text}.", reference=text).reason == "no_json"


def test_numbers_are_compared_exactly_and_of_any_size() -> None:
    assert judge("json_equal", "[12345678901234567890]", reference="[12345678901234567891]").reason == "wrong_value"
    assert judge("json_equal", "[0.1]", reference="[0.10]").reason == "ok"
    digits = "9" * 50_000
    assert judge("json_equal", f"[{digits}]", reference=f"[{digits}]", ignore_order=True).reason == "ok"
    assert judge("json_equal", "[1e400]", reference="[1e401]").reason == "wrong_value"
    assert judge("json_equal", "[1e99999999999999999999]", reference="[1]").reason == "number_too_large"
    verdict = judge("json_equal", "[1]", reference="[1e99999999999999999999]")
    assert (verdict.reason, "is too large" in verdict.detail) == ("no_reference_json", True)


@pytest.mark.parametrize("reference", ["The answer is 3.", "{", '{"a": 1, "a": 1}', "[" * 1000 + "]" * 1000])
def test_a_reference_without_json_is_told(reference: str) -> None:
    assert judge("json_equal", "{}", reference=reference).reason == "no_reference_json"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@given(values, st.booleans(), st.booleans())
def test_any_value_equals_itself_however_it_is_written(value: Any, ascii_only: bool, sort_keys: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, sort_keys=sort_keys)
    reference = json.dumps(value, indent=2)
    for wrapped in (text, f"\n{text}\n", f"```json\n{text}\n```"):
        assert judge("json_equal", wrapped, reference=reference).reason == "ok"
        assert judge("json_equal", wrapped, reference=reference, ignore_order=True).reason == "ok"


@given(values, values)
def test_two_values_are_equal_exactly_if_their_canonical_texts_are(one: Any, other: Any) -> None:
    def canonical(value: Any) -> Any:
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return [str(type(value)), value]
        if isinstance(value, list):
            return ["list", *map(canonical, value)]
        if isinstance(value, dict):
            return {key: canonical(inner) for key, inner in value.items()}
        return ["number", value]

    equal = canonical(one) == canonical(other)
    assert judge("json_equal", json.dumps(one), reference=json.dumps(other)).passed == equal


@given(st.text(alphabet='{}[]":,0 \\\n`tnf~j'))
def test_any_text_has_a_verdict(text: str) -> None:
    for name in ("json_equal", "markdown_structure"):
        assert judge(name, text, reference=text).reason in ("ok", "no_reference_json")
        assert not judge(name, text, reference="[12]\n- a\n- b").reason.startswith("check_")


PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ('{"name": "Ada"}', "ok", ""),
        ('Sure: ```json\n{"name": "Ada", "age": 36}\n```', "no_json", ""),
        ('Sure:\n```json\n{"name": "Ada", "age": 36}\n```', "ok", ""),
        ('{"name": "Ada", "age": 36.0}', "ok", ""),
        ('{"name": "Ada", "age": -1}', "schema_violation", "/age: -1"),
        ('{"name": "Ada", "age": true}', "schema_violation", "/age"),
        ('{"age": 3}', "schema_violation", "the whole value: 'name' is a required property"),
        ('{"name": "Ada", "a": 3}', "schema_violation", "'a' was unexpected"),
        ('It is {"name": "Ada"}, see [1].', "ok", ""),
        ("no", "no_json", ""),
        ('{"name": "a", "name": "b"}', "duplicate_key", ""),
        ('{"name": "a", "age": 1e999}', "number_too_large", "its number 1e999 is too large"),
        ('It is {"name": "a", "age": 1e400}.', "number_too_large", "1e400"),
        ('{"name": "a", "age": ' + "9" * 5_000 + "}", "number_too_large", "999…"),
        ('{"name": "a", "age": NaN}', "no_json", ""),
        ("[" * 100_000, "too_deep", ""),
    ],
)
def test_schema(text: str, reason: str, detail: str) -> None:
    verdict = judge("json_schema", text, schema=PERSON)
    assert verdict.reason == reason
    assert detail in verdict.detail


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("json_schema", {"schema": {"type": "objekt"}}, "parameter schema of the check json_schema is no JSON schema"),
        ("json_schema", {"schema": {"pattern": "("}}, "is no JSON schema"),
        ("json_schema", {"schema": {"$ref": "https://example.org/schema.json"}}, "nothing is fetched"),
        ("json_schema", {"schema": {"$ref": "#/$defs/none"}}, "not in it"),
        ("json_schema", {"schema": {"$dynamicRef": "#x"}}, "refers to '#x', which is not in it"),
        ("json_schema", {"schema": {"items": {"$ref": "#/$defs/none"}}}, "not in it"),
        ("json_schema", {"schema": {"$ref": "#/x", "x": {"$ref": "#/y"}}}, "refers to '#/y', which is not in it"),
        ("json_schema", {"schema": {"$ref": "#/x", "x": {"allOf": 3}}}, "refers to '#/x', which is no JSON schema"),
        ("json_schema", {"schema": 3}, "parameter schema"),
        ("json_schema", {}, "the check json_schema needs the parameter schema"),
        ("regex", {"full": True}, "the check regex needs the parameter pattern"),
        ("regex", {"pattern": "("}, "parameter pattern of the check regex is no regular expression"),
        ("regex", {"pattern": 3}, "must be"),
        ("regex", {"pattern": "a", "full": "yes"}, "must be bool"),
    ],
)
def test_wrong_parameters_are_refused_with_the_recipe(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message.replace("(", r"\(")):
        named_checks([CheckSection.model_validate({"name": name, **params})], allow_code=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"const": {"$ref": "x"}}, '{"$ref": "x"}'),
        ({"enum": [{"$dynamicRef": "#x"}]}, '{"$dynamicRef": "#x"}'),
        ({"properties": {"const": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "null"}}}, '{"const": null}'),
        ({"$ref": "#/parts/a", "parts": {"a": {"type": "null"}}}, "null"),
        (
            {"$id": "http://h/a", "$ref": "b", "$defs": {"b": {"$id": "b", "$ref": "#/$defs/c", "$defs": {"c": {}}}}},
            "3",
        ),
        ({"$dynamicRef": "#x", "$defs": {"x": {"$dynamicAnchor": "x", "type": "null"}}}, "null"),
    ],
)
def test_references_that_lead_somewhere_and_what_only_looks_like_one_are_taken(
    panel: Any, schema: dict[str, Any], text: str
) -> None:
    assert panel("json_schema", schema=schema).judge(EXAMPLE, Candidate(text))["json_schema"].reason == "ok"


@pytest.mark.slow
def test_a_schema_may_refer_to_itself(panel: Any) -> None:
    tree = {"$defs": {"node": {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "$ref": "#/$defs/node"}
    judging = panel("json_schema", schema=tree)
    assert judging.judge(EXAMPLE, Candidate("[[], [[]]]"))["json_schema"].reason == "ok"
    assert judging.judge(EXAMPLE, Candidate("[[], [[3]]]"))["json_schema"].detail.startswith("/1/0/0: 3")
    endless = panel("json_schema", schema={"$ref": "#"})
    assert endless.judge(EXAMPLE, Candidate("[]"))["json_schema"].reason == "too_deep"


@pytest.mark.slow
def test_a_catastrophic_pattern_ends_in_a_verdict(panel: Any) -> None:
    hostile = Candidate(f'["{"a" * 40}!"]')
    schema = panel("json_schema", schema={"items": {"pattern": "^(a|a)*$"}})
    pattern = panel("regex", pattern="(a|a)*b")
    # A long one first: starting a process is no part of it.
    for judging, text in ((schema, '["aaa"]'), (pattern, "b" * 110_000)):
        assert all(verdict.passed for verdict in judging.judge(EXAMPLE, Candidate(text)).values())
    began = time.monotonic()
    assert schema.judge(EXAMPLE, hostile)["json_schema"].reason == "check_timeout"
    assert pattern.judge(EXAMPLE, Candidate("a" * 90_000))["regex"].reason in ("check_timeout", "no_match")
    assert time.monotonic() - began < 30
    assert schema.judge(EXAMPLE, Candidate('["aaa"]'))["json_schema"].reason == "ok"


@pytest.mark.parametrize(
    ("text", "params", "reason"),
    [
        ("The answer is 42.", {"pattern": r"\d+"}, "ok"),
        ("The answer is 42.", {"pattern": r"^\d+"}, "no_match"),
        ("The answer is 42.", {"pattern": r"\d+", "full": True}, "no_match"),
        (" 42\n", {"pattern": r"\d+", "full": True}, "ok"),
        ("a\nb", {"pattern": "(?m)^b$"}, "ok"),
        ("<think>42</think>no", {"pattern": r"\d+"}, "no_match"),
        ("TODO: more", {"pattern": "TODO", "must_match": False}, "match"),
        ("done", {"pattern": "TODO", "must_match": False}, "ok"),
        ("done \udcff", {"pattern": "\udcff"}, "ok"),
        ("שלום", {"pattern": r"\w+", "full": True}, "ok"),
    ],
)
def test_patterns(text: str, params: dict[str, Any], reason: str) -> None:
    assert judge("regex", text, **params).reason == reason


LAYOUT = """Steps:

1. Open it.
2. Close it.

* one
* two

| a | b |
|---|:-:|
| 1 | 2 |

```python
# - no
- item
| x | y |
|---|---|
```
"""


def test_markdown_is_read_as_it_is_laid_out() -> None:
    assert read_structure(LAYOUT) == Structure(2, 2, [2], ["python"])
    assert read_structure("* * *\n---\n***\n- - -\ntext -- more\n-no\n3.14 is\n2.no") == Structure()
    assert read_structure("a | b\n--- | ---\nx|y\n|---|") == Structure(tables=[2])
    assert read_structure("~~~\n```\n- a\n~~~~\n- a\n````py\n```\n````") == Structure(1, 0, [], ["", "python"])
    assert read_structure("Use ```x``` here\n```x``` too\n- a") == Structure(bullets=1)
    assert read_structure("<think>\n- a\n- b\n</think>\nno") == Structure()
    assert read_structure("- ```sh\n  ls\n  ```\n> - a\n> 1) b") == Structure(1, 1, [], ["bash"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAYOUT, "ok"),
        (LAYOUT.replace("*", "-").replace("python", "py").replace("1.", "**1.**"), "ok"),
        (LAYOUT.replace("* ", ""), "ok"),  # there still is a list
        (LAYOUT.replace("1. ", "- ").replace("2. ", "- "), "missing_list"),
        (LAYOUT.replace("|---|:-:|", ""), "missing_table"),
        (LAYOUT.replace("|---|:-:|", "|---|").replace("| a | b |", "| a |"), "missing_table"),
        (LAYOUT.replace("```python", "```java"), "missing_fence"),
        (LAYOUT.replace("```", ""), "missing_fence"),
        ("", "missing_list"),
        (f"{LAYOUT}\n{LAYOUT}", "ok"),
    ],
)
def test_structure_is_kept(text: str, reason: str) -> None:
    assert judge("markdown_structure", text, reference=LAYOUT).reason == reason


def test_without_structure_in_the_reference_anything_passes() -> None:
    assert judge("markdown_structure", LAYOUT, reference="Plain words.").reason == "ok"
    assert judge("markdown_structure", "Plain words.", reference="- a single dash").reason == "ok"
    two = "```\na\n```\n```\nb\n```"
    assert judge("markdown_structure", "```c\na\n```", reference=two).reason == "missing_fence"
    assert judge("markdown_structure", "```c\na\n```\n```d\nb\n```", reference=two).reason == "ok"


HOSTILE = [
    "[" * 400_000,
    "{" * 400_000,
    '{"a":' * 80_000,
    '["' * 200_000,
    '[0,"' * 100_000,
    "[" * 50 + "[0]," * 100_000 + "x",
    "| " * 200_000,
    "a|b\n" + "|" * 200_000 + "x\n" + "-" * 100_000 + " " * 100_000 + "x",
    "- " * 200_000,
    "```\n" * 100_000,
    "> " * 200_000,
    " " * 400_000,
    "1" * 400_000,
    "\udcff\u202e" * 200_000,
    "<think>" * 60_000,
]


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:6]))
def test_hostile_text_takes_linear_time(text: str) -> None:
    began = time.process_time()
    for name, params in (
        ("json_equal", {}),
        ("json_equal", {"ignore_order": True}),
        ("json_schema", {"schema": PERSON}),
        ("markdown_structure", {}),
        ("regex", {"pattern": "zzz"}),
    ):
        assert not judge(name, text, reference="[1]\n- a\n- b", **params).reason.startswith("check_")
        assert not judge(name, "x", reference=text, **params).reason.startswith("check_")
    assert time.process_time() - began < 20
