"""Small SVG charts as strings: histogram, lines, bars, and means with their intervals.

Every label is escaped here (markupsafe), colours are classes `c0`, `c1`, … of the page's style sheet, and no chart is
told apart by colour alone. Numbers that are not finite are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from ownwords.report.data import Histogram
from ownwords.report.numbers import count, decimal, percent, value_in
from ownwords.report.text import one_line, visible

WIDTH = 720
COLORS = 7


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps numbers between `low` and `high` to pixels between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Distribution:
    """One histogram of an overlay; `mean` gets a mark of its own."""

    label: str
    histogram: Histogram
    mean: float | None
    color: int


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    points: tuple[tuple[float, float], ...]
    color: int


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: int
    color: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A mean with its interval; `solid` is False for a score that is not to be trusted."""

    label: str
    mean: float
    low: float
    high: float
    color: int
    solid: bool = True


def element(tag: str, content: str = "", **attributes: str | float) -> Markup:
    """One SVG element; `class_` becomes class, `text_anchor` text-anchor. Content and values are escaped."""
    parts = [
        Markup(' {}="{}"').format(
            name.rstrip("_").replace("_", "-"), f"{value:.1f}" if isinstance(value, float) else visible(str(value))
        )
        for name, value in attributes.items()
    ]
    inner = content if isinstance(content, Markup) else escape(visible(content))
    return Markup("<{}{}>{}</{}>").format(tag, Markup("").join(parts), inner, tag)


