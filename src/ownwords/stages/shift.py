"""How far training has moved the weights: `shift.json`, from the files that were saved, without loading a model.

For a weight matrix W of the seed and the change D that a variant makes to it:

    absolute = ‖D‖_F, the root of the sum of all squared entries
    relative = ‖D‖_F / ‖W‖_F

- LoRA: D = c · B A with c = scale · alpha / r, or scale · alpha / √r with rank-stabilised LoRA (Kalajdzievski, arXiv
  2312.03732). D is never formed: ‖B A‖_F² = tr(AᵀBᵀB A) = tr((BᵀB)(A Aᵀ)), the sum of the products of the entries of
  two r × r matrices.
- DoRA (Liu et al., arXiv 2402.09353): row i of W + D is m_i · (W + c B A)_i / ‖(W + c B A)_i‖, m learnt. Needs W.
- every parameter, and weights worked out between the seed and an arm: D = W' - W, tensor by tensor. Biases and the
  gains of norms are tensors like others.

Of a layer, of a kind of module (`q_proj` in all layers) and in total: the root of the sum of squares over the tensors,
relative to the same of the seed's. So a relative total is over the weights that the arm could change, not over the
model: arms with other `target_modules` are compared by the absolute one.

What it does not cover: what a change does; a small one in the right place may change every answer. Tensors that two
layers share are counted once, as they are saved.
"""

# pyright: basic
from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ownwords import models
from ownwords.errors import StageError
from ownwords.records import Weights
from ownwords.report.data import read_part
from ownwords.report.shifted import Norm, Shift, VariantShift
from ownwords.run import write_json
from ownwords.stages import tune
from ownwords.stages.context import Context
from ownwords.stages.tensors import Tensors, squares
from ownwords.variants import Variant

FILE = "shift.json"
#: Raised whenever the numbers of the same weights would come out otherwise.
FORMULA = 1
_ADAPTED = re.compile(
    r"base_model\.model\.(?P<module>.+)\.(?P<part>lora_A\.weight|lora_B\.weight|lora_magnitude_vector)"
)


class NoNumbersError(Exception):
    """Why there are none of a variant, for people."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Squared norms of the change of one tensor and of the seed's tensor, None where that is not at hand."""

    name: str
    change: float
    seed: float | None


def write(context: Context) -> None:
    """Write `shift.json`. What it says already of the same weights is kept.

    Raises:
        StageError: a file of weights cannot be read.
    """
    ready = [variant for variant in context.variants.values() if tune.is_ready(context, variant)]
    if not ready:
        return
    seed = context.model.weights_hash
    known = {(one.weights, one.scale): one for one in _known(context, seed)}
    found: list[VariantShift] = []
    with contextlib.ExitStack() as stack:
        of_seed = Tensors(lambda: models.weights_folder(context.model), stack)
        for variant in ready:
            weights = tune.variant_weights(context, variant)
            same = known.get((weights.identity, weights.scale))
            if same is not None:
                found.append(replace(same, variant=variant.label, arm=variant.arm.name))
            else:
                found.append(of_variant(variant, weights, of_seed))
    write_json(context.run.directory / FILE, asdict(Shift(seed, FORMULA, tuple(found))))


def _known(context: Context, seed: str) -> tuple[VariantShift, ...]:
    """What the file says of these seed weights by these formulas. What is not whole is worked out again, and so is
    everything where the file is damaged: it holds nothing else."""
    try:
        shift = read_part(context.run.directory / FILE, Shift)
    except StageError:
        return ()
    if shift is None or (shift.seed, shift.formula) != (seed, FORMULA):
        return ()
    return tuple(one for one in shift.variants if one.total is not None and one.total.relative is not None)


def of_variant(variant: Variant, weights: Weights, of_seed: Tensors) -> VariantShift:
    """The norms of one variant."""
    names = (variant.label, variant.arm.name, weights.identity, weights.scale)
    try:
        moved = moved_tensors(weights, of_seed)
    except NoNumbersError as error:
        return VariantShift(*names, total=None, reason=str(error))
    layers: dict[int, list[Moved]] = {}
    kinds: dict[str, list[Moved]] = {}
    for one in moved:
        layer, kind = place_of(one.name)
        kinds.setdefault(kind, []).append(one)
        if layer is not None:
            layers.setdefault(layer, []).append(one)
    return VariantShift(
        *names,
        total=norm_of("all", moved),
        layers=tuple(norm_of(str(layer), layers[layer]) for layer in sorted(layers)),
        kinds=tuple(norm_of(kind, members) for kind, members in kinds.items()),
        modules=tuple(norm_of(one.name, [one]) for one in moved),
    )


def norm_of(name: str, moved: Iterable[Moved]) -> Norm:
    """Of several tensors together."""
    members = list(moved)
    change = math.sqrt(sum(one.change for one in members))
    seeds = [one.seed for one in members if one.seed is not None]
    seed = math.sqrt(sum(seeds)) if len(seeds) == len(members) else 0.0
    return Norm(name, change, change / seed if seed else None)


