"""Answers that a benchmark measures by: the seed's own to its prompts, or every variant's own.

They tell how far an arm has moved from the seed. They are asked once, before any variant is evaluated, and lie in the
journal under stages of their own; what is gold for these benchmarks is the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ownwords.benchmarks.base import Benchmark, Item, SeedAnswer
from ownwords.errors import StageError
from ownwords.journal import Key
from ownwords.progress import Progress, say
from ownwords.recipe import BenchmarkSection, Recipe
from ownwords.records import Completion, Request, Sampling, Weights, digest
from ownwords.stages.context import Context
from ownwords.variants import SEED

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


def layout_of(recipe: Recipe, settings: BenchmarkSection) -> str | None:
    """The layout in which a benchmark is asked by name: its own, else the one of training."""
    return settings.chat_template or recipe.tune.chat_template


def filled(
    context: Context, wanted: Sequence[tuple[Task, str]], weights: Callable[[str], Weights]
) -> list[tuple[Task, str]]:
    """Every task with the answers that it measures by; each is asked once. `weights` are a variant's, by its label.

    Raises:
        StageError: to a benchmark there is an answer to none of its prompts.
    """
    tasks: dict[tuple[str, str], Task] = {}
    found: list[tuple[Task, str]] = []
    for task, label in wanted:
        benchmark = task.benchmark
        if benchmark.seed_answers is None and not benchmark.own_answers:
            found.append((task, label))
            continue
        who = label if benchmark.own_answers else SEED
        key = (benchmark.name, who)
        if key not in tasks:
            tasks[key] = _with_answers(context, task, who, context.seed_weights if who == SEED else weights(who))
        found.append((tasks[key], label))
    return found


def take_answers(context: Context, stage: str, engine: str) -> dict[Key, Completion]:
    """What this engine (its provenance as JSON) has answered, from the journal. Errors and answers of another engine
    are asked again."""
    journal = context.run.journal
    journal.forget_errors(stage)
    forgotten = journal.forget_other_engines(stage, engine)
    if forgotten:
        say(f"{stage}: {forgotten} answers of another engine are asked again")
    return {key: completion for key, completion, _ in journal.completions(stage)}


def _with_answers(context: Context, task: Task, who: str, weights: Weights) -> Task:
    """The task with the answers of a variant as gold. An item that it has no answer to (its prompt does not fit, say)
    is left out, and said to be."""
    answers = _ask(context, task, who, weights)
    items = [
        replace(item, gold=_gold(context, task, item, answers[item.id]))
        for item in task.items
        if answers[item.id].error is None
    ]
    name = "the seed" if who == SEED else who
    if not items:
        error = next(iter(answers.values())).error
        raise StageError(
            f"{task.benchmark.name}: {name} answered none of the prompts ({'' if error is None else error.message})."
        )
    if len(items) < len(task.items):
        say(f"{task.benchmark.name}: {len(task.items) - len(items)} prompts are left out: {name} has no answer")
    return replace(task, items=items)


def _gold(context: Context, task: Task, item: Item, answer: Completion) -> SeedAnswer:
    finished = answer.finish_reason == "stop"
    if finished or task.benchmark.generative:
        return SeedAnswer(answer.text, finished)
    layout = layout_of(context.recipe, task.settings)
    return SeedAnswer(answer.text, finished, context.end_tokens(layout, item.messages, answer.text, item.tools))


def _ask(context: Context, task: Task, who: str, weights: Weights) -> dict[str, Completion]:
    """The answers by item id, from the journal where this engine has given them."""
    stage = f"{GROUP}/{task.benchmark.name}" + (f"/{who}" if task.benchmark.own_answers else "")
    requests = {request.id: request for item in task.items for request in [_request(context, task, item, weights)]}
    keys = {item_id: Key(item_id, 0, request.hash) for item_id, request in requests.items()}
    engine = context.engine("weights")
    provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
    known = take_answers(context, stage, provenance)
    answers = {item_id: known[key] for item_id, key in keys.items() if key in known}
    missing = [request for item_id, request in requests.items() if item_id not in answers]
    if missing:
        engine.warm_up([weights])
        label = f"{task.benchmark.name}: answers of {'the seed' if who == SEED else who}"
        with Progress(label, len(requests), done=len(answers), startup=context.startup_seconds) as progress:
            for completion in engine.stream(missing):
                context.run.journal.record(stage, keys[completion.request_id], completion, provenance)
                answers[completion.request_id] = completion
                progress.advance(tokens=completion.completion_tokens)
        context.run.journal.commit()
    return answers


def _request(context: Context, task: Task, item: Item, weights: Weights) -> Request:
    recipe, settings, benchmark = context.recipe, task.settings, task.benchmark
    how = sampling_of(recipe, settings)
    if benchmark.own_answers or benchmark.seed_answers == "sampled":
        how = Sampling(temperature=1.0, max_tokens=how.max_tokens)  # as it is: anything else would be another model
    return Request(
        id=item.id,
        messages=item.messages,
        sampling=how,
        seed=int(digest([recipe.seed, benchmark.name, item.id, "seed's answer"], length=8), 16),
        weights=weights,
        chat_template=layout_of(recipe, settings),
        tools=item.tools,
        thinking=context.thinking,
    )
