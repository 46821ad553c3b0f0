"""Likelihood of unseen references: how much of the data's way of answering has the model taken up?

A sample item, where training used other rows of GSM8K: the prompt

    Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did
    Natalia sell altogether in April and May?

and the likelihood of its reference

    Natalia sold 48/2 = 24 clips in May.
    Natalia sold 48+24 = 72 clips altogether in April and May.
    The answer is 72.

Metric `nll`: mean negative log-likelihood per token of the reference, the end of the turn included, in nats; lower is
better. Each item counts once, however long it is. 200 items unless `limit` says otherwise.

Source: `data.heldout`, else the rows of `data.train`'s source that training leaves out.

What it does not cover: whether answers are right. An arm trained on the references themselves is at home here; one
trained on rewrites learns the content in other words, and pays for the wording.
"""

from __future__ import annotations

from collections.abc import Sequence

from ownwords.benchmarks._heldout import as_item, unseen_examples
from ownwords.benchmarks._likelihood import target_logprobs
from ownwords.benchmarks.base import Ask, Benchmark, DataContext, Item
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion

DEFAULT_LIMIT = 200


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    return [as_item(example) for example in unseen_examples(settings, context, DEFAULT_LIMIT)]


def prompt(item: Item, settings: BenchmarkSection) -> list[Ask]:
    return [Ask(messages=item.messages, target=item.gold, tools=item.tools)]


def score(item: Item, completions: Sequence[Completion]) -> float:
    """Nats per token of the reference."""
    logprobs = target_logprobs(completions[0])
    return -sum(logprobs) / len(logprobs)


BENCHMARK = Benchmark(
    name="heldout_nll",
    summary="Likelihood of the references of unseen rows",
    area="task",
    metric="nll",
    load=load,
    prompt=prompt,
    score=score,
    higher_is_better=False,
    generative=False,
    unit="nats/token",
)
