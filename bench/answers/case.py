"""What a labelled case is, and how one of the templates is drawn: one to tune with, or one that was held out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Template = TypeVar("Template")


@dataclass(frozen=True, slots=True)
class Case:
    """A candidate to judge. `right` is the label: whether it ends with the reference's answer.

    `held_out` says that the template which made it was never looked at while the check was tuned.
    """

    family: str
    template: str
    reference: str
    candidate: str
    right: bool
    held_out: bool


@dataclass(frozen=True, slots=True)
class Draw:
    """A template from a list, with the name that a case carries."""

    name: str
    held_out: bool


def draw(
    tuned: Sequence[Template], held_out: Sequence[Template], dice: random.Random, label: str
) -> tuple[Template, Draw]:
    """One of the templates."""
    number = dice.randrange(len(tuned) + len(held_out))
    if number < len(tuned):
        return tuned[number], Draw(f"{label} {number + 1}", False)
    return held_out[number - len(tuned)], Draw(f"{label}, held out {number - len(tuned) + 1}", True)
