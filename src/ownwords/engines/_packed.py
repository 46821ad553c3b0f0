"""Linear layers for a CPU: bfloat16 weights in the blocked layout that oneDNN multiplies in.

torch keeps weights as plain matrices, and oneDNN packs them anew in every call. Packed once, a decoding step of
eight rows takes about 0.6 of the time. On a CPU whose bfloat16 unit is no faster than its float32 units, many rows are
multiplied in float32: products of bfloat16 numbers are exact there and sums are float32 in both cases, so the result
differs in the order of the additions alone.
"""

# pyright: basic
from __future__ import annotations

from typing import Any

import torch

from ownwords import models

_WIDENED_ROWS = 256  # from here on widening the weights in every call costs less than it saves


class PackedLinear(torch.nn.Module):
    """Stands in for a `torch.nn.Linear` in inference. `weight` unpacks: for looking at, not for every step."""

    def __init__(self, linear: Any, *, tied: bool, widens: bool) -> None:
        """`tied` keeps the plain matrix, which another module uses too; `widens` multiplies many rows in float32."""
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.bias = linear.bias
        self._plain = linear.weight if tied else None
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self._widens = widens

    def forward(self, inputs: Any) -> Any:
        if self._widens and inputs.numel() >= _WIDENED_ROWS * self.in_features:
            bias = None if self.bias is None else self.bias.float()
            wide = torch.nn.functional.linear(inputs.float(), self._packed.to_dense(torch.float32), bias)
            return wide.to(inputs.dtype)
        return torch.ops.mkldnn._linear_pointwise(inputs, self._packed, self.bias, "none", [], "")

    @property
    def weight(self) -> Any:
        """The plain matrix [out, in]."""
        return self._packed.to_dense() if self._plain is None else self._plain

    def unpacked(self) -> torch.nn.Linear:
        """The layer that this one stands in for, with the same numbers."""
        linear = torch.nn.Linear(self.in_features, self.out_features, bias=False, device="meta")
        weight = self.weight
        linear.weight = weight if self._plain is not None else torch.nn.Parameter(weight, requires_grad=False)
        linear.bias = self.bias
        return linear.eval()


def pack(model: Any) -> None:
    """Pack every plain linear layer in bfloat16 of a model on the CPU, in place; nothing to do elsewhere.

    In float32 it makes little difference, and an old CPU has no packed layout for bfloat16.
    """
    if model.device.type != "cpu" or not _packs_bfloat16():
        return
    widens = models.float32_is_as_fast()
    modules = list(model.modules())
    elsewhere = {id(p) for m in modules if type(m) is not torch.nn.Linear for p in m.parameters(recurse=False)}
    for parent in modules:
        for name, child in list(parent.named_children()):
            if type(child) is torch.nn.Linear and child.weight.dtype is torch.bfloat16:
                setattr(parent, name, PackedLinear(child, tied=id(child.weight) in elsewhere, widens=widens))


def unpack(model: Any) -> None:
    """Undo `pack`, bit for bit."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, PackedLinear):
                setattr(parent, name, child.unpacked())


def _packs_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
