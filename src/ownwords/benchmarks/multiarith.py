"""MultiArith: word problems of two or more simple steps. Does what was learnt on GSM8K carry over to its neighbour?

A sample item:

    There were 39 girls and 4 boys trying out for the schools basketball team. If only 26 of them got called back, how
    many students didn't make the cut?
    The answer is 17

Metric `accuracy`: share of items whose final answer equals the right number; `accuracy_paper`: whose last number does.
Prompts are those of `gsm8k`, for `prompt: paper` too.

Source: Roy and Roth 2015 (arXiv 1608.01413): 180 items; two questions occur twice. The file `multiarith_test.json` has
the fields instruction and output. `{multiarith: {path: ChilleD/MultiArith, split: test}}` takes them from the Hub,
where the fields are question and final_ans, the number alone.

What it does not cover: anything hard. The numbers are small and the stories short, so good models sit at the ceiling.
"""

from __future__ import annotations

from ownwords.benchmarks._math import ACCURACY_PAPER, ask_for_number, gold_number, number_alone, score_number
from ownwords.benchmarks._rows import Row, benchmark_rows, with_ids
from ownwords.benchmarks.base import Benchmark, DataContext, Item, take
from ownwords.recipe import BenchmarkSection


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    rows = benchmark_rows(settings, "multiarith_test.json")
    return take(with_ids(map(_item, rows)), settings)


def _item(row: Row) -> Item:
    if "final_ans" in row.fields:  # as the Hub has it; some of its questions begin with a blank
        return Item(id="", question=row.text("question").strip(), gold=number_alone(row, "final_ans"))
    return Item(id="", question=row.text("instruction"), gold=gold_number(row, "output"))


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
