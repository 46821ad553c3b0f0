r"""Answers that are more than a number: intervals, sets, points, roots, polynomials, equations, matrices.

Each kind gives the reference's spelling, honest spellings of the same, and answers that are something else: a bracket
of the other kind, a sign, a coefficient, a missing element. What is honest is decided here by mathematics: a factored
polynomial is the same polynomial, a decimal approximation is not the same number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from bench.answers.case import Case, draw
from bench.answers.phrases import LATEX_RIGHT, PLAIN_RIGHT, TWO_ANSWERS

#: The reference in LaTeX; spellings of the same; of others. LaTeX is marked by a backslash.
Spellings = tuple[str, list[str], list[str]]

COUNT = 620


def cases(dice: random.Random) -> Iterator[Case]:
    """One right and one wrong candidate each time."""
    for _ in range(COUNT):
        kind, drawn = draw(KINDS, dice, "expression")
        reference, same, other = kind(dice)
        stated, _ = draw(REFERENCES, dice, "reference")
        for right, spellings in ((True, [reference, *same]), (False, other)):
            spelling = dice.choice(spellings)
            phrase, how = draw(LATEX_RIGHT if "\\" in spelling else PLAIN_RIGHT, dice, "phrase")
            candidate = phrase.replace("@", spelling)
            if not right and dice.random() < 0.25:
                phrase, how = draw(TWO_ANSWERS, dice, "two answers")
                candidate = phrase.replace("@", f"${reference}$").replace("~", f"${spelling}$")
            name = f"{kind.__name__.strip('_')}, {how.name}"
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


def _interval(dice: random.Random) -> Spellings:
    low = dice.randrange(-12, 10)
    high = low + dice.randrange(1, 12)
    left, right = dice.choice("(["), dice.choice(")]")
    less, most = ("<" if left == "(" else r"\le"), ("<" if right == ")" else r"\le")
    same = [f"{left}{low}, {high}{right}", f"{left}{low},{high}{right}", f"\\left{left}{low}, {high}\\right{right}"]
    same += [f"{low} {less} x {most} {high}", f"x \\in {left}{low}, {high}{right}"]
    same += [f"{low} {less} x {most} {high}".replace(r"\le", "≤")]
    flipped = {"(": "[", "[": "(", ")": "]", "]": ")"}
    other = [
        f"{flipped[left]}{low}, {high}{right}",
        f"{left}{low}, {high}{flipped[right]}",
        f"{left}{low}, {high + 1}{right}",
    ]
    other += [
        f"{flipped[left]}{low}, {high}{flipped[right]}",
        f"{left}{low - 2}, {high}{right}",
        f"\\left{left}{-high}, {-low + 1}\\right{right}",
    ]
    return f"{left}{low}, {high}{right}", same, other


def _ray(dice: random.Random) -> Spellings:
    end, closed = dice.randrange(-20, 20), dice.random() < 0.5
    left = "[" if closed else "("
    sign, sign_text, other_sign = (r"\ge", "≥", ">") if closed else (">", ">", r"\ge")
    same = [f"{left}{end}, ∞)", f"x {sign} {end}", f"x {sign_text} {end}"]
    same += [f"\\left{left}{end}, \\infty\\right)", f"{left}{end}, +\\infty)", f"x \\in {left}{end}, \\infty)"]
    other = [
        f"{'(' if closed else '['}{end}, \\infty)",
        f"{left}{end + 1}, \\infty)",
        f"(-\\infty, {end})",
        f"x < {end}",
    ]
    other += [f"{left}{end}, {end + 5})", f"x {other_sign} {end}"]
    return f"{left}{end}, \\infty)", same, other


def _union(dice: random.Random) -> Spellings:
    low = dice.randrange(-12, 4)
    high = low + dice.randrange(1, 12)
    reference = f"(-\\infty, {low}) \\cup ({high}, \\infty)"
    same = [f"(-∞, {low}) ∪ ({high}, ∞)", f"\\left(-\\infty, {low}\\right) \\cup \\left({high}, \\infty\\right)"]
    same += [f"(-\\infty,{low})\\cup({high},+\\infty)", f"({high}, \\infty) \\cup (-\\infty, {low})"]
    other = [f"(-\\infty, {low}] \\cup ({high}, \\infty)", f"(-\\infty, {low}) \\cup [{high}, \\infty)"]
    other += [
        f"(-\\infty, {low - 1}) \\cup ({high}, \\infty)",
        f"({low}, {high})",
        f"(-∞, {low}] ∪ [{high}, ∞)",
        f"(-\\infty, {low})",
    ]
    return reference, same, other


def _set(dice: random.Random) -> Spellings:
    items = sorted(dice.sample(range(-30, 60), dice.randrange(2, 6)))
    shuffled = dice.sample(items, len(items))
    text, mixed = ", ".join(map(str, items)), ", ".join(map(str, shuffled))
    same = [
        f"\\{{{mixed}\\}}",
        f"{{{text}}}",
        f"\\left\\{{ {text} \\right\\}}",
        f"{{{mixed}}}",
        f"\\{{{text.replace(' ', '')}\\}}",
    ]
    changed = [*items[:-1], items[-1] + 1]
    other = [f"\\{{{', '.join(map(str, rows))}\\}}" for rows in (items[1:], [*items, 99], changed)]
    other += [f"{{{', '.join(map(str, changed))}}}", f"\\{{{items[0]}\\}}", f"{{{', '.join(map(str, items[1:]))}}}"]
    return f"\\{{{text}\\}}", same, other


def _point(dice: random.Random) -> Spellings:
    x, y = dice.sample([n for n in range(-15, 16) if n], 2)
    same = [
        f"({x}, {y})",
        f"({x},{y})",
        f"\\left({x}, {y}\\right)",
        f"(x, y) = ({x}, {y})",
        f"\\left( {x},{y} \\right)",
    ]
    other = [
        f"({y}, {x})",
        f"({-x}, {y})",
        f"({x}, {y + 1})",
        f"\\left({x}, {-y}\\right)",
        f"({x}, {y}, 0)",
        f"[{x}, {y}]",
    ]
    return f"({x}, {y})", same, other


def _triple(dice: random.Random) -> Spellings:
    x, y, z = dice.sample(range(-15, 16), 3)
    same = [f"({x}, {y}, {z})", f"({x},{y},{z})", f"\\left({x}, {y}, {z}\\right)"]
    other = [f"({y}, {x}, {z})", f"({x}, {y}, {z - 1})", f"({x}, {y})", f"\\left({x}, {z}, {y}\\right)"]
    return f"({x}, {y}, {z})", same, other


def _root(dice: random.Random) -> Spellings:
    factor, inside = dice.randrange(2, 12), dice.choice((2, 3, 5, 6, 7, 10, 11, 13))
    same = [
        f"{factor}√{inside}",
        f"{factor} \\sqrt{{{inside}}}",
        f"{factor}\\sqrt{inside}" if inside < 10 else f"{factor}\\sqrt{{{inside}}}",
    ]
    same += [
        f"\\sqrt{{{factor * factor * inside}}}",
        f"{factor}*sqrt({inside})",
        f"{factor} \\cdot \\sqrt{{{inside}}}",
        f"√{factor * factor * inside}",
    ]
    other = [
        f"{factor + 1}\\sqrt{{{inside}}}",
        f"\\sqrt{{{factor * inside}}}",
        f"-{factor}\\sqrt{{{inside}}}",
        f"{factor}√{inside + 1}",
    ]
    other += [
        f"{factor} + \\sqrt{{{inside}}}",
        f"{inside}\\sqrt{{{factor}}}" if inside != factor else "1",
        f"{factor * inside}",
        f"√{inside}",
    ]
    return f"{factor}\\sqrt{{{inside}}}", same, other


def _root_sum(dice: random.Random) -> Spellings:
    whole, inside, below = dice.randrange(1, 9), dice.choice((2, 3, 5, 7, 13)), dice.choice((2, 3, 5))
    reference = f"\\frac{{{whole} + \\sqrt{{{inside}}}}}{{{below}}}"
    same = [f"({whole} + √{inside})/{below}", f"\\frac{{{whole}}}{{{below}}} + \\frac{{\\sqrt{{{inside}}}}}{{{below}}}"]
    same += [
        f"\\dfrac{{\\sqrt{{{inside}}} + {whole}}}{{{below}}}",
        f"({whole} + sqrt({inside}))/{below}",
        f"({whole}+√{inside}) / {below}",
    ]
    other = [
        f"\\frac{{{whole} - \\sqrt{{{inside}}}}}{{{below}}}",
        f"\\frac{{{whole} + \\sqrt{{{inside}}}}}{{{below + 1}}}",
    ]
    other += [
        f"({whole} - √{inside})/{below}",
        f"{whole} + \\frac{{\\sqrt{{{inside}}}}}{{{below}}}",
        f"\\frac{{{whole} + {inside}}}{{{below}}}",
    ]
    return reference, same, other


def _pi(dice: random.Random) -> Spellings:
    factor = dice.randrange(2, 60)
    same = [f"{factor}π", f"{factor} \\pi", f"{factor}*pi", f"{factor}\\pi \\text{{ cm}}^2", f"{factor}π square units"]
    same += [f"{factor} \\cdot \\pi", f"\\pi \\cdot {factor}", f"{factor}\\pi \\approx {factor * 3.14159:.2f}"]
    other = [
        f"{factor}",
        f"{factor}\\pi^2",
        f"{factor + 1}π",
        f"\\frac{{{factor}}}{{\\pi}}",
        f"-{factor}\\pi",
        f"{factor * 10}\\pi",
        f"{factor}π + 1",
    ]
    return f"{factor}\\pi", same, other


def _pi_fraction(dice: random.Random) -> Spellings:
    below = dice.choice((2, 3, 4, 6, 7))
    above = dice.choice([n for n in range(1, 12) if n % below])
    times = "" if above == 1 else str(above)
    same = [
        f"\\frac{{{above}}}{{{below}}}\\pi",
        f"{times}π/{below}",
        f"\\dfrac{{{times}\\pi}}{{{below}}}",
        f"({above}/{below})π",
        f"\\frac{{{2 * above}\\pi}}{{{2 * below}}}",
    ]
    other = [
        f"\\frac{{{below}\\pi}}{{{above + below}}}",
        f"-\\frac{{{times}\\pi}}{{{below}}}",
        f"{above + 1}π/{below}",
        f"\\frac{{{above}}}{{{below}}}",
        f"{times}π",
    ]
    return f"\\frac{{{times}\\pi}}{{{below}}}", same, other


def _polynomial(dice: random.Random) -> Spellings:
    p, q = dice.sample([n for n in range(-9, 10) if n], 2)
    middle, last = p + q, p * q
    term = f" {middle:+d}x".replace("+", "+ ").replace("-", "- ") if middle else ""
    end = f" {last:+d}".replace("+", "+ ").replace("-", "- ")
    factors = f"(x {p:+d})(x {q:+d})"
    same = [
        f"x²{term}{end}",
        f"x^2{term}{end}",
        factors,
        f"{last}{term} + x^2",
        factors.replace(")(", ") \\cdot ("),
        f"x^{{2}}{term}{end}".replace(" ", "") + "\\,",
    ]
    wrong_end = f" {-last:+d}".replace("+", "+ ").replace("-", "- ")
    other = [
        f"x^2{term}{wrong_end}",
        f"x^3{term}{end}",
        f"x²{term} + {abs(last) + 1}",
        f"(x {-p:+d})(x {q:+d})",
        f"2x^2{term}{end}",
        f"x^{{2}}{end}\\," if middle else "x^{2}\\,",
    ]
    return f"x^2{term}{end}", same, other


def _line(dice: random.Random) -> Spellings:
    slope, start = dice.randrange(2, 12), dice.randrange(1, 20)
    same = [
        f"y = {slope}x + {start}",
        f"y={slope}x+{start}",
        f"y = {start} + {slope}x",
        f"{slope}x + {start}",
        f"\\displaystyle y = {slope}x + {start}",
        f"{slope}x + {start} = y",
    ]
    other = [
        f"y = -{slope}x + {start}",
        f"y = {slope}x - {start}",
        f"y = {start}x + {slope}" if start != slope else "y = x",
        f"y = {slope}x + {start + 1}",
        f"\\displaystyle y = {slope}x",
    ]
    return f"y = {slope}x + {start}", same, other


def _roots_of_equation(dice: random.Random) -> Spellings:
    a, b = dice.sample(range(-12, 13), 2)
    same = [
        f"x = {b} \\text{{ or }} x = {a}",
        f"x = {a} or x = {b}",
        f"x = {a}, x = {b}",
        f"x = {b} or x = {a}",
        f"\\{{{a}, {b}\\}}",
        f"x = {a} and x = {b}",
        f"x \\in \\{{{b}, {a}\\}}",
    ]
    other = [
        f"x = {a}",
        f"x = {a} or x = {b + 1}",
        f"x = {-a - 1} \\text{{ or }} x = {b}",
        f"\\{{{a}, {b}, 99\\}}",
        f"x = {a + 1} or x = {b + 1}",
    ]
    return f"x = {a} \\text{{ or }} x = {b}", same, other


def _matrix(dice: random.Random) -> Spellings:
    a, b, c, d = dice.sample(range(-9, 10), 4)

    def matrix(*rows: int, kind: str = "pmatrix") -> str:
        return f"\\begin{{{kind}}} {rows[0]} & {rows[1]} \\\\ {rows[2]} & {rows[3]} \\end{{{kind}}}"

    same = [matrix(a, b, c, d, kind="bmatrix"), matrix(a, b, c, d).replace(" ", ""), matrix(a, b, c, d)]
    other = [matrix(a, c, b, d), matrix(a, b, c, d + 1), matrix(-a - 1, b, c, d), matrix(d, b, c, a)]
    return matrix(a, b, c, d), same, other


def _complex(dice: random.Random) -> Spellings:
    real, imaginary = dice.sample(range(2, 15), 2)
    same = [f"{real} + {imaginary}i", f"{imaginary}i + {real}", f"{real}+{imaginary}i", f"{real}\\,+\\,{imaginary}i"]
    other = [
        f"{real} - {imaginary}i",
        f"{imaginary} + {real}i",
        f"{real + 1} + {imaginary}i",
        f"-{real}\\,+\\,{imaginary}i",
        f"{real + imaginary}",
    ]
    return f"{real} + {imaginary}i", same, other


def _rational_function(dice: random.Random) -> Spellings:
    above, a = dice.randrange(2, 10), dice.randrange(1, 10)
    same = [
        f"\\frac{{{above}}}{{x + {a}}}",
        f"{above}/(x + {a})",
        f"\\dfrac{{{above}}}{{{a} + x}}",
        f"\\frac{{{2 * above}}}{{2x + {2 * a}}}",
    ]
    other = [
        f"\\frac{{{above}}}{{x - {a}}}",
        f"{above}/(x + {a + 1})",
        f"\\frac{{{above}}}{{x}} + {a}",
        f"\\frac{{x + {a}}}{{{above}}}",
        f"{above}/x + {a}",
    ]
    return f"\\frac{{{above}}}{{x+{a}}}", same, other


def _logarithm(dice: random.Random) -> Spellings:
    factor, inside = dice.randrange(2, 9), dice.choice((2, 3, 5, 7))
    same = [
        f"{factor}\\ln {inside}",
        f"{factor} ln({inside})",
        f"\\ln {inside**factor}",
        f"{factor} \\ln({inside})",
        f"{factor}*ln({inside})",
    ]
    other = [
        f"{factor + 1}\\ln {inside}",
        f"\\ln {inside * factor + 1}",
        f"{factor} ln({inside + 1})",
        f"-{factor}\\ln {inside}",
        f"{factor * inside}",
    ]
    return f"{factor} \\ln {inside}", same, other


def _power(dice: random.Random) -> Spellings:
    base, exponent = dice.choice("xatn"), dice.randrange(3, 12)
    below = exponent + 1
    same = [
        f"{base}^{{{exponent}/{below}}}",
        f"{base}^({exponent}/{below})",
        f"{base}^{{\\frac{{{exponent}}}{{{below}}}}}",
    ]
    other = [
        f"{base}^{{{below}/{exponent}}}",
        f"{base}^({exponent}/{below + 1})",
        f"\\frac{{{base}^{{{exponent}}}}}{{{below}}}",
        f"{base}^{{{exponent}}}",
        f"-{base}^{{\\frac{{{exponent}}}{{{below}}}}}",
    ]
    return f"{base}^{{\\frac{{{exponent}}}{{{below}}}}}", same, other


KINDS: list[Callable[[random.Random], Spellings]] = [
    _interval,
    _set,
    _union,
    _point,
    _root,
    _triple,
    _pi,
    _polynomial,
    _pi_fraction,
    _line,
    _ray,
    _root_sum,
    _roots_of_equation,
    _matrix,
    _complex,
    _rational_function,
    _logarithm,
    _power,
]
