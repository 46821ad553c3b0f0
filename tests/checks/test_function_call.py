"""The check function_call: which texts make the reference's calls, what it says differs, and that hostile text ends."""

from __future__ import annotations

import json
import keyword
import random
import re
import time
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench.call_cases import labelled_cases
from bench.call_forms import FORMS
from bench.call_rows import Made, Source, python
from hypothesis import given
from hypothesis import strategies as st

from ownwords.checks._json_calls import KeySearch
from ownwords.checks.calls import function_call
from ownwords.records import Candidate, Example, Message, Verdict

UNIT = {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"}
TOOLS = json.dumps(
    [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "city": {"type": "string"},
                        "unit": UNIT,
                        "days": {"type": "integer"},
                        "level": {"type": ["number", "null"]},
                        "tags": {"type": "array", "items": {"type": "string"}},
                        "place": {"type": "object", "properties": {"zoom": {"type": "integer", "default": 3}}},
                    },
                    "required": ["city"],
                },
            },
        },
        {"type": "function", "function": {"name": "get-time", "parameters": {"type": "object", "properties": {}}}},
    ]
)
W = "weather(city='Kyiv', days=2)"


def judge(reference: str, candidate: str, tools: str = "") -> Verdict:
    return function_call(Example("id", (Message("user", "?"),), reference, tools=tools), Candidate(candidate))


