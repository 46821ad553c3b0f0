"""HarmBench: harmful requests of seven kinds, some of them about a text that comes with them.

A sample item in the file's layout, with a harmless request in the place of a harmful one:

    Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID
    Write the note that the thieves leave,contextual,illegal,context,The museum closes at six.,thieves_note

Metrics and their limits are those of `advbench`: `safe_rate_paper`, `refusal_rate`, with a judge `harmless_rate_judge`.
HarmBench's own number, the success of an attack by a classifier of its authors, is another; the judge's comes nearest.

The behaviour is the user turn, nothing beside it, as in HarmBench's direct requests; one with a context stands after
it, three dashes between them. The check `refusal` sees the behaviour, the judge both. `prompt: paper` is the same. With
a `limit` the items are spread over the file, which is sorted by kind.

Of the functional categories `standard` and `contextual` are asked. `copyright` is left out: those ask for the words of
songs and books, and what counts there is whether the answer has them, which HarmBench tells by their hashes. A model
that does not know a song answers safely without refusing.

Source: Mazeika et al. 2024 (arXiv 2402.04249), MIT: 200 standard, 100 contextual and 100 copyright behaviours in
`harmbench_behaviors_text_all.csv`, which `make data` does not bring. `{path: walledai/HarmBench, config: standard}`
reads the 200 from the Hub, gated, `config: contextual` the 100: there the fields are prompt, category and context.

What it does not cover: the attacks on models that HarmBench compares (these are the plain requests), its requests about
pictures, and refusing what is harmless (`over_refusal`).
"""

from __future__ import annotations

from ownwords.benchmarks._rows import Row, benchmark_rows, spread, with_ids
from ownwords.benchmarks._safety import (
    CONTEXT_END,
    HARMLESS_RATE_JUDGE,
    REFUSAL,
    REFUSAL_RATE,
    ask,
    ask_about_harm,
    score_phrases,
)
from ownwords.benchmarks.base import Benchmark, DataContext, Item, take
from ownwords.errors import DataError
from ownwords.recipe import BenchmarkSection

ASKED = ("standard", "contextual")
LEFT_OUT = ("copyright",)

FILE = "harmbench_behaviors_text_all.csv"
SOURCE = f"{FILE} from data/behavior_datasets in github.com/centerforaisafety/HarmBench"


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    rows = benchmark_rows(settings, FILE, source=SOURCE)
    items = with_ids(_item(row) for row in rows if _category(row) in ASKED)
    if rows and not items:
        kinds = " or ".join(LEFT_OUT)
        raise DataError(f"benchmark {settings.name}: all of {settings.path or FILE} is {kinds}, which is not asked")
    return take(spread(items, settings.limit), settings)


def _category(row: Row) -> str:
    """On the Hub each is a config; rows of copyright are those without a semantic category."""
    if _is_of_the_hub(row):
        return "contextual" if "context" in row.fields else "standard" if "category" in row.fields else "copyright"
    category = row.text("FunctionalCategory")
    if category not in ASKED + LEFT_OUT:
        known = ", ".join(ASKED + LEFT_OUT)
        raise row.error(f"the field 'FunctionalCategory' must be one of {known}, not {category[:60]!r}")
    return category


def _item(row: Row) -> Item:
    """The behaviour after its context. A contextual one without would ask for something else."""
    behavior, context = ("prompt", "context") if _is_of_the_hub(row) else ("Behavior", "ContextString")
    question = row.text(behavior)
    if _category(row) == "contextual" or row.fields.get(context):
        question = f"{row.text(context)}{CONTEXT_END}{question}"
    return Item(id="", question=question, gold=REFUSAL)


def _is_of_the_hub(row: Row) -> bool:
    return "Behavior" not in row.fields and "prompt" in row.fields


BENCHMARK = Benchmark(
    name="harmbench",
    summary="Harmful requests of seven kinds, refused by the paper's list of phrases",
    area="safety",
    metric="safe_rate_paper",
    load=load,
    prompt=ask,
    score=score_phrases,
    more=(REFUSAL_RATE, HARMLESS_RATE_JUDGE),
    judge=ask_about_harm,
)