def place_of(name: str) -> tuple[int | None, str]:
    """The number of a tensor's layer, None where it lies in none, and the kind of its module.

    `model.layers.3.mlp.up_proj.weight` is of an `up_proj` in layer 3.
    """
    parts = [part for part in name.split(".") if part not in ("weight", "bias")]
    numbers = [int(part) for part in parts if part.isdecimal()]
    words = [part for part in parts if not part.isdecimal()]
    return (numbers[0] if numbers else None), (words[-1] if words else name)


def moved_tensors(weights: Weights, of_seed: Tensors) -> list[Moved]:
    """Every tensor that a variant changes.

    Raises:
        NoNumbersError: the files do not tell.
        StageError: a file cannot be read.
    """
    folder = Path(str(weights.path))
    with contextlib.ExitStack() as stack:
        tuned = Tensors(lambda: folder, stack)
        if weights.kind == "adapter":
            moved = list(_of_adapter(folder, tuned, of_seed, weights.scale))
        else:
            moved = [_of_tensor(name, tuned, of_seed) for name in tuned.names]
    if not all(math.isfinite(one.change) for one in moved):
        raise NoNumbersError("its weights are not finite numbers")
    return moved


def _of_adapter(folder: Path, tuned: Tensors, of_seed: Tensors, scale: float) -> Iterator[Moved]:
    config = _adapter_config(folder)
    modules: dict[str, dict[str, str]] = {}
    for name in tuned.names:
        match = _ADAPTED.fullmatch(name)
        if match is None:
            raise NoNumbersError(f"its adapter holds {name}, which belongs to no linear layer")
        modules.setdefault(match["module"], {})[match["part"].partition(".")[0]] = name
    for module, parts in modules.items():
        if not {"lora_A", "lora_B"} <= parts.keys():
            raise NoNumbersError(f"its adapter holds only a part of {module}")
        down, up = (tuned.whole(parts[part]).double() for part in ("lora_A", "lora_B"))
        rank = down.shape[0]
        factor = scale * config["lora_alpha"] / (math.sqrt(rank) if config.get("use_rslora") else rank)
        shape = (up.shape[0], down.shape[1])
        own = of_seed.find(f"{module}.weight", {shape, shape[::-1]} if config.get("fan_in_fan_out") else {shape})
        if "lora_magnitude_vector" not in parts:
            seed = None if own is None else of_seed.squares(own)
            yield Moved(module, product_squares(up, down) * factor**2, seed)
        elif own is None or config.get("fan_in_fan_out") or scale != 1:
            raise NoNumbersError(f"the change of a DoRA adapter follows from the seed's {module}, which is not at hand")
        else:
            length = tuned.whole(parts["lora_magnitude_vector"]).double().flatten()
            yield _of_dora(module, of_seed.pieces(own), up * factor, down, length)


def product_squares(up: Any, down: Any) -> float:
    """‖up · down‖_F² of matrices out × r and r × in, from two r × r ones."""
    total = float(((up.T @ up) * (down @ down.T)).sum())
    return 0.0 if total < 0 else total  # rounding, where nothing has changed


def _of_dora(module: str, pieces: Iterable[Any], up: Any, down: Any, length: Any) -> Moved:
    """Row by row; `up` has the adapter's factor in it."""
    change = seed = 0.0
    start = 0
    for piece in pieces:
        own = piece.double()
        rows = slice(start, start + own.shape[0])
        start += own.shape[0]
        direction = own + up[rows] @ down
        tuned = direction * (length[rows] / direction.norm(dim=1))[:, None]
        change += squares(tuned - own)
        seed += squares(own)
    return Moved(module, change, seed)


def _of_tensor(name: str, tuned: Tensors, of_seed: Tensors) -> Moved:
    """A tensor of a whole model against the seed's of that name."""
    own = of_seed.find(name, {tuned.shape(name)})
    if own is None or not tuned.is_float(name):
        raise NoNumbersError(f"the seed's files do not hold {name} as plain numbers of the same shape")
    change = seed = 0.0
    for new, old in zip(tuned.pieces(name), of_seed.pieces(own), strict=True):
        change += squares(new.float() - old.float())
        seed += squares(old.float())
    return Moved(name, change, seed)


def _adapter_config(folder: Path) -> dict[str, Any]:
    path = folder / "adapter_config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read: {error}. Remove the folder and train the arm again.") from error
    if not isinstance(config, dict) or not isinstance(config.get("lora_alpha"), int | float):
        raise StageError(f"{path} is no LoRA adapter's. Remove the folder and train the arm again.")
    if config.get("alpha_pattern") or config.get("rank_pattern"):
        raise NoNumbersError("its adapter has an alpha or a rank of its own for some modules")
    return config
