r"""Where a text says that its answer follows: `\boxed{…}`, `#### …`, `the answer is …`, `Answer: …`.

The time is linear in the text's length, whatever the text: what follows a marker is looked at through a window.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_MARKER = re.compile(
    r"""
      \\(?P<box>boxed|fbox)(?![A-Za-z])
    | (?<!\#)(?P<hashes>\#{4})(?!\#)
    | (?<!/)\banswers?\b(?P<glue>[^\n.:=?!]{0,60}?\b(?:is|are|was|be|equals|(?:is|was)n['’]t)\b|[*_"')\] \t]{0,6}[:=>])
    | ^[#*_ \t]{0,8}(?:the[ ]|my[ ]|final[ ]|correct[ ]){0,2}answer[*_ \t]{0,8}$
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_MOST_MARKERS = 50
#: Characters after a marker that can belong to the answer.
SEGMENT = 300

#: What stands around an answer and is no part of it.
MARKUP = " \t*_:=\"'`>"
NUMERAL = "0123456789.,"

_NOTHING = MARKUP + "\n.,$\\([{"

_NEGATED = re.compile(r"\b(?:not|never|cannot)\b|n['’]t\b", re.IGNORECASE)
#: Before a marker: `It is false that the answer is 42.`
_DENIED = re.compile(r"\b(?:false|untrue|not true|wrong|incorrect) that (?:the |my |our )?(?:\w+ )?$", re.IGNORECASE)
_DENIAL = 40
_NUMBERED_HEADING = re.compile(r"\s*\d+[.)]\s+[A-Za-z*]")


class Marked(NamedTuple):
    """What follows a marker, as it is written; `end` is where it begins in the text.

    `is_cut` says that the text ends before the answer does.
    """

    text: str
    end: int
    boxed: bool
    negated: bool
    is_cut: bool


def marked(text: str) -> Iterator[Marked]:
    """What follows each explicit marker; the last marker first."""
    for marker in reversed(deque(markers(text), maxlen=_MOST_MARKERS)):
        box, hashes, glue = marker.groups()
        end, boxed = marker.end(), box is not None
        after = text[end : end + SEGMENT]
        if boxed:
            segment = _in_braces(after)
        else:
            segment = _first_lines(after)
            if len(after) == SEGMENT and after.endswith(segment):
                segment = segment.rstrip(NUMERAL)  # the window may have cut a number in two
        if "</" in segment:
            segment = segment.partition("</")[0]
        if hashes and _NUMBERED_HEADING.match(segment):
            continue
        negated = bool(
            _NEGATED.search(glue or "")
            or _NEGATED.match(segment.lstrip(MARKUP))
            or _DENIED.search(text[max(0, marker.start() - _DENIAL) : marker.start()])
        )
        is_cut = len(segment) < 3 and (not after.strip(_NOTHING) or (boxed and not segment and len(after) < SEGMENT))
        yield Marked(segment, end, boxed, negated, is_cut)


def markers(text: str) -> Iterable[re.Match[str]]:
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


def _first_lines(after: str) -> str:
    """The first line that is more than markup, or all of a display formula that opens there."""
    lines = after.split("\n")
    for number, line in enumerate(lines):
        if line.strip(MARKUP + "$[\\"):
            return line
        opening = line.strip(MARKUP)
        if opening in ("$$", "\\["):
            formula, closed, _ = "\n".join(lines[number + 1 :]).partition("$$" if opening == "$$" else "\\]")
            if closed and formula.strip():
                return " ".join(formula.split())
    return ""


def _in_braces(after: str) -> str:
    """The content of `{…}` with nested braces, or the next word where there is no brace; empty if it never closes."""
    body = after.lstrip()
    if not body.startswith("{"):
        return next(iter(body.split()), "")
    depth = 0
    for position, character in enumerate(body):
        if character == "{" and body[position - 1] != "\\":
            depth += 1
        elif character == "}" and body[position - 1] != "\\":
            depth -= 1
            if depth == 0:
                return body[1:position]
    return ""
