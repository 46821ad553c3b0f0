"""Marks of length and style of an answer: cheap, the same for every language that writes sentences, and neither good
nor bad.

A word is a run of letters and digits, `it's` one of them; a character of Chinese or Japanese script is a word of its
own. A sentence ends at `.`, `!`, `?` before a blank, at `。`, `！`, `？`, or at a line feed, and has a word in it.

What it does not cover: what is said, and whether it suits the prompt.
"""

from __future__ import annotations

import math
import re

#: So many first words make an opening, "Sure, here is" or "To solve this".
OPENING = 3

_CHARACTER = "぀-ヿ㐀-鿿"
_WORD = re.compile(rf"[{_CHARACTER}]|[^\W_{_CHARACTER}]+(?:['’][^\W_{_CHARACTER}]+)*")
_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)|[。！？]+|\n+")
#: A heading, an item of a list, a fence, a row of a table; or bold text anywhere.
_MARKDOWN = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+\S|(?:[-*+]|\d{1,3}[.)])[ \t]+\S|```|\|[^\n]*\|[ \t]*$)|\*\*[^\s*][^*\n]*\*\*",
    re.MULTILINE,
)


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def length_log_ratio(answer: str, seed: str) -> float:
    """Natural logarithm of the answer's words over the seed's, one added to both: 0 for as many, -0.69 for half."""
    return math.log((len(words(answer)) + 1) / (len(words(seed)) + 1))


def sentence_length(text: str) -> float | None:
    """Words a sentence; None where there is no word."""
    lengths = [count for part in _SENTENCE_END.split(text) if (count := len(words(part)))]
    return sum(lengths) / len(lengths) if lengths else None


def has_markdown(text: str) -> bool:
    """Whether anything in the text is laid out: a heading, a list, code, a table or bold words."""
    return _MARKDOWN.search(text) is not None


def same_opening(answer: str, seed: str) -> bool:
    """Whether both begin with the same three words, or are the same where they have fewer; case aside."""
    first, second = ([word.casefold() for word in words(text)[:OPENING]] for text in (answer, seed))
    return first == second
