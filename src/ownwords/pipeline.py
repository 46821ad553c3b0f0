"""The stages in order, resumable: what is done stays, what changed is named before it is done again.

A verb is a list of steps. Every step knows its inputs; comparing them with run.json tells, before anything is written,
which steps are done, which go on and which would supersede finished work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ownwords.checks import sandbox
from ownwords.environment import environment
from ownwords.errors import EngineError, InputError, OwnwordsError, StageError
from ownwords.fingerprint import Inputs, changed_keys, describe_changes, fingerprint
from ownwords.paths import given_path
from ownwords.progress import say
from ownwords.recipe import Recipe, dump_recipe, load_recipe
from ownwords.run import plain_disk_errors
from ownwords.stages import (
    chain,
    comparison,
    evaluate,
    gap,
    origins,
    preflight,
    replay,
    report,
    rewrite,
    shift,
    summarise,
    tune,
)
from ownwords.stages.context import Context
from ownwords.steps import SOURCES, Step, Verb, steps_of


def open_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe file, or the recipe of a run directory (which then is its output_dir, wherever it lies now)."""
    path = given_path(path)
    if not path.exists():
        raise InputError(
            f"there is neither a recipe nor a run in {path}. `ownwords init --preset quickstart` prints a recipe."
        )
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
    steps = steps_of(context, verb)
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
        summarise.write(context, _finished(context, steps))
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
                if group == evaluate.GROUP:
                    _summarise_what_is_done(context, members)
                raise
            failed[group] = str(error)
            say(f"{group} failed, the others go on: {error}")
    return failed


def _summarise_what_is_done(context: Context, steps: Sequence[Step]) -> None:
    """After an evaluation that failed: the scores that are finished are told. That some cannot be is no news beside the
    failure itself."""
    finished = _finished(context, steps)
    if finished:
        with contextlib.suppress(OwnwordsError):
            summarise.write(context, finished)


def _finished(context: Context, steps: Sequence[Step]) -> set[str]:
    """The names of those that are done for this recipe."""
    return {step.name for step in steps if context.run.is_done(step.name, step.inputs)}


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
