"""Tuning: train every arm at every point on its targets, and save what evaluation reloads from disk."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ownwords._model_files import changed_since, file_sha256, folder_hash, saved_files
from ownwords.errors import DataError, InputError, StageError
from ownwords.fingerprint import Inputs, fingerprint, flatten, join
from ownwords.lineage import SAVED
from ownwords.models import Model
from ownwords.progress import say
from ownwords.records import Weights, digest
from ownwords.run import read_json, read_object, write_json
from ownwords.stages import (
    checkpoints,
    demonstrations,
    interpolation,
    likelihoods,
    on_policy,
    replay,
    targets_of_arms,
    trainer,
)
from ownwords.stages.context import Context
from ownwords.stages.masking import mask_tokens, target_logprobs
from ownwords.stages.products import write_arm_data
from ownwords.stages.supervision import Supervision, held_out_ids, read_training_rows, supervise
from ownwords.stages.trainer import heldout_curve, kept_step, loss_curve, save_weights
from ownwords.variants import Training, Variant


def stage_name(training: Training) -> str:
    return f"tune/{training.label}"


def inputs(context: Context, training: Training) -> Inputs:
    """What a training reads: of the sources, those that its targets depend on."""
    tune, method = training.tune, training.arm.method
    return join(
        context.model_inputs,
        flatten(tune, "tune"),
        context.layout_inputs("tune.chat_template", tune.chat_template),
        targets_of_arms.inputs_of(context, targets_of_arms.read_by(context, method)),
        {key: value for key, value in flatten(method, "arm").items() if not key.startswith("arm.replay.")},
        {"stage replay": fingerprint(replay.inputs(context, training.arm))} if method.replay is not None else {},
        likelihoods.inputs(context) if method.mask is not None else {},
        {"seed": training.seed},
    )


def run(context: Context, training: Training) -> None:
    """Train and save; a training that was interrupted goes on from its last whole checkpoint."""
    targets = targets_of_arms.of_arm(context, training.arm)
    folder = folder_of(context, training)
    places = [checkpoints.folder_at(folder, part) for part in checkpoints.shares(training.tune.checkpoints)]
    products = [folder / _main_file(context), folder / "training.json", *(at / _main_file(context) for at in places)]
    with context.run.working_on(stage_name(training), inputs(context, training), products):
        write_arm_data(context, targets)
        if training.arm.method.replay is not None:
            replay.describe(context, training.arm)
        tokenizer, supervision = _prepared(context, training)
        say(f"{training.label}: {supervision.describe()}")
        context.close_engines()
        work = _checkpoints(context, training)
        clock = time.monotonic()
        with _saying_what_memory_needs():
            trained = _train(context, training, supervision, tokenizer, work)
        seconds = time.monotonic() - clock
        save_weights(trained.model, tokenizer, folder, context.model.name)
        found = checkpoints.put_in_place(training.tune.checkpoints, work, folder, kept_step(trained))
        facts = _facts(context, training, supervision, trained, seconds)
        saved = {at.name: saved_files(at) for at in (folder, *places)}
        whole = {**facts, "places": [asdict(place) for place in found], SAVED: saved}
        write_json(folder / "training.json", whole)
        shutil.rmtree(work, ignore_errors=True)
        _drop_seed_cache(context, training)


def _train(context: Context, training: Training, supervision: Supervision, tokenizer: Any, work: Path) -> Any:
    """Train on the targets, or on what the model writes meanwhile; the library's trainer when it is done."""
    what = (training, context.model, context.recipe.runtime, supervision, tokenizer)
    callbacks = _callbacks(context, training, work, tokenizer)
    if training.arm.method.on_policy is not None:
        return on_policy.train(*what, work=work, callbacks=callbacks)
    return trainer.train(*what, work=work, callbacks=callbacks, seed_cache=_seed_cache(context, training))


@contextlib.contextmanager
def _saying_what_memory_needs() -> Generator[None]:
    """A training that does not fit is a StageError: another point of a sweep may."""
    from ownwords.engines._memory import is_shortage

    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_shortage(error):
            raise
        raise StageError(
            "out of memory: lower tune.per_device_train_batch_size or tune.max_length, or set "
            f"tune.gradient_checkpointing. ({str(error).partition(chr(10))[0]})"
        ) from error


def _callbacks(context: Context, training: Training, work: Path, tokenizer: Any) -> list[Any]:
    count, may_stop = training.tune.checkpoints, training.tune.early_stopping is not None
    if count == 0:
        return []
    return [checkpoints.saving_callback(count, work, tokenizer, context.model.name, may_stop=may_stop)]


def folder_of(context: Context, training: Training) -> Path:
    return context.run.arm_dir(training.arm.name, training.folder)


def _prepared(context: Context, training: Training) -> tuple[Any, Supervision]:
    """References were looked at before anything was written. A target that a model wrote since and that does not fit is
    a StageError: it concerns this arm, not the others."""
    try:
        return prepare(context, training)
    except DataError as error:
        raise StageError(str(error)) from error


def prepare(context: Context, training: Training) -> tuple[Any, Supervision]:
    """The arm's tokenizer (with its layout set) and its tokenised rows, counted."""
    tune = training.tune
    tokenizer = context.tokenizer(tune.chat_template)
    data = context.run.arm_data(training.arm.name)
    rows = read_training_rows(data / "train.parquet")
    held_out: set[str] = set()
    if tune.early_stopping is not None:
        held_out = held_out_ids([row["id"] for row in rows], tune.early_stopping.share, context.recipe.seed)
    method = training.arm.method
    if method.on_policy is not None:
        section = method.on_policy
        return tokenizer, demonstrations.supervise(tokenizer, rows, section, tune, held_out, thinking=context.thinking)
    if method.replay is not None:
        rows += read_training_rows(data / "replay.parquet")
    supervision = supervise(tokenizer, rows, tune.max_length, tune.on_too_long, held_out, thinking=context.thinking)
    if method.mask is not None:
        kept = {row["id"] for row in supervision.rows}
        asked = [row for row in rows if row["id"] in kept]
        logprobs = target_logprobs(context, asked, f"{training.label}: likelihoods for the mask")
        mask_tokens(supervision, logprobs, method.mask.perplexity_above)
    return tokenizer, supervision


