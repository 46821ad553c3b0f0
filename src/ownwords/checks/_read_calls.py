"""The calls that an answer makes, wherever it writes them: alone, in a fence, in inline code, in a sentence, in tags.

A text is read once, from left to right. What stands in a fence, in `<tool_call>` tags, on lines of its own, or is the
whole text, is read as code: every call in it counts. In a sentence a call is what parses as one and whose name is
known, or that has what only code has: a keyword argument, or a dotted or underscored name with literal arguments. A
function that is only mentioned, such as `weather` or "call weather with Kyiv", is no call. Nor is one that its sentence
negates: "do not call f(1)", "f(1) would be wrong". Reasoning before the answer is left out.

What begins like a call of a known function and cannot be read, a truncated call above all, makes the text `broken`.
Every step has a bound, so the time is linear in the text's length. Not covered: `<function=name>` tags, XML, and calls
that only a program's run would show.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Literal

from ownwords.checks._brackets import closing
from ownwords.checks._call_surroundings import is_introduced_as_wrong, is_negated, stands_alone
from ownwords.checks._call_values import Code, UnreadableError, WrittenCall
from ownwords.checks._json_calls import KeySearch, calls_in_json, calls_in_value, value_at
from ownwords.checks._python_calls import LONGEST, call_with_arguments, calls_in_source
from ownwords.turns import split_reasoning

#: Calls that are read of one text.
MOST_CALLS = 200
#: What may be spent on one text: about a character read again for each, and more for each attempt and each mark.
_BUDGET = 1_000_000
_ATTEMPT = 200
_MARK_COST = 10
_MOST_TAILS = 20
_LONGEST_TAG = LONGEST + 100
_WINDOW = 120

_MARK = re.compile(
    r"""
    ^[ \t]{0,3}(?P<fence>`{3,}+|~{3,}+)(?P<info>[^`\n]*+)(?:\n|\Z)
  | (?P<tag><tool_call>)
  | (?<!`)(?P<ticks>`{1,3}+)(?P<inline>[^`\n]++)(?P=ticks)(?!`)
  | (?<![\w.])(?<!\w-)(?P<name>[^\W\d]\w*+(?:[.\-]\w++)*+)(?P<blank>[ \t]?)\(
  | (?P<json>[\[{])(?=\s{0,20}[\[{"'])
    """,
    re.VERBOSE | re.MULTILINE,
)
_CLOSED = "</tool_call>"
_ATTRIBUTE = re.compile(r"(?:\.[^\W\d]\w*+)*+(?=\()")
_KEYWORD = re.compile(r"[(,]\s*[\w-]+\s*=(?!=)")
_STATEMENTS = frozenset(keyword.kwlist)

_PROMPT_LINE = re.compile(r"^(?:>>>|\.\.\.) ?(.*)$", re.MULTILINE)

Setting = Literal["code", "sentence"]


@dataclass(frozen=True, slots=True)
class FoundCall:
    """A call, and whether it stands as code or in a sentence."""

    call: WrittenCall
    setting: Setting = "code"


@dataclass(frozen=True, slots=True)
class Reading:
    """The calls of a text in its order; `broken` says what of it cannot be read, empty if nothing is so."""

    calls: tuple[FoundCall, ...] = ()
    broken: str = ""


def read_calls(text: str, known: Collection[str] = ()) -> Reading:
    """What the text calls. `known` are the names of functions that are called even in a sentence."""
    opening = text[:_WINDOW].lstrip()
    if "</think>" in text:
        text = split_reasoning(text)[1]
    elif opening.startswith("<think>"):
        return Reading()
    whole = text.strip()
    try:
        calls = calls_in_code(whole, known)
    except UnreadableError as error:
        return Reading((), str(error))
    if calls or (calls is not None and not whole.startswith(("'", '"'))):  # a call may stand in quotes
        return Reading(tuple(FoundCall(call) for call in calls[:MOST_CALLS]))
    scan = _Scan(known)
    scan.read(text, code=False)
    return Reading(tuple(scan.calls), scan.broken)


def calls_in_code(text: str, known: Collection[str] = ()) -> list[WrittenCall] | None:
    """The calls of a text that is nothing but JSON or Python; None where it is neither.

    Raises:
        UnreadableError: a call is malformed or nested too deep.
    """
    if len(text) > LONGEST or not ("(" in text or "{" in text):
        return None
    if text[0] in "{[":
        calls = calls_in_json(text, known)
        if calls is not None:
            return calls
    if text.startswith(">>>"):
        text = "\n".join(_PROMPT_LINE.findall(text))
    return calls_in_source(text, known)


@dataclass(slots=True)
class _Scan:
    """What has been found of a text so far."""

    known: Collection[str]
    calls: list[FoundCall] = field(default_factory=list[FoundCall])
    broken: str = ""
    budget: int = _BUDGET

    def read(self, text: str, *, code: bool) -> None:
        """Add the calls of a text; `code` says that all of it is meant as code."""
        place = 0
        keys = KeySearch(text, LONGEST)
        while len(self.calls) < MOST_CALLS:
            mark = _MARK.search(text, place)
            if mark is None:
                return
            if self.budget <= 0:
                self.broken = self.broken or "it has too many brackets to be read"
                return
            self.budget -= _MARK_COST
            try:
                place = self._at(text, mark, code, keys)
            except UnreadableError as error:
                self.broken = self.broken or str(error)
                place = mark.end()

    def _at(self, text: str, mark: re.Match[str], code: bool, keys: KeySearch) -> int:
        """Read what begins at a mark; the place at which to go on."""
        if mark["name"]:
            return self._call(text, mark, code)
        if mark["json"]:
            return self._json(text, mark.start(), code) if keys.is_near(mark.start()) else mark.end()
        if mark["inline"]:
            return self._inline(text, mark)
        if mark["fence"]:
            return self._fence(text, mark)
        return self._tag(text, mark)

    def _tag(self, text: str, mark: re.Match[str]) -> int:
        self.budget -= _ATTEMPT
        end = text.find(_CLOSED, mark.end(), mark.end() + _LONGEST_TAG)
        content = text[mark.end() : end].strip() if end >= 0 else ""
        calls = calls_in_code(content, self.known) if content else None
        if not calls:
            self.broken = self.broken or "a <tool_call> has no end, or holds no call that can be read"
            return mark.end() if end < 0 else end + len(_CLOSED)
        self._add(calls, "code")
        return end + len(_CLOSED)

    def _fence(self, text: str, mark: re.Match[str]) -> int:
        fence = mark["fence"]
        end = text.find(f"\n{fence}", mark.end() - 1)
        body = text[mark.end() : end if end >= 0 else len(text)]
        self.budget -= _ATTEMPT
        if not is_introduced_as_wrong(text, mark.start()):
            content = body.strip()
            calls = calls_in_code(content, self.known) if content else None
            if calls is None:
                self.read(body, code=True)
            else:
                self._add(calls, "code")
        if end < 0:
            return len(text)
        after = end + 1
        while after < len(text) and text[after] == fence[0]:
            after += 1
        return after

    def _inline(self, text: str, mark: re.Match[str]) -> int:
        content = mark["inline"].strip()
        if "(" in content or "{" in content:
            self.budget -= _ATTEMPT
            calls = calls_in_code(content, self.known)
            if calls is None:
                inner = _Scan(self.known, budget=self.budget)
                inner.read(content, code=True)
                self.budget = inner.budget
                calls = [item.call for item in inner.calls]
                if inner.broken and self._names_known(content):
                    self.broken = self.broken or inner.broken
            alone = stands_alone(text, mark.start(), mark.end())
            if calls and not is_negated(text, mark.start(), mark.end(), alone=alone):
                self._add(calls, "code" if alone else "sentence")
        return mark.end()

    def _json(self, text: str, start: int, code: bool) -> int:
        self.budget -= _ATTEMPT // 4
        window = text[start : start + LONGEST]
        found = value_at(window, 0)
        if found is None:
            end = self._closing(text, start)
            calls = None if end is None else calls_in_source(text[start:end], self.known)
            if calls is None and self._names_known(window[:_WINDOW]):
                self.broken = self.broken or f"{window[:60]} cannot be read"
        else:
            end, calls = start + found[1], calls_in_value(found[0], self.known)
        if not calls or end is None:
            self.budget -= len(window) if found is None else 0
            return start + 1 if end is None or calls is None else end
        alone = code or stands_alone(text, start, end)
        if not is_negated(text, start, end, alone=alone):
            self._add(calls, "code" if alone else "sentence")
        return end

    def _call(self, text: str, mark: re.Match[str], code: bool) -> int:
        """A name and a bracket: a call, or words like `file(s)`."""
        name, start, bracket = mark["name"], mark.start(), mark.end() - 1
        is_known = name in self.known
        certain = is_known and not mark["blank"]
        if name in _STATEMENTS or not (is_known or code or self._could_be_code(text, mark)):
            return mark.end()
        end = self._closing(text, bracket)
        call, end = (None, end) if end is None else self._with_tail(text, name, bracket, end)
        if call is None or end is None:
            if certain or (code and end is None):
                self.broken = self.broken or f"the call of {name[:100]} cannot be read: it is cut off, or no Python"
            return mark.end()
        alone = code or stands_alone(text, start, end)
        calls = [call]
        if name == "print" and not is_known:
            calls = calls_in_source(text[bracket:end], self.known) or []
        elif not (is_known or alone or _looks_like_code(call)):
            return mark.end()
        if not is_negated(text, start, end, alone=alone):
            self._add(calls, "code" if alone else "sentence")
        return end

    def _could_be_code(self, text: str, mark: re.Match[str]) -> bool:
        """Whether a name that is not known is worth reading as one of a call."""
        name = mark["name"]
        if mark["blank"]:
            return False
        if "." in name or "_" in name or name == "print":
            return True
        if _KEYWORD.search(text, mark.end() - 1, mark.end() + _WINDOW):
            return True
        return stands_alone(text, mark.start(), None)

    def _with_tail(self, text: str, name: str, bracket: int, end: int) -> tuple[WrittenCall | None, int]:
        """The call with what is called on its result: `f(1)(2)` and `f(1).g(2)` call something else than f."""
        start, function = bracket, name
        for tail_number in range(_MOST_TAILS + 1):
            tail = _ATTRIBUTE.match(text, end)
            if tail is None:
                break
            if tail_number == _MOST_TAILS:
                raise UnreadableError(f"too much is called on the result of {name[:100]}")
            after = self._closing(text, tail.end())
            if after is None:
                break
            function = f"{name}{text[start:end]}{tail.group()}"
            bracket, end = tail.end(), after
        call = call_with_arguments(function, text[bracket:end])
        if call is not None and function != name:
            normal = calls_in_source(f"{function}()", self.known)
            call = replace(call, name=normal[0].name) if normal else None
        return call, end

    def _closing(self, text: str, bracket: int) -> int | None:
        """The place after the bracket that closes this one; None where none does."""
        end, read = closing(text, bracket, LONGEST)
        self.budget -= _ATTEMPT if end is not None else read
        return end

    def _add(self, calls: list[WrittenCall], setting: Setting) -> None:
        self.calls += [FoundCall(call, setting) for call in calls[: MOST_CALLS - len(self.calls)]]

    def _names_known(self, text: str) -> bool:
        return any(f"{name}(" in text or f'"{name}"' in text or f"'{name}'" in text for name in self.known)


def _looks_like_code(call: WrittenCall) -> bool:
    """Whether a call of an unknown function in a sentence has what only code has."""
    if call.keywords:
        return True
    values = call.positional
    return ("." in call.name or "_" in call.name) and bool(values) and not any(isinstance(v, Code) for v in values)
