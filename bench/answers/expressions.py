r"""Answers that are more than a number: intervals, sets, points, roots, polynomials, equations, matrices.

Each kind gives the reference's spelling, honest spellings of the same, and answers that are something else: a bracket
of the other kind, a sign, a coefficient, a missing element. What is honest is decided here by mathematics: a factored
polynomial is the same polynomial, a decimal approximation is not the same number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from bench.answers import formulas, sets
from bench.answers.case import Case, draw
from bench.answers.phrases import LATEX_HELD_OUT, LATEX_RIGHT, PLAIN_HELD_OUT, PLAIN_RIGHT, TWO_ANSWERS, TWO_HELD_OUT

COUNT = 620


def cases(dice: random.Random) -> Iterator[Case]:
    """One right and one wrong candidate each time."""
    for _ in range(COUNT):
        kind, drawn = draw(KINDS, KINDS_HELD_OUT, dice, "expression")
        reference, same, other = kind(dice)
        stated = dice.choice(REFERENCES)
        for right, spellings in ((True, [reference, *same]), (False, other)):
            spelling = dice.choice(spellings)
            lists = (LATEX_RIGHT, LATEX_HELD_OUT) if "\\" in spelling else (PLAIN_RIGHT, PLAIN_HELD_OUT)
            phrase, how = draw(*lists, dice, "phrase")
            candidate = phrase.replace("@", spelling)
            if not right and dice.random() < 0.25:
                phrase, how = draw(TWO_ANSWERS, TWO_HELD_OUT, dice, "two answers")
                candidate = phrase.replace("@", f"${reference}$").replace("~", f"${spelling}$")
            name = f"{kind.__name__}, {how.name}"
            yield Case(
                "expressions", name, stated.replace("@", reference), candidate, right, drawn.held_out or how.held_out
            )


REFERENCES = [
    r"\boxed{@}",
    r"The answer is $@$.",
    r"We solve for the unknown and find that the answer is $\boxed{@}$.",
    r"#### $@$",
    r"Setting both sides equal and simplifying gives, after 3 steps, the result $@$.",
    r"$@$",
]


KINDS: list[Callable[[random.Random], sets.Spellings]] = [
    sets.interval,
    sets.set,
    sets.union,
    sets.point,
    formulas.root,
    sets.triple,
    formulas.pi,
    formulas.polynomial,
    formulas.pi_fraction,
    formulas.line,
    sets.ray,
    formulas.root_sum,
    sets.roots_of_equation,
    formulas.matrix,
    formulas.complex,
    formulas.rational_function,
    formulas.logarithm,
    formulas.power,
    sets.half_open_union,
    sets.plus_minus,
    sets.fractions_in_a_set,
    formulas.exponential,
    formulas.column,
    formulas.circle,
    formulas.two_variables,
    formulas.trigonometric,
    formulas.nested_root,
    sets.double_inequality,
    sets.points_in_a_set,
    sets.all_but,
    formulas.cubic,
    formulas.linear_equation,
    formulas.golden,
    formulas.tangent_line,
    formulas.volume,
    formulas.vector_of_roots,
]


# Written last: see `bench.checks_answers` about what is held out.
KINDS_HELD_OUT: list[Callable[[random.Random], sets.Spellings]] = [
    sets.three_roots,
    sets.bounded_above,
    formulas.square_of_sum,
    formulas.pi_sum,
    formulas.parabola,
]
