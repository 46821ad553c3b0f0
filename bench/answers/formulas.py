"""Roots, multiples of pi, polynomials, lines, matrices and the like, as `expressions.py` wants them."""

from __future__ import annotations

import random

#: The reference in LaTeX; spellings of the same; of others. LaTeX is marked by a backslash.
Spellings = tuple[str, list[str], list[str]]


def root(dice: random.Random) -> Spellings:
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


def root_sum(dice: random.Random) -> Spellings:
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


def pi(dice: random.Random) -> Spellings:
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


def pi_fraction(dice: random.Random) -> Spellings:
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


def polynomial(dice: random.Random) -> Spellings:
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


def line(dice: random.Random) -> Spellings:
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


def matrix(dice: random.Random) -> Spellings:
    a, b, c, d = dice.sample(range(-9, 10), 4)

    def matrix(*rows: int, kind: str = "pmatrix") -> str:
        return f"\\begin{{{kind}}} {rows[0]} & {rows[1]} \\\\ {rows[2]} & {rows[3]} \\end{{{kind}}}"

    same = [matrix(a, b, c, d, kind="bmatrix"), matrix(a, b, c, d).replace(" ", ""), matrix(a, b, c, d)]
    other = [matrix(a, c, b, d), matrix(a, b, c, d + 1), matrix(-a - 1, b, c, d), matrix(d, b, c, a)]
    return matrix(a, b, c, d), same, other


def complex(dice: random.Random) -> Spellings:
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


def rational_function(dice: random.Random) -> Spellings:
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


def logarithm(dice: random.Random) -> Spellings:
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


def power(dice: random.Random) -> Spellings:
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


def exponential(dice: random.Random) -> Spellings:
    a, b = dice.randrange(2, 9), dice.randrange(2, 7)
    same = [f"{a}e^({b}x)", f"{a} \\cdot e^{{{b}x}}", f"{a}e^{{{b} x}}", f"e^{{{b}x}} \\cdot {a}", f"{a}*e^({b}*x)"]
    other = [
        f"{a}e^{{-{b}x}}",
        f"{a + 1}e^{{{b}x}}",
        f"{a}e^({b + 1}x)",
        f"{a} + e^{{{b}x}}",
        f"{a}e^{{{b}}}",
        f"-{a}e^({b}x)",
    ]
    return f"{a}e^{{{b}x}}", same, other


def column(dice: random.Random) -> Spellings:
    a, b, c = dice.sample(range(-9, 10), 3)

    def vector(*rows: int, kind: str = "pmatrix") -> str:
        return f"\\begin{{{kind}}} " + " \\\\ ".join(map(str, rows)) + f" \\end{{{kind}}}"

    same = [vector(a, b, c), vector(a, b, c, kind="bmatrix"), vector(a, b, c).replace(" ", "")]
    other = [vector(b, a, c), vector(a, b), vector(a, b, c + 1), vector(c, b, a), vector(a, b, c, 0)]
    return vector(a, b, c), same, other


def circle(dice: random.Random) -> Spellings:
    a, b, r = dice.randrange(1, 9), dice.randrange(1, 9), dice.randrange(2, 9)
    same = [
        f"(x - {a})² + (y + {b})² = {r * r}",
        f"(x-{a})^2+(y+{b})^2={r * r}",
        f"(y + {b})^2 + (x - {a})^2 = {r * r}\\,",
        f"(x - {a})^{{2}} + (y + {b})^{{2}} = {r}^2\\,",
    ]
    other = [
        f"(x + {a})^2 + (y + {b})^2 = {r * r}",
        f"(x - {a})^2 + (y + {b})^2 = {r}",
        f"(x - {a})² - (y + {b})² = {r * r}",
        f"(x - {a})^{{2}} + (y + {b + 1})^{{2}} = {r * r}\\,",
    ]
    return f"(x - {a})^2 + (y + {b})^2 = {r * r}", same, other


def two_variables(dice: random.Random) -> Spellings:
    a, b = dice.sample(range(2, 12), 2)
    same = [f"{a}ab - {b}b^2", f"{a}ab - {b}b²", f"b({a}a - {b}b)", f"-{b}b^2 + {a}ab", f"{a}a \\cdot b - {b}b^{{2}}"]
    other = [
        f"{a}ab + {b}b^2",
        f"{a}a^2b - {b}b^2",
        f"{b}ab - {a}b^2",
        f"{a}a - {b}b",
        f"{a}ab - {b}b^{{3}}\\,",
        f"b({a}a + {b}b)",
    ]
    return f"{a}ab - {b}b^2", same, other