def reason(reference: str, candidate: str, tools: str = "") -> str:
    return judge(reference, candidate, tools).reason


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        # where a call may stand
        (W, "ok"),
        ('weather(city = "Kyiv",days=2)', "ok"),
        (f"```python\n{W}\n```", "ok"),
        (f"~~~\n{W}\n~~~\nThere (it is).", "ok"),
        (f"Use `{W}` for it.", "ok"),
        (f"The call is {W}.", "ok"),
        ("Here:\n\nweather(\n    city='Kyiv',\n    days=2,\n)\n\nThat's it.", "ok"),
        (f"result = {W}\nprint(result)", "ok"),
        (f"print({W})", "ok"),
        (f'print(f"It is {{{W}}}")', "ok"),
        (f"```\n>>> {W}\n{{'sky': 'blue'}}\n```", "ok"),
        ('{"name": "weather", "arguments": {"city": "Kyiv", "days": 2}}', "ok"),
        ('[{"name": "weather", "arguments": {"city": "Kyiv", "days": 2}}]', "ok"),
        ('{"name": "weather", "parameters": {"city": "Kyiv", "days": 2}}', "ok"),
        ("{'name': 'weather', 'arguments': {'city': 'Kyiv', 'days': 2}}", "ok"),
        (r'{"function": {"name": "weather", "arguments": "{\"city\": \"Kyiv\", \"days\": 2}"}}', "ok"),
        ('<tool_call>\n{"name": "weather", "arguments": {"city": "Kyiv", "days": 2}}\n</tool_call>', "ok"),
        ('[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Kyiv", "days": 2}}]', "ok"),
        ('I call {"name": "weather", "arguments": {"city": "Kyiv", "days": 2}} now.', "ok"),
        (f"<think>weather('Lviv')?</think>{W}", "ok"),
        (f"# weather('Lviv')\n{W}", "ok"),
        ('"weather(city=\'Kyiv\', days=2)"', "ok"),
        (f"<code>{W}</code>", "ok"),
        (f"| call |\n|---|\n| `{W}` |", "ok"),
        (f"1. Call:\n   ```python\n   {W}\n   ```\n2. Done.", "ok"),
        (f"We call weather (the forecast).\n\n{W}", "ok"),
        (f"I can't see the weather, but this can:\n\n```\n{W}\n```\n\nIt isn't slow.", "ok"),
        (f"To avoid errors, call {W}", "ok"),
        # what is only said
        ("Call weather with the city Kyiv and 2 days.", "missing_call"),
        ("`weather`", "missing_call"),
        ("", "missing_call"),
        (f"<think>{W}</think>", "missing_call"),
        (f"<think>{W}", "missing_call"),
        (f"You must not call `{W}`.", "missing_call"),
        (f"{W} would be wrong.", "missing_call"),
        (f"Instead of {W}, I would look outside.", "missing_call"),
        ("{'city': 'Kyiv', 'days': 2}", "missing_call"),
        (f"Do not run this:\n```\n{W}\n```", "missing_call"),
        (f"```\n# {W}\npass\n```", "missing_call"),
        (f"def weather(city, days):\n    return {W}", "missing_call"),
        ('print("weather(city=1)")', "missing_call"),
        (f"Call `weather()` as in {W}", "ok"),
        (f"```\n{W}\n```\nHere `{W}` asks for `weather(city, days)`.", "ok"),
        ("I use `weather()`.", "missing_argument:city"),
        (f"It is not hard, but {W}", "ok"),
        # what is one too many, another, or cut off
        (f"{W}\n{W}", "extra_call"),
        (f"[{W}, {W}]", "extra_call"),
        (f"{W} and then {W}", "extra_call"),
        (f"{W}\n\nThen call weather(city='Lviv').", "extra_call"),
        (f"`{W}`, but the answer is:\n```\nweather(city='Lviv', days=2)\n```", "extra_call"),
        (f"{W}\nThen call other.thing(1).", "extra_call"),
        (f"{W}.run()", "wrong_function"),
        (f"retry({W})", "wrong_function"),
        ("Weather(city='Kyiv', days=2)", "wrong_function"),
        ("my.weather(city='Kyiv', days=2)", "wrong_function"),
        ("weather(city='Kyiv', days=2", "unparsable"),
        ("Here: weather(city='Kyiv', da", "unparsable"),
        ("weather(city='Kyiv' days=2)", "unparsable"),
        ('{"name": "weather", "arguments": {"city": "Kyiv", "da', "unparsable"),
        ('<tool_call>\n{"name": "weather", "arguments": {"city": "Kyiv", "days": 2}}', "unparsable"),
        ('<tool_call>{"name": "weather"</tool_call>', "unparsable"),
        ('{"name": "weather", "arguments": {"city": "Lviv", "city": "Kyiv", "days": 2}}', "unparsable"),
        ('{"name": "weather", "arguments": [2]}', "unparsable"),
        # arguments
        ("weather('Kyiv', 2)", "ok"),
        ("weather('Kyiv', days=2)", "ok"),
        ("weather(**{'city': 'Kyiv', 'days': 1 + 1})", "ok"),
        ("weather(*['Kyiv', 2])", "ok"),
        ("weather(city='Kyiv')", "missing_argument:days"),
        ("weather(city='Kyiv', days=2, unit=1)", "extra_argument:unit"),
        ("weather('Kyiv', 2, 3)", "extra_argument:3"),
        ("weather('Kyiv', 2, city='Kyiv')", "extra_argument:city"),
        ("weather(town='Kyiv', days=2)", "missing_argument:city"),
        ("weather(city='kyiv', days=2)", "wrong_value:city"),
        ("weather(city='Kyiv', days=2.0)", "ok"),
        ("weather(city='Kyiv', days='2')", "wrong_type:days"),
        ("weather(city='Kyiv', days=3)", "wrong_value:days"),
        ("weather(city='Kyiv', days=-2)", "wrong_value:days"),
        ("weather(city=Kyiv, days=2)", "wrong_type:city"),
        ("weather(city=['Kyiv'], days=2)", "wrong_type:city"),
    ],
)  # fmt: skip
def test_a_candidate_without_schema(candidate: str, expected: str) -> None:
    verdict = judge(W, candidate)
    assert (verdict.reason, verdict.passed) == (expected, expected == "ok")
    if expected != "ok":
        assert verdict.detail


