"""Checks of the text as text: it is there, complete, of sensible length, no loop. `no_prompt_leak` is in `leak.py`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator

from ownwords.checks.base import check
from ownwords.records import CUT, ENDED, PASSED, Candidate, Example, Verdict
from ownwords.turns import split_reasoning

# A word is a run of letters and digits, or one character of a script that writes without blanks.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f"
WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")

_ASCII_WORDS = bytes(code if code < 128 and WORD.match(chr(code)) else ord(" ") for code in range(256))

_SHORT_REFERENCE = 50

_LOOP_TAIL = 800
_LOOP_REPEATS = 4
_LOOP_WORDS = 24
_LOOP_CHARACTERS = 200


#: Characters that Unicode counts as letters or symbols and that show nothing: Hangul fillers, the empty Braille cell.
BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")


@check("not_empty")
def not_empty(example: Example, candidate: Candidate) -> Verdict:
    """The candidate has at least one visible character, beside reasoning. Reason: `empty`."""
    answer = split_reasoning(candidate.text)[1]
    if any(character.isprintable() and not character.isspace() and character not in BLANKS for character in answer):
        return PASSED
    return Verdict(False, "empty", "it has no visible character")


@check("finished")
def finished(example: Example, candidate: Candidate) -> Verdict:
    """The model ended its answer itself. Reason: `cut_off`.

    An engine that does not tell passes, and the detail says so.
    """
    if candidate.finish_reason is None:
        return Verdict(True, "ok", "the finish reason is not known")
    reason = candidate.finish_reason.lower()
    if reason in ENDED:
        return PASSED
    if reason in CUT:
        return Verdict(False, "cut_off", "it reached the token limit before its end")
    return Verdict(False, "cut_off", f"it ended early: {candidate.finish_reason}")


@check("thinking")
def thinking(example: Example, candidate: Candidate) -> Verdict:
    """The candidate opens with reasoning exactly where the reference does. Reasons: `no_reasoning`, `reasoning`."""
    expected, given = (bool(split_reasoning(text)[0]) for text in (example.reference, candidate.text))
    if given == expected:
        return PASSED
    if expected:
        return Verdict(False, "no_reasoning", "the reference has reasoning, and it has none")
    return Verdict(False, "reasoning", "it has reasoning, and the reference has none")


def _not_negative(value: float) -> float:
    if value < 0:
        raise ValueError(f"must not be less than 0, and is {value:g}")
    return value


def _in_order(params: dict[str, Any]) -> None:
    if params["minimum"] > params["maximum"]:
        raise ValueError(
            f"contradicts itself: minimum {params['minimum']:g} is more than maximum {params['maximum']:g}"
        )


Ratio = Annotated[float, AfterValidator(_not_negative)]


@check("length_ratio", requirement=_in_order)
def length_ratio(example: Example, candidate: Candidate, *, minimum: Ratio = 0.2, maximum: Ratio = 5.0) -> Verdict:
    """Words of the candidate per word of the reference lie between `minimum` and `maximum`.

    For `maximum`, a reference of fewer than 50 words counts as 50, so that a bare `42` may be explained.
    Reasons: `too_short`, `too_long`.
    """
    given, expected = count_words(candidate.text), count_words(example.reference)
    detail = f"{given} words, the reference has {expected}"
    if given < minimum * expected:
        return Verdict(False, "too_short", detail)
    if given > maximum * max(expected, _SHORT_REFERENCE):
        return Verdict(False, "too_long", detail)
    return PASSED


@check("no_repetition")
def no_repetition(example: Example, candidate: Candidate) -> Verdict:
    """The candidate does not end in a loop, unless the reference does too. Reason: `repetition`.

    A loop is a tail of at least 24 words, or 200 characters, that is one unit repeated at least four times.
    """
    loop = _loop(candidate.text)
    if loop is None or _loop(example.reference) is not None:
        return PASSED
    return Verdict(False, "repetition", f"it ends in a loop of {loop!r}")


def words_of(text: str) -> list[str]:
    """The words of a text; a character of a script without blanks is one."""
    if text.isascii():  # the same, five times as fast
        return text.encode().translate(_ASCII_WORDS).decode().split()
    return WORD.findall(text)


def count_words(text: str) -> int:
    """Words of a text; a character of a script without blanks counts as one."""
    if text.isascii():  # the same count, eight times as fast
        return len(text.encode().translate(_ASCII_WORDS).split())
    return len(WORD.findall(text))


def _loop(text: str) -> str | None:
    """The repeated unit that a text ends in, or None."""
    words = words_of(text[-8 * _LOOP_TAIL :])[-_LOOP_TAIL:]
    period = _tail_period(words, _LOOP_WORDS)
    if period:
        return " ".join(words[-period:])
    tail = text.rstrip()[-_LOOP_TAIL:]
    period = _tail_period(tail, _LOOP_CHARACTERS)
    return tail[-period:] if period else None


def _tail_period(items: Sequence[str], least: int) -> int | None:
    """Length of the unit that the items end in at least four times over at least `least` items."""
    size = len(items)
    for period in range(1, size // _LOOP_REPEATS + 1) if size >= least else ():
        if items[-1 - period] == items[-1]:  # most periods end here, before anything is copied
            start = size - max(least, _LOOP_REPEATS * period)
            if items[start : size - period] == items[start + period :]:
                return period
    return None
