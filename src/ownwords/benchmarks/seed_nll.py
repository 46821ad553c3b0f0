"""Likelihood of the seed's own answers to general prompts: how far has the arm's distribution moved from the seed's?

A sample item: the prompt

    What are the names of some famous actors that started their careers on Broadway?

and an answer that the seed model gave to it, drawn at temperature 1.

Metric `nll`: mean negative log-likelihood per token of that answer, in nats; lower is better. The answers are samples
of the seed's own distribution, so an arm's score less the seed's, which the table shows as their paired difference, is
an estimate of KL(seed ‖ arm) per token over general prompts, each answer counting once however long it is. Unbiased
would be sums over whole answers; here they may be cut, and their text is tokenised again. 100 prompts unless
`limit` says otherwise; answers of up to `max_tokens` tokens (`evaluate.sampling.max_tokens` without).

Source: the instructions of AlpacaEval (Dubois et al. 2024, CC BY-NC 4.0), or a `path` with the field `instruction`,
`prompt` or `goal`. `prompt: paper` is the same: the paper has no such measure.

What it does not cover: whether the change is good or bad, and what the arm says instead; KL(arm ‖ seed), which looks at
what the arm says (`kl_to_seed`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ownwords.benchmarks._general import load_prompts
from ownwords.benchmarks._likelihood import answer_logprobs
from ownwords.benchmarks.base import Ask, Benchmark, DataContext, Item
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    return load_prompts(settings)


def prompt(item: Item, settings: BenchmarkSection) -> list[Ask]:
    return [Ask(messages=item.messages, target=None if item.gold is None else item.gold.text)]


def score(item: Item, completions: Sequence[Completion]) -> float:
    """Nats per token of the seed's answer."""
    logprobs = answer_logprobs(item.gold, completions[0])
    return -sum(logprobs) / len(logprobs)


BENCHMARK = Benchmark(
    name="seed_nll",
    summary="Likelihood of the seed's own answers to general prompts (its difference is a KL)",
    area="general",
    metric="nll",
    load=load,
    prompt=prompt,
    score=score,
    higher_is_better=False,
    generative=False,
    unit="nats/token",
    seed_answers="sampled",
)