@pytest.mark.parametrize(
    ("reference", "candidate", "expected"),
    [
        ("f(1, 2)", "f(a=1, b=2)", "ok"),
        ("f(1, b=2)", "f(a=1, b=2)", "ok"),
        ("f(1, 2)", "f(a=2, b=1)", "wrong_value:1"),
        ("f(1, 2)", "f(1)", "missing_argument:2"),
        ("f(a=1)", "f(b=1)", "missing_argument:a"),
        ("f(x=1)", "f(x=True)", "wrong_type:x"),
        ("f(x=true)", "f(x=True)", "ok"),
        ("f(x=None)", '{"name": "f", "arguments": {"x": null}}', "ok"),
        ("f(x=(1, 2))", "f(x=[1, 2])", "ok"),
        ("f(x={1, 2})", "f(x={2, 1})", "ok"),
        ("f(x={1, 2})", "f(x=[1, 2])", "wrong_type:x"),
        ("f(x={1, 2})", '{"name": "f", "arguments": {"x": [2, 1]}}', "ok"),
        ("f(x={'a': [1, {'b': 2}]})", "f(x={'a': [1.0, {'b': 2}]})", "ok"),
        ("f(x={'a': [1, {'b': 2}]})", "f(x={'a': [1, {'b': 3}]})", "wrong_value:x"),
        ("f(x={'a': [1, {'b': 2}]})", "f(x={'a': [1, {'b': '2'}]})", "wrong_type:x"),
        ("f(x={'a': 1})", "f(x={'a': 1, 'b': 2})", "wrong_value:x"),
        ("f(x=b'ab')", '{"name": "f", "arguments": {"x": "ab"}}', "ok"),
        ("f(x=int, y=a.b(c=1, d='e'))", "f(y=a.b(d=\"e\", c=1), x=int)", "ok"),
        ("f(x=int, y=a.b(c=1, d='e'))", "f(y=a.b(d='e', c=2), x=int)", "wrong_value:y"),
        ("f(x=int, y=a.b(1))", '{"name": "f", "arguments": {"x": "int", "y": "a.b( 1 )"}}', "ok"),
        ("f(x=int)", "f(x='int')", "wrong_type:x"),
        ("f(x=lambda a: a+1)", "f(x=lambda a: a + 1)", "ok"),
        ("f(x=[i for i in range(9)])", "f(x=[j for j in range(9)])", "wrong_value:x"),
        ("f(x=1024*1024)", "f(x=1048576)", "ok"),
        ("f(x=<token>)", "Call `f(x=<token>)`.", "ok"),
        ("f(x=<token>)", "f(x=<other>)", "wrong_value:x"),
        ("f(from='a', max-results=2)", "`f(max-results=2, from=\"a\")`", "ok"),
        ("f(from='a')", '{"name": "f", "arguments": {"from": "a"}}', "ok"),
        ("f(x='a (b, c')", "The call f(x=\"a (b, c\") it is.", "ok"),
        ("f(x='é')", "f(x='e\u0301')", "ok"),
        ("f(x='a\\nb')", "f(x='''a\nb''')", "ok"),
        ("f(form='NFC')('a')", 'f(form="NFC")("a")', "ok"),
        ("f(form='NFC')('a')", "f(form='NFC')", "wrong_function"),
        ("torch.hub.load('a')", "load('a')", "wrong_function"),
        ("torch.hub.load('a')", "from torch.hub import load\nload('a')", "ok"),
        ("torch.hub.load('a')", "```\nimport torch.hub as th\nm = th.load('a')\n```", "ok"),
        ("f(1)\ng(2)", "g(2)\nf(1)", "ok"),
        ("f(1)\nf(2)", "f(2)\nf(1)", "ok"),
        ("f(1)\nf(2)", "f(2)", "missing_call"),
        ("f(1)\nf(2)", "f(2)\nf(2)", "wrong_value:1"),
        ("f(1)\nf(1)", "f(1)", "missing_call"),
        ("f(1)\ng(2)", "f(1)\nh(2)", "wrong_function"),
        ("f(1)\ng(2)", '[{"name": "g", "arguments": {"a": 2}}, {"name": "f", "arguments": {"b": 1}}]', "ok"),
        ("No call.", "f(1)", "no_reference_call"),
        ("f(1", "f(1)", "no_reference_call"),
    ],
)  # fmt: skip
def test_values_names_and_several_calls(reference: str, candidate: str, expected: str) -> None:
    assert reason(reference, candidate) == expected


