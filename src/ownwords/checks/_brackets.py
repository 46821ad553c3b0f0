"""Where a bracket of code closes, found without reading the code as such.

Brackets of all kinds count alike, and none in a string. Not covered: comments, whose brackets and quotes count.
"""

from __future__ import annotations

import re

_DEEPEST = 100
_BRACKET = re.compile(
    r"""
    "{3}(?:[^\\"]|\\.|"(?!""))*+"{3} | '{3}(?:[^\\']|\\.|'(?!''))*+'{3}
  | "(?:[^"\\\n]|\\.)*+" | '(?:[^'\\\n]|\\.)*+'
  | (?P<open>[(\[{]) | (?P<close>[)\]}])
    """,
    re.VERBOSE | re.DOTALL,
)


def closing(text: str, bracket: int, longest: int) -> tuple[int | None, int]:
    """The place after the bracket that closes the one at this place, None where none does within `longest` characters
    or brackets are nested too deep; and how many characters were read."""
    depth = 0
    last = bracket
    for found in _BRACKET.finditer(text, bracket, bracket + longest):
        last = found.end()
        if found["open"]:
            depth += 1
        elif found["close"]:
            depth -= 1
        if depth == 0:
            return last, last - bracket
        if depth > _DEEPEST:
            return None, last - bracket
    return None, min(len(text) - bracket, longest)