def trigonometric(dice: random.Random) -> Spellings:
    a, b = dice.randrange(2, 9), dice.randrange(2, 7)
    same = [
        f"{a}sin({b}x)",
        f"{a}\\sin({b}x)",
        f"{a} \\cdot \\sin ({b}x)",
        f"{a} sin({b} x)",
        f"\\sin({b}x) \\cdot {a}",
    ]
    other = [
        f"{a}\\cos({b}x)",
        f"{b}sin({a}x)" if a != b else "sin(x)",
        f"-{a}\\sin({b}x)",
        f"{a}sin({b + 1}x)",
        f"{a}\\sin(x)",
    ]
    return f"{a}\\sin({b}x)", same, other


def nested_root(dice: random.Random) -> Spellings:
    a, b = dice.randrange(2, 9), dice.choice((2, 3, 5, 7))
    same = [
        f"√({a} + √{b})",
        f"\\sqrt{{\\sqrt{{{b}}} + {a}}}",
        f"sqrt({a} + sqrt({b}))",
        f"\\sqrt{{{a}+\\sqrt{b}}}",
        f"({a} + √{b})^(1/2)",
    ]
    other = [
        f"√({a} - √{b})",
        f"\\sqrt{{{a}}} + \\sqrt{{{b}}}",
        f"\\sqrt{{{a + b}}}",
        f"-\\sqrt{{{a} + \\sqrt{{{b}}}}}",
        f"{a} + √{b}",
    ]
    return f"\\sqrt{{{a} + \\sqrt{{{b}}}}}", same, other


def cubic(dice: random.Random) -> Spellings:
    a, b, c = (dice.randrange(2, 9) for _ in range(3))
    same = [
        f"{a}x³ - {b}x + {c}",
        f"{a}x^{{3}}-{b}x+{c}\\,",
        f"{c} - {b}x + {a}x^3",
        f"{a}x^3 + {c} - {b}x",
        f"{a}x**3 - {b}x + {c}",
    ]
    other = [
        f"{a}x³ + {b}x + {c}",
        f"{a}x^2 - {b}x + {c}",
        f"{a}x^{{3}}-{b}x-{c}\\,",
        f"{a + 1}x^3 - {b}x + {c}",
        f"{a}x^3 - {b}x^2 + {c}",
    ]
    return f"{a}x^3 - {b}x + {c}", same, other


def linear_equation(dice: random.Random) -> Spellings:
    a, b, c = dice.choice((2, 3, 5, 7)), dice.choice((11, 13, 17)), dice.randrange(1, 30)
    same = [
        f"{a}x + {b}y = {c}",
        f"{a}x+{b}y={c}",
        f"{a}x + {b}y - {c} = 0\\,",
        f"{b}y + {a}x = {c}",
        f"{2 * a}x + {2 * b}y = {2 * c}",
    ]
    other = [
        f"{a}x - {b}y = {c}",
        f"{b}x + {a}y = {c}",
        f"{a}x + {b}y = {c + 1}\\,",
        f"{a}x + {b}y = -{c}",
        f"{a}x + {b}y",
    ]
    return f"{a}x + {b}y = {c}", same, other


def golden(dice: random.Random) -> Spellings:
    a, b = dice.randrange(1, 9), dice.choice((2, 3, 5, 7, 11))
    same = [f"{a} - √{b}", f"-\\sqrt{{{b}}} + {a}", f"{a} - sqrt({b})", f"{a} -\\sqrt{{{b}}}", f"-√{b} + {a}"]
    other = [
        f"{a} + √{b}",
        f"\\sqrt{{{b}}} - {a}",
        f"{a}√{b}",
        f"{a + 1} - \\sqrt{{{b}}}",
        f"√({a} - {b})",
        f"-{a}\\sqrt{{{b}}}",
    ]
    return f"{a} - \\sqrt{{{b}}}", same, other


def tangent_line(dice: random.Random) -> Spellings:
    a, b = dice.choice((3, 5, 7)), dice.choice((2, 4, 8))
    c = dice.randrange(1, 9)
    same = [
        f"y = ({a}/{b})x - {c}",
        f"y = \\frac{{{a}}}{{{b}}}x - {c}",
        f"y = \\frac{{{a}x}}{{{b}}} - {c}",
        f"y = {a}x/{b} - {c}",
        f"y = -{c} + \\dfrac{{{a}}}{{{b}}}x",
        f"y = {a / b:g}x - {c}",
    ]
    other = [
        f"y = \\frac{{{b}}}{{{a}}}x - {c}",
        f"y = -\\frac{{{a}}}{{{b}}}x - {c}",
        f"y = ({a}/{b})x + {c}",
        f"y = \\frac{{{a}}}{{{b}}}x",
        f"y = {a}x - {c}",
        f"x = ({a}/{b})y - {c}",
    ]
    return f"y = \\frac{{{a}}}{{{b}}}x - {c}", same, other


