"""The steps of a verb, in order: fingerprinted pieces of work, what each needs, and what does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ownwords.arms.base import Arm
from ownwords.fingerprint import Inputs, join
from ownwords.stages import (
    evaluate,
    gap,
    interpolation,
    likelihoods,
    nearness,
    one_engine,
    origins,
    products,
    replay,
    rewrite,
    tune,
)
from ownwords.stages.context import Context
from ownwords.stages.origins import Origin
from ownwords.stages.outcomes import Outcomes
from ownwords.stages.seed_answers import Task
from ownwords.stages.targets_of_arms import asked_for
from ownwords.variants import Training, Variant

Verb = Literal["rewrite", "gap", "tune", "evaluate", "report", "run"]


@dataclass(frozen=True, slots=True)
class Step:
    """One fingerprinted piece of work. Steps of one `group` are run by one call, given the names to do.

    `asks` are the inputs that what it asks of a model depends on, by default all: where others have changed, its
    product follows from what is there, and is written anew without `--yes`. `needs` names the steps that it builds on;
    where one `alone` fails, only those that need it are left undone. One that `runs_code` runs what a model has
    written. `before` is given the names to do of its group, and refuses them before any other step has begun.
    """

    name: str
    inputs: Inputs
    group: str
    work: Callable[[Sequence[str]], None]
    asks: Inputs | None = None
    needs: tuple[str, ...] = ()
    alone: bool = False
    runs_code: bool = False
    before: Callable[[Sequence[str]], None] | None = None


#: The group of every source of candidates.
SOURCES = "rewrite"


def steps_of(context: Context, verb: Verb) -> list[Step]:
    """The steps of a verb, in order."""
    steps: list[Step] = []
    if verb in {"rewrite", "run"}:
        steps += _source_steps(context, asked_for(context, rewriting=verb == "rewrite"))
    if verb in {"gap", "run"}:
        asks = join(likelihoods.inputs(context), context.train_inputs)
        steps.append(Step(gap.STAGE, gap.inputs(context), gap.STAGE, lambda _: gap.run(context), asks=asks))
    if verb in {"tune", "run"}:
        steps += _replay_steps(context)
        steps += [_tune_step(context, training) for training in context.trainings]
    if verb in {"tune", "evaluate", "run"}:
        steps += [_scale_step(context, v) for v in context.variants.values() if interpolation.is_needed(v)]
    if verb in {"evaluate", "run"}:
        steps += _evaluate_steps(context)
    return steps


def _source_steps(context: Context, sources: Sequence[Origin]) -> list[Step]:
    """Which rows are asked about, every source that is asked, and the arms' targets from them."""

    finished: dict[str, Outcomes] = {}

    def work(names: Sequence[str]) -> None:
        rewrite.say_skipped(context)
        for origin in sources:
            if origin.stage in names:
                finished[origin.name] = rewrite.run(context, origin)

    steps: list[Step] = []
    if sources and context.recipe.rewrite.only is not None:
        steps.append(Step(nearness.STAGE, nearness.inputs(context), nearness.STAGE, lambda _: nearness.run(context)))
    runs_code = bool(sources) and context.runs_code
    steps += [Step(o.stage, origins.inputs(context, o), SOURCES, work, runs_code=runs_code) for o in sources]
    targets = products.inputs(context, sources)
    steps.append(
        Step(products.STAGE, targets, products.STAGE, lambda _: products.run(context, sources, finished), asks={})
    )
    return steps


def _replay_steps(context: Context) -> list[Step]:
    """The general rows of every arm that trains on some."""
    return [_replay_step(context, arm) for arm in replay.replaying(t.arm for t in context.trainings)]


def _replay_step(context: Context, arm: Arm) -> Step:
    name = replay.stage_name(arm)
    return Step(name, replay.inputs(context, arm), name, lambda _: replay.run(context, arm), alone=True)


def _tune_step(context: Context, training: Training) -> Step:
    name, arm = tune.stage_name(training), training.arm
    inputs, needs = tune.inputs(context, training), () if arm.method.replay is None else (replay.stage_name(arm),)
    return Step(name, inputs, name, lambda _: tune.run(context, training), needs=needs, alone=True)


def _scale_step(context: Context, variant: Variant) -> Step:
    name = interpolation.stage_name(variant)
    inputs, needs = tune.scaled_inputs(context, variant), (tune.stage_name(variant.training),)
    return Step(name, inputs, name, lambda _: tune.scale_weights(context, variant), needs=needs, alone=True)


def _evaluate_steps(context: Context) -> list[Step]:
    """Every benchmark for every variant, one after the other, worked on in one pass."""
    tasks = evaluate.load_tasks(context)
    labels = evaluate.labels(context)
    pairs = {evaluate.stage_name(task.benchmark.name, label): (task, label) for label in labels for task in tasks}

    def work(names: Sequence[str]) -> None:
        evaluate.run(context, [pairs[name] for name in names])

    def before(names: Sequence[str]) -> None:
        one_engine.check_kinds(context, [(task.benchmark.name, label) for task, label in map(pairs.__getitem__, names)])

    def step(name: str, task: Task, label: str) -> Step:
        inputs, needs = evaluate.inputs(context, task, label), _weights_of(context, label)
        code = task.benchmark.runs_code
        return Step(name, inputs, evaluate.GROUP, work, needs=needs, runs_code=code, before=before)

    return [step(name, *pair) for name, pair in pairs.items()]


def _weights_of(context: Context, label: str) -> tuple[str, ...]:
    """The steps that make a variant's weights; none for the seed's."""
    variant = context.variants.get(label)
    return () if variant is None else (tune.stage_name(variant.training), interpolation.stage_name(variant))
