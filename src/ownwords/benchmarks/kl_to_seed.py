"""KL of an arm from the seed on general prompts: how far does what it says there lie from what the seed would say?

A sample item: the prompt

    What are the names of some famous actors that started their careers on Broadway?

and the answer that the arm itself gives, drawn at temperature 1.

Metric `kl`: KL(arm ‖ seed) per token, in nats, estimated from one answer a prompt (see `_kl`); lower is closer to the
seed. `kl_to_seed_task` is the same on prompts of the task. 100 prompts unless `limit` says otherwise; answers of up to
`max_tokens` tokens (`evaluate.sampling.max_tokens` without).

Source: the instructions of AlpacaEval (Dubois et al. 2024, CC BY-NC 4.0), or a `path` with the field `instruction`,
`prompt` or `goal`. `prompt: paper` is the same: the paper has no such measure.

What it does not cover: whether the change is good or bad; what the seed would say and the arm no longer does
(`seed_nll`, the KL the other way round).
"""

from __future__ import annotations

from ownwords.benchmarks._general import load_prompts
from ownwords.benchmarks._kl import ask_twice, log_ratio
from ownwords.benchmarks.base import Benchmark, DataContext, Item
from ownwords.recipe import BenchmarkSection


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    return load_prompts(settings)


BENCHMARK = Benchmark(
    name="kl_to_seed",
    summary="KL from the seed of the arm's own answers to general prompts",
    area="general",
    metric="kl",
    load=load,
    prompt=ask_twice,
    score=log_ratio,
    higher_is_better=False,
    generative=False,
    unit="nats/token",
    own_answers=True,
)