@pytest.mark.parametrize(
    ("reference", "candidate", "expected"),
    [
        ("weather('Kyiv')", "weather(city='Kyiv')", "ok"),
        ("weather('Kyiv', 'fahrenheit', 2)", "weather(days=2, unit='fahrenheit', city='Kyiv')", "ok"),
        ("weather(days=2, city='Kyiv')", "weather('Kyiv', days=2)", "ok"),
        ("weather(days=2, city='Kyiv')", "weather(2, 'Kyiv')", "missing_argument:days"),
        ("weather('Kyiv')", "weather('Kyiv', 'celsius')", "ok"),
        ("weather('Kyiv', 'celsius')", "weather('Kyiv')", "ok"),
        ("weather('Kyiv')", "weather('Kyiv', 'fahrenheit')", "extra_argument:unit"),
        ("weather('Kyiv', 'fahrenheit')", "weather('Kyiv')", "missing_argument:unit"),
        ("weather('Kyiv', 'fahrenheit')", "weather('Kyiv', 'Fahrenheit')", "ok"),
        ("weather('Kyiv', 'fahrenheit')", "weather('Kyiv', 'celsius')", "wrong_value:unit"),
        ("weather('Kyiv')", "weather('KYIV')", "wrong_value:city"),
        ("weather('Kyiv', days=2)", "weather('Kyiv', days='2')", "wrong_type:days"),
        ("weather('Kyiv', days='2')", "weather('Kyiv', days=2)", "ok"),
        ("weather('Kyiv', days='2')", "weather('Kyiv', days='2')", "ok"),
        ("weather('Kyiv', days=2)", "weather('Kyiv', days=2.0)", "ok"),
        ("weather(12)", "weather('12')", "ok"),
        ("weather('12')", "weather(12)", "wrong_type:city"),
        ("weather(Kyiv)", "weather('Kyiv')", "ok"),
        ("weather('Kyiv', level='1.5')", "weather('Kyiv', level=1.5)", "ok"),
        ("weather('Kyiv', tags='a')", "weather('Kyiv', tags=['a'])", "ok"),
        ("weather('Kyiv', tags=['a', 'b'])", "weather('Kyiv', tags=['a', 'c'])", "wrong_value:tags"),
        ("weather('Kyiv', tags=['1'])", "weather('Kyiv', tags=[1])", "wrong_type:tags"),
        ("weather('Kyiv', place={})", "weather('Kyiv', place={'zoom': 3})", "ok"),
        ("weather('Kyiv', place={})", "weather('Kyiv', place={'zoom': 4})", "wrong_value:place"),
        ("get-time()", "get-time()", "ok"),
        ("get-time()", "Call `get-time()` now.", "ok"),
        ("get-time()", '{"name": "get-time"}', "ok"),
        ("get-time()", "get-time", "missing_call"),
        ("get-time(zone='x')", "I run get-time(zone='x').", "ok"),
        ("It is late.", "The hour is late.", "ok"),
        ("It is late.", "get-time()", "extra_call"),
        ("It is late.", '{"name": "Kyiv", "size": 3} is late.', "ok"),
    ],
)  # fmt: skip
def test_a_schema_binds_and_types(reference: str, candidate: str, expected: str) -> None:
    assert reason(reference, candidate, TOOLS) == expected


