"""The arms × benchmarks table: plain data that the page and the console write out, and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from ownwords.report.numbers import items, joined
from ownwords.report.scored import BenchmarkInfo

Kind = Literal["better", "worse", "changed", "noise", "none"]
#: Kinds of differences that are beyond noise.
REAL: tuple[Kind, ...] = ("better", "worse", "changed")


@dataclass(frozen=True, slots=True)
class Column:
    """One variant of one arm; `variant` is None where none has a score yet. `seeds` counts the training seeds of which
    its arm has scores at this place, 0 for the seed model."""

    arm: str
    variant: str | None
    label: str
    color: int
    seeds: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired difference to a baseline, in words: `words` never says more than the numbers. `changed` is beyond noise
    where no way is better.

    `alone`: beyond noise by itself, and not after correction; its kind is noise. `n` counts the pairs of test items,
    None where that is not known, `seeds` the training seeds of a comparison over them.
    """

    baseline: str
    change: str
    interval: str
    p: str
    words: str
    kind: Kind
    alone: bool = False
    n: int | None = None
    seeds: int = 0

    @property
    def counted(self) -> str:
        """` (n = 98)`, over seeds ` (n = 98, 3 seeds)`; nothing where nothing is compared, or n is not known."""
        text = "" if self.kind == "none" else items(self.n, self.seeds)
        return text and f" ({text})"


@dataclass(frozen=True, slots=True)
class Cell:
    """`state` is `missing` where there is no score and `unusable` where the sanity gate failed; `reason` says why.

    `over_seeds` says the mean over training seeds where there are several; its comparisons are then those over seeds.
    """

    state: Literal["ok", "unusable", "missing"]
    value: str = ""
    interval: str = ""
    n: int = 0
    reason: str = ""
    errors: int = 0
    sanity: str = ""
    comparisons: tuple[Comparison, ...] = ()
    caution: str = ""
    repeated: int = 0
    over_seeds: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark. `cells` are those of the board's columns, `other_cells` those of its other variants."""

    benchmark: BenchmarkInfo
    cells: tuple[Cell, ...]
    chart: Markup
    other_cells: tuple[Cell, ...] = ()

    @property
    def repeated(self) -> int:
        """How many of its questions are training prompts."""
        return max((cell.repeated for cell in (*self.cells, *self.other_cells)), default=0)

    @property
    def unscored(self) -> int:
        """The most items that have no score with any of its columns."""
        return max((cell.errors for cell in (*self.cells, *self.other_cells)), default=0)

    @property
    def n(self) -> int:
        return max((cell.n for cell in (*self.cells, *self.other_cells)), default=0)


@dataclass(frozen=True, slots=True)
class Area:
    title: str
    meaning: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Columns are the seed and every arm's end of training at the recipe's own point; `others` are the other variants.

    `pending` are benchmarks of the recipe that have no score at all yet. `comparisons` is how many differences are
    judged together, 0 where each is by itself.
    """

    columns: tuple[Column, ...]
    areas: tuple[Area, ...]
    pending: tuple[str, ...]
    others: tuple[Column, ...] = ()
    comparisons: int = 0
    too_few: tuple[str, ...] = ()

    @property
    def rows(self) -> list[Row]:
        return [row for area in self.areas for row in area.rows]


def beyond_noise(board: Scoreboard) -> list[str]:
    """One phrase for each difference beyond noise, e.g. `gsm8k: sdft is better than seed (+8.0 points, n = 400)`; of
    several trainings over seeds, `(+8.0 (+7.1 to +9.0) points, n = 400, 3 seeds)`."""
    return [
        f"{row.benchmark.name}: {column.label} is {c.words.partition(',')[0]} than {c.baseline} "
        f"({joined(f'{c.change} {_unit(row.benchmark)}', items(c.n, c.seeds))})"
        for row in board.rows
        for column, cell in zip(board.columns, row.cells, strict=True)
        for c in cell.comparisons
        if c.kind in REAL
    ]


def _unit(info: BenchmarkInfo) -> str:
    return "points" if info.unit == "share" else info.unit


def compared(board: Scoreboard) -> int:
    """How many differences the table judges."""
    return sum(c.kind != "none" for c in _comparisons(board))


def beyond_alone(board: Scoreboard) -> int:
    """How many of them are beyond noise by themselves, and not after correction for all."""
    return sum(c.alone for c in _comparisons(board))


def _comparisons(board: Scoreboard) -> list[Comparison]:
    return [c for row in board.rows for cell in row.cells for c in cell.comparisons]
