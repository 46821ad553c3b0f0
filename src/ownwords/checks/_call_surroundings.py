"""What stands around a call in a text: nothing else on its lines, or words that say that it is not made.

A call is negated by the clause before it ("do not call f(1)", "rather than f(1)"), by what follows it ("f(1) would be
wrong"), and, where it stands on lines of its own, by the line that introduces it ("Do not run this:"). Only a window
around the call is looked at, so the time is bounded.
"""

from __future__ import annotations

import re

_WINDOW = 120

_LINE_BEFORE = re.compile(
    r"[\s>*_+•|-]*(?:\d{1,3}[.)]\s+)?(?:>>>\s*)?(?:return\s+)?(?:\w[\w.]*(?:\s*,\s*\w+)*\s*=\s*)?(?:await\s+)?[*_`]*"
)
_LINE_AFTER = re.compile(r"[\s*_`;,.|\\]*")
_NEGATED_BEFORE = re.compile(
    r"""
    (?: (?:\b(?:not|never|cannot|no\ need|unable\ to|refuse\ to)\b|n['’]t\b)
        (?!\s+(?:only|just|merely|forget|hesitate|sure)\b)
        (?:(?!\b(?:so|but|and|then|because|instead)\b)[^.;:,!?)\n]){0,60}
      | \b(?:avoid|without|instead\ of|rather\ than)\s+(?:\w+ing\s+)?(?:the\s+)?(?:call\s+)?[`*"']{0,3}
    )$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NEGATED_AFTER = re.compile(
    r"[`*\"'”’]{0,3}\s+(?:(?:is|was|would\ be|are)\s+(?:not\b|wrong\b|incorrect\b|invalid\b|a\ mistake\b)|isn['’]t\b"
    r"|(?:will\ not|won['’]t|does\ not|doesn['’]t|would\ not|wouldn['’]t)\s+(?:work|be|do)\b)",
    re.IGNORECASE,
)


def stands_alone(text: str, start: int, end: int | None) -> bool:
    """Whether nothing but markup and an assignment stands beside it on its lines; without `end`, before it."""
    before = text[max(0, start - _WINDOW) : start].rpartition("\n")
    if not before[1] and start > _WINDOW:
        return False
    if not _LINE_BEFORE.fullmatch(before[2]):
        return False
    return end is None or bool(_LINE_AFTER.fullmatch(text[end : end + _WINDOW].partition("\n")[0]))


def is_negated(text: str, start: int, end: int, *, alone: bool) -> bool:
    """Whether the words around a call say that it is not made."""
    if alone:
        return is_introduced_as_wrong(text, start)
    if _NEGATED_BEFORE.search(text[max(0, start - _WINDOW) : start]):
        return True
    return _NEGATED_AFTER.match(text, end) is not None


def is_introduced_as_wrong(text: str, start: int) -> bool:
    """Whether the line before what stands alone ends as in "Do not call this:"."""
    before = text[max(0, start - _WINDOW) : start].rstrip(" \t\n`*->•")
    return before.endswith(":") and _NEGATED_BEFORE.search(before[:-1]) is not None
