"""Numbers as the report writes them. A number that is missing or not finite is a dash, never `nan`."""

from __future__ import annotations

import math
from collections.abc import Collection

MISSING = "–"
#: With blanks at which no line breaks.
_COUNTED = "n\u00a0=\u00a0"


def known(value: float | None) -> bool:
    """Whether there is a finite number to show."""
    return value is not None and math.isfinite(value)


def count(value: int | float | None) -> str:
    """`1,234`"""
    return MISSING if value is None or not math.isfinite(value) else f"{round(value):,}".replace("-", "−")


def decimal(value: float | None, places: int = 3, *, sign: bool = False) -> str:
    """`0.623`, or with `sign` `+0.623`. Minus is the typographic sign; a rounded zero has none."""
    if value is None or not math.isfinite(value):
        return MISSING
    rounded = round(value, places) + 0.0
    return f"{rounded:{'+' if sign and rounded else ''}.{places}f}".replace("-", "−")


def percent(share: float | None) -> str:
    """`0.41` → `41.0 %`"""
    return MISSING if not known(share) else f"{decimal(100 * (share or 0.0), 1)} %"


def value_in(unit: str, value: float | None) -> str:
    """A score in its unit: shares as percent, everything else with three decimals."""
    return percent(value) if unit == "share" else decimal(value)


def interval_in(unit: str, low: float | None, high: float | None) -> str:
    """`[32.1, 50.5]`, in percent for shares."""
    if not known(low) or not known(high):
        return MISSING
    factor, places = (100, 1) if unit == "share" else (1, 3)
    return f"[{decimal(factor * (low or 0.0), places)}, {decimal(factor * (high or 0.0), places)}]"


def change_in(unit: str, change: float | None) -> str:
    """A difference: `+8.0` (percentage points) for shares, `−0.310` otherwise."""
    if not known(change):
        return MISSING
    return decimal(100 * (change or 0.0), 1, sign=True) if unit == "share" else decimal(change, sign=True)


def items(n: int | None, seeds: int = 0) -> str:
    """`n = 1,319`, over training seeds `n = 1,319, 3 seeds`; nothing where the number of items is not known."""
    if n is None:
        return ""
    return f"{_COUNTED}{count(n)}, {count(seeds)} seeds" if seeds else f"{_COUNTED}{count(n)}"


def between(numbers: Collection[int]) -> str:
    """`100`, or `98 to 100` where they differ; nothing where there are none."""
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def items_between(numbers: Collection[int]) -> str:
    """`n = 100`, or `n = 98 to 100`; nothing where there are none."""
    return f"{_COUNTED}{between(numbers)}" if numbers else ""


def joined(*parts: str) -> str:
    """The parts that say something, with commas."""
    return ", ".join(part for part in parts if part)


def p_value(p: float | None) -> str:
    """`p = 0.031`, `p < 0.001`, or nothing where there is none."""
    if not known(p):
        return ""
    return "p < 0.001" if (p or 0.0) < 0.001 else f"p = {p:.3f}"


def duration(seconds: float | None) -> str:
    """`4.2 s`, `3 min 20 s`, `1 h 05 min`"""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def significant(value: float | None, digits: int = 3) -> str:
    """`0.412`, `12.3`, `0.00412`: so many digits that count."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.{digits}g}".replace("-", "−")
