"""Log-likelihoods of targets under the seed model, each asked once: whatever reads one shares the journal's answer.

A target is scored as training renders it (its layout, the end-of-turn marker included), so the tokens of a likelihood
are those that are trained on, in their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ownwords.errors import StageError
from ownwords.fingerprint import Inputs, join
from ownwords.journal import Entry, Key
from ownwords.progress import Progress
from ownwords.records import Completion, Example, Request
from ownwords.stages.context import Context
from ownwords.stages.looking_up import looked_up

STAGE = "gap"
REFERENCE, TARGET = 0, 1  # the journal's attempt numbers: an example's reference, any other text
#: So many that the journal lacks are put together before an engine is asked.
ASKED_AT_ONCE = 4096


class Scored(NamedTuple):
    """A text as the target of an example."""

    example: Example
    text: str

    def request(self, context: Context) -> Request:
        return Request(
            f"{self.example.id}/{self._part}",
            self.example.messages,
            target=self.text,
            weights=context.seed_weights,
            chat_template=context.recipe.tune.chat_template,
            tools=self.example.tools,
            thinking=context.thinking,
        )

    def key(self, request: Request) -> Key:
        return Key(self.example.id, self._part, request.hash)

    @property
    def _part(self) -> int:
        return REFERENCE if self.text == self.example.reference else TARGET


def inputs(context: Context) -> Inputs:
    """What a likelihood depends on beside the example and the text."""
    return join(context.model_inputs, context.layout_inputs("tune.chat_template", context.recipe.tune.chat_template))


def score(context: Context, targets: Iterable[Scored], label: str) -> dict[Key, Completion]:
    """The likelihood of every target: from the journal where it is, from an engine where it is not.

    A completion whose `error` is set has none (it does not fit the context, say).
    """
    different = dict.fromkeys(targets)
    return dict(streamed(context, different, len(different), label))


def streamed(context: Context, targets: Iterable[Scored], count: int, label: str) -> Iterator[tuple[Key, Completion]]:
    """The same, some of `count` different targets at a time and in no order: for more than memory holds."""
    context.run.journal.forget_errors(STAGE)
    startup = context.startup_seconds
    with Progress(label, count, unit="targets", startup=startup) as progress:
        missing: dict[Key, Request] = {}
        pairs = ((target.key(request), request) for target in targets for request in [target.request(context)])
        for some, found in looked_up(context.run.journal, STAGE, pairs, key=lambda pair: pair[0]):
            missing |= {key: request for key, request in some if key not in found}
            progress.before += len(found)
            yield from ((key, entry.completion) for key, entry in found.items())
            if len(missing) >= ASKED_AT_ONCE:
                yield from _ask(context, missing, progress)
                missing = {}
        if missing:
            yield from _ask(context, missing, progress)


def _ask(context: Context, missing: Mapping[Key, Request], progress: Progress) -> Iterator[tuple[Key, Completion]]:
    engine = context.engine("logprobs")
    engine.warm_up([context.seed_weights])
    provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
    # Several texts may be asked about for one example, so a request is known by its key's number.
    keys = {str(number): key for number, key in enumerate(missing)}
    for completion in engine.stream(replace(missing[key], id=number) for number, key in keys.items()):
        key = keys[completion.request_id]
        context.run.journal.record(STAGE, key, completion, provenance)
        progress.advance(tokens=completion.prompt_tokens + completion.completion_tokens)
        yield key, completion
    context.run.journal.commit()


def recorded(context: Context, targets: Iterable[Scored]) -> Iterator[list[tuple[Scored, float | None]]]:
    """Some targets at a time, in their order, with the nats per token that the journal has; None where it has none."""
    context.run.journal.commit()  # only what is committed can be looked up
    pairs = ((target, target.key(target.request(context))) for target in targets)
    for some, found in looked_up(context.run.journal, STAGE, pairs, key=lambda pair: pair[1]):
        yield [(target, _known(found.get(key))) for target, key in some]


def _known(entry: Entry | None) -> float | None:
    return nats_per_token(entry.completion) if entry is not None and entry.completion.logprobs else None


def nats_per_token(completion: Completion) -> float:
    """Mean negative log-likelihood per target token: the gap of one target.

    Raises:
        StageError: the engine gave no likelihoods.
    """
    if not completion.logprobs:
        raise StageError(f"the engine gave no likelihoods for {completion.request_id}")
    return -float(np.mean(completion.logprobs))
