"""Outputs of two programs' calls (see `_inside/outputs`): whether they are the same, and as people read them.

Floats may differ by a billionth of themselves, as sums in another order do; nan is nan. All else is the same or not.
"""

from __future__ import annotations

import math

from ownwords.checks._inside.outputs import Output

_TOLERANCE = 1e-9
_MOST_SHOWN = 200
_BRACKETS = {"list": "[]", "tuple": "()", "set": "{}", "dict": "{}"}


def same_output(expected: Output, given: Output) -> bool:
    """Whether two calls gave the same."""
    waiting = [(expected, given)]
    while waiting:
        left, right = waiting.pop()
        if isinstance(left, float) and isinstance(right, float):
            if not (math.isclose(left, right, rel_tol=_TOLERANCE) or (math.isnan(left) and math.isnan(right))):
                return False
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            waiting += zip(left, right, strict=True)
        elif type(left) is not type(right) or left != right:
            return False
    return True


def unclear(output: Output) -> str:
    """Why it can be compared with nothing; empty where it can."""
    waiting = [output]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            if len(one) == 2 and one[0] == "unclear":
                return str(one[1])
            waiting += one
    return ""


def shown(output: Output) -> str:
    """The start of what it is, nearly as Python writes it."""
    text = _text(output)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def _text(output: Output) -> str:
    if not isinstance(output, list):
        return output if isinstance(output, str) else repr(output)
    kind = str(output[0])
    if kind == "raises":
        return f"raises {output[1]}"
    parts = [_text(part) for part in output[1 : _MOST_SHOWN // 2]]
    if kind == "pair":
        return ": ".join(parts)
    if kind in ("object", "unclear"):
        return str(output[1])
    opening, closing = _BRACKETS.get(kind, (f"{kind}(", ")"))
    return f"{opening}{', '.join(parts)}{closing}"
