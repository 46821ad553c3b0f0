"""The Python code in an answer.

It stands in fences (``` or ~~~) marked as Python, or without a mark where no fence has this one, or it is the whole
text where there is no fence. Of several blocks it is the last of those that define most of the names that are asked
for; where none is asked for, the last that defines a function or class, else the last. So neither a usage example nor
an earlier attempt is taken for the solution. Blocks are not joined: a solution in two of them is not found.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Set
from dataclasses import dataclass

from ownwords.turns import split_reasoning

_FENCE = re.compile(r"[ \t]*(?:>[ \t]?)?(`{3,}|~{3,})[ \t]*([^\s`{]*)")
_PYTHON = frozenset({"python", "python3", "py", "python2", "pycon"})
_DEFINITION = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Code:
    """Source code, and whether it stood in a fence."""

    source: str
    fenced: bool


def code_of(answer: str, wanted: Set[str] = frozenset()) -> Code | None:
    """The code of an answer, see above; None if it has none."""
    _, text = split_reasoning(answer)
    blocks = list(_blocks(text))
    marked = [source for language, source in blocks if language in _PYTHON]
    found = marked or [source for language, source in blocks if not language]
    if found:
        return Code(max(enumerate(found), key=lambda block: (*_worth(block[1], wanted), block[0]))[1], fenced=True)
    return None if blocks or not text.strip() else Code(textwrap.dedent(text).strip("\n"), fenced=False)


def definitions(source: str) -> frozenset[str]:
    """Names of the functions and classes that it defines at its left margin."""
    return frozenset(_DEFINITION.findall(source))


def _worth(source: str, wanted: Set[str]) -> tuple[int, bool]:
    defined = definitions(source)
    return len(defined & wanted), bool(defined)


def _blocks(text: str) -> Iterable[tuple[str, str]]:
    """Language and content of each fence; one without an end goes on to the end."""
    mark, language, lines = "", "", list[str]()
    for line in text.replace("\r\n", "\n").split("\n"):
        found = _FENCE.match(line)
        if not mark and found:
            mark, language, lines = found[1], found[2].lower(), []
        elif mark and found and found[1].startswith(mark) and line.strip().strip(mark[0]) == "":
            yield language, textwrap.dedent("\n".join(lines))
            mark = ""
        elif mark:
            lines.append(line)
    if mark and lines:
        yield language, textwrap.dedent("\n".join(lines))
