"""MultiArith: word problems of two or more simple steps. Does what was learnt on GSM8K carry over to its neighbour?

A sample item:

    There were 39 girls and 4 boys trying out for the schools basketball team. If only 26 of them got called back, how
    many students didn't make the cut?
    The answer is 17

Metric `accuracy`: share of items whose final answer equals the right number; `accuracy_paper`: whose last number does.
Prompts are those of `gsm8k`, for `prompt: paper` too.

Source: Roy and Roth 2015 (arXiv 1608.01413): 180 items; two questions occur twice. The file `multiarith_test.json` has
the fields instruction and output.

What it does not cover: anything hard. The numbers are small and the stories short, so good models sit at the ceiling.
"""

from __future__ import annotations

from ownwords.benchmarks._math import ACCURACY_PAPER, ask_for_number, gold_number, score_number
from ownwords.benchmarks._rows import read_rows, with_ids
from ownwords.benchmarks.base import Benchmark, DataContext, Item, benchmark_file, take
from ownwords.recipe import BenchmarkSection


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    rows = read_rows(benchmark_file(settings, "multiarith_test.json"))
    items = (Item(id="", question=row.text("instruction"), gold=gold_number(row, "output")) for row in rows)
    return take(with_ids(items), settings)


BENCHMARK = Benchmark(
    name="multiarith",
    summary="Simple word problems, final answer",
    area="task",
    metric="accuracy",
    load=load,
    prompt=ask_for_number,
    score=score_number,
    more=(ACCURACY_PAPER,),
)
