r"""Whether two expressions, as `_expressions` reads them, are the same: by structure, exactly, and by algebra.

- A set has no order; a point, a list and an interval do. `x = 1 or x = 2` is the set of its values.
- Brackets count: `(1, 2)`, `[1, 2]`, `(1, 2]` and `\{1, 2\}` are four different things, and `1, 2` may be any of them.
- Everything is exact: `\frac{\pi}{2}` is not 1.5708.

What is not settled by that is settled by math-verify, in a worker process: sympy may take forever, or all memory.
Expressions that would, such as `9^{9^{9}}`, are not given to it.

Not covered: a comparison that runs out of memory all the same. Its MemoryError is swallowed in a dozen places of
math-verify, so that the two are judged to be different, as if they had been compared.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ownwords.checks.base import require_worker

_BRACKETS = {"(": ")]", "[": ")]"}
_ASSIGNED = re.compile(r"([A-Za-z])(?:=|\\in )(?!.*=)")
_NAMED_GROUP = re.compile(r"(?:[A-Za-z]|\([A-Za-z](?:,[A-Za-z])+\))(?:=|\\in )(?=[(\[\\])")
_EXACT = re.compile(r"(-?)(?:\\frac\{(\d+)\}\{(\d+)\}|(\d+))")
_RELATION = re.compile(r"[<>]|\\(?:le|ge|ne|cup|pm|in) ")

# What sympy would work out for ages. The numbers are generous for answers that people write.
_LONG_NUMBER = re.compile(r"\d{31}")
_POWER_OF_GROUP = re.compile(r"[)}\]]\^\{-?(\d+)\}")
_INTEGER = re.compile(r"\d+")
_FACTORIAL = re.compile(r"(\d*)\s*!")
_LARGEST_EXPONENT = 5000
_LARGEST_IN_TOWER = 4
_LARGEST_POWER_OF_SUM = 50
_LARGEST_FACTORIAL = 500

#: Address space that sympy may add to what the process has already, in bytes, where the system limits it.
_MOST_MEMORY = 3 << 30


@dataclass(frozen=True, slots=True)
class _Shape:
    """An expression as its elements, and the brackets around them; both empty where there are none."""

    opening: str
    closing: str
    elements: tuple[str, ...]
    is_set: bool


def same_expression(given: str, expected: str) -> bool:
    """Whether the expressions are the same.

    Raises:
        NotHereError: that takes algebra, and this is no worker process.
    """
    one, other = _shape(given), _shape(expected)
    if len(one.elements) == 1 == len(other.elements):
        return _same_element(one.elements[0], other.elements[0])
    if 1 in (len(one.elements), len(other.elements)):  # 1 < x < 2 is an interval, ± 3 are two numbers
        single = given if len(one.elements) == 1 else expected
        return bool(_RELATION.search(single)) and _same_by_algebra(given, expected)
    if len(one.elements) != len(other.elements) or not _same_brackets(one, other):
        return False
    if not (one.is_set or other.is_set):
        return all(map(_same_element, one.elements, other.elements))
    rest = list(other.elements)
    for element in one.elements:
        found = _index(element, rest)
        if found is None:
            return False
        del rest[found]
    return True


def _shape(latex: str) -> _Shape:
    prefix = _NAMED_GROUP.match(latex)
    body = latex[prefix.end() :] if prefix else latex
    opening = closing = ""
    inside = body
    if body.startswith("\\{") and body.endswith("\\}") and _closes_at_end(body.replace("\\{", "(").replace("\\}", ")")):
        opening, closing, inside = "\\{", "\\}", body[2:-2]
    elif body[:1] in _BRACKETS and body[-1:] in _BRACKETS[body[0]] and _closes_at_end(body):
        opening, closing, inside = body[0], body[-1], body[1:-1]
    elements = _split(inside)
    if len(elements) < 2 and opening != "\\{":
        return _Shape("", "", (latex,), False)
    variables = [found[1] if (found := _ASSIGNED.match(element)) else "" for element in elements]
    is_set = opening == "\\{" or ";" in inside or (all(variables) and not opening)
    return _Shape(opening, closing, elements, is_set)


def _closes_at_end(body: str) -> bool:
    """Whether the bracket that opens the text is closed by its last character."""
    depth = 0
    for place, character in enumerate(body):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0:
            return place == len(body) - 1
    return False


def _split(text: str) -> tuple[str, ...]:
    """The parts between the commas (or `or`) that stand in no bracket."""
    parts, depth, start = list[str](), 0, 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character in ",;" and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    parts.append(text[start:].strip())
    return tuple(part for part in parts if part)


def _same_brackets(one: _Shape, other: _Shape) -> bool:
    """Whether the brackets may mean the same; those of three or more elements are a matter of taste, but for sets."""
    if not one.opening or not other.opening or (one.opening, one.closing) == (other.opening, other.closing):
        return True
    return len(one.elements) > 2 and "\\{" not in (one.opening, other.opening)


def _index(element: str, others: list[str]) -> int | None:
    """The place of the same element among the others."""
    return next((place for place, other in enumerate(others) if _same_element(element, other)), None)


def _same_element(one: str, other: str) -> bool:
    if one == other:
        return True
    named = _ASSIGNED.match(one), _ASSIGNED.match(other)
    if named[0] and named[1] and named[0][1] != named[1][1]:
        return False
    values = [exact_value(text[name.end() :] if name else text) for text, name in zip((one, other), named, strict=True)]
    if None not in values:
        return values[0] == values[1]
    if _shape(one).opening or _shape(other).opening:  # points in a set
        return same_expression(one, other)
    return _same_by_algebra(one, other)


def exact_value(latex: str) -> Fraction | None:
    """The value of a plain number."""
    found = _EXACT.fullmatch(latex)
    if found is None or len(latex) > 200:
        return None
    numerator, denominator = int(found[4] or found[2]), int(found[3] or 1)
    if not denominator:
        return None
    return Fraction(-numerator if found[1] else numerator, denominator)


def _same_by_algebra(given: str, expected: str) -> bool:
    if not (_is_tractable(given) and _is_tractable(expected)):
        return False
    require_worker()
    with _limited_memory():
        return _verified(given.replace(";", ","), expected.replace(";", ","))


def _is_tractable(latex: str) -> bool:
    """Whether sympy can be expected to come to an end."""
    if _LONG_NUMBER.search(latex):
        return False
    for exponent in _exponents(latex):
        largest = max((int(number) for number in _INTEGER.findall(exponent)), default=0)
        if largest > (_LARGEST_IN_TOWER if "^" in exponent else _LARGEST_EXPONENT) or exponent.count("^") > 1:
            return False
    powers = 1
    for power in _POWER_OF_GROUP.findall(latex):
        powers *= max(int(power), 1)
    if powers > _LARGEST_POWER_OF_SUM:
        return False
    return all(number and int(number) <= _LARGEST_FACTORIAL for number in _FACTORIAL.findall(latex))


def _exponents(latex: str) -> list[str]:
    """Every exponent, those inside another one included."""
    found: list[str] = []
    open_at: list[int] = []
    for place, character in enumerate(latex):
        if character == "{":
            open_at.append(place)
        elif character == "}" and open_at:
            start = open_at.pop()
            if latex[start - 1 : start] == "^":
                found.append(latex[start + 1 : place])
    return found


def _verified(given: str, expected: str) -> bool:
    """The verdict of math-verify; False where it cannot read or compare them."""
    import math_verify  # pyright: ignore[reportMissingTypeStubs]

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its own time limit is off
    gold, target = _parsed(math_verify, expected), _parsed(math_verify, given)
    if not gold or not target:
        return False
    # Its own time limit needs signals; the process has one from outside. 50 digits: small numbers are not all zero.
    return bool(
        math_verify.verify(gold, target, numeric_precision=50, allow_set_relation_comp=True, timeout_seconds=None)
    )


def _parsed(math_verify: Any, latex: str) -> list[Any]:
    from latex2sympy2_extended import NormalizationConfig  # pyright: ignore[reportMissingTypeStubs]

    reading = NormalizationConfig(basic_latex=True, units=False, malformed_operators=False, nits=False, boxed="none")
    config = math_verify.LatexExtractionConfig(boxed_match_priority=-1, normalization_config=reading)
    return math_verify.parse(f"${latex}$", [config], fallback_mode="no_fallback", parsing_timeout=None)


@contextlib.contextmanager
def _limited_memory() -> Generator[None]:
    """Let the process take no more than `_MOST_MEMORY` in addition, where the system keeps such a limit.

    In addition, since other checks share the process, and what they have imported and mapped stays.
    """
    if sys.platform != "linux":  # macOS takes the limit and does not keep it
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [_address_space() + _MOST_MEMORY, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int:
    """What this process has mapped, in bytes (Linux)."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
