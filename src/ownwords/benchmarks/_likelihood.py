"""Likelihoods that a benchmark needs from a completion, and the multiple-choice benchmarks made of them.

An item of those is a question with `Part`s as its gold: pairs of a context and a target whose log-likelihoods are
wanted, and the numbers that are read off them. Parts may share pairs; each pair is asked once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from ownwords.benchmarks._rows import Row, benchmark_rows, with_ids
from ownwords.benchmarks.base import Ask, Item, Metric, SeedAnswer, take
from ownwords.errors import EngineError, MissingFileError
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion

Pair = tuple[str, str]
"""A context and the target right after it."""

Choices = tuple[str, list[str], int]
"""What stands before every choice, the choices, and the place of the right one."""


@dataclass(frozen=True, slots=True)
class Part:
    """What some metrics read of an item. `right` are the places of the right pairs; `scores` maps the summed
    log-likelihoods of the pairs, in order, to numbers by name."""

    pairs: tuple[Pair, ...]
    right: tuple[int, ...]
    scores: Callable[[Sequence[float]], Mapping[str, float]]


def target_logprobs(completion: Completion) -> tuple[float, ...]:
    """Natural logarithms, one a target token.

    Raises:
        EngineError: there are none, so the engine cannot serve this benchmark.
    """
    if not completion.logprobs:
        raise EngineError(f"the engine gave no log-likelihoods for {completion.request_id}; use one that has them")
    return completion.logprobs


def answer_logprobs(answer: SeedAnswer, completion: Completion) -> tuple[float, ...]:
    """Those of a sampled answer's tokens, the end of the turn only where the model itself ended it, or said nothing."""
    logprobs = target_logprobs(completion)
    return logprobs[: len(logprobs) - answer.end_tokens] or logprobs


def choices_after(context: str, choices: Sequence[str], right: Sequence[int]) -> Part:
    """Each choice after the same context, one blank between. Its scores are those of `choose`."""
    chosen = tuple(right)
    return Part(tuple((context, f" {text}") for text in choices), chosen, partial(choose, list(choices), chosen))


def choose(choices: Sequence[str], right: Sequence[int], sums: Sequence[float]) -> dict[str, float]:
    """Whether a right choice has the highest sum (`acc`), or the highest sum divided by its characters (`acc_norm`).
    Of equal ones the first counts."""
    normalised = [total / len(text) for total, text in zip(sums, choices, strict=True)]
    return {
        "acc": float(sums.index(max(sums)) in right),
        "acc_norm": float(normalised.index(max(normalised)) in right),
    }


def question_item(question: str, *parts: Part) -> Item:
    """An item without its id. Its choices are the targets of the first part."""
    return Item(id="", question=question, gold=parts, choices=tuple(target[1:] for _, target in parts[0].pairs))


def named_items(items: Sequence[Item]) -> list[Item]:
    """Give each item its id: a hash of everything that is asked and of what is right."""
    return with_ids(items, _content)


def ask_pairs(item: Item, settings: BenchmarkSection) -> list[Ask]:
    """One ask a pair: the likelihood of the target right after the bare context, no chat template. White space that
    ends a context goes to the target, where tokenizers have it, as lm-evaluation-harness does."""
    return [_ask(context, target) for context, target in _distinct(item)]


def reads(name: str, part: int = 0) -> Callable[[Item, Sequence[Completion]], float | None]:
    """The score of that name of that part of an item; None where the part has none."""

    def score(item: Item, completions: Sequence[Completion]) -> float | None:
        answers = zip(_distinct(item), completions, strict=True)
        sums = {pair: sum(target_logprobs(completion)) for pair, completion in answers}
        asked: Part = item.gold[part]
        value = asked.scores([sums[pair] for pair in asked.pairs]).get(name)
        return value if value is not None and math.isfinite(value) else None

    return score


ACC_NORM = Metric(
    name="acc_norm",
    summary="The right choice by likelihood divided by its characters",
    score=reads("acc_norm"),
)


def load_choices(
    settings: BenchmarkSection, default: str, published: Callable[[Row], Choices | None], *, strip: bool = True
) -> list[Item]:
    """Items of rows with `query` (text), `choices` (two or more texts) and `gold` (index of the right one). Unless
    `strip` is off, blanks around choices go. `published` reads a row of the layout of the set's authors, which the Hub
    has, and is None for any other."""
    read = [published(row) or _prepared(row) for row in knowledge_rows(settings, default)]
    return take(named_items([_choice_item(choices, strip=strip) for choices in read]), settings)


def knowledge_rows(settings: BenchmarkSection, default: str, *, source: str | None = None) -> list[Row]:
    """The rows to read, as `benchmark_rows` finds them.

    Raises:
        MissingFileError: they are not there; the message says that lm-eval has the benchmark too.
    """
    try:
        return benchmark_rows(settings, default, source=source)
    except MissingFileError as error:
        raise MissingFileError(f"{error} Or set `path: lm-eval`.") from None


def texts_of(row: Row, name: str, values: Any) -> list[str]:
    """Two or more texts that are not blank."""
    if not isinstance(values, list) or len(cast("list[Any]", values)) < 2:
        raise row.error(f"the field {name!r} must be a list of at least two texts")
    texts = cast("list[Any]", values)
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise row.error(f"each of {name!r} must be text that is not blank")
    return texts


def place_of(row: Row, name: str, value: Any, count: int) -> int:
    """The index of one of `count` choices."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
        raise row.error(f"the field {name!r} must be the index of a choice, 0 to {count - 1}, not {repr(value)[:60]}")
    return value


def _prepared(row: Row) -> Choices:
    query = row.text("query")
    texts = texts_of(row, "choices", row.fields.get("choices"))
    return query, texts, place_of(row, "gold", row.fields.get("gold"), len(texts))


def _choice_item(choices: Choices, *, strip: bool) -> Item:
    query, texts, right = choices
    return question_item(query, choices_after(query, [text.strip() if strip else text for text in texts], [right]))


def _distinct(item: Item) -> list[Pair]:
    return list(dict.fromkeys(pair for part in item.gold for pair in part.pairs))


def _ask(context: str, target: str) -> Ask:
    bare = context.rstrip()
    return Ask(text=bare, target=context[len(bare) :] + target)


def _content(item: Item) -> list[Any]:
    """Choices after one context are written as context, choices and the right one; everything else as it is asked."""
    parts: Sequence[Part] = item.gold
    contexts = {context for part in parts for context, _ in part.pairs}
    if len(parts) == 1 == len(contexts) and all(target.startswith(" ") for _, target in parts[0].pairs):
        right = parts[0].right
        choices = [target[1:] for _, target in parts[0].pairs]
        return [*contexts, choices, right[0] if len(right) == 1 else list(right)]
    return [[list(map(list, part.pairs)), list(part.right)] for part in parts]
