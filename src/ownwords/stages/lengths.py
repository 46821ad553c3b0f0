"""Lengths in tokens, before anything is asked or trained: what training reads, and what rewriting sends.

Training rows are those of the vanilla arm (targets are the references) in tune's layout, tokenised by the stage's own
`supervise`; rewriting prompts are the stage's own requests in rewrite's layout.
"""

# pyright: basic
from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ownwords import models
from ownwords.errors import DataError, StageError
from ownwords.rendering import TemplateError, prompt_ids
from ownwords.stages import rewrite
from ownwords.stages.context import Context
from ownwords.stages.supervision import IGNORED, Supervision, reference_rows, supervise

QUANTILES = (0.1, 0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """The vanilla arm's rows. One number a row, in the examples' order; `outside` names rows by id.

    `outside` are the rows with a token id that the model has no embedding for. `fitted` is what tune.max_length leaves:
    None if nothing. With on_too_long "error" it counts the rows that fit, as if the others were dropped.
    """

    prompt: list[int]
    reference: list[int]
    outside: list[str]
    vocabulary: int
    too_long: int
    fitted: Supervision | None


def training_rows(context: Context) -> TrainingRows:
    """Tokenise every reference as the vanilla arm trains on it."""
    tune = context.recipe.tune
    tokenizer = context.tokenizer(tune.chat_template)
    vocabulary = int(models.load_config(context.model).get_text_config(decoder=True).vocab_size)
    rows = reference_rows(context.train)
    whole = supervise(tokenizer, rows, sys.maxsize, "error", thinking=context.thinking)
    prompt = [row["labels"].count(IGNORED) for row in whole.rows]
    reference = [len(row["labels"]) - ignored for row, ignored in zip(whole.rows, prompt, strict=True)]
    outside = [row["id"] for row in whole.rows if max(row["input_ids"], default=0) >= vocabulary]
    too_long = sum(len(row["input_ids"]) > tune.max_length for row in whole.rows)
    fitted: Supervision | None = whole
    if too_long:
        try:
            kind = "truncate" if tune.on_too_long == "truncate" else "drop"
            fitted = supervise(tokenizer, rows, tune.max_length, kind, thinking=context.thinking)
        except StageError:  # no row has a supervised token left
            fitted = None
    return TrainingRows(prompt, reference, outside, vocabulary, too_long, fitted)


@dataclass(frozen=True, slots=True)
class RewritingPrompts:
    """`tokens` of every example's rewriting prompt, in the examples' order, in a `context` of so many tokens."""

    tokens: list[int]
    context: int
    max_tokens: int

    def fit(self) -> dict[str, Any]:
        """How prompts and answers fit the context.

        `room` is what the longest prompt with a whole answer leaves (negative: missing). `cut` counts the rows whose
        answer the context ends before max_tokens does; `refused` are those of them whose prompt alone fills it.
        """
        longest = max(self.tokens)
        return {
            "context": self.context,
            "max_tokens": self.max_tokens,
            "longest_prompt": longest,
            "room": self.context - longest - self.max_tokens,
            "cut": sum(prompt + self.max_tokens > self.context for prompt in self.tokens),
            "refused": sum(prompt >= self.context for prompt in self.tokens),
        }


def rewriting_prompts(context: Context) -> RewritingPrompts:
    """Tokenise every rewriting prompt as the transformers engine does."""
    name = context.recipe.rewrite.chat_template
    tokenizer = context.tokenizer(name)
    tokens: list[int] = []
    for example in context.asked:
        request = rewrite.build_request(context, example, 0)
        given = context.given(example)
        try:
            tokens.append(len(prompt_ids(tokenizer, request.messages or (), request.prefill, given)))
        except TemplateError as error:
            where = example.origin or f"the row {example.id}"
            raise DataError(f"the chat template cannot render the rewriting prompt of {where}: {error}.") from error
    limit = models.context_length(tokenizer, models.load_config(context.model))
    return RewritingPrompts(tokens, limit, context.rewrite_sampling.max_tokens)


def quantiles(lengths: Sequence[int]) -> dict[str, int]:
    """Lengths that rows really have: at least that share of the rows is no longer."""
    found = {str(q): int(np.quantile(lengths, q, method="inverted_cdf")) for q in QUANTILES}
    return {**found, "max": max(lengths)}
