"""Serving the seed model, adapters on top of it and model folders from one engine, one at a time."""

# pyright: basic
from __future__ import annotations

from pathlib import Path
from typing import Any

from ownwords import models
from ownwords.engines._adapter_fit import misfit, shapes_of
from ownwords.engines._cache import use_slots
from ownwords.engines._packed import pack, unpack
from ownwords.errors import EngineError, ModelError
from ownwords.records import Weights

_ADAPTERS_KEPT = 4  # loaded adapters; the one that was used longest ago makes room


class WeightSet:
    """Gives the model with the wanted weights switched on. Switching adapters never reloads the seed."""

    def __init__(self, model: models.Model, dtype: Any, device: str) -> None:
        self._source = model
        self._dtype = dtype
        self._device = device
        self._seed = models.load_weights(model, dtype, device)
        self._seed_slots = use_slots(self._seed)
        pack(self._seed)
        self._peft: Any = None
        self._adapters: dict[tuple[str, str], str] = {}  # (path, identity) → its name in PEFT, latest last
        self._named = 0
        self._switched_on: tuple[str, float] | None = None
        self._folder: tuple[tuple[str, str], Any, bool] | None = None

    @property
    def config(self) -> Any:
        return self._seed.config

    @property
    def generation_config(self) -> Any:
        return self._seed.generation_config

    def model(self, weights: Weights) -> Any:
        """The model with these weights active.

        Raises:
            EngineError: the adapter or folder cannot be loaded.
        """
        if weights.kind == "model":
            return self._load_folder(weights)[0]
        if weights.kind == "seed":
            self._switch_off()
        else:
            self._switch_on(self._adapter(weights), weights.scale)
        return self._seed

    def takes_slots(self, weights: Weights) -> bool:
        """Whether the model's cache can be made of slots."""
        return self._load_folder(weights)[1] if weights.kind == "model" else self._seed_slots

    def _load_folder(self, weights: Weights) -> tuple[Any, bool]:
        key = (_path(weights), weights.identity)
        if self._folder is None or self._folder[0] != key:
            self._folder = None  # free the last one before the next is loaded
            folder = models.Model(key[0], key[0], "folder", None, weights.identity, self._source.trust_remote_code)
            try:
                loaded = models.load_weights(folder, self._dtype, self._device)
            except ModelError as error:
                raise EngineError(str(error)) from error
            self._folder = (key, loaded, use_slots(loaded))
            pack(loaded)
        return self._folder[1], self._folder[2]

    def _adapter(self, weights: Weights) -> str:
        key = (_path(weights), weights.identity)
        name = self._adapters.pop(key, None) or self._load_adapter(key[0])
        self._adapters[key] = name
        if len(self._adapters) > _ADAPTERS_KEPT:
            oldest = next(iter(self._adapters))
            self._peft.delete_adapter(self._adapters.pop(oldest))
        return name

    def _load_adapter(self, path: str) -> str:
        from peft import PeftConfig, PeftModel, PeftType

        name = f"adapter{self._named}"
        self._named += 1
        unpack(self._seed)  # PEFT wraps plain linear layers only
        try:
            config = PeftConfig.from_pretrained(path)
            if config.peft_type != PeftType.LORA:
                raise EngineError(f"adapter {path}: only LoRA adapters can be served, this is {config.peft_type}.")
            problem = misfit(Path(path), shapes_of(self._seed))
            if problem:
                raise EngineError(f"adapter {path} does not fit {self._source.name}: {problem}")
            if self._peft is None:
                self._peft = PeftModel.from_pretrained(self._seed, path, adapter_name=name)
            else:
                self._peft.load_adapter(path, adapter_name=name, torch_device=self._device)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise EngineError(f"adapter {path} cannot be put on {self._source.name}: {error}") from error
        self._seed.eval()
        pack(self._seed)
        self._switched_on = None
        return name

    def _switch_on(self, name: str, scale: float) -> None:
        from peft.tuners.lora import LoraLayer

        if self._switched_on == (name, scale):
            return
        self._peft.base_model.enable_adapter_layers()
        self._peft.set_adapter(name, inference_mode=True)
        for module in self._seed.modules():
            if isinstance(module, LoraLayer):
                module.set_scale(name, scale)
        self._switched_on = (name, scale)

    def _switch_off(self) -> None:
        if self._peft is not None and self._switched_on != ("", 0.0):
            self._peft.base_model.disable_adapter_layers()
            self._switched_on = ("", 0.0)


def _path(weights: Weights) -> str:
    if weights.path is None or not Path(weights.path).is_dir():
        raise EngineError(f"weights {weights.identity}: there is no folder {weights.path}.")
    return str(Path(weights.path).resolve())
