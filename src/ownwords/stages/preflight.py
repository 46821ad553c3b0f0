"""What can be known to be wrong before anything is written or any token is spent."""

# pyright: basic
from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from ownwords import models
from ownwords.checks import sandbox
from ownwords.engines.base import needs_model
from ownwords.errors import RecipeError, unknown_name
from ownwords.prompts.render import load_layout
from ownwords.records import Completion, Message, Request
from ownwords.stages import chain, comparison, demonstrations, judge, origins, replay, rewrite
from ownwords.stages.context import Context
from ownwords.stages.origins import OTHER, OWN, Origin
from ownwords.stages.supervision import held_out_ids, reference_rows, supervise
from ownwords.stages.targets_of_arms import asked_for
from ownwords.variants import Training


def check_names(context: Context) -> None:
    """Every name in the recipe exists: engine, prompt, layouts, checks with their parameters, arms, benchmarks.

    Raises:
        RecipeError: names the nearest that does.
    """
    recipe = context.recipe
    needs_model(context.recipe.runtime.engine)
    chain.check(context)
    _ = context.prompt, context.recipe_checks  # loading verifies them
    if context.is_judged:
        needs_model(context.judge.recipe.runtime.engine)
        _ = context.judge_prompt
    for layout in (recipe.rewrite.chat_template, *_later_layouts(context)):
        if layout is not None:
            load_layout(layout)
    _ = context.variants
    _check_other_rewriter(context)
    comparison.roles(recipe)  # finds every benchmark


def _check_other_rewriter(context: Context) -> None:
    """An arm of another model's rewrites needs that model."""
    arm = next((arm for arm in context.arms if OTHER in origins.origins_of(arm.method)), None)
    if arm is None:
        return
    if context.recipe.rewrite.model is None:
        raise RecipeError(
            f"tune.arms: {arm.name} takes rewrites by another model than the seed, and rewrite.model names none. Set "
            "rewrite.model.name_or_path (and rewrite.runtime for another engine), or leave the arm out."
        )
    needs_model(context.other_rewriter.recipe.runtime.engine)


def check_sandbox(context: Context) -> None:
    """Where a check runs a model's code there is a sandbox, or somebody allows to do without (else InputError)."""
    if context.runs_code:
        sandbox.require(allow_unsafe_code=context.allow_unsafe_code)


def check_inputs(context: Context, verb: str) -> None:
    """Data can be read, the model is a chat model, every layout works with it, and where training follows, references
    fit `tune.max_length`.

    Raises:
        DataError, ModelError: the first thing that is wrong.
    """
    _ = context.train  # reading it is the check
    if verb != "rewrite":
        check_layouts(context)
        if verb in {"run", "tune"}:
            _check_training(context)
    if verb in {"run", "rewrite"}:
        asked = [origin for origin in asked_for(context, rewriting=verb == "rewrite") if _is_open(context, origin)]
        for origin in asked:
            _check_source(context, origin)
        if asked and context.is_judged:
            example = context.asked[0]
            _check_judge(
                context.judge, lambda: judge.request_about(context, example, 0, Completion("", example.reference))
            )
    if verb in {"run", "evaluate"} and context.benchmark_judge is not None:
        _check_judge(context.benchmark_judge, lambda: Request("judge", (Message("user", "Are you there?"),)))


def _is_open(context: Context, origin: Origin) -> bool:
    return not rewrite.is_done(context, origin)


def _check_source(context: Context, origin: Origin) -> None:
    """Every prompt leaves room for an answer. Of another model that is loaded, its files are there: it gets its room
    later."""
    asked = origin.asked(context)
    if needs_model(asked.recipe.runtime.engine):
        layout = context.recipe.tune.chat_template if origin is OWN else context.recipe.rewrite.chat_template
        asked.tokenizer(layout)
        if asked is not context:
            return
    asked.engine().preflight(origin.build(context, example, 0) for example in context.asked)


def _check_judge(asked: Context, question: Callable[[], Request]) -> None:
    """A judge on a server can be reached; a model's files are there."""
    if needs_model(asked.engine_choice.name):
        asked.tokenizer(None)
        return
    asked.engine().preflight([question()])


def _later_layouts(context: Context) -> list[str | None]:
    """The layouts of what comes after rewriting, each once; None is the model's own chat template."""
    benchmarks = (benchmark.chat_template for benchmark in context.recipe.evaluate.benchmarks)
    tune = context.recipe.tune.chat_template
    return list(dict.fromkeys([tune, *(layout or tune for layout in benchmarks)]))


def check_layouts(context: Context) -> None:
    """Every layout of what comes after rewriting works with the model's tokenizer."""
    for layout in _later_layouts(context):
        context.tokenizer(layout)


def check_trainer(context: Context) -> None:
    """LoRA targets are linear layers of the model, scheduler and trackers are known to the trainer."""
    from transformers import SchedulerType
    from transformers.integrations.integration_utils import get_reporting_integration_callbacks

    tune = context.recipe.tune
    for training in context.trainings:
        _check_objective(training)
    if tune.lora is not None and tune.lora.target_modules != "all-linear":
        _check_lora_targets(tune.lora.target_modules, models.linear_layers(context.model))
    schedulers = [scheduler.value for scheduler in SchedulerType]
    if tune.lr_scheduler_type not in schedulers:
        raise RecipeError(f"tune.lr_scheduler_type: {unknown_name('scheduler', tune.lr_scheduler_type, schedulers)}")
    try:
        for callback in get_reporting_integration_callbacks([tune.report_to] if tune.report_to != "none" else []):
            callback()  # raises where its package is not installed
    except (ValueError, RuntimeError, ImportError) as error:
        raise RecipeError(f"tune.report_to: {error}") from error


def _check_objective(training: Training) -> None:
    kl = training.arm.method.kl
    if kl is not None and kl.seed_from == "live" and training.tune.lora is None:
        raise RecipeError(
            f"tune.arms.{training.arm.name}.kl.seed_from: live means the model without its adapter, and tune.lora is "
            "null: choose cached, or auto."
        )


def _check_lora_targets(targets: Sequence[str], layers: Set[str]) -> None:
    for target in targets:
        if not any(layer == target or layer.endswith(f".{target}") for layer in layers):
            known = {layer.rpartition(".")[2] for layer in layers}
            raise RecipeError(f"tune.lora.target_modules: {unknown_name('linear layer of the model', target, known)}")


def _check_training(context: Context) -> None:
    """The trainer takes the recipe, and references fit."""
    check_trainer(context)
    tune = context.recipe.tune
    if tune.early_stopping is not None:
        held_out_ids([example.id for example in context.train], tune.early_stopping.share, context.recipe.seed)
    supervise(
        context.tokenizer(tune.chat_template),
        reference_rows(context.train),
        tune.max_length,
        tune.on_too_long,
        thinking=context.thinking,
    )
    arms = list({training.arm.name: training.arm for training in context.trainings}.values())
    for arm in replay.replaying(arms):
        replay.check(context, arm)
    for arm in arms:
        if arm.method.on_policy is not None:
            demonstrations.check(context, arm.method.on_policy)