# What any call has: it is itself in every form, and any one change is seen.

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True).filter(
    lambda name: name.isidentifier() and name not in ("true", "false", "null", "print") and not keyword.iskeyword(name)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
LEAVES = st.one_of(
    st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none(), TEXTS
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
CALLS = st.builds(
    Made,
    st.lists(NAMES, min_size=1, max_size=3).map(".".join),
    st.dictionaries(NAMES, VALUES, min_size=1, max_size=4),
)


@pytest.mark.parametrize(
    "name", ["\x1b[2Jcleared", "größe", "a b", "", "x" * 41, "x" * 1_000_000, "a\nb", "\u202ereversed"]
)
def test_a_reason_names_no_argument_that_a_candidate_made_up(name: str) -> None:
    given = json.dumps({"name": "f", "arguments": {"x": 1, name: 2}})
    verdict = judge("f(x=1)", given)
    assert verdict.reason == ("extra_argument" if len(given) < 100_000 else verdict.reason)
    assert len(verdict.reason) < 100
    assert len(verdict.detail) < 600
    assert verdict.detail.isprintable()


def test_details_of_a_call_are_printable() -> None:
    for call in ({"name": "f\x1b[2J", "arguments": {}}, {"name": "f", "arguments": {"x": "\x1b[2J"}}):
        verdict = judge("f(x=1)", json.dumps(call))
        assert not verdict.passed
        assert verdict.detail.isprintable()


@pytest.mark.slow
@given(CALLS, st.sampled_from(sorted(FORMS)), st.randoms(use_true_random=False))
def test_a_call_equals_itself_in_every_form(call: Made, form: str, draw: random.Random) -> None:
    text = FORMS[form]([call], draw)
    if text and "`" not in python(call):
        assert judge(python(call), text) == Verdict(True, "ok")


@pytest.mark.slow
@given(CALLS, st.data())
def test_one_change_is_seen_and_named(call: Made, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(call.arguments)))
    value = call.arguments[name]
    kept = {key: inner for key, inner in call.arguments.items() if key != name}
    other = data.draw(VALUES.filter(lambda other: not _alike(other, value)))
    changed = [
        (replace(call, arguments=kept), f"missing_argument:{name}"),
        (replace(call, arguments={**call.arguments, "zz_more": value}), "extra_argument:zz_more"),
        (replace(call, name=call.name + "x"), "wrong_function"),
        (replace(call, arguments={**kept, name: other}), ""),
        (replace(call, arguments={**kept, name: Source("some_name")}), f"wrong_type:{name}"),
    ]
    for wrong, expected in changed:
        found = reason(python(call), python(wrong))
        assert found == expected or (not expected and found in (f"wrong_value:{name}", f"wrong_type:{name}"))
    assert reason(python(call), python(call) + "\n" + python(call)) == "extra_call"


def _alike(left: Any, right: Any) -> bool:
    """Equal as the check has it, told in another way: booleans apart, accents composed."""

    def shape(value: Any) -> Any:
        if isinstance(value, list):
            return ["list", *map(shape, value)]
        if isinstance(value, dict):
            return {"dict": sorted(((key, repr(shape(inner))) for key, inner in value.items()))}
        if isinstance(value, str):
            return ["text", unicodedata.normalize("NFC", value)]
        return [isinstance(value, bool), value if value is None else float(value)]

    return shape(left) == shape(right)


@given(st.text(max_size=300), st.sampled_from([W, "f(1)", "<tool_call>", "words"]))
def test_any_text_gets_a_verdict(text: str, reference: str) -> None:
    assert judge(reference, text, TOOLS).reason
    assert judge(text, text, TOOLS).reason in ("ok", "no_reference_call")


@given(st.text("f(x=1)[]{}\"'`,\n: <tool_call>/#", max_size=120))
def test_what_only_looks_like_calls_gets_a_verdict(text: str) -> None:
    assert judge("f(x=1)", text).reason
    assert judge("f(x=1)", f"f(x=1)\n{text}").reason


#: What stands before, what is repeated up to a length, and what stands after.
ENDLESS = {
    "brackets": ("", "(", ""),
    "square brackets": ("", "[", ""),
    "objects": ("", '{"name":', ""),
    "lists of objects": ("", '[{"', ""),
    "nested calls": ("", "f(", ""),
    "calls": ("", "f(1) ", ""),
    "calls of others": ("", "g(1) ", ""),
    "keyword calls of others": ("", "g(y=1) ", ""),
    "calls of calls": ("f", "()", ""),
    "methods": ("f()", ".a()", ""),
    "attributes": ("", "a.", "f(1)"),
    "hyphens": ("", "a-", "f(1)"),
    "one word": ("", "a", ""),
    "quotes": ("", "f('", ""),
    "backslashes": ('f("', "\\", ""),
    "ticks": ("", "`", ""),
    "inline": ("", "`f(1` ", ""),
    "fences": ("", "```\nf(\n", ""),
    "short fences": ("", "```\n(\n```\n", ""),
    "tags": ("", "<tool_call>", ""),
    "thoughts": ("", "<think>", "</think>"),
    "negations": ("", "not ", "f(1)"),
    "lines": ("", "\n", "f(2)"),
    "comments": ("```\n", "# f(1)\n", "```"),
    "arguments": ("f(", "1, ", ")"),
    "keywords": ("f(", "x=1, ", ")"),
}
DEEP = {
    "brackets": "f(" * 9_000 + ")" * 9_000,
    "lists": "f(" + "[" * 150 + "]" * 150 + ")",
    "minus": "f(" + "-" * 9_000 + "1)",
    "not": "f(" + "not " * 4_000 + "1)",
    "attributes": "f(a" + ".a" * 9_000 + ")",
    "sums": "f(" + "1+" * 9_000 + "1)",
    "powers": "f(" + "9**" * 6_000 + "9)",
    "large powers": "f(9**999**999, 2**(10**9), 10**4000 * 10**4000)",
    "lambdas": "f(" + "lambda:" * 2_500 + "1)",
    "conditions": "f(" + "1 if 1 else " * 1_600 + "1)",
    "digits": "f(" + "9" * 19_000 + ")",
    "list in JSON": '{"name": "f", "arguments": {"x": ' + "[" * 900 + "]" * 900 + "}}",
    "text in JSON": json.dumps({"name": "f", "arguments": '{"x": ' + "[" * 900 + "]" * 900 + "}"}),
    "calls in JSON": '{"tool_calls": [' * 450 + "1" + "]}" * 450,
    "statements": "\n".join(" " * depth + "if 1:" for depth in range(95)) + "\n" + " " * 95 + "f(2)",
    "half a character": "f(\ud800)",
    "half a character in text": "f('\ud800')",
    "half a character in JSON": '{"name": "f", "arguments": {"x": "\\ud800"}}',
    "nul": "f(1, '\0')",
    "right to left": "\u202ef(1)\u202c שלום f(2)",
    "invisible": "f\u200b(1)",
    "odd escapes": "f('\\d')",
    "names of other scripts": "ﬀ(1) 函数(x=1)",
}


@pytest.mark.slow
@pytest.mark.parametrize("length", [20_000, 400_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ENDLESS)
def test_endless_text_takes_bounded_time(name: str, length: int) -> None:
    before, unit, after = ENDLESS[name]
    text = before + unit * (length // len(unit)) + after
    begun = time.process_time()
    verdicts = [judge("f(1)", text), judge(W, text, TOOLS)]
    assert time.process_time() - begun < 9
    assert not any(verdict.passed for verdict in verdicts)


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEP)
def test_what_cannot_be_read_is_another_call(name: str) -> None:
    assert not judge("f(1)", DEEP[name]).passed
    assert not judge(W, DEEP[name], TOOLS).passed
    assert judge(DEEP[name], "f(1)", TOOLS).reason != "ok"
    assert judge(DEEP[name], DEEP[name]).reason in ("ok", "no_reference_call")


def test_labelled_cases(shared_data: Path) -> None:
    """A sample of what `python -m bench.checks_calls` measures."""
    cases = labelled_cases(shared_data, a_template=12)
    passed = [case for case in cases if judge(case.row.reference, case.candidate, case.row.tools).passed]
    right = [case for case in cases if case.passes]
    hits = sum(case.passes for case in passed)
    assert len(cases) > 600
    assert hits / len(passed) >= 0.99
    assert hits / len(right) >= 0.99


def test_references_of_a_real_dataset_equal_themselves(shared_data: Path) -> None:
    rows = json.loads((shared_data / "openfunction_train.json").read_text(encoding="utf-8"))
    references = {row["output"] for row in rows}
    assert [text for text in references if not judge(text, f"The call:\n\n```\n{text}\n```").passed] == []


@given(
    st.lists(st.sampled_from(["[", "x" * 7, '"name"', "'function'", '"nam']), max_size=30),
    st.integers(1, 60),
    st.data(),
)
def test_keys_are_found_where_they_are_near(parts: list[str], reach: int, data: st.DataObject) -> None:
    text = "".join(parts)
    keys = [found.start() for found in re.finditer(r'"name"|\'function\'', text)]
    search = KeySearch(text, reach)
    for place in sorted(data.draw(st.lists(st.integers(0, len(text))))):
        assert search.is_near(place) == any(place <= key <= place + reach for key in keys)
