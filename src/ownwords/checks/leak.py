"""The check `no_prompt_leak`: an answer must not repeat, or speak of, what only the rewriting prompt says.

What counts as the prompt's own is found by overlap with its words, so it fits any prompt, a user's own included:

1. a run of more than seven words of it, anywhere;
2. a term of it, anywhere: two words side by side that it has side by side at least twice, as in "reference answer";
3. a sentence that is mostly made of its words, where answers speak of their task: among the first two or the last two.
   "Here is a good answer to the message:" is one.

What the row's own turns or its reference contain too is no leak, nor are words so common that they tell nothing. Beside
these, markers of chat templates count. Not covered: speaking of the task in words that the prompt does not have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from typing import Annotated

from pydantic import Field

from ownwords.checks.base import check
from ownwords.checks.text import WORD, words_of
from ownwords.prompts.render import load_prompt, prompt_names
from ownwords.records import PASSED, Candidate, Example, Verdict

# What belongs to a chat template or a rewriting layout and never to an answer; in lower case.
TEMPLATE_MARKERS = (
    "### response:",
    "### instruction:",
    "### reference answer:",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "<</sys>>",
    "<|im_start|>",
    "<|im_end|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|begin_of_text|>",
    "<|endoftext|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<tool_response>",
    "</tool_response>",
)

# No reference of GSM8K, Alpaca, Dolly, LIMA, AlpacaEval and OpenFunctions (15,518 rows) shares more than five words
# in a row with a shipped prompt; two more leave room for other data.
_LONGEST_QUOTATION = 7

# Least share of a sentence's telling words that must be the prompt's, where two are shared, and where more are. Of the
# answers of the same data, fewer than one in a thousand has a sentence with so many.
_SHARE_OF_TWO = 0.6
_SHARE_OF_MORE = 0.4
_FRAME = 2
_FRAME_CHARACTERS = 600

_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+|\n+")
#: What a prompt quotes is what it wants to be said.
_QUOTED = re.compile(r'"[^"\n]*"')
# A rewrite that says "my own words" repeats "your own words".
_PERSON = {"your": "my", "yours": "mine", "you": "i", "yourself": "myself"}
_COMMON = frozenset(
    """a about all also an and any are as at be been but by can could did do does each every few for from had
    has have he her here his how i if in into is it its just many may me might mine more most must my myself no
    not now of on one only or our out she should so some such than that the their them then there these they
    this those to up us very was we were what when where which who why will with would""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a prompt says, in the three forms in which it is looked for."""

    runs: frozenset[tuple[str, ...]]
    terms: frozenset[tuple[str, ...]]
    words: frozenset[str]


#: Words.
Count = Annotated[int, Field(ge=1, le=1000)]


@check("no_prompt_leak")
def no_prompt_leak(example: Example, candidate: Candidate, *, max_words: Count = _LONGEST_QUOTATION) -> Verdict:
    """The candidate has no template marker, and nothing that only the rewriting prompt says (see the file's text).

    A run of up to `max_words` of the prompt's words is allowed. Reason: `prompt_leak`.
    """
    given = (*(message.content for message in example.messages), example.reference)
    marker = _marker(candidate.text, given)
    if marker:
        return Verdict(False, "prompt_leak", f"it contains {marker!r}")
    instruction = _shipped(max_words) if candidate.instruction is None else _read(candidate.instruction, max_words)
    words = _words(candidate.text)
    for what, size, mine in (("words", max_words + 1, instruction.runs), ("term", 2, instruction.terms)):
        leaked = mine.intersection(_runs(words, size))
        for text in given if leaked else ():
            leaked = leaked.difference(_runs(_words(text), size))
        if leaked:
            return Verdict(
                False, "prompt_leak", f"it repeats {what} of the rewriting prompt: {' '.join(min(leaked))!r}"
            )
    sentence = _speaks_of_task(candidate.text, instruction.words, given)
    if sentence:
        return Verdict(False, "prompt_leak", f"it speaks in the words of the rewriting prompt: {sentence[:200]!r}")
    return PASSED


def _marker(text: str, given: Iterable[str]) -> str:
    lowered = text.lower()
    for marker in TEMPLATE_MARKERS:
        if marker in lowered and not any(marker in other.lower() for other in given):
            return marker
    return ""


def _speaks_of_task(text: str, told: frozenset[str], given: Iterable[str]) -> str:
    """The first of the text's outer sentences that is mostly made of what the prompt alone says; empty if none is."""
    known: set[str] | None = None
    for sentence in _outer_sentences(text):
        words = set(_words(sentence)) - _COMMON
        if len(words & told) < 2:
            continue
        if known is None:
            known = {word for other in given for word in _words(other)}
        shared, own = (words & told) - known, words - known
        if len(shared) >= 2 and len(shared) >= (_SHARE_OF_TWO if len(shared) == 2 else _SHARE_OF_MORE) * len(own):
            return sentence
    return ""


def _outer_sentences(text: str) -> list[str]:
    stripped = text.strip()
    if len(stripped) <= 2 * _FRAME_CHARACTERS:
        sentences = _sentences(stripped)
        return sentences if len(sentences) <= 2 * _FRAME else sentences[:_FRAME] + sentences[-_FRAME:]
    head, tail = stripped[:_FRAME_CHARACTERS], stripped[-_FRAME_CHARACTERS:]
    return _sentences(head)[:_FRAME] + _sentences(tail)[-_FRAME:]


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in map(str, _SENTENCE_END.split(text)) if WORD.search(sentence)]


def _words(text: str) -> list[str]:
    return [_PERSON.get(word, word) for word in words_of(text.casefold())]


def _runs(words: list[str], length: int) -> Iterator[tuple[str, ...]]:
    """Every run of `length` consecutive words."""
    return zip(*(islice(words, start, None) for start in range(length)), strict=False)


@lru_cache(maxsize=64)
def _read(instruction: str, max_words: int) -> Instruction:
    words = _words(instruction)
    pairs = Counter(pairwise(words))
    terms = {pair for pair, count in pairs.items() if count > 1 and not set(pair) & _COMMON}
    told = {word for word in _words(_QUOTED.sub(" ", instruction)) if len(word) > 1} - _COMMON
    return Instruction(frozenset(_runs(words, max_words + 1)), frozenset[tuple[str, ...]](terms), frozenset(told))


@lru_cache(maxsize=8)
def _shipped(max_words: int) -> Instruction:
    """Of all shipped prompts, for a candidate whose prompt is not known. Their words together are most of a language's,
    so sentences are not judged by them."""
    prompts = [_read(load_prompt(name).instruction, max_words) for name in prompt_names()]
    runs = frozenset(run for prompt in prompts for run in prompt.runs)
    return Instruction(runs, frozenset(term for prompt in prompts for term in prompt.terms), frozenset())
