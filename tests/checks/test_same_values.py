"""`same_behaviour` with a function: which values are the same, whatever they are made of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.checks import sandbox
from ownwords.checks._inside.exchange import Exchange
from ownwords.checks._inside.outputs import output_of
from ownwords.checks._outputs import same_output, shown, unclear
from ownwords.checks._workers import Pool
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel
from ownwords.recipe import CheckSection
from ownwords.records import Candidate, Example, Message, Verdict

needs_sandbox = pytest.mark.skipif(sandbox.kind() == "none", reason="there is no bubblewrap here")
NOBODY: Any = Exchange.__new__(Exchange)  # plain values ask nothing of the other side


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(allow_unsafe_code=False)
    yield made
    made.close()


def judge(pool: Pool, reference: str, candidate: str, inputs: list[Any], function: str = "f") -> Verdict:
    section = CheckSection.model_validate(
        {"name": "same_behaviour", "inputs": inputs, "function": function, "timeout": 10.0}
    )
    panel = Panel(named_checks([section], allow_code=False), pool=pool)
    example = Example("id", (Message("user", "?"),), reference)
    (verdict,) = panel.judge(example, Candidate(candidate)).values()
    return verdict


def same(left: Any, right: Any) -> bool:
    return same_output(output_of(NOBODY, left), output_of(NOBODY, right))


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(max_size=4))
KEYS = st.one_of(st.integers(), st.floats(), st.text(max_size=4))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.sets(KEYS, max_size=4),
    ),
    max_leaves=8,
)


def nudged(value: Any) -> Any:
    """The same with every float a little larger, and sets and mappings in another order."""
    if isinstance(value, float):
        return math.nextafter(value, math.inf) if 1e-300 < abs(value) < 1e300 else value
    if isinstance(value, list | tuple | set):
        items = [nudged(item) for item in value]
        return type(value)(reversed(items) if isinstance(value, set) else items)
    if isinstance(value, dict):
        return {nudged(key): nudged(inner) for key, inner in reversed(value.items())}
    return value


@given(VALUES)
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    output = output_of(NOBODY, value)
    assert same_output(output, output)
    assert unclear(output) == ""
    assert len(shown(output)) <= 201


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)))
def test_another_order_of_summation_makes_no_difference(value: Any) -> None:
    other = nudged(value)
    if _sizes(other) == _sizes(value):  # no two keys have become one
        assert same(value, other)


def _sizes(value: Any) -> Any:
    if isinstance(value, dict):
        return len(value), sorted(map(str, map(_sizes, value.values())))
    return [_sizes(item) for item in value] if isinstance(value, list) else 0


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (0.1 + 0.2, 0.3, True),
        ({0.1 + 0.2, 1.0}, {1.0, 0.3}, True),
        ({(0.1 + 0.2, 1.0), (0.3, 2.0)}, {(0.3, 1.0), (0.3, 2.0)}, True),
        ({"a": 0.1 + 0.2}, {"a": 0.3}, True),
        (math.nan, math.nan, True),
        ([math.inf], [math.inf], True),
        (math.inf, -math.inf, False),
        (math.nan, 0.0, False),
        (1.0, 1.00001, False),
        (1.0, 1, False),
        (1, True, False),
        ("1", 1, False),
        ("1.0", 1.0, False),
        (10**30, 10**30 + 1, False),
        (10**9, 10**9 + 1, False),
        ([10**5000], [10**5000], True),
        ([10**5000], [10**5000 + 1], False),
        ([1, 2], (1, 2), False),
        ({1: 2}, {1: 2, 3: 4}, False),
        ({1: 2, 3: 4}, {3: 4, 1: 2}, True),
        ([1, 2], [2, 1], False),
        ([], [[]], False),
    ],
)
def test_same_values(left: Any, right: Any, expected: bool) -> None:
    assert same(left, right) == same(right, left) == expected


def test_what_is_nested_too_deep_is_told() -> None:
    deep: list[Any] = []
    deep.append([deep, deep])
    assert "nested" in unclear(output_of(NOBODY, deep))


def test_outputs_for_people() -> None:
    assert shown(output_of(NOBODY, {"a": [1.5, (None,)], "b": {1}})) == "{'a': [1.5, (None)], 'b': {1}}"
    assert shown(["raises", "ValueError"]) == "raises ValueError"


#: Name, the code of `f`, what it is called with: each is the same as itself.
SAME = [
    ("a generator", "def f(n):\n    while n: yield n; n -= 1", [[3], [0]]),
    ("a map", "def f(a): return map(str, a)", [[[1, 2]], [[]]]),
    (
        "other iterators",
        "def f(a): return [zip(a, a), enumerate(a), reversed(a), iter(a), filter(None, a)]",
        [[[1, 0]]],
    ),
    ("iterators in iterators", "def f(n): return (map(str, range(i)) for i in range(n))", [[3]]),
    ("a generator that fails", "def f(n):\n    yield n\n    raise KeyError(n)", [[1]]),
    ("a generator without end", "def f():\n    n = 0\n    while True: yield n; n += 1", [[]]),
    ("views", "def f(a): return [a.keys(), a.values(), a.items()]", [[{"x": 1}]]),
    (
        "a dataclass",
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    a: int\ndef f(a): return D(a)",
        [[1]],
    ),
    (
        "an iterator of its own",
        "class I:\n    n = 3\n    def __iter__(self): return self\n"
        "    def __next__(self):\n        if not self.n: raise StopIteration\n        self.n -= 1\n"
        "        return self.n\n"
        "def f(): return I()",
        [[]],
    ),
    ("a sum", "def f(a): return sum(a), float('nan')", [[[0.1, 0.2, 0.3]]]),
]


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize(("source", "inputs"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_code_behaves_as_itself(pool: Pool, source: str, inputs: list[Any]) -> None:
    verdict = judge(pool, source, source, inputs)
    assert verdict.passed, verdict


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize(
    ("reference", "candidate", "expected"),
    [
        ("def f(a): return map(str, a)", "def f(a):\n    for x in a: yield str(x)", "ok"),
        ("def f(a): return map(str, a)", "def f(a): return map(int, a)", "different_output"),
        ("def f(a): return map(str, a)", "def f(a): return [str(x) for x in a]", "different_output"),
        ("def f(a): return map(str, a)", "def f(a): return map(str, a[1:])", "different_output"),
        ("def f(a): return (1 / x for x in a)", "def f(a): return (1 / x for x in a if x)", "different_output"),
        ("def f(a): return sum(a) / 10", "def f(a): return sum(x / 10 for x in a)", "ok"),
        ("def f(a): return len(a)", "def f(a): return float(len(a))", "different_output"),
        ("def f(a): return a", "class C: pass\ndef f(a): return C()", "different_output"),
        ("class C: pass\ndef f(a): return C()", "def f(a): return a", "reference_fails"),
        ("class C: pass\ndef f(a): return {1: [C()]}", "def f(a): return a", "reference_fails"),
        ("def f(a): return lambda: a", "def f(a): return lambda: a", "reference_fails"),
        ("def f(a): return ' at 0x7f001122>'", "def f(a): return ' at 0x7f001122>'", "ok"),
        (
            "def f(a): return 3",
            "class C:\n    def __repr__(self): return '3'\ndef f(a): return C()",
            "different_output",
        ),
    ],
)
def test_code_against_other_code(pool: Pool, reference: str, candidate: str, expected: str) -> None:
    verdict = judge(pool, reference, candidate, [[[3, 1, 0, 7]]])
    assert verdict.reason == expected, verdict
    if expected == "reference_fails":
        assert "cannot be compared" in verdict.detail


@pytest.mark.slow
@needs_sandbox
def test_a_program_that_prints_an_address_cannot_be_compared(pool: Pool) -> None:
    verdict = judge(pool, "print(1)\nprint(object())", "print(1)\nprint(object())", [""], "")
    assert verdict.reason == "reference_fails"
    assert "prints an address" in verdict.detail
