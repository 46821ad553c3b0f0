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
`{path: Rowan/hellaswag, split: validation}` takes the same from the Hub, laid out as lm-eval does it; rows of its test
split have no label.

What it does not cover: what the model would write itself. Wrong endings were machine-made to fool older models, and
some right ones are hard to tell even for people.
"""

from __future__ import annotations

import re

from ownwords.benchmarks._likelihood import ACC_NORM, Choices, ask_pairs, load_choices, place_of, reads, texts_of
from ownwords.benchmarks._lm_eval import from_lm_eval, lm_eval_items
from ownwords.benchmarks._rows import Row
from ownwords.benchmarks.base import Benchmark, DataContext, Item, take
from ownwords.recipe import BenchmarkSection


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    if from_lm_eval(settings):
        return take(lm_eval_items(settings, "hellaswag", folder="hellaswag"), settings)
    return load_choices(settings, "general/hellaswag.jsonl", _choices, strip=settings.prompt == "default")


def _choices(row: Row) -> Choices | None:
    """A row as its authors published it: a title, the text in two parts, of which the second may be empty, endings."""
    if "endings" not in row.fields:
        return None
    rest = row.fields.get("ctx_b")
    if not isinstance(rest, str):
        raise row.error(f"the field 'ctx_b' must hold text, not {str(rest)[:60]!r}")
    label: object = row.fields.get("label")
    place = int(label) if isinstance(label, str) and label in ("0", "1", "2", "3") else label
    endings = [_plain(ending) for ending in texts_of(row, "endings", row.fields["endings"])]
    query = _plain(f"{row.text('activity_label')}: {row.text('ctx_a')} {rest.capitalize()}")
    return query, texts_of(row, "endings", endings), place_of(row, "label", place, len(endings))


def _plain(text: str) -> str:
    """Without the markers of WikiHow: a title begins a sentence, other brackets go, and the gaps that they leave."""
    return re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". ")).replace("  ", " ")


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
