"""WinoGrande: which of two words fills the blank of a sentence, where only common sense tells.

A sample item:

    Carrie had an easier time crawling through the narrow tunnel than Patricia because _ was larger.
    option 1: Carrie | option 2: Patricia (right)

Metric `acc`, by partial evaluation, as lm-evaluation-harness measures it: the sentence up to the blank with an option
filled in is the context, the rest of the sentence is what is scored. The option whose context makes the rest likelier
is taken; the options themselves are never scored. Zero-shot, no chat template. Chance is 0.5. `prompt: paper` is the
same: this is how the paper measures it.

Source: Sakaguchi et al. 2020 (arXiv 1907.10641), CC BY 4.0; the file `general/winogrande.jsonl` is a sample of the
validation set (XL) with the fields sentence (one blank, written `_`), option1, option2 and answer (`1` or `2`).
`path: lm-eval` takes lm-eval's task `winogrande` and its whole validation set instead,
`{path: allenai/winogrande, config: winogrande_xl, split: validation}` the same from the Hub.

What it does not cover: whether the model would choose the right word when asked. A difference between arms is small
beside chance, so many items are needed to see one.
"""

from __future__ import annotations

from collections.abc import Sequence

from ownwords.benchmarks._likelihood import Part, ask_pairs, knowledge_rows, named_items, question_item, reads
from ownwords.benchmarks._lm_eval import from_lm_eval, lm_eval_items
from ownwords.benchmarks._rows import Row
from ownwords.benchmarks.base import Benchmark, DataContext, Item, take
from ownwords.recipe import BenchmarkSection

ANSWERS = ("1", "2")


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    if from_lm_eval(settings):
        return take(lm_eval_items(settings, "winogrande", folder="winogrande", field="sentence"), settings)
    rows = knowledge_rows(settings, "general/winogrande.jsonl")
    return take(named_items([_item(row) for row in rows]), settings)


def _item(row: Row) -> Item:
    sentence = row.text("sentence")
    before, blank, rest = sentence.partition("_")
    if not blank or not rest.strip():
        raise row.error("the field 'sentence' must have a blank `_` and text behind it, which is what is scored")
    answer = str(row.fields.get("answer"))
    if answer not in ANSWERS:
        raise row.error(f"the field 'answer' must be 1 or 2, not {repr(row.fields.get('answer'))[:60]}")
    pairs = tuple((before + row.text(option), f" {rest.strip()}") for option in ("option1", "option2"))
    right = ANSWERS.index(answer)
    return question_item(sentence, Part(pairs, (right,), lambda sums: _likelier(right, sums)))


def _likelier(right: int, sums: Sequence[float]) -> dict[str, float]:
    """Of two equally likely ones the first counts."""
    return {"acc": float(sums.index(max(sums)) == right)}


BENCHMARK = Benchmark(
    name="winogrande",
    summary="Common sense, which word fills the blank, by the likelihood of what follows",
    area="general",
    metric="acc",
    load=load,
    prompt=ask_pairs,
    score=reads("acc"),
    generative=False,
)