def volume(dice: random.Random) -> Spellings:
    a, b = dice.choice((4, 8, 16, 32, 64)), dice.choice((3, 5, 7))
    same = [
        f"({a}/{b})π r³",
        f"\\frac{{{a}}}{{{b}}}\\pi r^3",
        f"{a}πr³/{b}",
        f"\\dfrac{{{a}\\pi r^{{3}}}}{{{b}}}",
        f"\\frac{{{a}}}{{{b}}} \\cdot \\pi \\cdot r^3",
    ]
    other = [
        f"\\frac{{{a}}}{{{b}}}\\pi r^2",
        f"({b}/{a})π r³",
        f"\\frac{{{a}}}{{{b}}} r^3",
        f"{a}π r³",
        f"-\\frac{{{a}}}{{{b}}}\\pi r^3",
        f"\\frac{{{a}}}{{{b}}}\\pi R^2",
    ]
    return f"\\frac{{{a}}}{{{b}}} \\pi r^3", same, other


def vector_of_roots(dice: random.Random) -> Spellings:
    a, b = dice.choice((2, 3, 5)), dice.choice((7, 11, 13))
    same = [
        f"(√{a}, -√{b})",
        f"\\left(\\sqrt{{{a}}}, -\\sqrt{{{b}}}\\right)",
        f"(sqrt({a}), -sqrt({b}))",
        f"(\\sqrt{a},-\\sqrt{{{b}}})",
    ]
    other = [
        f"(-√{b}, √{a})",
        f"\\left(\\sqrt{{{a}}}, \\sqrt{{{b}}}\\right)",
        f"({a}, -{b})",
        f"(√{b}, -√{a})",
        f"\\sqrt{{{a}}} - \\sqrt{{{b}}}",
    ]
    return f"(\\sqrt{{{a}}}, -\\sqrt{{{b}}})", same, other


def square_of_sum(dice: random.Random) -> Spellings:
    a, b = dice.randrange(2, 9), dice.randrange(2, 9)
    same = [
        f"({a}x + {b})²",
        f"({a}x+{b})^2",
        f"{a * a}x^2 + {2 * a * b}x + {b * b}",
        f"({b} + {a}x)^{{2}}\\,",
        f"({a}x + {b})({a}x + {b})",
    ]
    other = [
        f"({a}x - {b})²",
        f"({a}x + {b})^3",
        f"{a * a}x^2 + {b * b}",
        f"({b + 1} + {a}x)^{{2}}\\,",
        f"{a}x + {b}",
        f"({a}x + {b})({a}x - {b})",
    ]
    return f"({a}x + {b})^2", same, other


def pi_sum(dice: random.Random) -> Spellings:
    a, b = dice.randrange(2, 30), dice.randrange(2, 30)
    same = [f"{a} + {b}π", f"{b}\\pi + {a}", f"{a}+{b}\\pi", f"{b}π + {a} cm", f"{a} + {b}*pi"]
    other = [f"{a} - {b}π", f"{a}\\pi + {b + a}", f"{a + b}\\pi", f"{a} + {b}", f"{b}π", f"{a * b}π"]
    return f"{a} + {b}\\pi", same, other


def parabola(dice: random.Random) -> Spellings:
    a, h, k = dice.randrange(2, 6), dice.randrange(1, 6), dice.randrange(1, 9)
    same = [
        f"y = {a}(x - {h})² + {k}",
        f"y={a}(x-{h})^2+{k}",
        f"y = {a}x^2 - {2 * a * h}x + {a * h * h + k}",
        f"y = {k} + {a}(x-{h})^{{2}}\\,",
    ]
    other = [
        f"y = {a}(x + {h})² + {k}",
        f"y = {a}(x - {h})^2 - {k}",
        f"y = (x - {h})^2 + {k}",
        f"x = {a}(y - {h})^{{2}} + {k}\\,",
        f"y = {a}(x - {h}) + {k}",
    ]
    return f"y = {a}(x - {h})^2 + {k}", same, other
