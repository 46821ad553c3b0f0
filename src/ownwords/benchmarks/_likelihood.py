"""Likelihoods that a benchmark needs from a completion, and the multiple-choice benchmarks made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ownwords.benchmarks._rows import Row, read_rows, with_ids
from ownwords.benchmarks.base import Ask, Item, SeedAnswer, benchmark_file, take
from ownwords.errors import EngineError
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion

#: A template ends a turn with up to two tokens (`<|im_end|>` and a line feed). Behind an answer that was cut off they
#: are none of the model's own.
END_TOKENS = 2


def target_logprobs(completion: Completion) -> tuple[float, ...]:
    """Natural logarithms, one a target token.

    Raises:
        EngineError: there are none, so the engine cannot serve this benchmark.
    """
    if not completion.logprobs:
        raise EngineError(f"the engine gave no log-likelihoods for {completion.request_id}; use one that has them")
    return completion.logprobs


def answer_logprobs(answer: SeedAnswer, completion: Completion) -> tuple[float, ...]:
    """Those of a sampled answer's tokens, the end of the turn only where the model itself ended it."""
    logprobs = target_logprobs(completion)
    return logprobs if answer.finished or len(logprobs) <= END_TOKENS else logprobs[:-END_TOKENS]


def load_choices(settings: BenchmarkSection, default: str) -> list[Item]:
    """Items of a file with `query` (text), `choices` (two or more texts) and `gold` (index of the right one)."""
    rows = read_rows(benchmark_file(settings, default))
    return take(with_ids(map(_choice_item, rows)), settings)


def ask_choices(item: Item, settings: BenchmarkSection) -> list[Ask]:
    """One ask a choice: its likelihood right after the raw query, one blank between, no chat template."""
    return [Ask(text=item.question, target=f" {choice}") for choice in item.choices]


def score_choices(item: Item, completions: Sequence[Completion]) -> float:
    """1 if the choice with the highest summed log-likelihood is the right one; of equal ones the first counts."""
    sums = [sum(target_logprobs(completion)) for completion in completions]
    return float(sums.index(max(sums)) == item.gold)


def _choice_item(row: Row) -> Item:
    query = row.text("query")
    choices, gold = row.fields.get("choices"), row.fields.get("gold")
    if not isinstance(choices, list) or len(cast("list[Any]", choices)) < 2:
        raise row.error("the field 'choices' must be a list of at least two texts")
    texts = cast("list[Any]", choices)
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise row.error("each of 'choices' must be text that is not blank")
    if not isinstance(gold, int) or isinstance(gold, bool) or not 0 <= gold < len(texts):
        raise row.error(f"the field 'gold' must be the index of a choice, 0 to {len(texts) - 1}, not {gold!r}")
    # Some HellaSwag endings begin with a blank; lm-evaluation-harness strips them too.
    return Item(id="", question=query, gold=gold, choices=tuple(text.strip() for text in texts))
