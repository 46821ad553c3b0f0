"""OpenFunctions: one function call for a question and a function described in prose. The task of the tools recipes.

A sample item:

    Construct a function call to answer the given question using keyword arguments based on the provided specifications:

    Question: Get weather information for Paris, France for the next 5 days.

    Function to be used: weather.forecast
    Description: Retrieve a weather forecast for a specific location and time frame.
    Parameters:
    1. location (type: string) - City or location for the forecast.
    2. days (type: integer) - Number of days for the forecast.
    Required: [location, days]

    Format your response as a single string using keyword arguments.
    weather.forecast(location="Paris, France", days=5)

Metric `call_accuracy`: share of items whose answer makes the reference's call and no other, by the check
`function_call`: arguments in any order, as Python or JSON, alone, in a fence or in a sentence. `call_accuracy_paper` is
the paper's: the reference's text, quotes and blanks folded, occurs in the answer (its filter `paper_openfunction`). It
takes a right call with a wrong one beside it, and refuses the same arguments in another order. A reference that holds
no call that can be read has no `call_accuracy`: its item counts as one without a score, for every model alike. In the
published file every reference can be read.

`prompt: default` asks in the user turn for the call alone; `prompt: paper` gives the instruction as it is under the
paper's test system text, to the letter with the layout `paper/alpaca` (`tune.chat_template`, or `chat_template` here).

Source: Gorilla OpenFunctions v1 (Patil et al. 2023, arXiv 2305.15334), Apache-2.0, as the paper's code prepared it: 112
test items. The file `openfunction_test.json` has the fields instruction and output.

What it does not cover: which of several functions to call (each item names one), several calls, and values that are
right although the reference has others: "San Francisco" for "San Francisco, CA" is wrong here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ownwords.benchmarks._rows import Row, benchmark_rows, with_ids
from ownwords.benchmarks.base import Ask, Benchmark, DataContext, Item, Metric, take
from ownwords.checks.calls import function_call
from ownwords.checks.paper import paper_openfunction
from ownwords.errors import DataError
from ownwords.progress import say
from ownwords.recipe import BenchmarkSection
from ownwords.records import Candidate, Completion, Example, Message, Verdict
from ownwords.turns import turn_of

FILE = "openfunction_test.json"

INSTRUCTION = "Reply with the function call alone, on one line: no explanation, no other call."

PAPER_SYSTEM = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request."
)
"""The testing prompt of the paper's reference, the default text of the layout `paper/alpaca`."""


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    """The items, and a word on those whose reference holds no call; a DataError where none holds one."""
    items = take(with_ids(map(_item, benchmark_rows(settings, FILE))), settings)
    unreadable = sum(not _has_call(item) for item in items)
    if unreadable == len(items):
        raise DataError(
            f"benchmark {settings.name}: no field 'output' of {settings.path or FILE} holds a function call that "
            f"can be read, such as f(x=1). Give the `path` of other rows, or leave {settings.name} out."
        )
    if unreadable:
        say(
            f"{settings.name}: {unreadable} of {len(items)} references hold no call that can be read; their items "
            "have no call_accuracy"
        )
    return items


def prompt(item: Item, settings: BenchmarkSection) -> list[Ask]:
    if settings.prompt == "paper":
        return [Ask(messages=(Message("system", PAPER_SYSTEM), Message("user", item.question)))]
    return [Ask(messages=(Message("user", f"{item.question}\n\n{INSTRUCTION}"),))]


def score(item: Item, completions: Sequence[Completion]) -> float | None:
    """1 if the answer makes the very call of the reference, else 0; None if the reference holds none."""
    verdict = _verdict(item, _text(completions[0]))
    return None if verdict.reason == "no_reference_call" else float(verdict.passed)


def score_paper(item: Item, completions: Sequence[Completion]) -> float:
    """1 if the folded text of the reference occurs in the folded answer, from a word boundary on, else 0."""
    return float(paper_openfunction(_example(item), Candidate(_text(completions[0]))).passed)


def _item(row: Row) -> Item:
    return Item(id="", question=row.text("instruction"), gold=row.text("output").strip())


def _has_call(item: Item) -> bool:
    return _verdict(item, item.gold).reason != "no_reference_call"


def _verdict(item: Item, text: str) -> Verdict:
    return function_call(_example(item), Candidate(text))


def _example(item: Item) -> Example:
    return Example(item.id, (Message("user", item.question),), reference=item.gold)


def _text(completion: Completion) -> str:
    """Words and calls as one text, without reasoning: an engine may have taken the calls out of it."""
    return replace(turn_of(completion), reasoning="").as_text()


BENCHMARK = Benchmark(
    name="openfunctions",
    summary="One function call, compared by name, arguments and values",
    area="task",
    metric="call_accuracy",
    load=load,
    prompt=prompt,
    score=score,
    more=(Metric("call_accuracy_paper", "One function call, by the paper's search for its text", score_paper),),
)
