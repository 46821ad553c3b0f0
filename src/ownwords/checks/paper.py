"""The paper's own filters, exact to the letter, weaknesses included (Yang et al. 2024, code of the branch `reproduce`).

For comparison with the published numbers only: they accept cut-off, empty and run-on answers. For everything else
`final_answer`, `finished` and their like are the better choice.
"""

from __future__ import annotations

import re

from ownwords.checks.base import check
from ownwords.records import PASSED, Candidate, Example, Verdict

BANNED_PHRASES = ("reference answer", "your response", "my response", "your own response", "now it's your turn")
BANNED_START = "Your turn"

_NUMBER = re.compile(r"-?\d+(?:[,\s]\d+)*(?:\.\d+)?")


@check("paper_ban_list")
def paper_ban_list(example: Example, candidate: Candidate) -> Verdict:
    """No phrase (in any case) or opening (in this case) that speaks of the rewriting task. Reason: `banned_phrase`."""
    lowered = candidate.text.lower()
    for phrase in BANNED_PHRASES:
        if phrase in lowered:
            return Verdict(False, "banned_phrase", f"it contains {phrase!r}")
    if candidate.text.startswith(BANNED_START):
        return Verdict(False, "banned_phrase", f"it starts with {BANNED_START!r}")
    return PASSED


@check("paper_last_number", sees_result=True)
def paper_last_number(example: Example, candidate: Candidate) -> Verdict:
    """The last numbers are equal; two invalid ones count as equal. Reason: `wrong_answer`."""
    given, expected = last_number(candidate.text), last_number(example.reference)
    if given == expected:
        return PASSED
    return Verdict(False, "wrong_answer", f"the last number is {_show(given)}, the reference has {_show(expected)}")


@check("paper_openfunction", sees_result=True)
def paper_openfunction(example: Example, candidate: Candidate) -> Verdict:
    """The reference call stands in the candidate, white space and quotes folded, from a word boundary on.

    Reason: `call_missing`.
    """
    # A mark at every word boundary makes "starts at a boundary" a plain search for text, which takes linear time.
    call = "\0" + _mark_boundaries(_fold(example.reference)).strip("\0")
    if call in _mark_boundaries(_fold(candidate.text)):
        return PASSED
    return Verdict(False, "call_missing", f"it does not contain {_fold(example.reference)[:200]}")


def last_number(text: str) -> float | None:
    """What the paper takes for an answer, in its filter and in its scores: the value of the last number; None where
    there is none, it has a fraction, or its digits span a line feed."""
    numbers = _NUMBER.findall(text)
    if not numbers:
        return None
    try:
        value = float(numbers[-1].replace(",", "").replace(" ", ""))
    except ValueError:
        return None
    return value if value.is_integer() else None


def _show(value: float | None) -> str:
    return "no valid whole number" if value is None else f"{value:.0f}"


def _fold(text: str) -> str:
    return " ".join(text.split()).replace("'", '"').replace(", ", ",")


def _mark_boundaries(text: str) -> str:
    return re.sub(r"\b", "\0", text)
