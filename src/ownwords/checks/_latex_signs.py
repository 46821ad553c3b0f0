"""The signs, words and commands that are mathematics to `_latex.py`, and what each becomes in its plain form.

Everything else is a word of the text around. Not covered: sums, integrals, limits, names with more than one letter.
"""

from __future__ import annotations

import re

_CIRCULAR = ("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan")
_FUNCTIONS = (*_CIRCULAR, "sinh", "cosh", "tanh", "ln", "log")
_GREEK = ("alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "sigma", "phi", "omega", "pi")
_NAMES = {name: f"\\{name} " for name in (*_FUNCTIONS, *_GREEK, "exp")}
COMMANDS = {
    **_NAMES,
    **{name: f"\\{name} " for name in ("infty", "cup", "cap", "in", "pm", "cdot", "emptyset", "le", "ge", "ne")},
    "leq": "\\le ",
    "leqslant": "\\le ",
    "geq": "\\ge ",
    "geqslant": "\\ge ",
    "neq": "\\ne ",
    "lt": "<",
    "gt": ">",
    "times": "\\cdot ",
    "div": "/",
    "varnothing": "\\emptyset ",
    "lvert": "|",
    "rvert": "|",
    "vert": "|",
}
WORDS = {
    **_NAMES,
    "infinity": "\\infty ",
    "inf": "\\infty ",
    "or": ";",
    "and": ",",
    "union": "\\cup ",
    "in": "\\in ",
}
SIGNS = {
    **{sign: sign for sign in "+-/=<>|!,_&"},
    **dict.fromkeys(" \t\n\r", ""),
    "π": "\\pi ",
    "θ": "\\theta ",
    "∞": "\\infty ",
    "≤": "\\le ",
    "≥": "\\ge ",
    "≠": "\\ne ",
    "∪": "\\cup ",
    "∩": "\\cap ",
    "∈": "\\in ",
    "±": "\\pm ",
    "·": "\\cdot ",
    "⋅": "\\cdot ",
    "×": "\\cdot ",
    "*": "\\cdot ",
    "÷": "/",
    "∅": "\\emptyset ",
}
TEXT_COMMANDS = ("text", "mathrm", "mbox", "textbf", "mathbf", "textit", "operatorname", "rm")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SUPERSCRIPT = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_PREPARED = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\(?:left|right|displaystyle|limits|quad|qquad|big|Big)(?![A-Za-z])|(?<!\\)\\[,;:! ]|~", " "),
        (r"\\[dtc]frac", r"\\frac"),
        (r"\\[%$]|[%°$€£`]|\^\s*\{?\s*\\circ\s*\}?|\\degree|\\[()\[\]]", " "),
        (r"(?<=[\w)}])\*\*(?=[\w(])", "^"),
        (r"\*\*|__", " "),
        (r"[−–]", "-"),
        (r"⁄", "/"),
        (r"<=", "≤"),
        (r">=", "≥"),
    )
]
#: What no expression ends with.
BINARY = (
    "+",
    "-",
    "/",
    "^",
    "=",
    "<",
    ">",
    ";",
    "\\cdot ",
    "\\le ",
    "\\ge ",
    "\\ne ",
    "\\cup ",
    "\\cap ",
    "\\in ",
    "\\pm ",
)


def prepared(text: str) -> str:
    """The text as a Reader takes it: without currency, percent, degrees and marks; one spelling for each sign."""
    text = _SUPERSCRIPT.sub(lambda found: f"^{{{found.group().translate(_SUPERSCRIPTS)}}}", text)
    for pattern, replacement in _PREPARED:
        text = pattern.sub(replacement, text)
    return text
