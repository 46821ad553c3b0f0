"""HellaSwag: which of four sentences goes on with a text about everyday life. Common sense that fine-tuning may cost.

A sample item:

    Family Life: How to babysit a toddler. Don't leave them alone. Be alert. Keep an eye on them all the time; you never
    know what one may try to do, open up, dig out ,...fall off or pull down.
    choices: Don't even leave the room for a second. You would be surprised [...] (right) | Teach toddlers to do
    something different and exciting. [...] | Call your friends and neighbors [...] | Act when you're not around [...]

Metric `acc`: share of items whose right ending has the highest summed log-likelihood after the raw text: zero-shot, no
chat template. `acc_norm` divides by the characters of an ending first. Chance is 0.25.

Many endings begin with a blank, left by markers that were taken out of them (a quarter of those in the file, often some
of an item's four). The default takes it away, so that the endings of an item stand alike after one blank.
`prompt: paper` leaves it, as lm-evaluation-harness does.

Source: Zellers et al. 2019 (arXiv 1905.07830), MIT; the file `general/hellaswag.jsonl` is a sample of the validation
set with the fields query, choices, gold. It was prepared like lm-eval's documents but for one thing: where a title
follows a full stop, lm-eval leaves two full stops in the text, the file one. `path: lm-eval` takes lm-eval's task
`hellaswag` and its whole validation set instead, to the character as the paper measures it.

What it does not cover: what the model would write itself. Wrong endings were machine-made to fool older models, and
some right ones are hard to tell even for people.
"""

from __future__ import annotations

from ownwords.benchmarks._likelihood import ACC_NORM, ask_pairs, load_choices, reads
from ownwords.benchmarks._lm_eval import from_lm_eval, lm_eval_items
from ownwords.benchmarks.base import Benchmark, DataContext, Item, take
from ownwords.recipe import BenchmarkSection


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    if from_lm_eval(settings):
        return take(lm_eval_items(settings, "hellaswag", folder="hellaswag"), settings)
    return load_choices(settings, "general/hellaswag.jsonl", strip=settings.prompt == "default")


BENCHMARK = Benchmark(
    name="hellaswag",
    summary="Everyday common sense, the right ending by likelihood",
    area="general",
    metric="acc",
    load=load,
    prompt=ask_pairs,
    score=reads("acc"),
    generative=False,
    more=(ACC_NORM,),
)
