"""GSM8K: grade-school word problems that take two to eight steps of arithmetic. The task of the math recipes.

A sample item:

    A robe takes 2 bolts of blue fiber and half that much white fiber.  How many bolts in total does it take?
    It takes 2/2=1 bolt of white fiber
    So the total amount of fabric is 2+1=3 bolts of fabric
    The answer is 3.

Metric `accuracy`: share of items whose final answer equals the right number. Metric `accuracy_paper`: share of those
whose last number does, as the paper's reference counts: a number behind the answer makes it wrong, one that was never
meant as the answer can be right.

`prompt: default` asks in the user turn for steps and a closing `The answer is N.`; `prompt: paper` gives the question
alone under the system text of the paper's testing prompt. The layout of either is the run's chat template
(`tune.chat_template`).

Source: Cobbe et al. 2021 (arXiv 2110.14168), MIT: the 1,319 test items. The file `gsm8k_test.json` has the fields
question and answer, the answer ending in `The answer is N.`; the original rows, ending in `#### N`, are read as well:
`{gsm8k: {path: openai/gsm8k, config: main, split: test}}` takes them from the Hub.

What it does not cover: whether the steps are right. The test set has been public for years, so a seed model may have
seen it; compare arms, not models.
"""

from __future__ import annotations

from ownwords.benchmarks._math import ACCURACY_PAPER, ask_for_number, gold_number, score_number
from ownwords.benchmarks._rows import benchmark_rows, with_ids
from ownwords.benchmarks.base import Benchmark, DataContext, Item, take
from ownwords.recipe import BenchmarkSection


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    rows = benchmark_rows(settings, "gsm8k_test.json")
    items = (Item(id="", question=row.text("question"), gold=gold_number(row, "answer")) for row in rows)
    return take(with_ids(items), settings)


BENCHMARK = Benchmark(
    name="gsm8k",
    summary="Grade-school word problems, final answer",
    area="task",
    metric="accuracy",
    load=load,
    prompt=ask_for_number,
    score=score_number,
    more=(ACCURACY_PAPER,),
)
