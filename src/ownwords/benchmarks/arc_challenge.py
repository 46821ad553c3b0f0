"""ARC-Challenge: grade-school science questions that word matching and retrieval got wrong, mostly with four choices.

A sample item:

    Question: What keeps the Earth in orbit around the Sun?
    Answer:
    choices: inertia of the moon | location of earth's orbit | speed of Earth's rotation | Sun's gravitational pull
    (the last is right)

Metric `acc`: share of items whose right choice has the highest summed log-likelihood after the raw query, as
lm-evaluation-harness measures it: zero-shot, no chat template. `acc_norm` divides by the characters of a choice first.
Chance is 0.25. `prompt: paper` is the same: this is how the paper measures it.

Source: Clark et al. 2018 (arXiv 1803.05457), CC BY-SA 4.0; the file `general/arc_challenge.jsonl` is a sample of the
test set with the fields query, choices, gold. `path: lm-eval` takes lm-eval's task `arc_challenge` and its whole test
set instead, `{path: allenai/ai2_arc, config: ARC-Challenge, split: test}` the same from the Hub.

What it does not cover: whether the model can say the answer in a conversation.
"""

from __future__ import annotations

from ownwords.benchmarks._arc import arc_choices
from ownwords.benchmarks._likelihood import ACC_NORM, ask_pairs, load_choices, reads
from ownwords.benchmarks._lm_eval import from_lm_eval, lm_eval_items
from ownwords.benchmarks.base import Benchmark, DataContext, Item, take
from ownwords.recipe import BenchmarkSection


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    if from_lm_eval(settings):
        return take(lm_eval_items(settings, "arc_challenge", folder="arc"), settings)
    return load_choices(settings, "general/arc_challenge.jsonl", arc_choices)


BENCHMARK = Benchmark(
    name="arc_challenge",
    summary="Harder grade-school science, multiple choice by likelihood",
    area="general",
    metric="acc",
    load=load,
    prompt=ask_pairs,
    score=reads("acc"),
    generative=False,
    more=(ACC_NORM,),
)
