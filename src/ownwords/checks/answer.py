r"""The check `final_answer`: does the candidate end with the reference's answer? Benchmarks score with it too.

Where a text has its answer, in this order:

1. After the last explicit marker that gives one: `\boxed{…}`, `#### …`, `the answer is …`, `Answer: …`. What follows
   is a number, a choice's letter or, failing both, a phrase of at most twelve words.
2. In a short text without markers, such as the bare `42`, `true` or `[3, 1, 2]` of a generated task: the whole text.
3. In the only bold number of the last line with a number, else the last number of the text.

A number merely mentioned earlier does not count. `_numbers.py` tells how numbers are read; text is compared without
case, outer punctuation and markup. Not covered: answers that are equal only after algebra or in another unit.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

from ownwords.checks._numbers import count_numbers, first_number, last_number, plain
from ownwords.checks.base import check
from ownwords.records import PASSED, Candidate, Example, Verdict

Answer = Fraction | str

_MARKER = re.compile(
    r"""
      \\(?P<box>boxed|fbox)(?![A-Za-z])
    | (?<!\#)(?P<hashes>\#{4})(?!\#)
    | \banswers?\b(?P<glue>[^\n.:=?!]{0,60}?\b(?:is|are|was|be|equals)\b|[*_"')\] \t]{0,6}[:=])
    | ^[#*_ \t]{0,8}(?:the[ ]|my[ ]|final[ ]|correct[ ]){0,2}answer[*_ \t]{0,8}$
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
# Bounds that keep the time linear in the text's length, whatever the text.
_MOST_MARKERS = 50
_SEGMENT = 300
_LINE_BEFORE_NUMBER = 2000
_LINE_AFTER_NUMBER = 100
_MOST_LINES = 20
_LONGEST_BARE = 2000

_PHRASE_WORDS = 12
_BARE_WORDS = 8

_MARKUP = " \t*_:=\"'`"
_NUMERAL = "0123456789.,"
_NEGATED = re.compile(r"\b(?:not|never|cannot)\b|n't\b", re.IGNORECASE)
_SENTENCE_END = re.compile(
    r"(?<!\bapprox)(?<!\bRs)(?<!\bNo)(?<!\bvs)(?<!\bSt)(?<!\bMr)(?<!\bDr)[.!?]+(?=[\s*_\"')\]$\\]|$)"
)
_CHOICE = re.compile(r"[(\[]([A-Ja-j])[)\]]|([A-J])(?:[).\]:,](?!\d)|\s*$|(?<![AI])\s(?!\s*[-+*/^=]))")
_BARE_CHOICE = re.compile(r"[(\[]?([A-Ja-j])[)\]](?!\w)")
_SIGN_WORD = re.compile(r"(?:negative|minus)\s+(?=[$€£¥₹]?\s?\d)", re.IGNORECASE)
_NUMBERED_HEADING = re.compile(r"\s*\d+[.)]\s+[A-Za-z*]")
_BRACKETED_LIST = re.compile(r"[\[({][^\])}]*,")
_PROSE = re.compile(r"(?<![\\A-Za-z])(?!(?:sqrt|sin|cos|tan|log|ln|exp|pi)\b)[A-Za-z]{2,}")
_BOLD_SPAN = re.compile(r"\*\*([^*\n]{1,60})\*\*")
_AFTERTHOUGHT = re.compile(r"(?:[,;:(–—]|\s-\s|\s(?:because|since|as|so|which|where|when)\b).*", re.DOTALL)
_WRAPPING = " \t\r\n\"'“”‘*_`$()[]{}.,;:!?\\"
_AROUND_SIGNS = re.compile(r"\s*([-+*/=^,;()\[\]{}<>|])\s*")
_ARTICLE = re.compile(r"(?:the|an?)\s+(?=\S)")


@check("final_answer", typed=True)
def final_answer(example: Example, candidate: Candidate) -> Verdict:
    """The candidate's final answer equals the reference's: a number exactly, anything else as normalised text.

    Reasons: `wrong_answer`, `no_answer`, `no_reference_answer`.
    """
    expected = extract_final_answer(example.reference)
    if expected is None:
        return Verdict(False, "no_reference_answer", "the reference has no final answer that this check can read")
    given = extract_final_answer(candidate.text)
    if same_answer(given, expected) or _same_in_other_reading(candidate.text, given, expected):
        return PASSED
    if given is None:
        return Verdict(False, "no_answer", f"no final answer found; the reference has {expected}")
    return Verdict(False, "wrong_answer", f"the final answer is {given}, the reference has {expected}")


def extract_final_answer(text: str) -> Answer | None:
    """The final answer that a text gives: a number as an exact fraction, anything else as a phrase, or None."""
    last_phrase = None
    for segment, value in _marked_segments(text):
        if value is not None:
            return value
        last_phrase = last_phrase or _phrase(segment)
    if last_phrase is not None:
        return last_phrase
    bare = text.strip()
    whole = _read_bare(plain(bare)) if len(bare) <= _LONGEST_BARE else None
    return _last_value(text) if whole is None else whole


def same_answer(given: Answer | None, expected: Answer | None) -> bool:
    """Whether two extracted answers are equal. None equals nothing, and a number never equals a phrase."""
    if isinstance(given, Fraction) or isinstance(expected, Fraction):
        return given == expected
    if given is None or expected is None:
        return False
    wanted = _normal(expected)
    return bool(wanted) and wanted in (_normal(given), _normal(_AFTERTHOUGHT.sub("", given, count=1)))


def _same_in_other_reading(text: str, given: Answer | None, expected: Answer) -> bool:
    """Once the reference tells what kind of answer is wanted: `Paris, founded in 250 BC`, or `B) 12`."""
    segment, _ = next(_marked_segments(text), ("", None))
    if isinstance(expected, str):
        return any(same_answer(reading, expected) for reading in (segment, _sentence(segment)))
    choice = _CHOICE.match(segment)
    return choice is not None and isinstance(given, str) and _read(segment[choice.end() :].strip()) == expected


def _marked_segments(text: str) -> Iterator[tuple[str, Answer | None]]:
    """What follows each explicit marker that gives an answer, as plain text and as read; the last marker first."""
    for marker in reversed(deque(_markers(text), maxlen=_MOST_MARKERS)):
        after = text[marker.end() : marker.end() + _SEGMENT]
        if marker["box"]:
            segment = _in_braces(after)
        else:
            segment = next((line for line in after.split("\n") if line.strip(_MARKUP + "$[\\")), "")
            if len(after) == _SEGMENT and after.endswith(segment):
                segment = segment.rstrip(_NUMERAL)  # the window may have cut a number in two
        if marker["hashes"] and _NUMBERED_HEADING.match(segment):
            continue
        segment = plain(segment).strip(_MARKUP)
        negated = _NEGATED.search(marker["glue"] or "") or _NEGATED.match(segment)
        value = None if negated else _read(segment)
        if value is not None or (not negated and _phrase(segment) is not None):
            yield segment, value


def _markers(text: str) -> Iterable[re.Match[str]]:
    """What `_MARKER.finditer` gives. It would try every position of the text; here only those at which a marker can
    begin, where plain search can find them: in ASCII, whose lower case stands where the text does.
    """
    if not text.isascii():
        return _MARKER.finditer(text)
    lowered = text.lower()
    words = [word for word in ("\\boxed", "\\fbox", "####") if word in lowered]
    starts = [place for word in words for place in _places(lowered, word)]
    line = before = 0
    for place in _places(lowered, "answer"):
        line = max(line, lowered.rfind("\n", before, place) + 1)
        starts += (line, place)
        before = place
    found: list[re.Match[str]] = []
    end = 0
    for start in sorted(set(starts)):
        marker = _MARKER.match(text, start) if start >= end else None
        if marker:
            found.append(marker)
            end = marker.end()
    return found


def _places(text: str, word: str) -> list[int]:
    """Where the word stands in the text."""
    places: list[int] = []
    place = text.find(word)
    while place >= 0:
        places.append(place)
        place = text.find(word, place + 1)
    return places


def _in_braces(after: str) -> str:
    """The content of `{…}` with nested braces, or the next word where there is no brace; empty if it never closes."""
    body = after.lstrip()
    if not body.startswith("{"):
        return next(iter(body.split()), "")
    depth = 0
    for position, character in enumerate(body):
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return body[1:position]
    return ""


def _read(segment: str) -> Answer | None:
    """The choice, list or number that a plain text opens with; None where it is only words."""
    choice = _CHOICE.match(segment)
    if choice:
        return (choice[1] or choice[2]).upper()
    sentence = _SIGN_WORD.sub("-", _sentence(segment), count=1)
    if _BRACKETED_LIST.match(sentence) and _normal(sentence):
        return sentence
    return first_number(sentence)


def _read_bare(text: str) -> Answer | None:
    """A whole text read as nothing but an answer; None where it is more than that."""
    short = len(text.split()) <= _BARE_WORDS and "\n" not in text
    if short and (choice := _BARE_CHOICE.match(text)):
        return choice[1].upper()
    numbers = count_numbers(text)
    only_numbers = numbers > 1 and "=" not in text and not any(character.isalpha() for character in text)
    if only_numbers or (_BRACKETED_LIST.match(text) and _normal(text)):
        return text
    if not short:
        return None
    value = first_number(_SIGN_WORD.sub("-", text, count=1)) if numbers else None
    if value is None:
        return None if numbers and _PROSE.search(text) else _phrase(text)
    return value if numbers == 1 or (isinstance(value, str) and text.startswith(value)) else None


def _last_value(text: str) -> Answer | None:
    """The only bold number of the last line with a number, else that line's last number."""
    end = len(text)
    for _ in range(_MOST_LINES):
        digit = max(text.rfind(digit, 0, end) for digit in "0123456789")
        if digit < 0:
            return None
        line_start = text.rfind("\n", 0, digit) + 1
        line_end = text.find("\n", digit)
        start = max(line_start, digit - _LINE_BEFORE_NUMBER)
        line = text[start : min(len(text) if line_end < 0 else line_end, digit + _LINE_AFTER_NUMBER)]
        if start > line_start:
            line = line.lstrip(_NUMERAL)  # the window may have cut a number in two
        bold = [span for span in map(plain, _BOLD_SPAN.findall(line)) if count_numbers(span)]
        if len(bold) == 1:
            return first_number(bold[0])
        line = plain(line)
        if count_numbers(line):
            return last_number(line)
        end = start
    return None


def _sentence(text: str) -> str:
    end = _SENTENCE_END.search(text)
    return (text[: end.start()] if end else text).strip()


def _phrase(segment: str) -> str | None:
    """The first sentence of a segment if it is short enough to be an answer."""
    sentence = _sentence(segment)
    return sentence if _normal(sentence) and len(sentence.split()) <= _PHRASE_WORDS else None


def _normal(text: str) -> str:
    """Text for comparison: no case, markup, outer punctuation, leading article, or blanks around signs."""
    tight = _AROUND_SIGNS.sub(r"\1", plain(text).casefold().strip(_WRAPPING))
    return " ".join(_ARTICLE.sub("", tight, count=1).split())
