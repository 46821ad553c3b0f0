"""IFEval: instructions whose following a program can verify. Does the model still do as it is told after training?

A sample item:

    Write a 300+ word summary of the wikipedia page "https://en.wikipedia.org/wiki/Raymond_III,_Count_of_Tripoli". Do
    not use any commas and highlight at least 3 sections that has titles in markdown format, for example *highlighted
    section part 1*, *highlighted section part 2*, *highlighted section part 3*.
    punctuation:no_comma · detectable_format:number_highlighted_sections, num_highlights 3 ·
    length_constraints:number_words, num_words 300, relation at least

Metric `prompt_strict`: share of prompts whose instructions are all followed. `prompt_loose` is the same in the loose
reading: an instruction also counts as followed where the answer follows it without its first line, its last, or both,
or without asterisks. Both are the published prompt-level accuracies. `instruction_strict` and `instruction_loose` are
the mean over prompts of the share of a prompt's instructions that are followed. They are not the published
instruction-level accuracies, which take all instructions of all prompts as one heap: with one prompt of one
instruction, followed, and one of three, none followed, these say 0.5 and the published ones 0.25.

The verifiers are those of lm-evaluation-harness (extra `eval`), run in processes of their own by the check
`instructions`. An answer that they are not through with in time follows nothing. Two items of the published data ask
for a "letter" that is `#` or `!`; the library draws another at random there, and here the sign itself counts.

The prompt is the item's, and nothing else; `prompt: paper` is the same, the paper has no such measure.

Source: Zhou et al. 2023 (arXiv 2311.07911), Apache-2.0: 541 prompts. `{ifeval: {path: google/IFEval}}` reads them from
the Hub: key, prompt, instruction_id_list, kwargs (an object an instruction; null values are left out). So does the file
`ifeval.jsonl`, which `make data` does not bring.

What it does not cover: whether an answer does the task that the instructions stand beside; other instructions than
these 25 kinds, those of IFBench among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ownwords.benchmarks._rows import Row, benchmark_rows, with_ids
from ownwords.benchmarks.base import Ask, Benchmark, DataContext, Item, Metric, Trial, take
from ownwords.checks._instructions import ID, require_instructions
from ownwords.checks.instructions import counts_of
from ownwords.errors import MissingFileError
from ownwords.recipe import BenchmarkSection, CheckSection
from ownwords.records import Completion, Message, Verdict

FILE = "ifeval.jsonl"


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    """The items; a DataError names the row whose instructions cannot be verified."""
    rows = benchmark_rows(settings, FILE, source="the Hub's google/IFEval")
    return take(with_ids(map(_item, rows)), settings)


def prompt(item: Item, settings: BenchmarkSection) -> list[Ask]:
    return [Ask(messages=(Message("user", item.question),))]


def check(item: Item, completion: Completion) -> Trial:
    section = CheckSection.model_validate({"name": "instructions", "instructions": item.gold})
    return Trial(section, completion.text)


def score(item: Item, verdicts: Sequence[Verdict]) -> float | None:
    """1 if the answer follows every instruction, else 0; None where the check itself failed, as in the others."""
    counts = counts_of(verdicts[0])
    return None if counts is None else float(counts.strict == counts.total)


def score_loosely(item: Item, verdicts: Sequence[Verdict]) -> float | None:
    """1 if the answer follows every instruction in the loose reading, else 0."""
    counts = counts_of(verdicts[0])
    return None if counts is None else float(counts.loose == counts.total)


def share(item: Item, verdicts: Sequence[Verdict]) -> float | None:
    """The share of the item's instructions that the answer follows."""
    counts = counts_of(verdicts[0])
    return None if counts is None else counts.strict / counts.total


def share_loosely(item: Item, verdicts: Sequence[Verdict]) -> float | None:
    """The share of the item's instructions that the answer follows in the loose reading."""
    counts = counts_of(verdicts[0])
    return None if counts is None else counts.loose / counts.total


def _item(row: Row) -> Item:
    question = row.text("prompt")
    instructions = [{ID: name, **arguments} for name, arguments in zip(_ids(row), _arguments(row), strict=True)]
    try:
        require_instructions(instructions)
    except ValueError as error:
        raise row.error(f"the benchmark {error}") from error
    except MissingFileError as error:
        raise MissingFileError(f"{row.where}: {error}") from error
    return Item(id="", question=question, gold=instructions)


def _ids(row: Row) -> list[str]:
    value: Any = row.fields.get("instruction_id_list")
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in cast("list[Any]", value)):
        raise row.error("the field 'instruction_id_list' must be a list of at least one text")
    return cast("list[str]", value)


def _arguments(row: Row) -> list[dict[str, Any]]:
    """What each instruction's verifier is told. Tables pad it with nulls."""
    value: Any = row.fields.get("kwargs")
    wanted = len(_ids(row))
    if not isinstance(value, list) or len(cast("list[Any]", value)) != wanted:
        raise row.error(f"the field 'kwargs' must be a list of {wanted} objects, one an instruction")
    return [_told(row, entry) for entry in cast("list[Any]", value)]


def _told(row: Row, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or ID in entry:
        shown = repr(cast("object", entry))[:60]
        raise row.error(f"each of 'kwargs' must be an object without a key {ID!r}, not {shown}")
    return {key: argument for key, argument in cast("dict[str, Any]", entry).items() if argument is not None}


BENCHMARK = Benchmark(
    name="ifeval",
    summary="Verifiable instructions, all of a prompt followed to the letter",
    area="general",
    metric="prompt_strict",
    load=load,
    prompt=prompt,
    score=score,
    reads="verdicts",
    check=check,
    more=(
        Metric("instruction_strict", "A prompt's verifiable instructions, share followed", share, reads="verdicts"),
        Metric(
            "prompt_loose", "Verifiable instructions, all of a prompt followed loosely", score_loosely, reads="verdicts"
        ),
        Metric(
            "instruction_loose",
            "A prompt's verifiable instructions, share followed loosely",
            share_loosely,
            reads="verdicts",
        ),
    ),
)
