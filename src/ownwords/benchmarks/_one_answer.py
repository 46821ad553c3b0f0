"""One answer to everything: how many of the answers to different questions are one and the same text?

A model that has collapsed, or an engine that computes nonsense, says the same to every prompt ("a", "!!!!!!!!!!", the
end of a training row), and each such answer may be finished, readable and without a loop. What is looked at is the
share of the commonest text, blanks and case folded; every question counts once, so that several answers to one question
may be alike.

Whether one text can be right is told by the right answers. Where they differ from question to question, it cannot, and
a seed that says it is as broken as an arm. Where they are a few labels (letters, yes or no), a weak model may say one
of them throughout and its score is what guessing gives: an arm is held against the seed then. Where nearly all right
answers are the same (to refuse, say), one answer to everything may be the best there is. A refusal to everything is
never garbage: it is what an arm was feared to become, and its scores say so truly.

What it does not cover: two or three answers that take turns; one answer with the question's own words in it; one text
that is no refusal where all right answers are the same; fewer than `LEAST_QUESTIONS` questions.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from ownwords.checks.refusal import find_refusal
from ownwords.records import Completion

#: Answers are "one and the same" when at least this share of them is one text.
NEARLY_ALL = 0.95
LEAST_QUESTIONS = 10
#: Right answers differ from question to question while the commonest is the right one to at most this share of them;
#: from the higher share on, one answer may be right to nearly all.
RIGHT_DIFFER = 0.1
RIGHT_IS_ONE = 0.8
#: With a few labels in between, a seed whose own commonest answer has at least this share says one thing as well.
SEED_SAYS_ONE = 0.5
_SHOWN = 60
_KEPT = 300


class Commonest(NamedTuple):
    """The text that most answers are (its beginning), its share, how many different questions there are, and to what
    share of them the commonest right answer is the right one (None where it is not known)."""

    text: str
    share: float
    questions: int
    right: float | None


def commonest_answer(
    completions: Sequence[Completion], questions: Sequence[str], right: Sequence[Any] | None = None
) -> Commonest:
    """Of answers to `questions`, in the same order, with what is `right`. There must be some."""
    asked = Counter(questions)
    text, share = _most([_text(completion) for completion in completions], questions, asked)
    most_right = None if right is None else _most([repr(one) for one in right], questions, asked)[1]
    return Commonest(text[:_KEPT], share, len(asked), most_right)


def _most(texts: Sequence[str], questions: Sequence[str], asked: Counter[str]) -> tuple[str, float]:
    """The text with the largest share, and that share; every question counts once."""
    shares: defaultdict[str, float] = defaultdict(float)
    for text, question in zip(texts, questions, strict=True):
        shares[text] += 1 / asked[question]
    text, share = max(shares.items(), key=lambda item: item[1])
    return text, share / len(asked)


def _text(completion: Completion) -> str:
    calls = json.dumps(completion.tool_calls, sort_keys=True) if completion.tool_calls else ""
    return " ".join(f"{completion.text} {calls}".casefold().split())


def one_answer(variant: Commonest, seed: Commonest | None) -> str:
    """Why a score is unusable because everything was answered alike, for people; empty if it is usable. `seed` is what
    the seed model said, None where that is not known."""
    if variant.share < NEARLY_ALL or variant.questions < LEAST_QUESTIONS or variant.right is None:
        return ""
    if variant.right >= RIGHT_IS_ONE or find_refusal(variant.text, "") is not None:
        return ""
    if variant.right > RIGHT_DIFFER and (seed is None or seed.share >= SEED_SAYS_ONE):
        return ""
    return (
        f"{variant.share:.0%} of the answers to {variant.questions:,} questions are one and the same text "
        f"({variant.text[:_SHOWN]!r}), and the right answers are not"
    )
