"""The JSON value that a text gives, for the checks of `structure.py`.

Where it is looked for, in this order: the whole text; the fenced blocks (labelled json, or with no label); what stands
between the words from a brace or a bracket on. Of several, the last of the wanted kind counts. A text that opens with
reasoning gives what comes after it.

Strict JSON only: no comments, no trailing commas, no single quotes, no NaN, no key twice in one object. Not covered:
values nested more than 200 deep, a value inside what began as JSON and turned out to be none, and what comes after 200
such beginnings.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from ownwords.records import repeated_key
from ownwords.turns import split_reasoning

DEEPEST = 200

# Each failure costs a look at all that came before it, where the parser counts lines for its message.
_MOST_FAILURES = 200

_START = re.compile(r'\{(?=[ \t\r\n]*["}])|\[(?=[ \t\r\n]*["{\[\]\-0-9tfn])')
_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*\Z")
_LABELS = ("", "json")
_WHITE_SPACE = " \t\r\n"


class NoJsonError(ValueError):
    """A text gives no value. `reason` is for machines."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and the length of its text."""

    value: Any
    length: int


def read_json(text: str, *, exact: bool, kind: type | None = None, longest: bool = False) -> Any:
    """The value that a text gives. With `exact` every number is a Decimal, else an int or a float.

    `kind` is dict or list where only such a value is wanted between words or in several fences; with `longest` the
    longest of them counts and not the last, as fits a text that is known to be right.

    Raises:
        NoJsonError: there is none (`no_json`), a key is given twice (`duplicate_key`), it is nested too deeply
            (`too_deep`), or a number is beyond what can be compared (`number_too_large`).
    """
    answer = split_reasoning(text)[1]
    problems: list[NoJsonError] = []
    chosen: Found | None = None
    for found in _values(answer, _decoder(exact), problems):
        if chosen is None or _is_better(found, chosen, kind, longest):
            chosen = found
    if chosen is None:
        raise problems[0] if problems else NoJsonError("no_json", "it holds no JSON")
    if _depth(chosen.value) > DEEPEST:
        raise NoJsonError("too_deep", f"its JSON is nested more than {DEEPEST} deep")
    return chosen.value


def _is_better(later: Found, chosen: Found, kind: type | None, longest: bool) -> bool:
    if kind is not None and isinstance(later.value, kind) != isinstance(chosen.value, kind):
        return isinstance(later.value, kind)
    return not longest or later.length >= chosen.length


def _values(text: str, decoder: json.JSONDecoder, problems: list[NoJsonError]) -> Iterator[Found]:
    """Of the first of the three places that has any. What is wrong with what was meant as JSON goes to `problems`."""
    whole = _whole(text, decoder, problems)
    if whole is not None:
        yield whole
        return
    fenced = [_whole(block, decoder, problems) for block in _blocks(text)]
    good = [found for found in fenced if found is not None]
    yield from good or ([] if fenced else _between_words(text, decoder, problems))


def _whole(text: str, decoder: json.JSONDecoder, problems: list[NoJsonError]) -> Found | None:
    stripped = text.strip(_WHITE_SPACE)
    if not stripped:
        return None
    try:
        value, end = decoder.raw_decode(stripped)
    except NoJsonError as error:
        problems.append(error)
    except ValueError:
        pass
    except RecursionError:
        problems.append(_too_deep())
    else:
        return Found(value, end) if end == len(stripped) else None
    return None


def _between_words(text: str, decoder: json.JSONDecoder, problems: list[NoJsonError]) -> Iterator[Found]:
    place = failures = 0
    while failures < _MOST_FAILURES and (start := _START.search(text, place)):
        try:
            value, place = decoder.raw_decode(text, start.start())
            yield Found(value, place - start.start())
        except NoJsonError as error:
            problems.append(error)
            return
        except RecursionError:
            problems.append(_too_deep())
            return
        except json.JSONDecodeError as error:
            failures += 1
            place = max(start.end(), error.pos)  # going back for what lies between would take quadratic time
        except ValueError:  # NaN
            return


def _blocks(text: str) -> Iterator[str]:
    """The text inside each fence that may hold JSON."""
    if "```" not in text and "~~~" not in text:
        return
    fence, label, lines = "", "", list[str]()
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if not fence:
            if mark:
                fence, label = mark[1], mark[2].lower()
        elif mark and mark[1].startswith(fence) and not mark[2]:
            if label in _LABELS:
                yield "\n".join(lines)
            fence, lines = "", []
        else:
            lines.append(line)
    if fence and label in _LABELS:
        yield "\n".join(lines)


def _too_deep() -> NoJsonError:
    return NoJsonError("too_deep", f"its JSON is nested more than {DEEPEST} deep")


def _depth(value: Any) -> int:
    """Levels of objects and lists, counted no further than is needed."""
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(cast("dict[str, Any]", each).values())
            elif isinstance(each, list):
                inner.extend(cast("list[Any]", each))
        depth += any(isinstance(each, dict | list) for each in level)
        level = inner
    return depth


def _decoder(exact: bool) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=with_unique_keys,
        parse_constant=_no_constant,
        parse_int=_decimal if exact else _integer,
        parse_float=_decimal if exact else _finite,
    )


def with_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of a key that stands there twice nobody knows which value is meant (NoJsonError)."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise NoJsonError("duplicate_key", f"an object has the key {repeated_key(pairs)[:100]!r} twice")
    return made


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise _too_large(text) from error


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:  # more digits than Python converts
        raise _too_large(text) from error


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _too_large(text)
    return number


def _too_large(text: str) -> NoJsonError:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    return NoJsonError("number_too_large", f"its number {shown} is too large to be compared")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
