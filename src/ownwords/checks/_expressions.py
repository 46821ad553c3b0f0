r"""Finds the expression in a piece of text, and reads it into one plain form of LaTeX (`_latex.py` says which).

It may stand as a formula (`$…$`, `\(…\)`, `\[…\]`) or as plain text after a few words: `the interval (2, 5]`. Formulas
with nothing but commas, `and` and `or` between them are one list. Text is looked at up to a fixed length.
"""

from __future__ import annotations

import re
from itertools import pairwise

from ownwords.checks._latex import NotMathematicalError, Reader
from ownwords.checks._latex_signs import prepared

#: Characters of a text that can be an expression.
LONGEST = 400
_MOST_STARTS = 16

_MATHEMATICAL = re.compile(r"\d|[-+/^=<>]|\\(?:pi|infty|emptyset|theta|sqrt|cup|in|cdot|le|ge|ne|pm)(?![A-Za-z])")
_APPROXIMATION = re.compile(r"≈|\\approx|\\simeq|≅|\\sim(?![A-Za-z])")

# What tells an expression with symbols from a number with words: cheap, and for most texts the end of it.
_SUSPECT = re.compile(
    r"[\^√π²³<>≤≥]|(?<![A-Za-z\\])[A-Za-z]\s?[-+*/×·(]|[-+*/×·(]\s?[A-Za-z](?![A-Za-z])|\d[A-Za-z](?![A-Za-z])"
)
_NAME = re.compile(r"[A-Za-z]|[A-Za-z]\([a-z]\)")
_ARITHMETIC = re.compile(r"\\(?:frac|cdot ?)")
_QUANTITY = re.compile(r"(?<=[\d}])[mgslhLVWNJKACFk](?:\^\{-?[123]\})?(?:/[smhgL](?:\^\{[123]\})?)?$")
_SYMBOL = re.compile(r"[A-Za-z<>]")
_EXCLAMATION = re.compile(r"!+(?=\s*$|\s+[A-Z])")
_START = re.compile(r"(?:^|(?<=\s))\S")

_SPAN = re.compile(
    r"\$\$(.{1,400}?)\$\$|\\\[(.{1,400}?)\\\]|\\\((.{1,400}?)\\\)"
    r"|(?<![\\\d$])\$(?! )((?:\\.|[^$\n\\]){1,400}?)(?<![ \\])\$(?![\d$])",
    re.DOTALL,
)
_BETWEEN_SPANS = re.compile(r"[\s,;]*(?:and|or)?[\s,;]*")


def spans(text: str) -> list[re.Match[str]]:
    """The formulas in a text of bounded length: `$…$`, `\\(…\\)`, `\\[…\\]`, `$$…$$`."""
    return list(_SPAN.finditer(text)) if "$" in text or "\\" in text else []


def span_text(span: re.Match[str]) -> str:
    """What stands inside the formula's marks."""
    return next(group for group in span.groups() if group is not None)


def expression_in(text: str, *, last: bool = False, is_formula: bool = False) -> str | None:
    """The first expression of a text (the last one, if so wished), or None.

    `is_formula` says that all of the text is one: then `n!` is a factorial, and else somebody is glad.
    Formulas with nothing but `and`, `or` and commas between them are one list.
    """
    text = text[: 3 * LONGEST]
    found = [span for span in spans(text) if len(span_text(span).strip()) > 1 or _read(span_text(span))]  # no bare x
    if found:
        return _read(_joined(text, found[::-1] if last else found, last))
    for start in list(_START.finditer(text))[:_MOST_STARTS]:
        latex = _read(text[start.start() :] if is_formula else _EXCLAMATION.sub("", text[start.start() :]))
        if latex is not None:
            return latex
    return None


def _joined(text: str, found: list[re.Match[str]], backwards: bool) -> str:
    """The first formula with those that belong to it."""
    parts = [span_text(found[0])]
    for one, other in pairwise(found):
        before, after = (other, one) if backwards else (one, other)
        gap = text[before.end() : after.start()]
        if not _BETWEEN_SPANS.fullmatch(gap) or not gap.strip():
            break
        parts = [span_text(other), gap, *parts] if backwards else [*parts, gap, span_text(other)]
    return "".join(parts)


def _read(text: str) -> str | None:
    """The expression that the text opens with; None where it opens with none, or with part of one."""
    cut = _APPROXIMATION.search(text)
    text = (text[: cut.start()] if cut and cut.start() else text).lstrip(" =:*_\"'`\t")
    if len(text) > 2 * LONGEST:
        text = text[: 2 * LONGEST]
    text = prepared(text)
    if len(text) > 2 * LONGEST:
        return None
    try:
        latex = Reader(text).top()
    except NotMathematicalError:
        return None
    return latex if len(latex) <= LONGEST and _MATHEMATICAL.search(latex) else None


def is_symbolic(text: str) -> bool:
    """Whether a plain text opens with an expression that is more than a number: `2x + 3`, `x > 5`, but not `x = 5`."""
    if not _SUSPECT.search(text):
        return False
    latex = expression_in(text)
    if latex is None:
        return False
    name, *sides = latex.split("=")
    if sides and _NAME.fullmatch(name):
        latex = sides[-1]
    return bool(_SYMBOL.search(_QUANTITY.sub("0", _ARITHMETIC.sub("", latex))))
