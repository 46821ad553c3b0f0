"""Values between the tests and the code that they test: what is sent arrives, and nothing else can be made of it."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ownwords.checks._inside.operations import plain_base
from ownwords.checks._inside.values import Codec


class Ends:
    """Objects stay; a number stands for each."""

    def __init__(self) -> None:
        self.objects: list[Any] = []

    def export(self, value: Any) -> list[Any]:
        self.objects.append(value)
        return ["object", len(self.objects) - 1]

    def stand_in(self, tag: str, content: list[Any]) -> Any:
        return self.objects[content[0]]


def sent(value: Any) -> Any:
    ends = Ends()
    return Codec(ends).decode(json.loads(json.dumps(Codec(ends).encode(value))))


TAGS = [
    "list",
    "dict",
    "set",
    "tuple",
    "deque",
    "Counter",
    "defaultdict",
    "bytearray",
    "int",
    "bytes",
    "complex",
    "range",
]
TAGS += ["Decimal", "Fraction", "date", "timedelta", "type", "module", "constant", "again", "object", "frozenset"]

keys = (
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.decimals(allow_nan=False) | st.fractions()
)
atoms = (
    keys | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False) | st.dates() | st.times() | st.timedeltas()
)
hashables = st.recursive(keys, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5)
values = st.recursive(
    atoms | hashables | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(hashables, inner, max_size=3)
        | st.sets(hashables, max_size=3)
        | st.lists(inner, max_size=3).map(deque)
        | st.dictionaries(hashables, inner, max_size=3).map(OrderedDict)
    ),
    max_leaves=20,
)


@pytest.mark.slow
@example(datetime.time(fold=1))
@given(values)
def test_what_is_sent_arrives(value: Any) -> None:
    arrived = sent(value)
    assert arrived == value
    assert repr(arrived) == repr(value) or isinstance(value, set | frozenset | list | tuple | dict | deque)
    assert type(arrived) is type(value)


def test_kinds_that_are_easily_mistaken() -> None:
    for value in (
        True,
        1,
        1.0,
        1 + 0j,
        "1",
        b"1",
        Decimal(1),
        Fraction(1),
        None,
        Ellipsis,
        2**100,
        -0.0,
        int,
        KeyError,
    ):
        assert type(sent(value)) is type(value)
        assert repr(sent(value)) == repr(value)
    assert sent(Counter("aab")) == Counter("aab")
    assert sent(defaultdict(list, a=[1]))["b"] == []
    assert sent(deque([1, 2], 2)).maxlen == 2


def test_one_container_stays_one() -> None:
    inner: list[Any] = [1]
    first, second = sent([inner, inner])
    assert first is second
    loop: list[Any] = []
    loop.append(loop)
    arrived = sent(loop)
    assert arrived[0] is arrived


def test_what_is_no_plain_value_stays_where_it_is() -> None:
    class Text(str):
        __slots__ = ()

    for value in (object(), len, Text("x"), Ends, iter([]), json.JSONDecoder()):
        assert sent([value])[0] is value


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.builds(lambda tag, rest: [tag, *rest], st.sampled_from(TAGS), st.lists(inner))
        ),
    )
)
def test_nonsense_is_an_error_of_a_known_kind(given: Any) -> None:
    with contextlib.suppress(ValueError, TypeError, LookupError, AttributeError, ArithmeticError, ImportError):
        Codec(Ends()).decode(given)


@pytest.mark.parametrize(
    "name", ["antigravity", "this", "unittest.__main__", "_thread", "os.", "", "ownwords", "numpy", "idlelib.idle"]
)
def test_only_harmless_modules_are_imported(name: str) -> None:
    with pytest.raises((ValueError, ImportError)):
        Codec(Ends()).decode(["module", name])


def test_the_plain_value_of_a_derived_class_is_not_asked_of_it() -> None:
    class Liar(int):
        def __eq__(self, other: object) -> bool:
            return True

        def __int__(self) -> int:
            return 5

        __index__ = __int__
        __hash__ = int.__hash__

    assert type(plain_base(Liar(3))) is int
    assert plain_base(Liar(3)) == 3
    with pytest.raises(TypeError):
        plain_base(object())
