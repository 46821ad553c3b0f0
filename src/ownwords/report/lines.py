"""Plain lines for a terminal: text of data and models wrapped to its width, with nothing in it that steers one."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ownwords.report.text import visible

NARROWEST, WIDEST = 40, 120
_INDENT = 4


def terminal_width() -> int:
    return min(max(shutil.get_terminal_size((100, 24)).columns, NARROWEST), WIDEST)


def wrap(text: str, indent: int = _INDENT) -> list[str]:
    """The text's own lines, each indented and broken to the terminal's width; `(empty)` where there is no text."""
    margin = " " * indent
    lines: list[str] = []
    for line in visible(text).split("\n"):
        parts = textwrap.wrap(line, terminal_width() - indent, replace_whitespace=False, break_on_hyphens=False)
        lines += [margin + part for part in parts] or [""]
    return lines if text.strip() else [f"{margin}(empty)"]


def block(label: str, text: str) -> list[str]:
    """A label, and the text below it."""
    return [f"  {label}", *wrap(text)]


def conversation(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every turn under its role."""
    return [line for message in messages for line in block(str(message["role"]), str(message["content"]))]


def verdict_lines(verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a check: passed or not, its reason, and what it says to people."""
    width = max((len(str(verdict["check"])) for verdict in verdicts), default=0)
    lines: list[str] = []
    for verdict in verdicts:
        mark = "passed" if verdict["passed"] else "FAILED"
        detail = f": {verdict['detail']}" if verdict["detail"] else ""
        reason = "" if verdict["passed"] else f"  {verdict['reason']}{detail}"
        lines += wrap(f"{mark}  {verdict['check']:<{width}}{reason}")
    return lines


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns in line: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            f"{cell:<{width}}" if column == 0 else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
