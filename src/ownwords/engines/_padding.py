"""Rows of tokens as one rectangle. Id 0 pads."""

# pyright: basic
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def left_pad(rows: Sequence[list[int]], device: Any) -> tuple[Any, Any, Any]:
    """Rows that end together: ids, attention mask (it hides the padding) and position ids, each [rows, longest]."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    return ids.to(device), mask.to(device), positions.to(device)


def right_pad(rows: Sequence[list[int]], device: Any) -> Any:
    """Rows that begin together: ids [rows, longest]. A causal model needs no mask: no token sees what follows it."""
    width = max(len(row) for row in rows)
    return torch.tensor([row + [0] * (width - len(row)) for row in rows]).to(device)
