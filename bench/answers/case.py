"""What a labelled case is, and how templates are split into those to tune with and those held out."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
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


def draw(templates: Sequence[Template], dice: random.Random, label: str) -> tuple[Template, Draw]:
    """One of the templates; every third of a list is held out."""
    number = dice.randrange(len(templates))
    return templates[number], Draw(f"{label} {number + 1}", number % 3 == 2)


#: Changes an answer into another one; None where that cannot be done with this answer.
Change = Callable[[int, random.Random], "str | None"]
