"""The tensors of saved weights, read from safetensors files a piece at a time: no model is loaded."""

# pyright: basic
from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from ownwords.errors import StageError

#: So many numbers of a tensor are looked at at a time.
CHUNK = 1 << 20
FLOATS = {"F64", "F32", "F16", "BF16"}


def squares(tensor: Any) -> float:
    """The sum of all squared entries of a piece; torch adds up pairwise, so that 32 bits are enough for it."""
    return float(tensor.square().sum())


class Tensors:
    """The tensors of a folder's safetensors files, read a piece at a time.

    `folder` is asked for when first needed; it gives None where there is none.
    """

    def __init__(self, folder: Callable[[], Path | None], stack: contextlib.ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._squares: dict[str, float] = {}

    @cached_property
    def _files(self) -> dict[str, Any]:
        """The open file of every tensor."""
        from safetensors import SafetensorError, safe_open

        folder = self._folder()
        found: dict[str, Any] = {}
        for path in [] if folder is None else sorted(folder.glob("*.safetensors")):
            try:
                file = self._stack.enter_context(safe_open(path, framework="pt"))
            except (OSError, SafetensorError) as error:
                raise StageError(f"{path} cannot be read as safetensors: {error}.") from error
            found |= dict.fromkeys(file.keys(), file)
        return found

    @property
    def names(self) -> list[str]:
        """Layer by layer, as they are numbered."""
        return sorted(self._files, key=lambda name: [int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", name)])

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._files[name].get_slice(name).get_shape())

    def is_float(self, name: str) -> bool:
        """Whether it holds plain numbers, nothing that was quantised."""
        return self._files[name].get_slice(name).get_dtype() in FLOATS

    def find(self, name: str, shapes: set[tuple[int, ...]]) -> str | None:
        """The name, where a tensor of plain numbers with one of these shapes has it."""
        there = name in self._files and self.is_float(name) and self.shape(name) in shapes
        return name if there else None

    def whole(self, name: str) -> Any:
        return self._files[name].get_tensor(name)

    def pieces(self, name: str) -> Iterator[Any]:
        """Some rows at a time."""
        shape = self.shape(name)
        if not shape:
            yield self.whole(name)
            return
        rows = max(1, CHUNK // max(1, math.prod(shape[1:])))
        tensor = self._files[name].get_slice(name)
        for start in range(0, shape[0], rows):
            yield tensor[start : start + rows]

    def squares(self, name: str) -> float:
        """The sum of all squared entries: of a seed's tensor the same for every variant."""
        if name not in self._squares:
            self._squares[name] = sum(squares(piece.float()) for piece in self.pieces(name))
        return self._squares[name]
