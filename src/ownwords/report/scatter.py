"""The plot of what variants learnt against what they kept.

A colour is an arm's, and arms that share one have another shape; a hollow mark is a place on the way. Marks carry their
names where these are asked for, every mark has it as its tooltip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ownwords.report.charts import WIDTH, Scale, element, spread, svg, x_axis, y_axis
from ownwords.report.text import one_line

LEFT, RIGHT, TOP, BOTTOM = 54, WIDTH - 24, 34, 360
ROW, COLUMN = 20, 172
LABEL = 24
RADIUS = 4.5


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % interval; a bound that is not finite is not drawn."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """One variant. `named` writes its label beside it, `front` puts it on the line."""

    label: str
    x: Interval
    y: Interval
    color: int
    shape: int
    hollow: bool
    named: bool
    front: bool


@dataclass(frozen=True, slots=True)
class Key:
    """An arm in the key below the plot."""

    label: str
    color: int
    shape: int


def scatter_chart(points: Sequence[Point], keys: Sequence[Key], x_label: str, y_label: str) -> Markup:
    """The plot; nothing where there is no point."""
    points = [p for p in points if math.isfinite(p.x.mean) and math.isfinite(p.y.mean)]
    if not points:
        return Markup("")
    x = Scale(*_reach([p.x for p in points]), LEFT, RIGHT)
    y = Scale(*_reach([p.y for p in points]), BOTTOM, TOP)
    parts = [x_axis(x, BOTTOM, x_label), *y_axis(y, LEFT, RIGHT)]
    parts.append(element("text", y_label, class_="label", x=4.0, y=14.0))
    parts.append(_segment(x(0), x(0), TOP, BOTTOM, "zero"))
    parts.append(_segment(LEFT, RIGHT, y(0), y(0), "zero"))
    front = sorted((p for p in points if p.front), key=lambda p: (p.x.mean, -p.y.mean))
    if front:
        line = "L".join(f"{x(p.x.mean):.1f},{y(p.y.mean):.1f}" for p in front)
        parts.append(element("path", class_="front", d=f"M{line}"))
    for point in points:
        parts += _bars(point, x, y)
    parts += [_mark(p.label, x(p.x.mean), y(p.y.mean), p.color, p.shape, hollow=p.hollow) for p in points]
    parts += _names([p for p in points if p.named], x, y)
    for index, key in enumerate(keys):
        left, line = LEFT + COLUMN * (index % 4), BOTTOM + 62 + ROW * (index // 4)
        parts.append(_mark(key.label, left, line - 4, key.color, key.shape, hollow=False))
        parts.append(element("text", one_line(key.label, LABEL), class_="name", x=left + 12.0, y=float(line)))
    height = BOTTOM + 62 + ROW * -(-len(keys) // 4)
    return svg(parts, WIDTH, height, f"{y_label} against {x_label}: " + ", ".join(p.label for p in points))


def _reach(intervals: Sequence[Interval]) -> tuple[float, float]:
    """From the lowest to the highest bound that is known, 0 among them, with a margin."""
    known = [0.0]
    for interval in intervals:
        known += [v for v in (interval.mean, interval.low, interval.high) if v is not None and math.isfinite(v)]
    margin = (max(known) - min(known)) * 0.06 or 0.1
    return min(known) - margin, max(known) + margin


def _bars(point: Point, x: Scale, y: Scale) -> list[Markup]:
    """The intervals as thin lines through the mark."""
    across, up = x(point.x.mean), y(point.y.mean)
    bars: list[Markup] = []
    if _finite(point.x):
        bars.append(_segment(x(point.x.low or 0.0), x(point.x.high or 0.0), up, up, f"whisker c{point.color}"))
    if _finite(point.y):
        bars.append(_segment(across, across, y(point.y.low or 0.0), y(point.y.high or 0.0), f"whisker c{point.color}"))
    return bars


def _finite(interval: Interval) -> bool:
    return all(bound is not None and math.isfinite(bound) for bound in (interval.low, interval.high))


def _segment(x1: float, x2: float, y1: float, y2: float, class_: str) -> Markup:
    return element("line", x1=float(x1), x2=float(x2), y1=float(y1), y2=float(y2), class_=class_)


def _mark(label: str, x: float, y: float, color: int, shape: int, *, hollow: bool) -> Markup:
    """A circle, square, diamond or triangle with the label as its tooltip."""
    kind = f"{'hollow' if hollow else 'dot'} c{color}"
    r = RADIUS
    corners = (
        [],
        [(-r, -r), (r, -r), (r, r), (-r, r)],
        [(0, -r * 1.4), (r * 1.4, 0), (0, r * 1.4), (-r * 1.4, 0)],
        [(0, -r * 1.3), (r * 1.2, r), (-r * 1.2, r)],
    )[shape % 4]
    if corners:
        path = "M" + "L".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners) + "Z"
        drawn = element("path", class_=kind, d=path)
    else:
        drawn = element("circle", class_=kind, cx=float(x), cy=float(y), r=r)
    return element("g", Markup("").join([element("title", label), drawn]))


def _names(points: Sequence[Point], x: Scale, y: Scale) -> list[Markup]:
    """Labels beside their marks, towards the middle of the plot, moved apart."""
    parts: list[Markup] = []
    for to_right in (True, False):
        side = [p for p in points if (x(p.x.mean) < (LEFT + RIGHT) / 2) == to_right]
        lines = spread([y(p.y.mean) - 6 for p in side], 14)
        for point, line in zip(side, lines, strict=True):
            at = x(point.x.mean) + (9 if to_right else -9)
            anchor = "start" if to_right else "end"
            text = one_line(point.label, LABEL)
            parts.append(element("text", text, class_="name", x=float(at), y=float(line), text_anchor=anchor))
    return parts
