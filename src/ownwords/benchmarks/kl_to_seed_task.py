"""KL of an arm from the seed on unseen prompts of the task: how far did learning it take what the arm says there?

A sample item, where training used other rows of GSM8K: the prompt

    Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did
    Natalia sell altogether in April and May?

and the answer that the arm itself gives, drawn at temperature 1. The reference is not looked at.

Metric `kl`: KL(arm ‖ seed) per token, in nats, estimated from one answer a prompt (see `_kl`). Some distance is what
training is for, so neither more nor less is better. Among arms that do the task equally well, those that went less far
have been found to forget less (Shenfeld et al., arXiv 2509.04259, who measure it the other way round: KL(seed ‖ arm)).
100 prompts unless `limit` says otherwise; answers of up to `max_tokens` tokens.

Source: `data.heldout`, else the rows of `data.train`'s source that training leaves out.

What it does not cover: whether answers are right.
"""

from __future__ import annotations

from dataclasses import replace

from ownwords.benchmarks._heldout import as_item, unseen_examples
from ownwords.benchmarks._kl import ask_twice, log_ratio
from ownwords.benchmarks.base import Benchmark, DataContext, Item
from ownwords.recipe import BenchmarkSection

DEFAULT_LIMIT = 100


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    return [replace(as_item(example), gold=None) for example in unseen_examples(settings, context, DEFAULT_LIMIT)]


BENCHMARK = Benchmark(
    name="kl_to_seed_task",
    summary="KL from the seed of the arm's own answers to unseen prompts of the task",
    area="task",
    metric="kl",
    load=load,
    prompt=ask_twice,
    score=log_ratio,
    higher_is_better=None,
    generative=False,
    unit="nats/token",
    own_answers=True,
)
