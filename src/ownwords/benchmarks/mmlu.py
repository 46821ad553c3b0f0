"""MMLU: 14,042 questions of exams in 57 subjects, from school to profession, each with four choices.

A sample item, of the subject abstract_algebra:

    The following are multiple choice questions (with answers) about abstract algebra.

    Find the degree for the given field extension Q(sqrt(2), sqrt(3), sqrt(18)) over Q.
    A. 0
    B. 4
    C. 2
    D. 6
    Answer:

Metric `acc`: share of items where the letter of the right choice is the likeliest of the four after that text, as
lm-evaluation-harness measures it: zero-shot, no chat template. The mean goes over items, so large subjects count more.
Chance is 0.25. `prompt: paper` is the same: this is how the paper measures it. A `limit` takes items spread evenly over
the file, which is sorted by subject.

Source: Hendrycks et al. 2021 (arXiv 2009.03300), MIT. Best with `path: lm-eval`: lm-eval's group `mmlu` and the whole
test set, which it lays out anew each time, in about half a minute. Else `{path: cais/mmlu, config: all, split: test}`
on the Hub, or the file `general/mmlu.jsonl`, which `make data` does not bring, with the fields question, choices (four
texts), answer (the index of the right one, or its letter) and subject.

What it does not cover: whether the model could say or explain the answer. Small models stay near chance, and then the
difference between arms says nothing.
"""

from __future__ import annotations

from ownwords.benchmarks._likelihood import (
    ask_pairs,
    choices_after,
    knowledge_rows,
    named_items,
    place_of,
    question_item,
    reads,
    texts_of,
)
from ownwords.benchmarks._lm_eval import from_lm_eval, lm_eval_items
from ownwords.benchmarks._rows import Row, spread
from ownwords.benchmarks.base import Benchmark, DataContext, Item, take
from ownwords.recipe import BenchmarkSection

LETTERS = "ABCD"
HEADER = "The following are multiple choice questions (with answers) about {subject}.\n\n"


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    if from_lm_eval(settings):
        items = lm_eval_items(settings, "mmlu", folder="mmlu/default", field="question")
    else:
        rows = knowledge_rows(settings, "general/mmlu.jsonl", source="the test rows of cais/mmlu")
        items = named_items([_item(row) for row in rows])
    return take(spread(items, settings.limit), settings)


def _item(row: Row) -> Item:
    question = row.text("question")
    choices = texts_of(row, "choices", row.fields.get("choices"))
    if len(choices) != len(LETTERS):
        raise row.error(f"the field 'choices' must have four texts, not {len(choices)}")
    answer = row.fields.get("answer")
    if isinstance(answer, str) and len(answer) == 1 and answer in LETTERS:
        answer = LETTERS.index(answer)
    right = place_of(row, "answer", answer, len(LETTERS))
    header = HEADER.format(subject=row.text("subject").replace("_", " "))
    listed = "".join(f"{letter}. {choice}\n" for letter, choice in zip(LETTERS, choices, strict=True))
    return question_item(question, choices_after(f"{header}{question.strip()}\n{listed}Answer:", LETTERS, [right]))


BENCHMARK = Benchmark(
    name="mmlu",
    summary="Exam questions of 57 subjects, the letter of the right choice by likelihood",
    area="general",
    metric="acc",
    load=load,
    prompt=ask_pairs,
    score=reads("acc"),
    generative=False,
)
