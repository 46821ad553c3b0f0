"""KL(arm ‖ seed) from an arm's own answers: how unlikely does the seed find what the arm says?

An answer y is drawn from the arm at temperature 1, and its likelihood asked of the arm and of the seed. The score of an
item is the mean over the answer's tokens of log p_arm - log p_seed, in nats. Summed over tokens it would be an unbiased
estimate of KL(arm ‖ seed) over answers (Schulman 2020, "Approximating KL divergence", k1); divided by the number of
tokens, so that long answers do not rule, it is one of KL per token, each answer counting once. One item may be below
zero; a mean that is says that there is no distance beyond noise. The seed's own score is 0 but for rounding.

An answer that was cut off counts without the end of the turn that the template adds. The answer's text is tokenised
again, which now and then gives other tokens than were drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

from ownwords.benchmarks._likelihood import answer_logprobs
from ownwords.benchmarks.base import Ask, Item
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion


def ask_twice(item: Item, settings: BenchmarkSection) -> list[Ask]:
    """The likelihood of the answer under the arm, and under the seed. Before there is one: the prompt."""
    if item.gold is None:
        return [Ask(messages=item.messages, tools=item.tools)]
    target = item.gold.text
    return [
        Ask(messages=item.messages, target=target, tools=item.tools),
        Ask(messages=item.messages, target=target, tools=item.tools, of_seed=True),
    ]


def log_ratio(item: Item, completions: Sequence[Completion]) -> float:
    """Nats per token."""
    arm, seed = (answer_logprobs(item.gold, completion) for completion in completions)
    return sum(own - other for own, other in zip(arm, seed, strict=True)) / len(arm)
