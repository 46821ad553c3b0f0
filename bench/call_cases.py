"""Labelled cases for `function_call`: a row, a candidate, and whether the candidate makes the row's calls.

A case is a row of `call_rows` whose calls were varied honestly (label: pass) or changed (label: fail), written in one
of the forms of `call_forms`; or one of the whole texts of `call_texts`. What the label says follows from how the case
was made, never from the check. The same seed gives the same cases.

Every third variation, change, form and text is held out: a case that uses one of them is no case to improve the check
with, so that the number on them tells what to expect of texts that nobody has thought of.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.call_changes import CHANGES, VARIATIONS, Change
from bench.call_forms import FORMS
from bench.call_rows import Made, Row, open_function_rows, recipe_rows, schema_rows
from bench.call_texts import RIGHT, WRONG
from ownwords.records import Candidate, Example, Message

SEED = 20260
ROWS_A_TEMPLATE = 80
_SCHEMA_ROWS = 600


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled candidate. `family` is what was done to the calls, or the whole text's name; `form` how it stands."""

    family: str
    form: str
    row: Row
    candidate: str
    passes: bool
    held_out: bool

    @property
    def example(self) -> Example:
        return Example("case", (Message("user", "?"),), self.row.reference, tools=self.row.tools)

    @property
    def answer(self) -> Candidate:
        return Candidate(self.candidate)


def labelled_cases(folder: Path | None, *, a_template: int = ROWS_A_TEMPLATE) -> list[Case]:
    """All cases, `a_template` of each variation, change and text. Without the datasets' folder no OpenFunctions."""
    draw = random.Random(SEED)
    rows = [*recipe_rows(), *schema_rows(_SCHEMA_ROWS, draw)]
    if folder is not None:
        rows += draw.sample(open_function_rows(folder), _SCHEMA_ROWS)
    cases: list[Case] = []
    for passes, altering in ((True, VARIATIONS), (False, CHANGES)):
        for name, alter in altering.items():
            times = 8 if name == "as_it_is" else 1  # every form meets every kind of row
            held_out = _held_out(name, altering)
            cases += _some(_written(name, _altered(rows, alter, draw), passes, held_out, draw), a_template * times)
    for passes, texts in ((True, RIGHT), (False, WRONG)):
        for name, text in texts.items():
            made = ((row, text(row, draw)) for row in _shuffled(rows, draw))
            found = (
                Case(name, "text", row, given, passes, _held_out(name, texts))
                for row, given in made
                if given is not None
            )
            cases += _some(found, a_template)
    return cases


def _altered(rows: Sequence[Row], alter: Change, draw: random.Random) -> Iterator[tuple[Row, list[Made]]]:
    for row in _shuffled(rows, draw):
        calls = alter(row, draw)
        if calls is not None:
            yield row, calls


def _written(
    name: str, altered: Iterable[tuple[Row, list[Made]]], passes: bool, held_out: bool, draw: random.Random
) -> Iterator[Case]:
    """The calls in one form after the other."""
    forms = list(FORMS)
    number = draw.randrange(len(forms))
    for row, calls in altered:
        form, text = "", None
        while not text:
            form = forms[number % len(forms)]
            text = FORMS[form](calls, draw)
            number += 1
        yield Case(name, form, row, text, passes, held_out or _held_out(form, FORMS))


def _held_out(name: str, among: Iterable[str]) -> bool:
    return list(among).index(name) % 3 == 2


def _some(cases: Iterator[Case], count: int) -> list[Case]:
    return [case for case, _ in zip(cases, range(count), strict=False)]


def _shuffled(rows: Sequence[Row], draw: random.Random) -> list[Row]:
    return draw.sample(rows, len(rows))
