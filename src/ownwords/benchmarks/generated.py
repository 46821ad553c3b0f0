"""Unseen rows of a generated task: has the model learnt the task that it was trained on?

A sample item, of the reasoning-gym task `chain_sum` (the recipe's `data.train.generator` decides which task it is):

    State the final answer to the following arithmetic problem: 1 + 5 =
    6

Metric `accuracy`: share of items whose final answer equals the reference's. The prompt is the example's messages as
they are. 100 items unless `limit` says otherwise.

Source: the generator of `data.heldout`, else further rows of `data.train`'s generator. An item whose prompt is among
the training prompts is refused: its score would measure memory.

What it does not cover: puzzles with several right answers (only the reference counts), and other tasks; what the
training has cost elsewhere is for `arc_easy`, `hellaswag` and `advbench` to say.
"""

from __future__ import annotations

from collections.abc import Sequence

from ownwords.benchmarks._heldout import as_item, unseen_examples
from ownwords.benchmarks.base import Ask, Benchmark, DataContext, Item
from ownwords.checks.answer import extract_final_answer, same_answer
from ownwords.errors import DataError, RecipeError
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion

DEFAULT_LIMIT = 100


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    if not context.generated:
        raise RecipeError(
            f"benchmark {settings.name} needs generated data: set `data.train.generator` to a reasoning-gym task. "
            "For data from a file, heldout_nll measures unseen rows."
        )
    examples = unseen_examples(settings, context, DEFAULT_LIMIT)
    trained = {example.messages for example in context.train}
    for example in examples:
        where = f"benchmark {settings.name}, {example.origin or f'example {example.id}'}"
        if example.messages in trained:
            raise DataError(f"{where}: this prompt is in the training data. Give `data.heldout` another seed.")
        if extract_final_answer(example.reference) is None:
            raise DataError(f"{where}: its reference has no final answer to compare with: {example.reference[:60]!r}")
    return [as_item(example) for example in examples]


def prompt(item: Item, settings: BenchmarkSection) -> list[Ask]:
    return [Ask(messages=item.messages, tools=item.tools)]


def score(item: Item, completions: Sequence[Completion]) -> float:
    """1 if the final answer of the completion is the one of the reference, else 0."""
    return float(same_answer(extract_final_answer(completions[0].text), extract_final_answer(item.gold)))


BENCHMARK = Benchmark(
    name="generated",
    summary="Unseen rows of the generated task, final answer",
    area="task",
    metric="accuracy",
    load=load,
    prompt=prompt,
    score=score,
)
