"""The letter of a multiple-choice answer that a text settles on: `option B`, `The choice is **C**`, `(D) is right`.

Only for a text whose reference is such a letter. The last claim counts; a choice that is named and rejected is none,
and two that are claimed together are no answer.
"""

from __future__ import annotations

import re

_NAME = r"(?-i:([B-HJ]|[AI](?!\s+(?!(?:is|are|was|because|since|as|and|or)\b)[a-z])))"
_LETTER = rf"[*_(\[\"'`]{{0,4}}(?:option |choice |letter )?[*_(\[\"'`]{{0,4}}{_NAME}[*_)\]\"'`]{{0,4}}(?![\w'’])"
_CLAIM = re.compile(
    rf"""
      \b(?:answer|choice|option|letter|it|one|that)\b(?:(?!(?-i:\b[A-J]\b))[^\n.?!]){{0,40}}?
      (?:\b(?:is|be|are)\b|:)[ \t:]*(?:\w+[ ]){{0,2}}?{_LETTER}
    | \b(?:option|choice|letter|choose|pick|select|chose|go[ ]with)\s+{_LETTER}
    | {_LETTER}(?:\s*\([^()\n]{{1,120}}\))?\s+(?:is|are|must\s+be|would\s+be)\b
    | \b(?:it|that)['’]s[ ]{_LETTER}
    | \b(?:hence|thus|so|therefore)[:,]?[ ]{_LETTER}(?=[\s.)*]*$)
    | ^\s*{_LETTER}(?=[).:\s]|$)
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
_REJECTED_AFTER = re.compile(
    r"[^\n.]{0,60}?\b(?:not|n't|wrong|incorrect|cannot|can't|false|unlikely|first|comes? close|tempting|close)\b",
    re.IGNORECASE,
)
_REJECTED_BEFORE = re.compile(
    r"(?:\b(?:not|cannot|never|nor|rather than|instead of"
    r"|(?:many|some|most|people|you) (?:\w+ )?(?:would|might|may|will))|n't)[^\w.!?\n]+(?:\w+[^\w.!?\n]+){0,2}$",
    re.IGNORECASE,
)
_ALTERNATIVE = re.compile(
    r"[^\n.?!]{0,30}?\b(?:or|and)\b\s*[(*\"]{0,3}(?:option |choice )?[(*\"]{0,3}([A-J])(?![\w'’])"
)
_WINDOW = 2000


def chosen_letter(text: str) -> str | None:
    """The letter that the text claims last, without having rejected it; None where there is none, or two at once."""
    text = text[-_WINDOW:]
    chosen: str | None = None
    for claim in _CLAIM.finditer(text):
        letter = next(group for group in claim.groups() if group)
        end = claim.end(claim.lastindex or 0)
        if _REJECTED_BEFORE.search(
            text[max(0, claim.start(claim.lastindex or 0) - 40) : claim.start(claim.lastindex or 0)]
        ):
            continue
        if _REJECTED_AFTER.match(text[end : end + 80].partition(",")[0].partition(";")[0]):
            continue
        other = _ALTERNATIVE.match(text[end : end + 60])
        chosen = None if other and other[1] != letter else letter
    return chosen
