"""Tuning: train every arm at every point on its targets, and save what evaluation reloads from disk."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, Literal

from ownwords._model_files import folder_hash
from ownwords.errors import InputError
from ownwords.fingerprint import Inputs, fingerprint, flatten, join
from ownwords.models import Model
from ownwords.progress import say
from ownwords.recipe import Method
from ownwords.records import Weights, digest
from ownwords.run import read_json, write_json
from ownwords.stages import demonstrations, on_policy, replay, rewrite, trainer
from ownwords.stages.context import Context
from ownwords.stages.products import write_arm_data
from ownwords.stages.supervision import Supervision, held_out_ids, read_training_rows, supervise
from ownwords.stages.trainer import heldout_curve, loss_curve, save_arm
from ownwords.variants import Training, Variant

#: What trains an arm: on targets, or on what the model writes meanwhile.
_TRAINERS = {"targets": trainer.train, "on_policy": on_policy.train}


def stage_name(training: Training) -> str:
    return f"tune/{training.label}"


def inputs(context: Context, training: Training) -> Inputs:
    """What a training reads. A row that rewriting drops leaves every arm, so then every arm reads the rewrites."""
    tune, method = training.tune, training.arm.method
    drops = context.recipe.rewrite.on_failure == "drop"
    return join(
        context.model_inputs,
        flatten(tune, "tune"),
        context.layout_inputs("tune.chat_template", tune.chat_template),
        {"stage rewrite": fingerprint(rewrite.inputs(context))} if method.generated or drops else context.train_inputs,
        {key: value for key, value in flatten(method, "arm").items() if not key.startswith("arm.replay.")},
        {"stage replay": fingerprint(replay.inputs(context, training.arm))} if method.replay is not None else {},
        {"seed": training.seed},
    )


def run(context: Context, training: Training) -> None:
    """Train and save; a training that was interrupted goes on from its last whole checkpoint."""
    outcomes = rewrite.load_outcomes(context)
    folder = folder_of(context, training)
    products = [folder / _main_file(context), folder / "training.json"]
    with context.run.working_on(stage_name(training), inputs(context, training), products):
        write_arm_data(context, [training.arm], outcomes)
        if training.arm.method.replay is not None:
            replay.describe(context, training.arm)
        tokenizer, supervision = prepare(context, training)
        say(f"{training.label}: {supervision.describe()}")
        context.close_engines()
        work = _checkpoints(context, training)
        clock = time.monotonic()
        train = _TRAINERS[_kind(training.arm.method)]
        trained = train(training, context.model, context.recipe.runtime, supervision, tokenizer, work=work)
        save_arm(trained, tokenizer, folder, context.model.name)
        write_json(folder / "training.json", _facts(context, training, supervision, trained, time.monotonic() - clock))
        shutil.rmtree(work, ignore_errors=True)


def folder_of(context: Context, training: Training) -> Path:
    return context.run.arm_dir(training.arm.name, training.folder)


def prepare(context: Context, training: Training) -> tuple[Any, Supervision]:
    """The arm's tokenizer (with its layout set) and its tokenised rows, counted."""
    tune = training.tune
    tokenizer = context.tokenizer(tune.chat_template)
    data = context.run.arm_data(training.arm.name)
    rows = read_training_rows(data / "train.parquet")
    held_out: set[str] = set()
    if tune.early_stopping is not None:
        held_out = held_out_ids([row["id"] for row in rows], tune.early_stopping.share, context.recipe.seed)
    if training.arm.method.on_policy is not None:
        section = training.arm.method.on_policy
        return tokenizer, demonstrations.supervise(tokenizer, rows, section, tune, held_out, thinking=context.thinking)
    if training.arm.method.replay is not None:
        rows += read_training_rows(data / "replay.parquet")
    return tokenizer, supervise(tokenizer, rows, tune.max_length, tune.on_too_long, held_out, thinking=context.thinking)


def _kind(method: Method) -> Literal["targets", "on_policy"]:
    return "targets" if method.on_policy is None else "on_policy"


def is_done(context: Context, training: Training) -> bool:
    return context.run.is_done(stage_name(training), inputs(context, training))


def variant_weights(context: Context, variant: Variant) -> Weights:
    """A variant as an engine takes it, adapter or whole model; its identity is the content of its weights.

    Raises:
        InputError: it is not trained for this recipe.
    """
    training = variant.training
    folder = folder_of(context, training)
    if not is_done(context, training):
        raise InputError(f"{training.label} is not trained for this recipe: run `ownwords tune` first.")
    path = str(folder.resolve())
    if training.tune.lora is None:
        return Weights("model", folder_hash(folder)[:24], path)
    return Weights("adapter", _file_digest(folder / "adapter_model.safetensors"), path, variant.scale)


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


def _file_digest(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:24]
