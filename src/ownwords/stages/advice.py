"""Advice before any training: how far a data set lies from a model, and what rewriting it would bring.

Everything is asked of the model itself, in memory; nothing is written. Examples are chosen by a hash of their ids, so
they are spread over the data and the same ones are chosen again. Of `limit` examples the references are scored. The
first of them are answered by the model twice, with the same sampling: without the reference, which gives the floor
(the gap of the model's own words), and while seeing it, as `ownwords rewrite` asks. The texts are drawn and scored in
`advice_texts` and described in `advice_numbers`; what the numbers lead to is decided in `recommendation` by
`advice_thresholds`, and put in words in `advice_sentences`.

It does not cover: what training does to the model. The gap is the reason that is given for forgetting
(arXiv 2402.13669), not a measurement of it.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from ownwords.errors import DataError, InputError, StageError
from ownwords.recipe import Recipe, build_recipe
from ownwords.records import Example, digest
from ownwords.stages import preflight
from ownwords.stages.advice_numbers import (
    describe_checks,
    describe_own,
    describe_rewrites,
    group_of,
    surprising,
    worst_of,
)
from ownwords.stages.advice_texts import own_answers, rewrites_of, score, with_likelihoods
from ownwords.stages.context import Context
from ownwords.stages.likelihoods import nats_per_token
from ownwords.stages.recommendation import recommend

LIMIT = 200
ANSWERS = 16


def recipe_of(
    data: str,
    model: str,
    *,
    columns: str | None = None,
    layout: str | None = None,
    device: str | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """What `ownwords gap DATA --model M` asks with: a recipe's defaults around this data and model.

    Raises:
        InputError: the columns are not of the form prompt=NAME,response=NAME, each once, or an override is wrong.
    """
    train: dict[str, Any] = {"path": data}
    if columns is not None:
        train["columns"] = _columns(columns)
    values = {
        "model": {"name_or_path": model},
        "data": {"train": train},
        "tune": {"chat_template": layout},
        "runtime": {"engine": "transformers", "device": device or "auto"},  # writes, and gives likelihoods
        "output_dir": "nothing is written",
    }
    return build_recipe(values, overrides, where="what was given to `ownwords gap`")


def advise(context: Context, limit: int = LIMIT, answers: int = ANSWERS) -> dict[str, Any]:
    """Facts about the data as targets for the model, with a recommendation.

    Raises:
        InputError: a number, the data, the model or a layout is wrong.
        StageError: no example could be scored.
    """
    if limit < 2:
        raise InputError(f"--limit {limit}: give how many examples to score, at least 2.")
    if answers < 2:
        raise InputError(f"--answers {answers}: give how many prompts the model is to answer, at least 2.")
    preflight.check_names(context)
    preflight.check_sandbox(context)
    if not len(context.train):
        raise DataError(f"{context.recipe.data.train.path} holds no row with an answer to train on.")
    preflight.check_layouts(context)
    context.tokenizer(context.recipe.rewrite.chat_template)
    chosen = spread(context.train, limit)
    engine = context.engine("logprobs")
    engine.warm_up([context.seed_weights])
    provenance = engine.provenance.as_dict()  # a judge with a model of its own closes this engine
    seconds: dict[str, float] = {}
    clock = time.monotonic()
    scored = score(context, [(example, example.reference) for example in chosen], "scoring references")
    seconds["references"] = time.monotonic() - clock
    failed = [completion.error.message for completion in scored if completion.error is not None]
    pairs = [(e, c) for e, c in zip(chosen, scored, strict=True) if c.error is None and c.logprobs]
    if not pairs:
        raise StageError(f"no reference could be scored; the first error: {next(iter(failed), 'none')}")
    asked = [example for example, _ in pairs[:answers]]
    clock = time.monotonic()
    own = with_likelihoods(context, own_answers(context, asked), "scoring own answers")
    seconds["own answers"] = time.monotonic() - clock
    clock = time.monotonic()
    rewrites = with_likelihoods(context, rewrites_of(context, asked), "scoring rewrites")
    seconds["rewrites"] = time.monotonic() - clock
    references = {example.id: completion for example, completion in pairs}
    facts = {
        "data": context.recipe.data.train.path,
        "model": context.model.name,
        "layout": context.recipe.tune.chat_template,
        "engine": provenance,
        "sampling": asdict(context.rewrite_sampling),
        "prompt": context.prompt.name,
        "checks": [check.label for check in context.checks],
        "checks_of_result": describe_checks(context.checks),
        "examples": len(context.train),
        "skipped": [{"origin": origin, "reason": reason} for origin, reason in context.skipped.items()],
        "limit": limit,
        "errors": len(failed),
        "first_error": next(iter(failed), None),
        "gap": group_of([nats_per_token(completion) for _, completion in pairs]),
        "surprising": surprising([completion.logprobs or () for _, completion in pairs]),
        "worst": worst_of(context, pairs),
        "own": describe_own(own, references),
        "rewrites": describe_rewrites(rewrites, references),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }
    return {**facts, "recommendation": recommend(facts)}


def spread(examples: Iterable[Example], limit: int) -> list[Example]:
    """At most `limit` examples, those with the smallest hashes of their ids, in the order of these."""
    return heapq.nsmallest(limit, examples, key=lambda example: digest(example.id))


def _columns(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and equals and column.strip() for name, equals, column in pairs):
        raise InputError(f"--columns {text!r}: write prompt=NAME,response=NAME, with the names of the data's columns.")
    found = {name.strip(): column.strip() for name, _, column in pairs}
    if len(found) < len(pairs):
        raise InputError(f"--columns {text!r}: it names two columns for one of them. Keep one.")
    return found
