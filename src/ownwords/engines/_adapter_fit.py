"""Whether a LoRA adapter belongs on a model, told from names and shapes before anything is loaded.

PEFT stops at a wrong shape with a message of a screenful, after it has put empty adapters into the model; of an adapter
of a deeper or shallower model it loads what it can and goes on. A score of such a model would be that of neither.

What it does not cover: an adapter of another model whose layers have the same names and shapes.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ownwords.errors import EngineError

_ADVICE = "It was trained on another model: name that one in model.name_or_path, or train the arm again."
_PREFIX = "base_model.model."


def shapes_of(model: Any) -> dict[str, tuple[int, ...]]:
    """The shapes of a model's linear layers by name, (out, in), with or without adapters on it."""
    found: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if ".lora_" not in name and weight is not None and weight.dim() == 2:
            found[name.replace(".base_layer", "")] = tuple(weight.shape)
    return found


def misfit(adapter: Path, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """What does not fit, and what to do, or nothing.

    Raises:
        EngineError: the adapter's weights cannot be read.
    """
    parts = _parts(adapter / "adapter_model.safetensors")
    unknown = sorted(name for name in parts if name not in shapes)
    if unknown:
        return f"{len(unknown)} of its {len(parts)} layers are not in the model, {unknown[0]} first. {_ADVICE}"
    for name, (reads, writes) in sorted(parts.items()):
        out_size, in_size = shapes[name]
        if (reads or in_size, writes or out_size) != (in_size, out_size):
            return f"{name} has {in_size} × {out_size} weights there, and {reads} × {writes} in the adapter. {_ADVICE}"
    missing = _missing(parts, shapes)
    if missing:
        return f"it has nothing for {len(missing)} layers of the model like those it has, {missing[0]} first. {_ADVICE}"
    return ""


def _parts(path: Path) -> dict[str, tuple[int, int]]:
    """Of each linear layer that the adapter changes: how many numbers its A reads and its B writes, 0 if not known."""
    from safetensors import SafetensorError, safe_open

    found: dict[str, tuple[int, int]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            for key in file.keys():  # noqa: SIM118 (it is no mapping)
                name, _, part = key.removeprefix(_PREFIX).partition(".lora_")
                if part.split(".")[0] not in ("A", "B"):
                    continue
                shape = file.get_slice(key).get_shape()
                reads, writes = found.get(name, (0, 0))
                found[name] = (shape[1], writes) if part.startswith("A") else (reads, shape[0])
    except (OSError, SafetensorError) as error:
        raise EngineError(f"{path} cannot be read: {error}. Train the arm again.") from error
    return found


def _missing(parts: Mapping[str, Any], shapes: Mapping[str, Any]) -> list[str]:
    """Layers of the model beyond the last one that the adapter has, of the kinds that it has in every layer before.

    PEFT can be told to leave layers out (`layers_to_transform`): then the adapter does not have all up to its last.
    """
    kinds = {_numbered(name)[0] for name in parts}
    have = {kind: {_numbered(name)[1] for name in parts if _numbered(name)[0] == kind} for kind in kinds}
    found: list[str] = []
    for name in shapes:
        kind, number = _numbered(name)
        whole = kind in have and have[kind] == set(range(max(have[kind]) + 1))
        if whole and number > max(have[kind]):
            found.append(name)
    return found


def _numbered(name: str) -> tuple[str, int]:
    """`model.layers.3.self_attn.q_proj` → (`model.layers.*.self_attn.q_proj`, 3); 0 where there is no number."""
    parts = name.split(".")
    for index, part in enumerate(parts):
        if part.isdigit():
            return ".".join([*parts[:index], "*", *parts[index + 1 :]]), int(part)
    return name, 0
