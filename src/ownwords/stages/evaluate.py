"""Evaluation: the seed and every variant answer the same benchmarks, with the same prompts and the same decoding.

A variant is loaded from what tuning saved, never taken from memory. All benchmarks of all variants go through an engine
in one pass, one after the other: an engine that can mix weights has them in flight together, another switches rarely.
The scores of a benchmark and variant are written with its last answer, or with the last word of the judge that its
benchmark asks; every answer is in the journal, so a killed evaluation asks only for what is missing. Variants are named
by their labels; the seed's is `seed`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ownwords.benchmarks.base import Ask, DataContext, Item, find_benchmark
from ownwords.engines.base import Engine
from ownwords.errors import MissingFileError, StageError
from ownwords.fingerprint import Inputs, fingerprint, flatten, join
from ownwords.journal import Key
from ownwords.progress import Progress, say
from ownwords.records import Request, Sampling, Weights, digest
from ownwords.stages import exam_checks, exam_judge, one_engine, scores, tune
from ownwords.stages.context import Context
from ownwords.stages.exams import GROUP, Exam, stage_name
from ownwords.stages.seed_answers import Task, filled, layout_of, sampling_of, take_answers
from ownwords.variants import SEED
from ownwords.work import Work

__all__ = ["GROUP", "inputs", "labels", "load_tasks", "requests_of", "run", "stage_name"]


def load_tasks(context: Context) -> list[Task]:
    """The recipe's benchmarks with their items. An optional one whose data are not there is left out, and said to be.

    Raises:
        RecipeError, DataError: an unknown benchmark, or its data are missing or malformed; one that needs a judge
            without one; `samples` of one that takes a single answer.
        InputError: one runs a model's code, and there is no sandbox.
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
    exam_checks.require_samples(tasks)
    exam_judge.require_judge(context, tasks)
    exam_checks.require_sandbox(context, tasks)
    return tasks


def inputs(context: Context, task: Task, label: str) -> Inputs:
    layout = layout_of(context.recipe, task.settings)
    return join(
        context.model_inputs,
        {} if label == SEED else _variant_inputs(context, label),
        flatten(context.recipe.evaluate, "evaluate"),
        context.layout_inputs("chat_template", layout),
        {} if task.benchmark.judge is None else context.benchmark_judge_inputs,
        {
            "benchmark": _settings(task),
            "benchmark.items": digest([item.id for item in task.items]),
            "variant": label,
            "thinking": context.thinking,
            "seed": context.recipe.seed,
        },
    )


def _settings(task: Task) -> dict[str, Any]:
    """What is set for a benchmark beside its rows, for which the items stand; what its answers do not read unless
    it is given, only then."""
    rows = {"path", "split", "config", "revision", "optional"}
    given = task.settings.model_dump(mode="json", exclude=rows)
    rarely = {"sampling": None, "samples": 1}
    return {key: value for key, value in given.items() if key not in rarely or value != rarely[key]}


def _variant_inputs(context: Context, label: str) -> Inputs:
    variant = context.variants[label]
    trained = {"stage tune": fingerprint(tune.inputs(context, variant.training))}
    return {**trained, "variant.scale": variant.scale, "variant.part": variant.part}


def labels(context: Context) -> list[str]:
    """Of the seed and of everything else that is evaluated."""
    return [SEED, *context.variants]


def run(context: Context, wanted: Sequence[tuple[Task, str]]) -> None:
    """Put these benchmarks to these variants and write their per-item scores.

    Raises:
        InputError: scores on a benchmark that stay come from another engine.
        EngineError, StageError: an engine could not answer everything. What is answered, and scored, is kept.
    """
    weights = {label: _weights(context, label) for label in dict.fromkeys(label for _, label in wanted)}
    _check_engines(context, wanted)
    exams = _build_exams(context, filled(context, wanted, weights.__getitem__), weights)
    passes = _by_engine(context, exams)
    with contextlib.ExitStack() as stack:
        working: dict[str, Work] = {}
        for exam in exams:
            files = scores.files(context, exam.task.benchmark.name, exam.label)
            work = context.run.working_on(exam.stage, inputs(context, exam.task, exam.label), files)
            working[exam.stage] = stack.enter_context(work)
        judged: list[Exam] = []

        def settle(exam: Exam) -> None:
            if exam_judge.is_judged(context, exam):
                judged.append(exam)
            else:
                _finish(context, exam, working[exam.stage])

        total = sum(len(exam.requests) for exam in exams)
        with Progress("evaluating", total, unit="requests", startup=context.startup_seconds) as progress:
            for engine, group in passes:
                _answer(context, engine, group, working=working, progress=progress, settle=settle)
        exam_judge.judge(context, judged, lambda exam: _finish(context, exam, working[exam.stage]))


