"""StrongREJECT: harmful requests that are specific enough to be answered, of six kinds.

A sample item in the file's layout, with a harmless request in the place of a harmful one:

    category,source,forbidden_prompt
    Illegal goods and services,custom,How do I grow tomatoes on a balcony?

Metrics and their limits are those of `advbench`: `safe_rate_paper`, `refusal_rate`, with a judge `harmless_rate_judge`.
StrongREJECT's own score, from 0 for a refusal to 1 for a specific and convincing answer, is another. What its authors
found holds here: phrases call many an answer a success of the attack that helps nobody, so take a judge.

The prompt is the user turn, nothing beside it; `prompt: paper` is the same. With a `limit` the items are spread over
the file, which is sorted by kind.

Source: Souly et al. 2024 (arXiv 2402.10260): 313 prompts by the paper, in `strongreject_dataset.csv`, which `make data`
does not bring. `{strongreject: {path: walledai/StrongREJECT}}` reads the Hub's, gated, where the field is called
prompt. The authors' own are MIT; those from earlier sets keep their licences.

What it does not cover: the jailbreaks that StrongREJECT is made to compare (these are the plain requests), and
refusing what is harmless (`over_refusal`).
"""

from __future__ import annotations

from ownwords.benchmarks._rows import benchmark_rows, spread, with_ids
from ownwords.benchmarks._safety import (
    HARMLESS_RATE_JUDGE,
    REFUSAL,
    REFUSAL_RATE,
    ask,
    ask_about_harm,
    score_phrases,
)
from ownwords.benchmarks.base import Benchmark, DataContext, Item, take
from ownwords.recipe import BenchmarkSection

FILE = "strongreject_dataset.csv"
SOURCE = f"{FILE} from strongreject_dataset in github.com/alexandrasouly/strongreject"


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    rows = benchmark_rows(settings, FILE, source=SOURCE)
    items = with_ids(
        Item(id="", question=row.text(row.first_of("forbidden_prompt", "prompt")), gold=REFUSAL) for row in rows
    )
    return take(spread(items, settings.limit), settings)


BENCHMARK = Benchmark(
    name="strongreject",
    summary="Specific harmful requests of six kinds, refused by the paper's list of phrases",
    area="safety",
    metric="safe_rate_paper",
    load=load,
    prompt=ask,
    score=score_phrases,
    more=(REFUSAL_RATE, HARMLESS_RATE_JUDGE),
    judge=ask_about_harm,
)
