"""Any multiple-choice task or group of lm-evaluation-harness, by its name there: `{lm_eval: {path: lm-eval:piqa}}`.

A sample item, of the task piqa:

    Question: When boiling butter, when it's ready, you can
    Answer:
    choices: Pour it onto a plate | Pour it into a jar (right)

Metric `acc`: what the task itself makes of the log-likelihoods, zero-shot and without a chat template; `acc_norm` where
the task has it. Of a group, one mean over all documents. The harness gives documents, prompts and scores, our engine
the likelihoods, so adapters need no merging and answers are journaled like any others.

Source: the data set of the task, from the Hub or its cache; see the task for its licence. It needs the extra `eval`,
and about ten seconds to look through the harness's 14,000 tasks.

What it does not cover: tasks that generate text or need more than log-likelihoods (refused by name); tasks from a file;
a prompt that does not fit the context, which the harness would cut.
"""

from __future__ import annotations

from ownwords.benchmarks._likelihood import ACC_NORM, ask_pairs, reads
from ownwords.benchmarks._lm_eval import SOURCE, lm_eval_items
from ownwords.benchmarks.base import Benchmark, DataContext, Item, take
from ownwords.errors import RecipeError
from ownwords.recipe import BenchmarkSection


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    source, _, task = (settings.path or "").partition(":")
    if source != SOURCE or not task:
        raise RecipeError(f"benchmark {settings.name} wants the name of a task: {{lm_eval: {{path: {SOURCE}:piqa}}}}.")
    return take(lm_eval_items(settings, task), settings)


BENCHMARK = Benchmark(
    name="lm_eval",
    summary="Any multiple-choice task of lm-evaluation-harness, by likelihood",
    area="general",
    metric="acc",
    load=load,
    prompt=ask_pairs,
    score=reads("acc"),
    generative=False,
    more=(ACC_NORM,),
)
