r"""Reads mathematics, in LaTeX or as plain text, from left to right, into one plain form of LaTeX.

`2√3`, `2*sqrt(3)` and `2\sqrt3` all become `2\sqrt{3}`; `(-∞, 5]` and `\left(-\infty, 5\right]` become
`(-\infty ,5]`. Decimals become fractions, so that everything is exact. Only known commands, functions and single
letters are mathematics: at the first other word the expression ends.

Not covered: sums, integrals, limits, piecewise definitions, functions with names of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ownwords.checks._latex_signs import BINARY, COMMANDS, SIGNS, TEXT_COMMANDS, WORDS

_DEEPEST = 20

_NUMBER = re.compile(r"(\d{1,3}(?:(?:,|\{,\})\d{3})+(?![\d,])|\d+)?(\.\d+)?(?:[eE]([-+]?\d{1,3})(?!\w))?")
_NUMBER_BEFORE = re.compile(r"\d\s+$")
_RATIO = re.compile(r"(\d+)\s*/\s*(\d+)(?![\d.])")
_EXPONENT = re.compile(r"\s*(-?\d+)")
_INDEX = re.compile(r"\s*\[(\w{1,3})\]")
_DIGIT = re.compile(r"\s*(\d)")
_SET_AS_TEXT = re.compile(r"\s*\{([^{}]*)\}")
_LETTERS = re.compile(r"[A-Za-z]+")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_ENVIRONMENT = re.compile(r"\{([pbvBV]?|small)matrix\}")
_ARTICLE = re.compile(r"[aAI] [A-Za-z]{2}")
_PRODUCT = re.compile(r"[abcxyz]{2,3}|mn|pq|rs|rt|xt|ab?h|bh|lw")


class NotMathematicalError(Exception):
    """The text at this place is no expression."""


class Reader:
    """Reads prepared text from left to right; `place` is where it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def top(self) -> str:
        """All of the expression, up to the first word that is none of it."""
        items: list[str] = []
        while self.place < len(self.text):
            start = self.place
            try:
                item = self._item(0)
            except NotMathematicalError:
                self.place = start
                break
            items.append(item)
        items = [item for item in items if item]
        while items and items[-1] == ",":
            items.pop()
        if not items or items[-1] in BINARY or items[0] in (",", ";"):
            raise NotMathematicalError
        return "".join(items).strip()

    def _item(self, depth: int) -> str:
        """One number, letter, sign, command or group in brackets."""
        if depth > _DEEPEST or self.place >= len(self.text):
            raise NotMathematicalError
        character = self.text[self.place]
        read = self._reading(character)
        if read is not None:
            return read(depth)
        self.place += 1
        if character not in SIGNS:
            raise NotMathematicalError
        return SIGNS[character]

    def _reading(self, character: str) -> Callable[[int], str] | None:
        """How to read what begins with this character; None for a sign, which is all of it."""
        if character.isascii() and character.isalpha():
            return self._word
        if character in "0123456789.":
            return self._number
        if character in "([{":
            return self._group
        return {"^": self._power, "√": self._root, "\\": self._command}.get(character)

    def _number(self, _depth: int) -> str:
        ratio = _RATIO.match(self.text, self.place)
        if ratio:
            self.place = ratio.end()
            return f"\\frac{{{ratio[1]}}}{{{ratio[2]}}}"
        found = _NUMBER.match(self.text, self.place)
        if (
            found is None or not found.group() or _NUMBER_BEFORE.search(self.text[max(0, self.place - 3) : self.place])
        ):  # 3 4 is not 34
            raise NotMathematicalError
        self.place = found.end()
        whole = (found[1] or "").replace(",", "").replace("{}", "")
        decimals = (found[2] or ".")[1:].rstrip("0")
        power = f"\\cdot 10^{{{int(found[3])}}}" if found[3] else ""
        if not decimals:
            return (whole or "0") + power
        return f"\\frac{{{(whole + decimals).lstrip('0') or '0'}}}{{1{'0' * len(decimals)}}}{power}"

    def _argument(self, depth: int) -> str:
        """What an operator applies to, without its braces: a group, or one sign, number or letter."""
        while self.place < len(self.text) and self.text[self.place] == " ":
            self.place += 1
        if self.place >= len(self.text):
            raise NotMathematicalError
        if self.text[self.place] in "({":
            group = self._group(depth)
            return group[1:-1] if group[0] in "({" and group[-1] in ")}" else group
        sign = ""
        if self.text[self.place] in "+-":
            sign = self.text[self.place]
            self.place += 1
        return sign + self._item(depth + 1).strip()

    def _power(self, depth: int) -> str:
        self.place += 1
        number = _EXPONENT.match(self.text, self.place)
        if number:  # x^1/2 is half of x
            self.place = number.end()
            exponent = number[1]
        else:
            exponent = self._argument(depth + 1)
        if self.text[self.place : self.place + 1] == "^":  # 9^9^9
            exponent += self._power(depth + 1)
        return f"^{{{exponent}}}"

    def _root(self, depth: int) -> str:
        if self.text[self.place : self.place + 1] == "√":
            self.place += 1
        index = _INDEX.match(self.text, self.place)
        if index:
            self.place = index.end()
        return f"\\sqrt{f'[{index[1]}]' if index else ''}{{{self._argument(depth + 1)}}}"

    def _command(self, depth: int) -> str:
        if self.text.startswith("\\\\", self.place):
            self.place += 2
            return "\\\\"
        if self.text.startswith(("\\{", "\\}"), self.place):
            if self.text[self.place + 1] == "}":
                raise NotMathematicalError
            self.place += 1
            return self._group(depth)
        found = _COMMAND.match(self.text, self.place)
        if found is None:
            raise NotMathematicalError
        self.place = found.end()
        name = found[1]
        read = {"frac": self._fraction, "sqrt": self._root, "begin": self._matrix}.get(name)
        if name in TEXT_COMMANDS:
            read = self._text
        if read is None and name not in COMMANDS:
            raise NotMathematicalError
        return read(depth) if read else COMMANDS[name]

    def _fraction(self, depth: int) -> str:
        return f"\\frac{{{self._fraction_part(depth)}}}{{{self._fraction_part(depth)}}}"

    def _fraction_part(self, depth: int) -> str:
        digit = _DIGIT.match(self.text, self.place)
        if digit:  # \frac12
            self.place = digit.end()
            return digit[1]
        return self._argument(depth + 1)

    def _text(self, _depth: int) -> str:
        """Words set as text: `or` and `and` join; anything else ends the expression."""
        found = _SET_AS_TEXT.match(self.text, self.place)
        if found is None or found[1].strip() not in ("or", "and", "i", "e"):
            raise NotMathematicalError
        self.place = found.end()
        return WORDS.get(found[1].strip(), found[1].strip())

    def _matrix(self, depth: int) -> str:
        kind = _ENVIRONMENT.match(self.text, self.place)
        if kind is None:
            raise NotMathematicalError
        end = self.text.find(f"\\end{kind.group()}", self.place)
        if end < 0:
            raise NotMathematicalError
        inside = Reader(self.text[kind.end() : end])
        items: list[str] = []
        while inside.place < len(inside.text):
            items.append(inside._item(depth + 1))
        self.place = end + len("\\end") + len(kind.group())
        return f"\\begin{{pmatrix}}{''.join(items)}\\end{{pmatrix}}"

    def _word(self, depth: int) -> str:
        found = _LETTERS.match(self.text, self.place)
        assert found is not None
        word = found.group()
        self.place = found.end()
        if word == "sqrt":
            return self._root(depth)
        if word in WORDS:
            return WORDS[word]
        if (len(word) == 1 and not _ARTICLE.match(self.text, found.start())) or _PRODUCT.fullmatch(word):
            return word
        raise NotMathematicalError

    def _group(self, depth: int) -> str:
        """A group in brackets; those of an interval may differ. Braces with a comma inside are a set's."""
        opening = self.text[self.place]
        escaped = self.text[self.place - 1 : self.place] == "\\"
        self.place += 1
        items: list[str] = []
        closings = "}" if opening == "{" else ")]"
        while self.place < len(self.text):
            if self.text.startswith("\\}", self.place) and opening == "{":
                self.place += 1
            character = self.text[self.place]
            if character in closings:
                self.place += 1
                inside = "".join(items).strip()
                if opening != "{":
                    return f"{opening}{inside}{character}"
                return f"\\{{{inside}\\}}" if escaped or "," in inside else f"{{{inside}}}"
            if character == ";" and depth < _DEEPEST:
                self.place += 1
                items.append(",")
                continue
            items.append(self._item(depth + 1))
        raise NotMathematicalError
