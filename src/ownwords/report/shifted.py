"""What `shift.json` says: how far training has moved the weights of every variant, by layer and by kind of module.

`stages/shift.py` writes the file and has the formulas, the page shows it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Norm:
    """Frobenius norm of a change; `relative` is that over the norm of the seed's weights in the same places, None where
    these are not at hand. `name` is that of a weight, the number of a layer or a kind of module."""

    name: str
    absolute: float
    relative: float | None


@dataclass(frozen=True, slots=True)
class VariantShift:
    """Of one variant, whose `weights` (their content's name) are scaled by `scale`.

    `layers` are those with a number; what lies in none (embeddings, say) counts in `kinds` and `total` alone. Without
    numbers there is a `reason`.
    """

    variant: str
    arm: str
    weights: str
    scale: float
    total: Norm | None
    layers: tuple[Norm, ...] = ()
    kinds: tuple[Norm, ...] = ()
    modules: tuple[Norm, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """`shift.json`. `seed` names the content of the seed's weights; `formula` changes where numbers would."""

    seed: str
    formula: int
    variants: tuple[VariantShift, ...]
