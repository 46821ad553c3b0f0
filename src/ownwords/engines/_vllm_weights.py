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
    """One server at a time; weights that it cannot serve end it and start another."""

    def __init__(self, model: models.Model, dtype: Any, *, merged: bool, start: Callable[[str, int], Server]) -> None:
        """`start` is given a model folder and a LoRA rank. `merged` serves every adapter as a model of its own."""
        self._model = model
        self._dtype = dtype
        self._merging = merged
        self._start = start
        self._server: Server | None = None
        self._loaded: _Load | None = None
        self._folders: tempfile.TemporaryDirectory[str] | None = None
        self._merged: dict[tuple[str, float], str] = {}
        self._loras: dict[str, Any] = {}
        self._rank = 0

    def expect(self, weights: Sequence[Weights]) -> None:
        """Start the next server such that it can serve all of these, as far as one server can."""
        requested = [each for each in weights if each.kind == "adapter" and not self._is_merged(each)]
        self._rank = max([self._rank, *map(_rank, requested)])

    def is_served(self, weights: Weights) -> bool:
        """Whether the server that runs can answer for these weights."""
        return self._loaded is not None and self._fits(self._loaded, weights)

    def server(self, weights: Weights) -> Server:
        """A server for these weights; the one that runs if it will do.

        Raises:
            EngineError: vLLM cannot start, or the adapter cannot be loaded.
        """
        if self._server is None or self._server.dead or not self.is_served(weights):
            load = self._load(weights)
            self.stop()
            say(f"vLLM starts with {_shown(weights)} ...")
            self._server = self._start(load.path, load.rank)
            self._loaded = load
        return self._server

    def lora(self, weights: Weights) -> Any:
        """The LoRA request that switches these weights on; None where the server's own are meant."""
        if weights.kind != "adapter" or self._is_merged(weights):
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

    def _fits(self, loaded: _Load, weights: Weights) -> bool:
        if weights.kind == "adapter" and not self._is_merged(weights):
            return loaded.path == self._model.path and _rank(weights) <= loaded.rank
        if weights.kind == "adapter":
            return loaded.path == self._merged.get(_key(weights))
        return loaded.path == (self._model.path if weights.kind == "seed" else _folder(weights))

    def _load(self, weights: Weights) -> _Load:
        if weights.kind == "model":
            return _Load(_folder(weights))
        if weights.kind == "seed" or not self._is_merged(weights):
            self.expect([weights])
            return _Load(self._model.path, self._rank)
        if _key(weights) not in self._merged:
            self._merged[_key(weights)] = self._merge(weights)
        return _Load(self._merged[_key(weights)])

    def _is_merged(self, weights: Weights) -> bool:
        """Whether an adapter is merged: everywhere if so wished, else where vLLM's LoRA requests cannot hold it."""
        config = _config(weights)
        return self._merging or weights.scale != 1.0 or config.get("use_dora") or bool(config.get("modules_to_save"))

    def _merge(self, weights: Weights) -> str:
        """A folder with the seed model and the adapter in it, kept while the engine is open."""
        if self._folders is None:
            self._folders = tempfile.TemporaryDirectory(prefix="ownwords-merged-")
        folder = Path(self._folders.name, f"{len(self._merged)}")
        try:
            adapted = models.load_adapted(self._model, _folder(weights), self._dtype, "cpu", scale=weights.scale)
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
