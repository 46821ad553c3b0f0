"""Whole models between the seed and a trained arm: seed + scale · (tuned - seed), weight by weight, in 32-bit floats.

An engine scales a LoRA adapter by itself, and that is the same: what it adds is linear in its scale. Two kinds of arms
have no such factor: those that train every parameter, and DoRA, whose magnitudes make an adapter's effect anything but
linear. Their weights are worked out once and lie in the run directory as a model of their own.
"""

# pyright: basic
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from ownwords import models
from ownwords._model_files import changed_since, saved_files
from ownwords.errors import ModelError, StageError
from ownwords.fingerprint import Inputs
from ownwords.lineage import SAVED
from ownwords.models import Model
from ownwords.progress import say
from ownwords.recipe import LoraSection
from ownwords.records import Weights, digest
from ownwords.run import read_object, write_json
from ownwords.stages.context import Context
from ownwords.variants import Variant, written

GROUP = "weights"
MAIN_FILE = "config.json"


def stage_name(variant: Variant) -> str:
    return f"{GROUP}/{variant.label}"


def is_needed(variant: Variant) -> bool:
    """Whether no engine can make the variant's weights out of what was trained."""
    lora: LoraSection | None = variant.training.tune.lora
    return variant.scale != 1 and (lora is None or lora.use_dora)


def folder_of(context: Context, variant: Variant) -> Path:
    part = "" if variant.part == 1 else f"-part{variant.part:.3g}"
    return context.run.arm_dir(variant.arm.name, f"{variant.training.folder}{part}-scale{written(variant.scale)}")


def run(context: Context, variant: Variant, tuned: Weights, stage_inputs: Inputs) -> None:
    """Work the variant's weights out of those that were trained (`tuned`, its folder and identity) and save them.

    Raises:
        StageError: the trained model has other weights than the seed.
    """
    folder = folder_of(context, variant)
    with context.run.working_on(stage_name(variant), stage_inputs, [folder / MAIN_FILE, folder / "scale.json"]):
        say(f"{variant.label}: its weights are worked out")
        network = interpolated(context.model, tuned, variant.scale)
        temporary = folder.with_name(f".{folder.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        network.to(_saved_dtype(context.model, tuned)).save_pretrained(temporary, safe_serialization=True)
        context.tokenizer(variant.training.tune.chat_template).save_pretrained(temporary)
        facts = {
            "scale": variant.scale,
            "training": variant.training.label,
            "identity": identity(context, tuned, variant),
            SAVED: saved_files(temporary),
        }
        write_json(temporary / "scale.json", facts)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)


def weights(context: Context, variant: Variant, tuned: Weights) -> Weights:
    """The worked-out weights, as an engine takes them.

    Raises:
        StageError: they are not what was worked out.
    """
    folder = folder_of(context, variant).resolve()
    changed = changed_since(folder, read_object(folder / "scale.json").get(SAVED, {}))
    if changed:
        raise StageError(f"{variant.label}: {changed}")
    return Weights("model", identity(context, tuned, variant), str(folder))


def identity(context: Context, tuned: Weights, variant: Variant) -> str:
    """What the weights are made of: nothing else decides what they are."""
    return digest([context.model.weights_hash, tuned.identity, variant.scale])


def interpolated(seed: Model, tuned: Weights, scale: float) -> Any:
    """The network with weights seed + scale · (tuned - seed) (Wortsman et al., arXiv 2109.01903, equation 1).

    Raises:
        StageError: the trained model has other weights than the seed.
    """
    import torch

    network = models.load_weights(seed, torch.float32, "cpu")
    trained = _merged(seed, tuned).state_dict()
    own = network.state_dict()
    if trained.keys() != own.keys() or any(trained[name].shape != own[name].shape for name in own):
        raise StageError(f"the model in {tuned.path} has other weights than the seed model, so nothing lies between.")
    with torch.no_grad():
        for name, weight in own.items():
            if weight.is_floating_point():
                weight.add_(trained[name] - weight, alpha=scale)
    return network


def _merged(seed: Model, tuned: Weights) -> Any:
    """The trained model in 32-bit floats; an adapter is added into the seed's weights."""
    import torch

    folder = str(tuned.path)
    if tuned.kind == "model":
        return models.load_weights(Model(folder, folder, "folder", None, tuned.identity), torch.float32, "cpu")
    try:
        return models.load_adapted(seed, folder, torch.float32, "cpu").merge_and_unload(safe_merge=True)
    except (ModelError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise StageError(f"adapter {folder} cannot be merged into {seed.name}: {error}") from error


def _saved_dtype(seed: Model, tuned: Weights) -> Any:
    """That of the trained model; of the seed's own where an adapter was trained."""
    import torch

    if tuned.kind == "model":
        config = json.loads(Path(str(tuned.path), MAIN_FILE).read_text(encoding="utf-8"))
        return getattr(torch, config.get("dtype") or "float32")
    return models.load_config(seed).dtype or torch.float32
