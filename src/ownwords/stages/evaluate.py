"""Evaluation: seed and every arm answer the same benchmarks, with the same prompts and the same decoding.

An arm is loaded from what tuning saved, never taken from memory. All benchmarks of one arm go through the engine in one
pass; every answer is in the journal, so a killed evaluation asks only for what is missing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from ownwords.benchmarks.base import Ask, Benchmark, DataContext, Item, find_benchmark
from ownwords.engines.base import Engine
from ownwords.errors import InputError, MissingFileError, StageError
from ownwords.fingerprint import Inputs, fingerprint, flatten, join
from ownwords.journal import Key
from ownwords.progress import Progress, say
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion, Request, Sampling, Weights, digest
from ownwords.stages import scores, tune
from ownwords.stages.context import Context

SEED = "seed"


@dataclass(frozen=True, slots=True)
class Task:
    """One benchmark of the recipe, loaded."""

    benchmark: Benchmark
    settings: BenchmarkSection
    items: list[Item]


@dataclass(slots=True)
class Exam:
    """One benchmark for one arm: what is asked, and what has been answered, by (item id, number of the ask)."""

    task: Task
    stage: str
    requests: dict[Key, Request]
    answers: dict[Key, Completion] = field(default_factory=dict[Key, Completion])
    engine: str = ""


def stage_name(benchmark: str, arm: str) -> str:
    return f"evaluate/{benchmark}/{arm}"


def load_tasks(context: Context) -> list[Task]:
    """The recipe's benchmarks with their items. An optional one whose file is not there is left out, and said to be.

    Raises:
        RecipeError, DataError: an unknown benchmark, or its file is missing or malformed.
    """
    data = DataContext(context.train, context.heldout, context.recipe.data.train.generator is not None)
    tasks: list[Task] = []
    for settings in context.recipe.evaluate.benchmarks:
        benchmark = find_benchmark(settings.name)
        try:
            tasks.append(Task(benchmark, settings, benchmark.load(settings, data)))
        except MissingFileError as error:
            if not settings.optional:
                raise
            say(f"skipped: {error}")
    return tasks


def inputs(context: Context, task: Task, arm: str) -> Inputs:
    layout = task.settings.chat_template or context.recipe.tune.chat_template
    trained = {} if arm == SEED else {"stage tune": fingerprint(tune.inputs(context, arm))}
    return join(
        context.model_inputs,
        trained,
        flatten(context.recipe.evaluate, "evaluate"),
        context.layout_inputs("chat_template", layout),
        {
            "benchmark": task.settings.model_dump(mode="json", exclude={"path", "optional"}),
            "benchmark.items": digest([item.id for item in task.items]),
            "arm": arm,
            "thinking": context.thinking,
            "seed": context.recipe.seed,
        },
    )


def arms(context: Context) -> list[str]:
    return [SEED, *context.recipe.tune.arms]


def run(context: Context, tasks: Sequence[Task], arm: str) -> None:
    """Evaluate one arm on the given benchmarks and write their per-item scores."""
    weights = Weights("seed", context.model.weights_hash) if arm == SEED else tune.arm_weights(context, arm)
    with contextlib.ExitStack() as stack:
        for task in tasks:
            stage, files = stage_name(task.benchmark.name, arm), scores.files(context, task.benchmark.name, arm)
            working = context.run.working_on(stage, inputs(context, task, arm), files, together=len(tasks))
            stack.enter_context(working)
        exams = [_build_exam(context, task, arm, weights) for task in tasks]
        for engine, group in _by_engine(context, exams):
            _answer(context, engine, group, arm)
        for exam in exams:
            scores.write_items(
                context,
                exam.task.benchmark,
                arm,
                items=exam.task.items,
                answers=_by_item(exam),
                engine=json.loads(exam.engine),
            )


def _build_exam(context: Context, task: Task, arm: str, weights: Weights) -> Exam:
    exam = Exam(task, stage_name(task.benchmark.name, arm), {})
    for item in task.items:
        for number, ask in enumerate(task.benchmark.prompt(item, task.settings)):
            request = _request(context, task, item, number, ask, weights=weights)
            exam.requests[Key(item.id, number, request.hash)] = request
    return exam


def _take_answers(context: Context, exam: Exam, provenance: str) -> None:
    """Take from the journal what this engine has answered. One score table comes from one engine, so answers of
    another are asked again, and finished scores of another are refused.

    Raises:
        InputError: another arm's finished scores on this benchmark come from another engine.
    """
    other = scores.other_engine(context, exam.task.benchmark.name, json.loads(provenance))
    if other is not None:
        arm, engine = other
        raise InputError(
            f"the scores of {arm} on {exam.task.benchmark.name} come from another engine ({engine}); one score table "
            "comes from one engine. Set runtime as it was, or choose another output_dir."
        )
    journal = context.run.journal
    journal.forget_errors(exam.stage)
    forgotten = journal.forget_other_engines(exam.stage, provenance)
    if forgotten:
        say(f"{exam.stage}: {forgotten} answers of another engine are asked again")
    for key, completion, _ in journal.completions(exam.stage):
        if key in exam.requests:
            exam.answers[key] = completion


def _request(context: Context, task: Task, item: Item, number: int, ask: Ask, *, weights: Weights) -> Request:
    recipe = context.recipe
    layout = ask.chat_template or task.settings.chat_template or recipe.tune.chat_template
    sampling = Sampling(**recipe.evaluate.sampling.model_dump())
    if task.settings.max_tokens is not None:
        sampling = Sampling(sampling.temperature, sampling.top_p, sampling.top_k, task.settings.max_tokens)
    return Request(
        id=f"{task.benchmark.name}/{item.id}/{number}",
        messages=ask.messages,
        text=ask.text,
        target=ask.target,
        sampling=sampling if ask.target is None else Sampling(),
        seed=int(digest([recipe.seed, task.benchmark.name, item.id, number], length=8), 16),
        weights=weights,
        chat_template=None if ask.messages is None else layout,
        tools=ask.tools,
        thinking=context.thinking,
    )


def _by_engine(context: Context, exams: Sequence[Exam]) -> list[tuple[Engine, list[Exam]]]:
    """Benchmarks grouped by the engine that can serve them: some engines give no likelihoods."""
    groups: dict[int, tuple[Engine, list[Exam]]] = {}
    for exam in exams:
        scored = any(request.target is not None for request in exam.requests.values())
        engine = context.engine("weights", "logprobs") if scored else context.engine("weights")
        groups.setdefault(id(engine), (engine, []))[1].append(exam)
    return list(groups.values())


def _answer(context: Context, engine: Engine, exams: Sequence[Exam], arm: str) -> None:
    """Ask for everything that is missing in one pass."""
    provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
    waiting: dict[str, tuple[Exam, Key]] = {}
    for exam in exams:
        exam.engine = provenance
        _take_answers(context, exam, provenance)
        for key, request in exam.requests.items():
            if key not in exam.answers:
                waiting[request.id] = (exam, key)
    total = sum(len(exam.requests) for exam in exams)
    with Progress(f"evaluating {arm}", total, done=total - len(waiting), unit="requests") as progress:
        for completion in engine.stream(exam.requests[key] for exam, key in list(waiting.values())):
            exam, key = waiting.pop(completion.request_id)
            context.run.journal.record(exam.stage, key, completion, provenance)
            exam.answers[key] = completion
            progress.advance(tokens=completion.prompt_tokens + completion.completion_tokens)
    if waiting:
        raise StageError(f"the engine {engine.provenance.kind} left {len(waiting)} requests without an answer.")


def _by_item(exam: Exam) -> dict[str, list[Completion]]:
    """The answers of each item in the order of its asks."""
    ordered: dict[str, list[Completion]] = {}
    for key in exam.requests:
        ordered.setdefault(key.example_id, []).append(exam.answers[key])
    return ordered
