"""The contract of a benchmark, and how one is found by name.

A benchmark is one file here with `BENCHMARK = Benchmark(...)` made of three functions: `load` gives the test items,
`prompt` what to ask the model about an item, `score` one number for the answers. `more` metrics read the same answers.
The same prompts and decoding serve every arm; sampling, engine and weights are the stage's business, and so are the two
things that a benchmark cannot know from an answer alone: whether its code passes tests (`check`), and what a judge says
of it (`judge`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ownwords.catalog import import_named, module_names
from ownwords.errors import DataError
from ownwords.recipe import BenchmarkSection, CheckSection
from ownwords.records import Completion, Example, Message


@dataclass(frozen=True, slots=True)
class Item:
    """One test item: what is asked and what is right. `id` is a content hash, so items can be paired across runs."""

    id: str
    question: str
    gold: Any
    choices: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    tools: str = ""


@dataclass(frozen=True, slots=True)
class SeedAnswer:
    """The seed's own answer to an item, or the variant's own with `own_answers`: gold for benchmarks that measure how
    far an arm has moved from the seed. Where it was cut off, and its likelihood is read, `end_tokens` are the tokens
    that the layout writes behind it: none of the model's own."""

    text: str
    finished: bool
    end_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to the model: an answer to generate, or a `target` whose likelihood is wanted.

    `text` is raw (no chat template); `messages` go through the template, `chat_template` (a layout preset) if given.
    `schema` is the JSON schema (text) of an answer in JSON, for a judge. `of_seed` puts it to the seed, whichever
    variant is evaluated.
    """

    messages: tuple[Message, ...] | None = None
    text: str | None = None
    target: str | None = None
    chat_template: str | None = None
    tools: str = ""
    schema: str = ""
    of_seed: bool = False


@dataclass(frozen=True, slots=True)
class DataContext:
    """What a benchmark may use beside its own file: the training examples and a supplier of unseen ones.

    `heldout(n)` gives up to `n` unseen examples, never duplicates of training rows.
    """

    train: Sequence[Example]
    heldout: Callable[[int | None], list[Example]]
    generated: bool


Area = Literal["task", "general", "safety"]

#: What a metric reads: the completions of an item, the verdicts of the benchmark's `check` on each of them, or what the
#: judge answered to the benchmark's questions about them.
Reads = Literal["answers", "verdicts", "judgements"]


class Trial(NamedTuple):
    """The check that an answer goes through, and the text that is on trial: an answer may be a part of a program.
    `reference` is the right answer, where the check wants to know it."""

    check: CheckSection
    text: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A further number for each item, from the same answers. `score` maps an item and what it `reads`, in order, to it,
    or to None where the item has none. `higher_is_better` is None where neither is: a mark of style, say."""

    name: str
    summary: str
    score: Callable[[Item, Sequence[Any]], float | None]
    higher_is_better: bool | None = True
    unit: str = "share"
    reads: Reads = "answers"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`score` maps an item and what it `reads`, by default the completions of its asks, in order, to one number; to
    None where what the judge said cannot be read.

    `generative` ones get a sanity gate over their answers. `unit` is `share` (0 to 1) or e.g. `nats/token`. With
    `seed_answers` the seed is asked first, and an item's gold is what it said (`SeedAnswer`, None before): `sampled` at
    temperature 1, or `decoded` as everything else is. With `own_answers` every variant, the seed too, is first asked
    for an answer of its own at temperature 1, and that is its gold. With `samples` it takes as many answers to an item
    as the recipe says. `cut` gives the part of an answer that counts, where a model goes on behind its end because raw
    text has none; the sanity gate reads that.

    `check` puts an answer on trial, in a process of its own where the check needs one; with `runs_code` in a sandbox.
    `judge` gives the questions to a judge about an item's answers; it is asked where the recipe has one
    (`evaluate.judge`), so metrics that read judgements are missing without. It may give none about an item: then
    nothing is asked, and what reads judgements gets none. `agreement` names the one of `more` that says how often the
    judge agrees with itself: where it does so no more often than a coin, what it said is doubtful. So it is where
    nearly all is a tie: `is_tie` tells that of an item, its answers and the judgements, None where the judge had
    nothing to tell apart or cannot be read. `output` gives an item's row of `<variant>.outputs.json`, a list that
    another tool reads; the variant's name is added as `generator`.
    """

    name: str
    summary: str
    area: Area
    metric: str
    load: Callable[[BenchmarkSection, DataContext], list[Item]]
    prompt: Callable[[Item, BenchmarkSection], list[Ask]]
    score: Callable[[Item, Sequence[Any]], float | None]
    higher_is_better: bool | None = True
    generative: bool = True
    unit: str = "share"
    seed_answers: Literal["sampled", "decoded"] | None = None
    own_answers: bool = False
    reads: Reads = "answers"
    more: tuple[Metric, ...] = ()
    check: Callable[[Item, Completion], Trial] | None = None
    runs_code: bool = False
    judge: Callable[[Item, Sequence[Completion]], list[Ask]] | None = None
    agreement: str = ""
    is_tie: Callable[[Item, Sequence[Completion], Sequence[Completion]], bool | None] | None = None
    output: Callable[[Item, Sequence[Completion]], dict[str, str]] | None = None
    samples: bool = False
    cut: Callable[[Item, Completion], Completion] | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Its own, and then those of `more`."""
        own = Metric(self.metric, self.summary, self.score, self.higher_is_better, self.unit, self.reads)
        return (own, *self.more)


def find_benchmark(name: str) -> Benchmark:
    """The benchmark of that name; a RecipeError names the nearest if there is none."""
    benchmark: Benchmark = import_named("benchmark", "ownwords.benchmarks", name).BENCHMARK
    return benchmark


def all_benchmarks() -> list[Benchmark]:
    return [find_benchmark(name) for name in module_names("ownwords.benchmarks")]


def take(items: Sequence[Item], settings: BenchmarkSection) -> list[Item]:
    """The first `limit` items; an empty benchmark is an error."""
    if not items:
        raise DataError(f"benchmark {settings.name}: its rows hold no items")
    return list(items[: settings.limit])
