"""The stages in order, resumable: what is done stays, what changed is named before it is done again.

A verb is a list of steps. Every step knows its inputs; comparing them with run.json tells, before anything is written,
which steps are done, which go on and which would supersede finished work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ownwords.arms.base import Arm
from ownwords.checks import sandbox
from ownwords.environment import environment
from ownwords.errors import EngineError, InputError, StageError
from ownwords.fingerprint import Inputs, changed_keys, describe_changes, fingerprint, join
from ownwords.paths import given_path
from ownwords.progress import say
from ownwords.recipe import Recipe, dump_recipe, load_recipe
from ownwords.run import plain_disk_errors
from ownwords.stages import (
    chain,
    comparison,
    evaluate,
    gap,
    interpolation,
    likelihoods,
    nearness,
    one_engine,
    origins,
    preflight,
    products,
    replay,
    report,
    rewrite,
    shift,
    summarise,
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


def open_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe file, or the recipe of a run directory (which then is its output_dir, wherever it lies now)."""
    path = given_path(path)
    if not path.is_dir():
        return load_recipe(path, overrides)
    if not (path / "recipe.yaml").is_file():
        raise InputError(f"{path} is a folder without a recipe.yaml: give a recipe file or a run directory.")
    return load_recipe(path / "recipe.yaml", overrides, output_dir=str(path))


def execute(
    recipe: Recipe, verb: Verb, *, yes: bool = False, allow_code: bool = False, allow_unsafe_code: bool = False
) -> str:
    """Carry out a verb in the recipe's output_dir and return the summary for the console.

    Raises:
        InputError: something given is wrong, or finished work would be superseded without `yes`. Nothing is written.
        StageError: a stage could not finish; the same command continues it.
    """
    context = Context(recipe, allow_code=allow_code, allow_unsafe_code=allow_unsafe_code)
    try:
        with plain_disk_errors(context.run.directory):
            return _execute(context, verb, yes=yes)
    finally:
        with plain_disk_errors(context.run.directory):
            context.close()


def _execute(context: Context, verb: Verb, *, yes: bool) -> str:
    if verb == "report":
        return _report(context, verb)
    preflight.check_names(context)
    steps = _steps(context, verb)
    todo = [step for step in steps if not context.run.is_done(step.name, step.inputs)]
    text = dump_recipe(context.recipe)
    if any(step.group == SOURCES for step in todo):
        preflight.check_sandbox(context)
    if todo:
        _require_earlier_stages(context, verb)
        context.run.check_writable()
        _ask_before_superseding(context, todo, yes=yes)
        preflight.check_inputs(context, verb)
        _check_before(todo)
    if todo or text != context.run.recipe_text():  # fewer benchmarks, say: nothing to do, but another report
        facts = {**environment(), **chain.record(context), **_engine(context, todo)}
        context.run.create(text, {**facts, **_sandbox(context, todo)})
    failed = _work(context, steps, todo, _failed_before(context) if verb == "evaluate" else {})
    if verb in {"evaluate", "run"}:
        summarise.write(context)
        comparison.write(context)
        shift.write(context)
    said = _report(context, verb) if verb == "run" else f"{verb} is done. The run lies in {context.run.directory}."
    if failed:
        raise StageError(_what_failed(failed, said))
    return said


def _check_before(todo: Sequence[Step]) -> None:
    for group, before in {step.group: step.before for step in todo}.items():
        if before is not None:
            before([step.name for step in todo if step.group == group])


def _work(context: Context, steps: Sequence[Step], todo: Sequence[Step], failed: dict[str, str]) -> dict[str, str]:
    """Do the steps, without those that need a failed one. Why steps failed alone, by name, the given ones included."""
    failed = dict(failed)
    undone: set[str] = set()
    for group in dict.fromkeys(step.group for step in steps):
        members = [step for step in steps if step.group == group]
        undone |= {step.name for step in members if step in todo and (failed.keys() | undone) & set(step.needs)}
        names = [step.name for step in members if step in todo and step.name not in undone]
        for step in members:
            if step not in todo:
                say(f"{step.name}: done before")
        if not names:
            continue
        try:
            members[0].work(names)
        except StageError as error:
            if isinstance(error, EngineError) or not members[0].alone:
                raise
            failed[group] = str(error)
            say(f"{group} failed, the others go on: {error}")
    return failed


