"""Which vLLM serves which weights: the seed model, adapters as LoRA requests or merged, folders of whole models."""

# pyright: basic, reportMissingImports=false
from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ownwords import models
from ownwords.engines._adapter_fit import misfit, shapes_of
from ownwords.engines._rows import Group
from ownwords.engines._vllm_server import Server
from ownwords.errors import EngineError, ModelError
from ownwords.progress import say
from ownwords.records import Weights

ADAPTERS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _Load:
    """What a server has loaded: a model folder, and the rank up to which it takes adapters (0: none)."""

    path: str
    rank: int = 0


class ServedWeights:
    """One server at a time; a group of requests that it cannot serve ends it and starts another."""

    def __init__(
        self,
        model: models.Model,
        dtype: Any,
        *,
        merged: bool,
        scores_adapted: bool,
        start: Callable[[str, int], Server],
    ) -> None:
        """`start` is given a model folder and a LoRA rank. `merged` serves every adapter as a model of its own;
        `scores_adapted` says that a server which takes adapters gives right likelihoods.
        """
        self._model = model
        self._dtype = dtype
        self._merging = merged
        self._scores_adapted = scores_adapted
        self._start = start
        self._server: Server | None = None
        self._loaded: _Load | None = None
        self._folders: tempfile.TemporaryDirectory[str] | None = None
        self._merged: dict[tuple[str, float], str] = {}
        self._loras: dict[str, Any] = {}
        self._rank = 0

    def expect(self, weights: Sequence[Weights]) -> None:
        """Start the next server such that it can answer for all of these, as far as one server can."""
        groups = [Group(each, scored=False) for each in weights if each.kind == "adapter"]
        self._rank = max([self._rank, *(_rank(group.weights) for group in groups if not self._is_merged(group))])

    def is_served(self, group: Group) -> bool:
        """Whether the server that runs can answer these."""
        return self._loaded is not None and self._fits(self._loaded, group)

    def server(self, group: Group) -> Server:
        """A server for these; the one that runs if it will do.

        Raises:
            EngineError: vLLM cannot start, or the adapter cannot be loaded.
        """
        if self._server is None or self._server.dead or not self.is_served(group):
            load = self._load(group)
            self.stop()
            say(f"vLLM starts with {_shown(group.weights)} ...")
            self._server = self._start(load.path, load.rank)
            self._loaded = load
        return self._server

    def lora(self, group: Group) -> Any:
        """The LoRA request that switches the group's weights on; None where the server's own are meant."""
        weights = group.weights
        if weights.kind != "adapter" or self._is_merged(group):
            return None
        from vllm.lora.request import LoRARequest

        if weights.identity not in self._loras:
            number = len(self._loras) + 1
            self._loras[weights.identity] = LoRARequest(weights.identity, number, _folder(weights))
        return self._loras[weights.identity]

    def stop(self) -> None:
        """End the server that runs."""
        if self._server is not None:
            self._server.close()
        self._server = self._loaded = None

    def close(self) -> None:
        self.stop()
        if self._folders is not None:
            self._folders.cleanup()
            self._folders = None
            self._merged.clear()

    def _fits(self, loaded: _Load, group: Group) -> bool:
        weights = group.weights
        if group.scored and loaded.rank and not self._scores_adapted:
            return False
        if weights.kind == "adapter" and not self._is_merged(group):
            return loaded.path == self._model.path and _rank(weights) <= loaded.rank
        if weights.kind == "adapter":
            return loaded.path == self._merged.get(_key(weights))
        return loaded.path == (self._model.path if weights.kind == "seed" else _folder(weights))

    def _load(self, group: Group) -> _Load:
        weights = group.weights
        if weights.kind == "model":
            return _Load(_folder(weights))
        if weights.kind == "adapter" and self._is_merged(group):
            if _key(weights) not in self._merged:
                self._merged[_key(weights)] = self._merge(weights)
            return _Load(self._merged[_key(weights)])
        self.expect([weights])
        return _Load(self._model.path, 0 if group.scored and not self._scores_adapted else self._rank)

    def _is_merged(self, group: Group) -> bool:
        """Whether an adapter is merged: everywhere if so wished, else where vLLM's LoRA requests cannot hold it."""
        config = _config(group.weights)
        return (
            self._merging
            or (group.scored and not self._scores_adapted)
            or group.weights.scale != 1.0
            or bool(config.get("use_dora"))
            or bool(config.get("modules_to_save"))
            or "lm_head" in str(config.get("target_modules"))  # left out of likelihoods, without a word
        )

    def _merge(self, weights: Weights) -> str:
        """A folder with the seed model and the adapter in it, kept while the engine is open."""
        if self._folders is None:
            self._folders = tempfile.TemporaryDirectory(prefix="ownwords-merged-")
        folder = Path(self._folders.name, f"{len(self._merged)}")
        try:
            adapted = models.load_adapted(self._model, _folder(weights), self._dtype, "cpu", scale=weights.scale)
            problem = misfit(Path(_folder(weights)), shapes_of(adapted.base_model.model))
            if problem:
                raise EngineError(f"adapter {weights.path} does not fit {self._model.name}: {problem}")
            adapted.merge_and_unload(safe_merge=True).save_pretrained(folder)
        except (ModelError, OSError, ValueError, KeyError, RuntimeError) as error:
            raise EngineError(f"adapter {weights.path} cannot be merged into {self._model.name}: {error}") from error
        return str(folder)


def _key(weights: Weights) -> tuple[str, float]:
    return weights.identity, weights.scale


def _folder(weights: Weights) -> str:
    if weights.path is None or not Path(weights.path).is_dir():
        raise EngineError(f"weights {weights.identity}: there is no folder {weights.path}.")
    return str(Path(weights.path).resolve())


def _config(weights: Weights) -> dict[str, Any]:
    path = Path(_folder(weights), "adapter_config.json")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(f"adapter {weights.path} cannot be read: {error}") from error
    if config.get("peft_type") != "LORA":
        raise EngineError(
            f"adapter {weights.path}: only LoRA adapters can be served, this is {config.get('peft_type')}."
        )
    return config


def _rank(weights: Weights) -> int:
    config = _config(weights)
    return max([int(config["r"]), *(config.get("rank_pattern") or {}).values()])


def _shown(weights: Weights) -> str:
    return "the seed model" if weights.kind == "seed" else f"{weights.path}"