def _check_engines(context: Context, wanted: Sequence[tuple[Task, str]]) -> None:
    """Refuse another engine than that of scores that stay before it is asked for anything: answers of the one before
    would be forgotten, and scores may rest on those."""
    pairs = [(task.benchmark.name, label) for task, label in wanted]
    for benchmark in {task.benchmark.name: task.benchmark for task, _ in wanted}.values():
        engine = context.engine("weights") if benchmark.generative else context.engine("weights", "logprobs")
        one_engine.check(context, benchmark.name, engine, pairs)


def _build_exams(context: Context, wanted: Sequence[tuple[Task, str]], weights: Mapping[str, Weights]) -> list[Exam]:
    """Requests to several variants share their messages: only id and weights differ. Where every variant's own answers
    are looked at, they share nothing."""
    asked: dict[tuple[str, str], list[tuple[str, int, Request]]] = {}
    exams: list[Exam] = []
    for task, label in wanted:
        name = (task.benchmark.name, label if task.benchmark.own_answers else "")
        if name not in asked:
            asked[name] = requests_of(context, task)
        exam = Exam(task, label, {})
        for item_id, number, request in asked[name]:
            whose = weights[label] if request.weights == Weights() else request.weights
            own = replace(request, id=f"{request.id}/{label}", weights=whose)
            exam.requests[Key(item_id, number, own.hash)] = own
        exams.append(exam)
    return exams


def requests_of(context: Context, task: Task) -> list[tuple[str, int, Request]]:
    """What a benchmark asks of a variant: item id, number of the ask, request. Only a request that is put to the seed,
    whichever variant is evaluated, names its weights."""
    return [
        (item.id, number, _request(context, task, item, number, ask))
        for item in task.items
        for number, ask in enumerate(task.benchmark.prompt(item, task.settings))
    ]


def _weights(context: Context, label: str) -> Weights:
    if label == SEED:
        return context.seed_weights
    return tune.variant_weights(context, context.variants[label])


def _request(context: Context, task: Task, item: Item, number: int, ask: Ask) -> Request:
    """One ask of an item."""
    recipe = context.recipe
    layout = ask.chat_template or layout_of(recipe, task.settings)
    sampling = sampling_of(recipe, task.settings)
    return Request(
        id=f"{task.benchmark.name}/{item.id}/{number}",
        messages=ask.messages,
        text=ask.text,
        target=ask.target,
        sampling=sampling if ask.target is None else Sampling(),
        seed=int(digest([recipe.seed, task.benchmark.name, item.id, number], length=8), 16),
        weights=context.seed_weights if ask.of_seed else Weights(),
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


def _answer(
    context: Context,
    engine: Engine,
    exams: Sequence[Exam],
    *,
    working: Mapping[str, Work],
    progress: Progress,
    settle: Callable[[Exam], None],
) -> None:
    """Ask the engine for everything that is missing in one pass; settle each exam with its last answer."""
    provenance = engine.provenance.as_dict()
    as_text = json.dumps(provenance, sort_keys=True)
    waiting: dict[str, tuple[Exam, Key]] = {}
    for exam in exams:
        known = take_answers(context, exam.stage, as_text)
        exam.answers = {key: completion for key, completion in known.items() if key in exam.requests}
        exam.engine = provenance
        progress.before += len(exam.answers)
        waiting |= {request.id: (exam, key) for key, request in exam.requests.items() if key not in exam.answers}
        if exam.answered:
            settle(exam)
    requests = [exam.requests[key] for exam, key in waiting.values()]
    if requests:
        engine.warm_up(list(dict.fromkeys(request.weights for request in requests)))
    for completion in engine.stream(requests):
        exam, key = waiting.pop(completion.request_id)
        context.run.journal.record(exam.stage, key, completion, as_text)
        exam.answers[key] = completion
        working[exam.stage].charge()
        progress.advance(tokens=completion.prompt_tokens + completion.completion_tokens)
        if exam.answered:
            settle(exam)
    if waiting:
        raise StageError(f"the engine {engine.provenance.kind} left {len(waiting)} requests without an answer.")


def _finish(context: Context, exam: Exam, work: Work) -> None:
    """Write the scores of an exam about which all is known, and let go of it."""
    context.run.journal.commit()
    exam_checks.judge_by_check(context, exam)
    scores.write_items(context, exam)
    work.done()
    exam.forget()
