"""Test questions that training prompts repeat: a score on such an item measures memory, not ability.

*Exact* is the same text but for case and white space. *Near* is an item of whose runs of five words at least 80 % stand
in one training prompt, in any place: a training prompt that holds the question inside other words counts, and so does
every pair with a Jaccard similarity of 0.8 or more. Words are compared without case and punctuation; a Han or kana
character is a word of its own. A text with fewer than five words is one run.

What it does not cover: paraphrases, translations, and questions that stand in an answer or in an earlier turn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ownwords.benchmarks.base import Item
from ownwords.data.load import folded
from ownwords.records import Example

RUN_WORDS = 5
NEAR = 0.8

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Repeat:
    """A test item and the first training example that repeats its question. `share` is of the item's runs of words."""

    item: Item
    example: Example
    share: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Items whose question is, or nearly is, a training prompt; no item is in both lists."""

    exact: tuple[Repeat, ...]
    near: tuple[Repeat, ...]


class TrainingPrompts:
    """The training prompts, indexed once for every benchmark: by their whole text and by their runs of words."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._exact: dict[str, Example] = {}
        for example in examples:
            self._exact.setdefault(folded(example.prompt), example)
        self._examples = list(self._exact.values())  # different prompts only
        self._runs = [frozenset(runs_of_words(prompt)) for prompt in self._exact]
        self._holders: dict[int, list[int]] = {}
        for number, runs in enumerate(self._runs):
            for run in runs:
                self._holders.setdefault(run, []).append(number)

    def overlap(self, items: Iterable[Item]) -> Overlap:
        """The items that training prompts repeat, in the items' order."""
        exact: list[Repeat] = []
        near: list[Repeat] = []
        for item in items:
            same = self._exact.get(folded(item.question))
            if same is not None:
                exact.append(Repeat(item, same, 1.0))
                continue
            repeat = self._near(item)
            if repeat is not None:
                near.append(repeat)
        return Overlap(tuple(exact), tuple(near))

    def _near(self, item: Item) -> Repeat | None:
        """A prompt that holds enough of the item's runs holds one of its rarest: the others need not be looked up.

        Of n runs at most n - needed can be missing, so among any n - needed + 1 there is one that the prompt holds
        (prefix filtering, Chaudhuri et al. 2006). The rarest have short lists, also where a template repeats the rest.
        """
        runs = runs_of_words(item.question)
        needed = max(1, math.ceil(len(runs) * NEAR))
        rarest = sorted(runs, key=lambda run: len(self._holders.get(run, ())))[: len(runs) - needed + 1]
        rejected: set[int] = set()
        for run in rarest:
            for number in self._holders.get(run, ()):
                if number in rejected:
                    continue
                held = len(self._runs[number].intersection(runs))
                if held >= needed:
                    return Repeat(item, self._examples[number], held / len(runs))
                rejected.add(number)
        return None


def runs_of_words(text: str) -> list[int]:
    """A hash of every different run of `RUN_WORDS` words, in order; a shorter text is one run, of no words none.

    Hashes save memory; that any two of a million different runs agree has a chance below one in ten million.
    """
    words = _WORD.findall(text.casefold())
    starts = range(max(1, len(words) - RUN_WORDS + 1)) if words else ()
    return list(dict.fromkeys(hash(tuple(words[start : start + RUN_WORDS])) for start in starts))
