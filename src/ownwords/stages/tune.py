"""Tuning: train every arm on its targets, equal in everything else, and save what evaluation reloads from disk."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from ownwords._model_files import folder_hash
from ownwords.arms.base import find_arm
from ownwords.errors import InputError
from ownwords.fingerprint import Inputs, fingerprint, flatten, join
from ownwords.models import Model
from ownwords.progress import say
from ownwords.records import Weights, digest
from ownwords.run import read_json, write_json
from ownwords.stages import rewrite, training
from ownwords.stages.context import Context
from ownwords.stages.products import write_arm_data
from ownwords.stages.supervision import Supervision, held_out_ids, read_training_rows, supervise


def stage_name(arm: str) -> str:
    return f"tune/{arm}"


def inputs(context: Context, arm: str) -> Inputs:
    """What training an arm reads. A row that rewriting drops leaves every arm, so then every arm reads the rewrites."""
    tune = context.recipe.tune
    drops = context.recipe.rewrite.on_failure == "drop"
    rewrites = find_arm(arm).reads_rewrites or drops
    return join(
        context.model_inputs,
        flatten(tune, "tune"),
        context.layout_inputs("tune.chat_template", tune.chat_template),
        {"stage rewrite": fingerprint(rewrite.inputs(context))} if rewrites else context.train_inputs,
        {"arm": arm, "seed": context.recipe.seed},
    )


def run(context: Context, arm: str) -> None:
    """Train one arm and save it; a training that was interrupted goes on from its last whole checkpoint."""
    outcomes = rewrite.load_outcomes(context)
    folder = context.run.arm_dir(arm, context.variant)
    products = [folder / _main_file(context), folder / "training.json"]
    with context.run.working_on(stage_name(arm), inputs(context, arm), products):
        write_arm_data(context, [find_arm(arm)], outcomes)
        tokenizer, supervision = prepare(context, arm)
        say(f"{arm}: {supervision.describe()}")
        context.close_engines()
        work = _checkpoints(context, arm)
        clock = time.monotonic()
        trainer = training.train(context.recipe, context.model, supervision, tokenizer, work=work, arm=arm)
        training.save_arm(trainer, tokenizer, folder, context.model.name)
        write_json(folder / "training.json", _facts(context, arm, supervision, trainer, time.monotonic() - clock))
        shutil.rmtree(work, ignore_errors=True)


def prepare(context: Context, arm: str) -> tuple[Any, Supervision]:
    """The arm's tokenizer (with its layout set) and its tokenised rows, counted."""
    tune = context.recipe.tune
    tokenizer = context.tokenizer(tune.chat_template)
    rows = read_training_rows(context.run.arm_data(arm) / "train.parquet")
    held_out: set[str] = set()
    if tune.early_stopping is not None:
        held_out = held_out_ids([row["id"] for row in rows], tune.early_stopping.share, context.recipe.seed)
    return tokenizer, supervise(tokenizer, rows, tune.max_length, tune.on_too_long, held_out, thinking=context.thinking)


def arm_weights(context: Context, arm: str) -> Weights:
    """The saved arm as an engine takes it, adapter or whole model; its identity is the content of its weights.

    Raises:
        InputError: the arm is not trained for this recipe.
    """
    folder = context.run.arm_dir(arm, context.variant)
    if not context.run.is_done(stage_name(arm), inputs(context, arm)):
        raise InputError(f"arm {arm} is not trained for this recipe: run `ownwords tune` first.")
    path = str(folder.resolve())
    if context.recipe.tune.lora is None:
        return Weights("model", folder_hash(folder)[:24], path)
    return Weights("adapter", _file_digest(folder / "adapter_model.safetensors"), path)


def _main_file(context: Context) -> str:
    """What a trained arm cannot lack: a whole model may have its weights in several files, named in its own index."""
    return "config.json" if context.recipe.tune.lora is None else "adapter_model.safetensors"


def _checkpoints(context: Context, arm: str) -> Path:
    """The folder of this training's checkpoints. Those of another recipe are removed: they cannot be resumed from."""
    folder = context.run.arm_dir(arm, context.variant).with_name(f"{context.variant}.checkpoints")
    owner = {"fingerprint": fingerprint(inputs(context, arm))}
    if read_json(folder / "owner.json") != owner:
        shutil.rmtree(folder, ignore_errors=True)
        write_json(folder / "owner.json", owner)
    return folder


def _facts(context: Context, arm: str, supervision: Supervision, trainer: Any, seconds: float) -> dict[str, Any]:
    model: Model = context.model
    return {
        "arm": arm,
        "variant": context.variant,
        "rows": len(supervision.rows),
        "supervised_tokens": supervision.supervised_tokens,
        "truncated_rows": supervision.truncated_rows,
        "truncated_tokens": supervision.truncated_tokens,
        "dropped_rows": supervision.dropped_rows,
        "heldout_rows": len(supervision.heldout),
        "order": digest([row["id"] for row in supervision.rows]),
        "steps": trainer.state.global_step,
        "epochs": context.recipe.tune.num_train_epochs,
        "seconds": round(seconds, 1),
        "model": model.name,
        "weights_hash": model.weights_hash,
        "loss": training.loss_curve(trainer),
        "heldout_loss": training.heldout_curve(trainer),
    }


def _file_digest(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:24]