def _failed_before(context: Context) -> dict[str, str]:
    """Trainings that have failed for this very recipe, or whose general rows have: evaluation does without them."""
    failed: dict[str, str] = {}
    for training in context.trainings:
        arm, name = training.arm, tune.stage_name(training)
        if _has_failed(context, name, tune.inputs(context, training)):
            failed[name] = "it failed before; `ownwords tune` tries it again"
        elif arm.method.replay is not None and _has_failed(
            context, replay.stage_name(arm), replay.inputs(context, arm)
        ):
            failed[name] = f"{replay.stage_name(arm)} failed before; `ownwords tune` tries it again"
    return failed


def _has_failed(context: Context, name: str, inputs: Inputs) -> bool:
    state = context.run.stage(name)
    return state.get("fingerprint") == fingerprint(inputs) and state.get("status") == "failed"


def _what_failed(failed: dict[str, str], said: str) -> str:
    listing = "\n".join(f"  {name}: {reason}" for name, reason in failed.items())
    return (
        f"{len(failed)} of the variants failed, and what needs them is not done:\n{listing}\n"
        f"Everything else is done; the same command tries these again.\n{said}"
    )


def _engine(context: Context, todo: Sequence[Step]) -> dict[str, Any]:
    """Which engine the steps mean, and why; nothing where they need none."""
    asking = {SOURCES, gap.STAGE, evaluate.GROUP, *(replay.stage_name(arm) for arm in context.arms)}
    if all(step.group not in asking for step in todo):
        return {}
    return {"engine": asdict(context.engine_choice)}


def _sandbox(context: Context, todo: Sequence[Step]) -> dict[str, Any]:
    """What contains the code of a model that the steps run; that nothing did is never forgotten."""
    if not any(step.runs_code for step in todo):
        return {}
    return {} if context.run.facts().get("sandbox") == "none" else {"sandbox": sandbox.kind()}


def _require_earlier_stages(context: Context, verb: Verb) -> None:
    """A single stage needs the ones before it; `run` brings its own."""
    if verb in {"gap", "tune"}:
        for origin in origins.needed(context.recipe):
            rewrite.require_done(context, origin)
    if verb == "evaluate":
        failed = _failed_before(context)
        for training in context.trainings:
            if tune.stage_name(training) not in failed:
                tune.require_done(context, training)


def _report(context: Context, verb: Verb) -> str:
    if not context.run.exists:
        raise InputError(f"there is no run in {context.run.directory} to report on: `ownwords run` makes one.")
    if verb == "report" and dump_recipe(context.recipe) != context.run.recipe_text():
        say("the report is on the run as its own recipe.yaml has it; keys that differ here are for the other verbs")
    report.write_report(context.run.directory)
    return report.console_summary(context.run.directory)


def _steps(context: Context, verb: Verb) -> list[Step]:
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


def _ask_before_superseding(context: Context, todo: Sequence[Step], *, yes: bool) -> None:
    """Name every finished step that would be done again, and the keys why; go on only with `yes`."""
    superseded: list[str] = []
    for step in todo:
        state = context.run.stage(step.name)
        before, now = state.get("inputs", {}), step.inputs
        if step.asks is not None:
            before = {key: value for key, value in before.items() if key in step.asks}
            now = {key: step.asks[key] for key in before}
        changes = changed_keys(before, now)
        if state.get("status") == "done" and changes:  # without changes only a product was lost
            superseded.append(f"  {step.name}, because of\n{describe_changes(changes)}")
    if not superseded:
        return
    listing = "\n".join(superseded)
    if not yes:
        raise InputError(
            f"this would do finished work in {context.run.directory} again:\n{listing}\n"
            "Add --yes to go on, or choose another output_dir."
        )
    say(f"doing again:\n{listing}")
