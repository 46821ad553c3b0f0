"""The check `markdown_structure`: what the reference lays out in lists, tables and code blocks stays laid out so.

Read line by line, fences first, so that nothing inside a code block counts. A list is two items of one kind or more,
anywhere in the text; a table is a line of cells above a line of dashes. Not covered: headings, emphasis, what stands in
an item or a cell, HTML, code that is only indented.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from ownwords.checks.base import check
from ownwords.records import PASSED, Candidate, Example, Verdict
from ownwords.turns import split_reasoning

_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})[ \t]*\{?\.?([^\s`{}]*)[^`]*\Z")
_BULLET = re.compile(r"[ \t>]*[-*+•][ \t]+\S")
_NUMBER = re.compile(r"[ \t>]*(?:\*\*)?\d{1,9}[.)](?:\*\*)?[ \t]+\S")
_RULE = re.compile(r"[ \t]*([-*_])[ \t]*(?:\1[ \t]*){2,}\Z")
_DELIMITER = re.compile(r"[|:\->\s]+\Z")
_CELL = re.compile(r":?-+:?")

_SAME_LANGUAGE = {
    "py": "python",
    "python3": "python",
    "js": "javascript",
    "ts": "typescript",
    "sh": "bash",
    "shell": "bash",
    "zsh": "bash",
    "c++": "cpp",
    "yml": "yaml",
    "md": "markdown",
    "text": "",
    "plaintext": "",
    "txt": "",
}


@dataclass(slots=True)
class Structure:
    """Items of each kind of list, columns of each table, language of each fenced block (empty where it tells none)."""

    bullets: int = 0
    numbers: int = 0
    tables: list[int] = field(default_factory=list[int])
    fences: list[str] = field(default_factory=list[str])


@check("markdown_structure")
def markdown_structure(example: Example, candidate: Candidate) -> Verdict:
    """The candidate keeps the lists, tables and fenced blocks of the reference; more of them are welcome.

    Kept means: where the reference has a numbered list, there is one; where it has a bulleted list, there is a list of
    either kind; for each of its tables there is one with as many columns; for each of its fenced blocks there is one
    in the same language (in any, where it names none). How many items a list has does not matter.
    Reasons: `missing_list`, `missing_table`, `missing_fence`.
    """
    expected = read_structure(example.reference)
    if expected == Structure():
        return PASSED
    given = read_structure(candidate.text)
    return _missing_list(given, expected) or _missing_blocks(given, expected) or PASSED


def _missing_list(given: Structure, expected: Structure) -> Verdict | None:
    if expected.numbers > 1 and given.numbers < 2:
        return Verdict(False, "missing_list", "the reference has a numbered list, and it has none")
    if expected.bullets > 1 and given.bullets < 2 and given.numbers < 2:
        return Verdict(False, "missing_list", "the reference has a list, and it has none")
    return None


def _missing_blocks(given: Structure, expected: Structure) -> Verdict | None:
    for columns, count in Counter(expected.tables).items():
        if given.tables.count(columns) < count:
            return Verdict(False, "missing_table", f"the reference has {count} table(s) of {columns} columns")
    for language, count in Counter(filter(None, expected.fences)).items():
        if given.fences.count(language) < count:
            return Verdict(False, "missing_fence", f"the reference has {count} fenced block(s) of {language[:50]}")
    if len(given.fences) < len(expected.fences):
        detail = f"it has {len(given.fences)} fenced blocks, the reference has {len(expected.fences)}"
        return Verdict(False, "missing_fence", detail)
    return None


def read_structure(text: str) -> Structure:
    """What a Markdown text lays out; reasoning that opens it does not count."""
    found = Structure()
    fence, before = "", ""
    for line in split_reasoning(text)[1].split("\n"):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2]:
                fence = ""
            continue
        if mark:
            label = mark[2].lower()
            found.fences.append(_SAME_LANGUAGE.get(label, label))
            fence = mark[1]
        elif _BULLET.match(line) and not _RULE.match(line):
            found.bullets += 1
        elif _NUMBER.match(line):
            found.numbers += 1
        elif "|" in line and "|" in before and _DELIMITER.match(line):
            columns = _columns(line)
            if columns == len(_cells(before)):
                found.tables.append(columns)
        before = line
    return found


def _columns(line: str) -> int:
    """Columns that a line of dashes separates; 0 if it is none."""
    cells = _cells(line)
    return len(cells) if all(_CELL.fullmatch(cell.strip()) for cell in cells) else 0


def _cells(line: str) -> list[str]:
    inner = line.strip(" \t>").removeprefix("|").removesuffix("|")
    return inner.replace("\\|", "").split("|")
