"""How far the weights have moved, as the page and the console show it: a line an arm over layers, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ownwords.recipe import Recipe
from ownwords.report.arm_row import ArmRow
from ownwords.report.charts import Line, line_chart
from ownwords.report.numbers import MISSING, significant
from ownwords.report.scoreboard import arm_color, own_labels
from ownwords.report.shifted import Norm, Shift, VariantShift
from ownwords.report.text import one_line

#: More lines than these cannot be told apart.
MOST_LINES = 8
#: More kinds of modules than these get no column each: a model whose every parameter is trained has many.
MOST_KINDS = 14


@dataclass(frozen=True, slots=True)
class Movement:
    """A row has the whole change, absolute and relative, and a cell a kind of module.

    `chart` is empty where no variant has layers. `without` says why some variants have no numbers.
    """

    chart: Markup
    caption: str
    columns: tuple[str, ...]
    rows: tuple[ArmRow, ...]
    without: tuple[str, ...]


def build_movement(shift: Shift, recipe: Recipe | None) -> Movement:
    """The chart has the arms' ends at the recipe's own point, the table all variants."""
    arms = list(dict.fromkeys(one.arm for one in shift.variants))
    known = [one for one in shift.variants if one.total is not None]
    shown = _at_own_point(known, recipe)[:MOST_LINES]
    relative = all(norm.relative is not None for one in shown for norm in one.layers)
    lines = [Line(one.variant, _points(one, relative=relative), arm_color(one.arm, arms)) for one in shown]
    kinds = list(dict.fromkeys(norm.name for one in known for norm in one.kinds))[:MOST_KINDS]
    unit = "% of the seed's weights" if relative else "norm"
    return Movement(
        chart=line_chart(lines, "layer", f"change of the weights, {unit}"),
        caption=_caption(relative=relative),
        columns=("norm of the change", "of the seed's norm", *kinds),
        rows=tuple(_row(one, kinds, arm_color(one.arm, arms)) for one in known),
        without=tuple(f"{one.variant}: {one.reason}" for one in shift.variants if one.total is None),
    )


def console_line(shift: Shift, recipe: Recipe | None) -> str:
    """`vanilla 0.412 %  sdft 0.318 %  of the norm of …`; nothing where there are no numbers."""
    totals = [(one.variant, one.total) for one in _at_own_point(shift.variants, recipe) if one.total is not None]
    if not totals:
        return ""
    relative = all(total.relative is not None for _, total in totals)
    what = "of the norm of the seed's weights that are trained" if relative else "norm of the change"
    parts = [f"{one_line(label, 24)} {_total(total, relative=relative)}" for label, total in totals]
    return "  ".join([*parts, what])


def _at_own_point(variants: Sequence[VariantShift], recipe: Recipe | None) -> list[VariantShift]:
    """The arms' ends at the recipe's own point, where the recipe is known."""
    own = None if recipe is None else set(own_labels(recipe).values())
    return [one for one in variants if own is None or one.variant in own]


def _points(shift: VariantShift, *, relative: bool) -> tuple[tuple[float, float], ...]:
    numbered = [norm for norm in shift.layers if norm.name.isdecimal()]
    return tuple((float(norm.name), 100 * (norm.relative or 0.0) if relative else norm.absolute) for norm in numbered)


def _total(norm: Norm, *, relative: bool) -> str:
    return _percent(norm) if relative else significant(norm.absolute)


def _percent(norm: Norm) -> str:
    return MISSING if norm.relative is None else f"{significant(100 * norm.relative)} %"


def _row(shift: VariantShift, kinds: Sequence[str], color: int) -> ArmRow:
    by_kind = {norm.name: norm for norm in shift.kinds}
    cells = ["" if (norm := by_kind.get(kind)) is None else _kind(norm) for kind in kinds]
    assert shift.total is not None
    return ArmRow(shift.variant, color, (significant(shift.total.absolute), _percent(shift.total), *cells))


def _kind(norm: Norm) -> str:
    return _percent(norm) if norm.relative is not None else significant(norm.absolute)


def _caption(*, relative: bool) -> str:
    over = (
        "over the norm of the seed's weights in the same places"
        if relative
        else "the seed's own weights were not at hand to compare it with"
    )
    return (
        f"Frobenius norm of the change of each layer's trained weights, {over}. Less is closer to the seed; how much "
        "answers change it does not tell. Weights that belong to no layer are in the table alone."
    )
