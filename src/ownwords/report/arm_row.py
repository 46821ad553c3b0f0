"""A line of a table about arms or variants."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArmRow:
    """The name with its arm's colour, then the other columns as text."""

    label: str
    color: int
    cells: tuple[str, ...]
