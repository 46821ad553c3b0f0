"""Log-likelihoods of targets under the seed model, each asked once: whatever reads one shares the journal's answer.

A target is scored as training renders it (its layout, the end-of-turn marker included), so the tokens of a likelihood
are those that are trained on, in their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ownwords.errors import StageError
from ownwords.fingerprint import Inputs, join
from ownwords.journal import Key
from ownwords.progress import Progress
from ownwords.records import Completion, Example, Request, Weights
from ownwords.stages.context import Context

STAGE = "gap"
REFERENCE, TARGET = 0, 1  # the journal's attempt numbers: an example's reference, any other text


class Scored(NamedTuple):
    """A text as the target of an example."""

    example: Example
    text: str

    def request(self, context: Context) -> Request:
        return Request(
            f"{self.example.id}/{self._part}",
            self.example.messages,
            target=self.text,
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
    wanted: dict[Key, Request] = {}
    for target in targets:
        request = target.request(context)
        wanted[target.key(request)] = request
    context.run.journal.forget_errors(STAGE)
    scored = {key: c for key, c, _ in context.run.journal.completions(STAGE) if key in wanted}
    # Several texts may be asked about for one example, so a request is known by its key's number.
    missing = {str(number): key for number, key in enumerate(wanted) if key not in scored}
    if missing:
        engine = context.engine("logprobs")
        engine.warm_up([Weights()])
        provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
        startup = context.startup_seconds
        with Progress(label, len(wanted), done=len(scored), unit="targets", startup=startup) as progress:
            for completion in engine.stream(_numbered(wanted, missing)):
                key = missing[completion.request_id]
                context.run.journal.record(STAGE, key, completion, provenance)
                scored[key] = completion
                progress.advance(tokens=completion.prompt_tokens + completion.completion_tokens)
        context.run.journal.commit()
    return scored


def of_references(context: Context, examples: Iterable[Example], label: str) -> dict[str, Completion]:
    """The likelihood of each example's reference, by the example's id."""
    scored = score(context, (Scored(example, example.reference) for example in examples), label)
    return {key.example_id: completion for key, completion in scored.items()}


def nats_per_token(completion: Completion) -> float:
    """Mean negative log-likelihood per target token: the gap of one target.

    Raises:
        StageError: the engine gave no likelihoods.
    """
    if not completion.logprobs:
        raise StageError(f"the engine gave no likelihoods for {completion.request_id}")
    return -float(np.mean(completion.logprobs))


def _numbered(wanted: Mapping[Key, Request], missing: Mapping[str, Key]) -> Iterable[Request]:
    return (replace(wanted[key], id=number) for number, key in missing.items())