def is_done(context: Context, training: Training) -> bool:
    return context.run.is_done(stage_name(training), inputs(context, training))


def require_done(context: Context, training: Training) -> None:
    """Refuse to go on without a finished training (InputError)."""
    if not is_done(context, training):
        raise InputError(f"{training.label} is not trained for this recipe: run `ownwords tune` first.")


def scaled_inputs(context: Context, variant: Variant) -> Inputs:
    """What working out a variant's weights reads (see `interpolation`)."""
    return {"stage tune": fingerprint(inputs(context, variant.training)), "variant.scale": variant.scale}


def scale_weights(context: Context, variant: Variant) -> None:
    """Work out the weights of a variant that no engine can make of what was trained."""
    context.close_engines()
    interpolation.run(context, variant, _trained_weights(context, variant), scaled_inputs(context, variant))


def is_ready(context: Context, variant: Variant) -> bool:
    """Whether the variant's weights are there, for this recipe."""
    if not is_done(context, variant.training):
        return False
    if not interpolation.is_needed(variant):
        return True
    return context.run.is_done(interpolation.stage_name(variant), scaled_inputs(context, variant))


def variant_weights(context: Context, variant: Variant) -> Weights:
    """A variant as an engine takes it, adapter or whole model; its identity is the content of its weights.

    Raises:
        InputError: it is not trained for this recipe, or its weights have not been worked out.
        StageError: they are not what training wrote: shuffled, exchanged, damaged.
    """
    require_done(context, variant.training)
    if not is_ready(context, variant):
        raise InputError(f"the weights of {variant.label} are not worked out: run `ownwords tune` first.")
    trained = _trained_weights(context, variant)
    if interpolation.is_needed(variant):
        return interpolation.weights(context, variant, trained)
    return replace(trained, scale=variant.scale)


def _trained_weights(context: Context, variant: Variant) -> Weights:
    """What was trained for the variant, as it was saved.

    Raises:
        StageError: it is not what training wrote.
    """
    training = variant.training
    end = folder_of(context, training)
    folder = end if variant.part == 1 else checkpoints.folder_at(end, variant.part)
    facts = read_object(end / "training.json")
    if (facts.get("arm"), facts.get("variant")) != (training.arm.name, training.folder):
        raise StageError(
            f"{end} does not hold the training of {training.label}: its training.json is that of {facts.get('label')}. "
            "Put the folder back, or remove it and run `ownwords tune`, which makes it anew."
        )
    changed = changed_since(folder, facts.get(SAVED, {}).get(folder.name, {}))
    if changed:
        raise StageError(f"{training.label}: {changed}")
    path = str(folder.resolve())
    if variant.training.tune.lora is None:
        return Weights("model", folder_hash(folder)[:24], path)
    return Weights("adapter", file_sha256(folder / "adapter_model.safetensors")[:24], path)


def _main_file(context: Context) -> str:
    """What a trained arm cannot lack: a whole model may have its weights in several files, named in its own index."""
    return "config.json" if context.recipe.tune.lora is None else "adapter_model.safetensors"


def _checkpoints(context: Context, training: Training) -> Path:
    """The folder of this training's checkpoints. Those of another recipe are removed: they cannot be resumed from."""
    folder = folder_of(context, training).with_name(f"{training.folder}.checkpoints")
    owner = {"fingerprint": fingerprint(inputs(context, training))}
    if read_json(folder / "owner.json") != owner:
        shutil.rmtree(folder, ignore_errors=True)
        write_json(folder / "owner.json", owner)
    return folder


def _seed_cache(context: Context, training: Training) -> Path:
    """What a KL objective reads of the seed: the same for every point of the sweep, so it lies beside all of them."""
    return context.run.arm_dir(training.arm.name, "seed.cache")


def _drop_seed_cache(context: Context, training: Training) -> None:
    """Nobody needs it once the arm's last training is done."""
    others = [other for other in context.trainings if other.arm.name == training.arm.name and other != training]
    if all(is_done(context, other) for other in others):
        shutil.rmtree(_seed_cache(context, training), ignore_errors=True)


def _facts(
    context: Context, training: Training, supervision: Supervision, trained: Any, seconds: float
) -> dict[str, Any]:
    model: Model = context.model
    replay_rows, replay_tokens = replay.count_rows(supervision.rows)
    return {
        "arm": training.arm.name,
        "variant": training.folder,
        "label": training.label,
        "rows": len(supervision.rows),
        "supervised_tokens": supervision.supervised_tokens,
        "replay_rows": replay_rows,
        "replay_tokens": replay_tokens,
        "truncated_rows": supervision.truncated_rows,
        "truncated_tokens": supervision.truncated_tokens,
        "dropped_rows": supervision.dropped_rows,
        "masked_tokens": supervision.masked_tokens,
        "emptied_rows": supervision.emptied_rows,
        "heldout_rows": len(supervision.heldout),
        "order": digest([row["id"] for row in supervision.rows]),
        "steps": trained.state.global_step,
        "epochs": training.tune.num_train_epochs,
        "seconds": round(seconds, 1),
        "model": model.name,
        "weights_hash": model.weights_hash,
        "loss": loss_curve(trained),
        "heldout_loss": heldout_curve(trained),
    }
