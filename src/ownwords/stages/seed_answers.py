"""The seed's own answers to a benchmark's prompts, for benchmarks that measure how far an arm has moved from it.

They are asked once, before any variant is, and lie in the journal under a stage of their own; what is gold for these
benchmarks is the answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ownwords.benchmarks.base import Benchmark, Item, SeedAnswer
from ownwords.errors import StageError
from ownwords.journal import Key
from ownwords.progress import Progress, say
from ownwords.recipe import BenchmarkSection, Recipe
from ownwords.records import Completion, Request, Sampling, digest
from ownwords.stages.context import Context

GROUP = "answers"


@dataclass(frozen=True, slots=True)
class Task:
    """One benchmark of the recipe, loaded."""

    benchmark: Benchmark
    settings: BenchmarkSection
    items: list[Item]


def sampling_of(recipe: Recipe, settings: BenchmarkSection) -> Sampling:
    """How answers to a benchmark are drawn."""
    how = Sampling(**(settings.sampling or recipe.evaluate.sampling).model_dump())
    return how if settings.max_tokens is None else replace(how, max_tokens=settings.max_tokens)


def with_seed_answers(context: Context, task: Task) -> Task:
    """The task with the seed's answers as gold, if its benchmark wants them. An item that the seed has no answer to
    (its prompt does not fit, say) is left out, and said to be.

    Raises:
        StageError: the seed has an answer to none.
    """
    if task.benchmark.seed_answers is None:
        return task
    answers = _ask(context, task)
    items = [
        replace(item, gold=SeedAnswer(answers[item.id].text, answers[item.id].finish_reason == "stop"))
        for item in task.items
        if answers[item.id].error is None
    ]
    if not items:
        error = next(iter(answers.values())).error
        raise StageError(
            f"{task.benchmark.name}: the seed answered none of the prompts ({'' if error is None else error.message})."
        )
    if len(items) < len(task.items):
        say(f"{task.benchmark.name}: {len(task.items) - len(items)} prompts are left out: the seed has no answer")
    return replace(task, items=items)


def _ask(context: Context, task: Task) -> dict[str, Completion]:
    """The seed's answers by item id, from the journal where they are."""
    stage = f"{GROUP}/{task.benchmark.name}"
    requests = {request.id: request for item in task.items for request in [_request(context, task, item)]}
    keys = {item_id: Key(item_id, 0, request.hash) for item_id, request in requests.items()}
    journal = context.run.journal
    journal.forget_errors(stage)
    known = {key: completion for key, completion, _ in journal.completions(stage)}
    answers = {item_id: known[key] for item_id, key in keys.items() if key in known}
    missing = [request for item_id, request in requests.items() if item_id not in answers]
    if missing:
        engine = context.engine("weights")
        engine.warm_up([context.seed_weights])
        provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
        label = f"{task.benchmark.name}: the seed's answers"
        with Progress(label, len(requests), done=len(answers), startup=context.startup_seconds) as progress:
            for completion in engine.stream(missing):
                journal.record(stage, keys[completion.request_id], completion, provenance)
                answers[completion.request_id] = completion
                progress.advance(tokens=completion.completion_tokens)
        journal.commit()
    return answers


def _request(context: Context, task: Task, item: Item) -> Request:
    recipe, settings = context.recipe, task.settings
    how = sampling_of(recipe, settings)
    if task.benchmark.seed_answers == "sampled":
        how = Sampling(temperature=1.0, max_tokens=how.max_tokens)  # as it is: anything else would be another model
    return Request(
        id=item.id,
        messages=item.messages,
        sampling=how,
        seed=int(digest([recipe.seed, task.benchmark.name, item.id, "seed's answer"], length=8), 16),
        weights=context.seed_weights,
        chat_template=settings.chat_template or recipe.tune.chat_template,
        tools=item.tools,
        thinking=context.thinking,
    )


def filled(context: Context, wanted: Sequence[tuple[Task, str]]) -> list[tuple[Task, str]]:
    """Every task with the seed's answers where it wants them; each is asked once."""
    tasks: dict[str, Task] = {}
    for task, _ in wanted:
        if task.benchmark.name not in tasks:
            tasks[task.benchmark.name] = with_seed_answers(context, task)
    return [(tasks[task.benchmark.name], label) for task, label in wanted]
