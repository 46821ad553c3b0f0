"""How a piece of text is read as an answer: after a marker, as a whole text, or at the end of one without markers.

A number is an exact fraction; a choice's letter, a list, an expression and a phrase are text. `answer.py` says which
piece of a text is read. Every function looks at a bounded part of what it is given.
"""

from __future__ import annotations

import re
from fractions import Fraction

from ownwords.checks._expressions import is_symbolic, span_text, spans
from ownwords.checks._markers import MARKUP, NUMERAL
from ownwords.checks._numbers import count_numbers, first_number, last_number, plain

Answer = Fraction | str

LINE_BEFORE_NUMBER = 2000
MOST_LINES = 20
LINE_AFTER_NUMBER = 100
_PHRASE_WORDS = 12
_BARE_WORDS = 8
_FIGURE_WORDS = 6
_CHOICE_WORDS = 40

_SENTENCE_END = re.compile(
    r"(?<!\bapprox)(?<!\bRs)(?<!\bNo)(?<!\bvs)(?<!\bSt)(?<!\bMr)(?<!\bDr)[.!?]+(?=[\s*_\"')\]$\\]|$)"
)
CHOICE = re.compile(r"[(\[]([A-Ja-j])[)\]]|([A-J])(?:[).\]:,?!](?!\d)|\s*$|(?<![AI])\s(?!\s*[-+*/^=]))")
BARE_CHOICE = re.compile(r"[(\[]?([A-Ja-j])[)\]](?!\w)|([A-J])[.:]\s+(?=\S)")
_OTHER_CHOICE = re.compile(r"\s*(?:or|and)\s+[(\[]?[A-J](?![A-Za-z'])")
_SIGN_WORD = re.compile(r"(?:negative|minus)\s+(?=[$€£¥₹]?\s?\d)", re.IGNORECASE)
_BRACKETED_LIST = re.compile(
    r"(?:(?:[A-Za-z]|\([A-Za-z](?:,\s?[A-Za-z])+\))\s*(?:=|∈|\\in(?![A-Za-z])|in\b)\s*)?[\[({][^\])}]*,"
)
_PROSE = re.compile(r"(?<![\\A-Za-z])(?!(?:sqrt|sin|cos|tan|log|ln|exp|pi)\b)[A-Za-z]{2,}")
BOLD_SPAN = re.compile(r"\*\*([^*\n]{1,60})\*\*")
_COMPARED = re.compile(
    r"(?:at (?:least|most)|(?:[a-z]+ ){0,3}?(?:less|fewer|more|greater|smaller|larger|higher|lower) than"
    r"|twice|half|double|triple)\b",
    re.IGNORECASE,
)
_CLAIM = re.compile(r"\b(?:is|are|be|equals?|get|gives?|obtain|have|to|namely)\b|:")
_LETTER = re.compile(r"[^\W\d_]")
WRAPPING = " \t\r\n\"'“”‘*_`$()[]{}.,;:!?\\"
_AROUND_SIGNS = re.compile(r"\s*([-+*/=^,;()\[\]{}<>|])\s*")
_ARTICLE = re.compile(r"(?:the|an?)\s+(?=\S)")


def read_segment(segment: str) -> Answer | None:
    """The choice, list or number that a plain text opens with; None where it is only words."""
    choice = CHOICE.match(segment)
    if choice:
        return None if _OTHER_CHOICE.match(segment, choice.end()) else (choice[1] or choice[2]).upper()
    sentence = _SIGN_WORD.sub("-", sentence_of(segment), count=1)
    if "," in sentence and _BRACKETED_LIST.match(sentence.lstrip("$")) and normal(sentence):
        return sentence
    if _COMPARED.match(sentence):
        return None
    value = first_number(sentence)
    return None if isinstance(value, Fraction) and is_symbolic(sentence) else value


def read_bare(text: str) -> Answer | None:
    """A whole text read as nothing but an answer; None where it is more than that."""
    words = len(text.split())
    is_line = "\n" not in text
    if words <= _CHOICE_WORDS and is_line and (choice := BARE_CHOICE.match(text)):
        return (choice[1] or choice[2]).upper()
    if "," in text and _BRACKETED_LIST.match(text.lstrip("$")) and normal(text):
        return text
    if "=" not in text and not _LETTER.search(text) and count_numbers(text) > 1:
        return text
    return _read_short(text) if words <= _BARE_WORDS and is_line else None


def _read_short(text: str) -> Answer | None:
    """A few words as a number, if they have just one, or as a phrase."""
    numbers = count_numbers(text)
    value = first_number(_SIGN_WORD.sub("-", text, count=1)) if numbers and not is_symbolic(text) else None
    if value is None:
        return None if numbers and _PROSE.search(text) else phrase(text)
    return value if numbers == 1 or (isinstance(value, str) and text.startswith(value)) else None


def last_value(text: str) -> Answer | None:
    """The only bold number of the last line with a number, else that line's last number."""
    end = len(text)
    for _ in range(MOST_LINES):
        digit = max(text.rfind(digit, 0, end) for digit in "0123456789")
        if digit < 0:
            return None
        line_start = text.rfind("\n", 0, digit) + 1
        line_end = text.find("\n", digit)
        start = max(line_start, digit - LINE_BEFORE_NUMBER)
        line = text[start : min(len(text) if line_end < 0 else line_end, digit + LINE_AFTER_NUMBER)]
        if start > line_start:
            line = line.lstrip(NUMERAL)  # the window may have cut a number in two
        formulas = spans(line)
        if formulas and not any(character.isdigit() for character in line[formulas[-1].end() :]):
            formula = plain(span_text(formulas[-1])).strip(MARKUP)
            if (value := read_segment(formula) or phrase(formula)) is not None:
                return value
        bold = [span for span in map(plain, BOLD_SPAN.findall(line)) if _is_figure(span)]
        if len(bold) == 1:
            return first_number(_SIGN_WORD.sub("-", bold[0], count=1))
        line = plain(line)
        if count_numbers(line):
            claim = claim_of(line)
            return phrase(claim) if not _PROSE.search(claim) and is_symbolic(claim) else last_number(line)
        end = start
    return None


def _is_figure(bold: str) -> bool:
    """Whether bold text is a number with a few words, and neither a label nor a whole sentence."""
    return not bold.endswith(":") and len(bold.split()) <= _FIGURE_WORDS and count_numbers(bold) > 0


def sentence_of(text: str) -> str:
    end = _SENTENCE_END.search(text)
    return (text[: end.start()] if end else text).strip()


def phrase(segment: str) -> str | None:
    """The first sentence of a segment if it is short enough to be an answer."""
    sentence = sentence_of(segment)
    return sentence if normal(sentence) and len(sentence.split()) <= _PHRASE_WORDS else None


def claim_of(line: str) -> str:
    """What a sentence says that the answer is, if it says so."""
    return line[max((found.end() for found in _CLAIM.finditer(line)), default=0) :]


def normal(text: str) -> str:
    """Text for comparison: no case, markup, outer punctuation, leading article, or blanks around signs."""
    tight = _AROUND_SIGNS.sub(r"\1", plain(text).casefold().strip(WRAPPING))
    return " ".join(_ARTICLE.sub("", tight, count=1).split())