def ticks(low: float, high: float, wanted: int) -> list[float]:
    """Round numbers from `low` to `high` in steps of 1, 2 or 5 times a power of ten, at most `wanted` + 1 of them."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / wanted))
    for step in (power, 2 * power, 5 * power, 10 * power):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first <= wanted:
            break
    return [index * step for index in range(first, last + 1)]


def histogram_chart(groups: Sequence[Distribution], x_label: str) -> Markup:
    """Overlaid histograms, each scaled to its own number of rows, with a dashed line at each mean.

    The last group is drawn with a solid outline, earlier ones dashed, so that they differ without colour.
    """
    groups = [group for group in groups if sum(group.histogram.counts) > 0]
    if not groups:
        return Markup("")
    height, bottom, top = 290, 250, 24 + 20 * len(groups)
    edges = [edge for g in groups for edge in g.histogram.edges]
    densities = [_density(g.histogram) for g in groups]
    x = Scale(min(edges), max(edges), 12, WIDTH - 12)
    y = Scale(0, max(max(d) for d in densities) or 1.0, bottom, top)
    parts: list[Markup] = []
    for index, (group, density) in enumerate(zip(groups, densities, strict=True)):
        points = [(x(group.histogram.edges[0]), y(0))]
        for (left, right), value in zip(pairwise(group.histogram.edges), density, strict=True):
            points += [(x(left), y(value)), (x(right), y(value))]
        points.append((x(group.histogram.edges[-1]), y(0)))
        dash = "none" if index == len(groups) - 1 else "6 3"
        parts.append(element("path", class_=f"area c{group.color}", d=_path(points) + "Z", stroke_dasharray=dash))
    parts.append(x_axis(x, bottom, x_label))
    for index, group in enumerate(groups):
        parts += _histogram_key(group, x, bottom, 14 + 20 * index, dashed=index < len(groups) - 1)
    return svg(parts, WIDTH, height, f"Distribution of {x_label}: " + ", ".join(g.label for g in groups))


def line_chart(lines: Sequence[Line], x_label: str, y_label: str) -> Markup:
    """Lines over a common axis, each named at its end; every line has its own dash pattern."""
    lines = [Line(line.label, _finite(line.points), line.color) for line in lines]
    lines = [line for line in lines if line.points]
    if not lines:
        return Markup("")
    height, bottom, top, left, right = 290, 250, 30, 46, WIDTH - 130
    xs = [px for line in lines for px, _ in line.points]
    ys = [py for line in lines for _, py in line.points]
    margin = (max(ys) - min(ys)) * 0.06 or 0.1
    x = Scale(min(xs), max(xs), left, right)
    lowest = min(ys) - margin
    y = Scale(0.0 if lowest < 0 <= min(ys) else lowest, max(ys) + margin, bottom, top)
    parts = [x_axis(x, bottom, x_label), *y_axis(y, left, right)]
    parts.append(element("text", y_label, class_="label", x=float(4), y=float(14)))
    ends = spread([y(line.points[-1][1]) for line in lines], 16)
    for index, (line, end) in enumerate(zip(lines, ends, strict=True)):
        dash = ("none", "7 3", "2 3", "9 3 2 3")[index % 4]
        points = [(x(px), y(py)) for px, py in line.points]
        parts.append(element("path", class_=f"line c{line.color}", d=_path(points), stroke_dasharray=dash))
        parts.append(element("circle", class_=f"dot c{line.color}", cx=points[-1][0], cy=points[-1][1], r=3))
        parts.append(element("text", one_line(line.label, 18), class_="name", x=right + 9.0, y=end + 4))
    return svg(parts, WIDTH, height, f"{y_label} over {x_label}: " + ", ".join(line.label for line in lines))


def bar_chart(bars: Sequence[Bar], total: int) -> Markup:
    """Horizontal bars with their count and share of `total`."""
    row, left, right = 28, 230, WIDTH - 120
    largest = max([bar.value for bar in bars], default=0) or 1
    x = Scale(0, largest, left, right)
    parts: list[Markup] = []
    for index, bar in enumerate(bars):
        middle = row * index + row / 2
        share = f"{count(bar.value)} ({percent(bar.value / total)})" if total else count(bar.value)
        width = max(1.0, x(bar.value) - left)
        inside = [
            element("title", bar.label),
            element("text", one_line(bar.label, 32), class_="name", x=left - 10, y=middle + 4, text_anchor="end"),
            element("rect", class_=f"bar c{bar.color}", x=left, y=middle - 9, width=width, height=18, rx=2),
            element("text", share, class_="value", x=x(bar.value) + 8, y=middle + 4),
        ]
        parts.append(element("g", Markup("").join(inside)))
    return svg(parts, WIDTH, row * len(bars), "Examples by outcome and reason")


def interval_chart(marks: Sequence[Mark], unit: str) -> Markup:
    """Means as dots with their 95 % intervals as lines, one row a mark, on one axis."""
    marks = [m for m in marks if all(math.isfinite(v) for v in (m.mean, m.low, m.high))]
    if not marks:
        return Markup("")
    width, row, left = 270, 20, 70
    bottom = row * len(marks) + 6
    low, high = min(m.low for m in marks), max(m.high for m in marks)
    margin = (high - low) * 0.08 or 0.05
    low, high = low - margin, high + margin
    if unit == "share":
        low, high = max(0.0, low), min(1.0, high)
    x = Scale(low, high, left, width - 16)
    parts: list[Markup] = []
    for tick in ticks(low, high, 3):
        parts.append(element("line", class_="grid", x1=x(tick), x2=x(tick), y1=2, y2=bottom))
        text = value_in(unit, tick).replace(".0 %", " %") if unit == "share" else decimal(tick, places(low, high))
        parts.append(element("text", text, class_="tick", x=x(tick), y=bottom + 14.0, text_anchor="middle"))
    for index, m in enumerate(marks):
        middle = row * index + row / 2 + 2
        label = one_line(m.label, 11)
        parts.append(element("text", label, class_="name", x=left - 8, y=middle + 4, text_anchor="end"))
        dash = "none" if m.solid else "2 3"
        parts.append(_line(x(m.low), x(m.high), middle, middle, class_=f"line c{m.color}", stroke_dasharray=dash))
        shape = f"dot c{m.color}" if m.solid else f"hollow c{m.color}"
        parts.append(element("circle", class_=shape, cx=x(m.mean), cy=middle, r=4))
    return svg(parts, width, bottom + 20, "Means with 95 % intervals: " + ", ".join(m.label for m in marks))


def svg(parts: Sequence[Markup], width: int, height: float, description: str) -> Markup:
    """The whole drawing; `description` is for those who do not see it."""
    return element(
        "svg",
        Markup("").join(parts),
        viewBox=f"0 0 {width} {height:.0f}",
        width=width,
        height=f"{height:.0f}",
        role="img",
        aria_label=description,
    )


def _line(x1: float, x2: float, y1: float, y2: float, **attributes: str) -> Markup:
    return element("line", "", x1=float(x1), x2=float(x2), y1=float(y1), y2=float(y2), **attributes)


def _density(histogram: Histogram) -> list[float]:
    """Share of the rows per unit of x: comparable between groups of different size and bins of different width."""
    total = sum(histogram.counts)
    widths = [right - left for left, right in pairwise(histogram.edges)]
    return [n / total / width if width > 0 else 0.0 for n, width in zip(histogram.counts, widths, strict=True)]


def _histogram_key(group: Distribution, x: Scale, bottom: float, line: float, *, dashed: bool) -> list[Markup]:
    """The name of a group beside a piece of its outline, and its mean as a thin line down to the axis."""
    dash = "6 3" if dashed else "none"
    mean = "" if group.mean is None else f", mean {decimal(group.mean)}"
    left = WIDTH - 250
    parts = [
        _line(left, left + 28, line - 4, line - 4, class_=f"line c{group.color}", stroke_dasharray=dash),
        element("text", one_line(group.label, 24) + mean, class_="name", x=left + 36, y=line),
    ]
    if group.mean is not None and x.low <= group.mean <= x.high:
        at = x(group.mean)
        parts.append(_line(at, at, 60, bottom, class_=f"mean c{group.color}", stroke_dasharray=dash))
    return parts


def x_axis(x: Scale, bottom: float, label: str) -> Markup:
    """A line with round numbers below it and a label below these."""
    digits = places(x.low, x.high)
    parts = [element("line", class_="axis", x1=x.start, x2=x.end, y1=bottom, y2=bottom)]
    for tick in ticks(x.low, x.high, 8):
        parts.append(element("line", class_="axis", x1=x(tick), x2=x(tick), y1=bottom, y2=bottom + 4))
        text = decimal(tick, digits)
        parts.append(element("text", text, class_="tick", x=x(tick), y=bottom + 18, text_anchor="middle"))
    middle = (x.start + x.end) / 2
    parts.append(element("text", label, class_="label", x=middle, y=bottom + 36, text_anchor="middle"))
    return Markup("").join(parts)


def y_axis(y: Scale, left: float, right: float) -> list[Markup]:
    """Round numbers at the left of faint lines."""
    parts: list[Markup] = []
    for tick in ticks(y.low, y.high, 5):
        parts.append(element("line", class_="grid", x1=left, x2=right, y1=y(tick), y2=y(tick)))
        text = decimal(tick, places(y.low, y.high))
        parts.append(element("text", text, class_="tick", x=left - 8, y=y(tick) + 4, text_anchor="end"))
    return parts


def places(low: float, high: float) -> int:
    """Decimals that keep neighbouring ticks apart."""
    return min(6, max(0, 1 - math.floor(math.log10((high - low) or 1.0) - 1e-9)))


def _finite(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    return tuple((px, py) for px, py in points if math.isfinite(px) and math.isfinite(py))


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{px:.1f},{py:.1f}" for px, py in points)


def spread(positions: Sequence[float], distance: float) -> list[float]:
    """Move labels down until none is nearer to its neighbour than `distance`."""
    order = sorted(range(len(positions)), key=lambda i: positions[i])
    placed = list(positions)
    for before, after in pairwise(order):
        placed[after] = max(placed[after], placed[before] + distance)
    return placed
