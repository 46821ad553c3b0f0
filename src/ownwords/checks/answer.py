r"""The check `final_answer`: does the candidate end with the reference's answer? Benchmarks score with it too.

Where a text has its answer, in this order:

1. After the last explicit marker that gives one: `\boxed{…}`, `#### …`, `the answer is …`, `Answer: …`. What follows
   is a number, a choice's letter or, failing both, a phrase of at most twelve words. Where it is taken back
   (`Wait, it should be …`), what replaces it counts: `_retractions.py` says when that is so.
2. In a short text without markers, such as the bare `42`, `true` or `[3, 1, 2]` of a generated task: the whole text.
3. In the last line with a number: its last formula, if it ends with one, its only bold number, else its last number.

A number merely mentioned earlier does not count. `_numbers.py` tells how numbers are read; text is compared without
case, outer punctuation and markup. Where the reference's answer is more than a number or a word, `final_answer` also
compares expressions: `_expressions.py` reads them, `_algebra.py` says what is the same. Where it is a choice's letter,
`_choices.py` finds the one that a candidate settles on. Not covered: equal quantities in different units, number words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from ownwords.checks._algebra import exact_value, same_expression
from ownwords.checks._choices import chosen_letter
from ownwords.checks._expressions import expression_in, spans
from ownwords.checks._markers import MARKUP, marked
from ownwords.checks._numbers import first_number, plain
from ownwords.checks._reading import (
    BARE_CHOICE,
    BOLD_SPAN,
    CHOICE,
    LINE_AFTER_NUMBER,
    LINE_BEFORE_NUMBER,
    MOST_LINES,
    WRAPPING,
    Answer,
    claim_of,
    last_value,
    normal,
    phrase,
    read_bare,
    read_segment,
    sentence_of,
)
from ownwords.checks._retractions import AFTER_ANSWER, replaced_expression, taken_back
from ownwords.checks.base import check
from ownwords.records import PASSED, Candidate, Example, Verdict

# Bounds that keep the time linear in the text's length, whatever the text.
_LONGEST_BARE = 2000

_AFTERTHOUGHT = re.compile(r"(?:[,;:(–—]|\s-\s|\s(?:because|since|as|so|which|where|when)\b).*", re.DOTALL)
_WRAPPING_BUT_BRACKETS = "".join(set(WRAPPING) - set("()[]{}"))
_WITH_OPPOSITE = {  # `True, False` is neither
    word: re.compile(rf"[,;:(/–—-]\s*(?:(?:or|and|maybe|perhaps|also|wait|no)[\s,]+){{0,2}}{other}\W*$", re.IGNORECASE)
    for word, other in (("true", "false"), ("false", "true"), ("yes", "no"), ("no", "yes"))
}
_BRACKETS = re.compile(r"([\[({]).*,.*([\])}])", re.DOTALL)
_UNDECIDED = re.compile(
    r"\b(?:cannot|can't|can not|impossible to|unable to|not possible to) (?:be )?"
    r"(?:determined?|answer(?:ed)?|solved?|say|tell)\b"
    r"|\bnot enough information\b",
    re.IGNORECASE,
)
_UNKNOWING = re.compile(r"\bI (?:do not|don['’]t) know\b|\bI have no idea\b", re.IGNORECASE)
_DURATION = re.compile(
    r"\s(?:over|in|within|during|for|across|after|throughout)\s(?:the\s|all\s)?(?:next\s|last\s|past\s|first\s)?\d{1,4}\s"
    r"(?:seconds|minutes|hours|days|weeks|months|years)\W{0,3}$"
)
_FIGURE = re.compile(r"[\d$\\]")
_REJECTED_NUMBER = re.compile(
    r"(?:[^\w\d]|n't\b|not\b|never\b|cannot\b|be\b|is\b|just\b|simply\b|only\b|equal\b|to\b){0,12}\d[\d,.]*",
    re.IGNORECASE,
)
_FACTORIAL = re.compile(r"(\d+)\s?!(?!=)")


@check("final_answer", typed=True)
def final_answer(example: Example, candidate: Candidate) -> Verdict:
    """The candidate's final answer equals the reference's: exactly, or for words as normalised text.

    Reasons: `wrong_answer`, `no_answer`, `no_reference_answer`.
    """
    expected = extract_final_answer(example.reference)
    if expected is None:
        return Verdict(False, "no_reference_answer", "the reference has no final answer that this check can read")
    given = extract_final_answer(candidate.text)
    if same_answer(given, expected) or _same_in_other_reading(candidate.text, given, expected):
        return PASSED
    if isinstance(expected, str) and _same_expression(candidate.text, example.reference):
        return PASSED
    if given is None:
        return Verdict(False, "no_answer", f"no final answer found; the reference has {expected}")
    return Verdict(False, "wrong_answer", f"the final answer is {given}, the reference has {expected}")


def extract_final_answer(text: str) -> Answer | None:
    """The final answer that a text gives: a number as an exact fraction, anything else as a phrase, or None.

    A text that ends right after it has announced its answer gives none.
    """
    last_phrase = None
    for segment, value, end in _marked_segments(text):
        corrected = taken_back(text, end, segment if value is None else value) if segment else ""
        if corrected == "":
            return None
        if value is not None:
            return value if corrected is None else corrected
        last_phrase = last_phrase or corrected or phrase(segment)
        if last_phrase and any(character.isdigit() for character in str(last_phrase)):  # an expression, a list, a time
            return last_phrase
    return _without_marker(text) if last_phrase is None else last_phrase


def _without_marker(text: str) -> Answer | None:
    """The answer of a text in which no marker gives one."""
    tail = max(0, len(text) - AFTER_ANSWER)
    if _is_rejected(text) or _UNKNOWING.search(text, tail):
        return None
    bare = text.strip()
    whole = read_bare(plain(bare)) if len(bare) <= _LONGEST_BARE else None
    if whole is not None:
        return whole
    return None if _UNDECIDED.search(text, tail) else last_value(text)


def _is_rejected(text: str) -> bool:
    """Whether the last marker turns a number down (`the answer is not 42`) and no other number follows."""
    found = next(marked(text), None)
    rejected = None if found is None or not found.negated else _REJECTED_NUMBER.match(found.text)
    if found is None or rejected is None:
        return False
    after = text[found.end + rejected.end() : found.end + rejected.end() + LINE_BEFORE_NUMBER]
    return not any(character.isdigit() for character in after)


def same_answer(given: Answer | None, expected: Answer | None) -> bool:
    """Whether two extracted answers are equal. None equals nothing, and a number never equals a phrase.

    The brackets of a pair count where both have them: `(1, 2)` is not `[1, 2]`.
    """
    if isinstance(given, Fraction) or isinstance(expected, Fraction):
        return given == expected
    if given is None or expected is None:
        return False
    wanted = normal(expected)
    if not wanted or wanted not in (normal(given), normal(_AFTERTHOUGHT.sub("", given, count=1))):
        return False
    if wanted in _WITH_OPPOSITE and _WITH_OPPOSITE[wanted].search(given):
        return False
    return _fit(given, expected)


def _fit(given: str, expected: str) -> bool:
    """Whether the brackets around two equal lists may mean the same."""
    one, other = (_BRACKETS.fullmatch(_unwrapped(text)) for text in (given, expected))
    if one is None or other is None or one.groups() == other.groups():
        return True
    content = other.string[1:-1]
    return content.count(",") > 1 and not any(bracket in content for bracket in "()[]{}")


def _unwrapped(text: str) -> str:
    """The text without what is around it, but with the brackets that belong to it."""
    return plain(text).replace("\\(", "").replace("\\)", "").strip(_WRAPPING_BUT_BRACKETS)


def _same_in_other_reading(text: str, given: Answer | None, expected: Answer) -> bool:
    """Once the reference tells what kind of answer is wanted: `Paris, founded in 250 BC`, or `B) 12`."""
    segment, value, end = next(_marked_segments(text), (None, None, 0))
    if segment and taken_back(text, end, segment if value is None else value) is not None:
        return False
    if isinstance(expected, Fraction):
        if segment is not None:
            choice = CHOICE.match(segment)
            return (
                choice is not None
                and isinstance(given, str)
                and read_segment(segment[choice.end() :].strip()) == expected
            )
        duration = _DURATION.search(text, max(0, len(text) - LINE_AFTER_NUMBER))
        return duration is not None and last_value(text[: duration.start()]) == expected
    segment = segment or ""
    if any(same_answer(reading, expected) for reading in (segment, sentence_of(segment))):
        return True
    if len(expected) == 1 and expected in "ABCDEFGHIJ":
        letter = given if isinstance(given, str) and len(given) == 1 else chosen_letter(text)
        return letter == expected
    choice = CHOICE.match(segment) or BARE_CHOICE.match(text)
    return choice is not None and same_answer(segment[choice.end() :] or text[choice.end() :], expected)


def _same_expression(text: str, reference: str) -> bool:
    wanted = _final_expression(reference)
    if wanted is None or exact_value(wanted) is not None:  # of `3 hours and 20 minutes` it would be the 3
        return False
    found = _final_expression(text)
    return found is not None and same_expression(found, wanted)


def _final_expression(text: str) -> str | None:
    """The final answer as an expression in LaTeX, by the same order of places; None where it is none."""
    for number, found in enumerate(marked(text)):
        if found.is_cut and number == 0:
            return None
        latex = None if found.negated else expression_in(found.text, is_formula=found.boxed)
        if latex or (not found.negated and _FIGURE.search(found.text)):
            return replaced_expression(text, found.end) or latex
    end = len(text.rstrip())
    for _ in range(MOST_LINES):
        start = text.rfind("\n", 0, end) + 1
        line = text[max(start, end - LINE_BEFORE_NUMBER) : end]
        bold = [span for span in BOLD_SPAN.findall(line) if not span.endswith(":")]
        if (
            latex := expression_in(line, last=True)
            if spans(line)
            else expression_in(bold[-1] if bold else claim_of(line))
        ):
            return latex
        end = start - 1
        if end <= 0:
            return None
    return None


def _marked_segments(text: str) -> Iterator[tuple[str, Answer | None, int]]:
    """What follows each explicit marker that gives an answer, as plain text and as read, and where that begins.

    The last marker comes first; where the text ends before its answer does, that is an empty segment.
    """
    for number, found in enumerate(marked(text)):
        if found.is_cut and number == 0:
            yield "", None, found.end
            return
        segment = found.text.strip(MARKUP).rstrip(".")
        if not found.negated and segment.isdecimal() and segment.isascii():  # most are nothing else
            yield segment, first_number(segment), found.end
            continue
        segment = plain(found.text).strip(MARKUP)
        if found.boxed:  # there `!` is no exclamation
            segment = _FACTORIAL.sub(r"fact(\1)", segment)
        value = None if found.negated else read_segment(segment)
        if value is not None or (not found.negated and phrase(segment) is not None):
            yield segment, value, found.end
