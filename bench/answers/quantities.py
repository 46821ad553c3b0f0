r"""Decimals, fractions, percent, money, negative and large numbers: one value in several honest spellings, and others.

`50 %` and `0.5` are not mixed here: `ownwords.checks._numbers` decides what a percent sign means.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction

from bench.answers.case import Case, draw
from bench.answers.phrases import LATEX_HELD_OUT, LATEX_RIGHT, PLAIN_HELD_OUT, PLAIN_RIGHT, TWO_ANSWERS, TWO_HELD_OUT

#: The reference's spelling, others of the same value, and spellings of other values. LaTeX is marked by a backslash.
Spellings = tuple[str, list[str], list[str]]

COUNT = 420


def cases(dice: random.Random) -> Iterator[Case]:
    """One right and one wrong candidate each time."""
    for _ in range(COUNT):
        kind, drawn = draw(KINDS, KINDS_HELD_OUT, dice, "quantity")
        reference, same, other = kind(dice)
        for right, spellings in ((True, same), (False, other)):
            spelling = dice.choice(spellings)
            lists = (LATEX_RIGHT, LATEX_HELD_OUT) if "\\" in spelling else (PLAIN_RIGHT, PLAIN_HELD_OUT)
            phrase, how = draw(*lists, dice, "phrase")
            candidate = phrase.replace("@", spelling)
            if not right and dice.random() < 0.3:
                phrase, how = draw(TWO_ANSWERS, TWO_HELD_OUT, dice, "two answers")
                candidate = phrase.replace("@", reference).replace("~", spelling)
            yield Case(
                "quantities",
                f"{drawn.name}, {how.name}",
                f"The answer is {reference}.",
                candidate,
                right,
                drawn.held_out or how.held_out,
            )


def _money(dice: random.Random) -> Spellings:
    cents = dice.randrange(101, 999_999)
    whole, part = divmod(cents, 100)
    value = f"{whole}.{part:02d}"
    same = [
        f"${value}",
        f"${whole:,}.{part:02d}",
        f"{value} dollars",
        f"\\${value}",
        f"USD {value}",
        f"${value} in total",
    ]
    other = [
        f"${cents}",
        f"-${value}",
        f"${whole}.{(part + 7) % 100:02d}",
        f"${whole + 1:,}.{part:02d}",
        f"${value} million",
    ]
    return value, same, other


def _fraction(dice: random.Random) -> Spellings:
    value = Fraction(dice.randrange(1, 40), dice.choice((3, 4, 5, 7, 8, 9, 11, 12)))
    if value.denominator == 1:
        value += Fraction(1, 3)
    top, bottom = value.numerator, value.denominator
    same = [f"\\frac{{{top}}}{{{bottom}}}", f"{top}/{bottom}", f"\\dfrac{{{top}}}{{{bottom}}}", f"{top} / {bottom}"]
    same += [f"{2 * top}/{2 * bottom}", f"\\tfrac{{{top}}}{{{bottom}}}", f"{top}/{bottom} of the whole"]
    if top > bottom:
        same += [f"{top // bottom} {top % bottom}/{bottom}", f"{top // bottom}\\frac{{{top % bottom}}}{{{bottom}}}"]
    other = [
        f"-\\frac{{{top}}}{{{bottom}}}",
        f"{top + bottom}/{bottom}",
        f"\\frac{{{top}}}{{{bottom + 1}}}",
        f"{top}{bottom}",
    ]
    other += (
        [f"-{top}/{bottom}", f"{float(value):.2f}"] if bottom in (3, 7, 9, 11) else [f"\\frac{{{top + 1}}}{{{bottom}}}"]
    )
    return f"{top}/{bottom}", same, other


def _decimal(dice: random.Random) -> Spellings:
    thousandths = dice.randrange(1, 99_999)
    value = f"{thousandths / 1000:.3f}"
    short = value.rstrip("0").rstrip(".")
    same = [short, value, f"{value}0", f"{short} kg", f"{short} meters", f"exactly {short}", f"\\text{{{short}}}"]
    if thousandths < 1000:
        same.append(f".{thousandths:03d}")
    other = [f"-{short}", f"{thousandths / 100:.2f}", f"{thousandths / 10000:.4f}", f"{(thousandths + 1) / 1000:.3f}"]
    other += [f"{short} million", f"{thousandths + 1000}"]
    return value, same, other


def _percent(dice: random.Random) -> Spellings:
    value = dice.choice([f"{dice.randrange(2, 100)}", f"{dice.randrange(21, 999) / 10}"])
    same = [f"{value}%", f"{value} %", f"{value} percent", f"{value}\\%", f"{value} per cent of them", f"{value}"]
    other = [f"-{value}%", f"{float(value) + 10:g}%", f"{float(value) * 10:g}%", f"{100.5 - float(value):g} percent"]
    return f"{value}%", same, other


def _negative(dice: random.Random) -> Spellings:
    value = dice.randrange(1, 5000)
    same = [f"-{value}", f"−{value}", f"negative {value}", f"minus {value}", f"-{value} degrees", f"-{value:,}"]
    same += [f"-{value}.0", f"\\text{{-{value}}}"]
    other = [f"{value}", f"+{value}", f"{value} degrees", f"-{value + 1}", f"-{value * 10}", f"-(-{value})"]
    return f"-{value}", same, other


def _large(dice: random.Random) -> Spellings:
    millions = dice.randrange(2, 900)
    value = millions * 10**6
    same = [f"{value:,}", f"{millions} million", f"{value}", f"{millions}{{,}}000{{,}}000\\text{{ people}}"]
    same += [
        f"{millions / 10:g} × 10^7",
        f"{millions / 10:g} \\times 10^7",
        f"{millions}e6",
        f"{millions} 000 000".replace(" ", "\u202f"),
    ]
    other = [f"{millions}", f"{millions} thousand", f"{millions} billion", f"{millions},000", f"{millions + 1} million"]
    other += [f"{millions} \\times 10^7", f"-{value:,}"]
    return f"{value:,}", same, other


def _mixed(dice: random.Random) -> Spellings:
    whole, half = dice.randrange(1, 60), dice.choice((("½", "1/2", ".5"), ("¼", "1/4", ".25"), ("¾", "3/4", ".75")))
    sign, part, decimals = half
    top, bottom = part.split("/")
    same = [f"{whole}{sign}", f"{whole} {part}", f"{whole}{decimals}", f"{whole} \\frac{{{top}}}{{{bottom}}}"]
    same += [f"{whole * int(bottom) + int(top)}/{bottom}", f"{whole} {part} hours", f"{whole}{decimals} cups"]
    other = [
        f"{whole}",
        f"{whole}.2",
        f"{whole + 1} {part}",
        f"-{whole}{sign}",
        f"{whole}{part}",
        f"{whole} \\frac{{1}}{{8}}",
    ]
    return f"{whole} {part}", same, other


def _unit(dice: random.Random) -> Spellings:
    value, unit = (
        dice.randrange(2, 3000),
        dice.choice(("cm", "km/h", "square feet", "m^2", "kg", "hours", "liters", "°C")),
    )
    same = [
        f"{value} {unit}",
        f"{value}",
        f"{value:,} {unit}",
        f"{value}.0 {unit}",
        f"{value}\\text{{ {unit.replace('^2', '²')}}}",
    ]
    same += [f"{value}\\,\\mathrm{{ cm}}", f"about {value} {unit}"]
    other = [
        f"{value + 2} {unit}",
        f"-{value} {unit}",
        f"{value * 10} {unit}",
        f"{value} thousand {unit}",
        f"{value / 1000} {unit}",
    ]
    return f"{value} {unit}", same, other


def _other_currency(dice: random.Random) -> Spellings:
    cents = dice.randrange(101, 99_999)
    value = f"{cents / 100:.2f}"
    sign = dice.choice("€£₹")
    same = [f"{sign}{value}", f"{value} {sign}", f"{value}", f"{sign} {value}", f"{sign}{value} per month"]
    other = [
        f"{sign}{cents}",
        f"{sign}{cents / 100 + 1:.2f}",
        f"-{sign}{value}",
        f"{sign}{cents / 1000:.3f}",
        f"{value} million",
    ]
    return f"{sign}{value}", same, other


def _small(dice: random.Random) -> Spellings:
    digits, power = dice.randrange(11, 99), dice.randrange(3, 8)
    value = f"{digits / 10:g}"
    plain = f"{digits * 10 ** -(power + 1):.{power + 1}f}"
    same = [f"{value} × 10^-{power}", f"{value} \\times 10^{{-{power}}}", f"{value}e-{power}", plain, f"{plain} m"]
    other = [
        f"{value} × 10^{power}",
        f"{value} \\times 10^{{-{power + 1}}}",
        value,
        f"-{plain}",
        f"{value}e-{power - 1}",
    ]
    return f"{value} \\times 10^{{-{power}}}", same, other


def _negative_decimal(dice: random.Random) -> Spellings:
    value = f"{dice.randrange(11, 999) / 10:.1f}"
    same = [f"-{value}", f"−{value}", f"negative {value}", f"-{value}0", f"-{value} °C", f"-{value}\\text{{ m/s}}"]
    other = [value, f"-{value}5", f"-{value.replace('.', '')}", f"{value} degrees", f"+{value}"]
    return f"-{value}", same, other


def _thousands(dice: random.Random) -> Spellings:
    value = dice.randrange(2, 99) * 500
    same = [
        f"{value:,}",
        f"{value / 1000:g} thousand",
        f"{value / 1000:g}k",
        f"{value}",
        f"${value:,}",
        f"{value:,}.00",
    ]
    other = [f"{value / 1000:g}", f"{value / 1000:g} million", f"{value * 10:,}", f"-{value:,}", f"{value + 500:,}"]
    return f"{value:,}", same, other


def _speed(dice: random.Random) -> Spellings:
    value = f"{dice.randrange(11, 999) / 10:.1f}"
    same = [
        f"{value} m/s",
        f"{value}\\text{{ m/s}}",
        f"{value}\\,\\frac{{\\text{{m}}}}{{\\text{{s}}}}",
        f"{value}",
        f"{value} m/s^2",
        f"{value} meters per second",
    ]
    other = [f"-{value} m/s", f"{value}5 m/s", f"{value.replace('.', '')} m/s", f"{float(value) + 1:.1f}\\text{{ m/s}}"]
    return f"{value} m/s", same, other


def _area(dice: random.Random) -> Spellings:
    value = dice.randrange(2, 900)
    same = [
        f"{value} m²",
        f"{value} m^2",
        f"{value}\\text{{ m}}^2",
        f"{value} square meters",
        f"{value}\\ \\mathrm{{m^2}}",
        f"{value} sq. m",
    ]
    other = [
        f"{value + 1} m²",
        f"-{value} m^2",
        f"{value * 100}\\text{{ m}}^2",
        f"{value}.5 square meters",
        f"{value}{dice.randrange(1, 9)} m²",
    ]
    return f"{value} square meters", same, other


def _improper(dice: random.Random) -> Spellings:
    bottom = dice.choice((2, 4, 5, 8))
    top = dice.randrange(1, 40) * bottom + 1
    decimal = f"{top / bottom:g}"
    same = [
        decimal,
        f"{top}/{bottom}",
        f"\\frac{{{top}}}{{{bottom}}}",
        f"\\frac{top}{{{bottom}}}" if top < 10 else decimal,
        f"{decimal}0",
        f"{top} / {bottom} hours",
    ]
    other = [
        f"{bottom}/{top}",
        f"-{decimal}",
        f"\\frac{{{top}}}{{{bottom * 2}}}",
        f"{top}",
        f"{top / bottom + 1:g}",
        f"{top + 1}/{bottom}",
    ]
    return f"\\frac{{{top}}}{{{bottom}}}", same, other


KINDS: list[Callable[[random.Random], Spellings]] = [
    _money,
    _fraction,
    _mixed,
    _decimal,
    _percent,
    _large,
    _negative,
    _unit,
    _other_currency,
    _small,
    _negative_decimal,
    _thousands,
    _speed,
    _area,
    _improper,
]


# Written last: see `bench.checks_answers` about what is held out.


def _temperature(dice: random.Random) -> Spellings:
    value = dice.randrange(-40, 0)
    same = [
        f"{value}°C",
        f"{value} °C",
        f"{value}^\\circ\\text{{C}}",
        f"{value} degrees Celsius",
        f"−{-value}°",
        f"minus {-value} degrees",
    ]
    other = [
        f"{-value}°C",
        f"{value - 1} °C",
        f"{value}.5^\\circ\\text{{C}}",
        f"{-value} degrees Celsius",
        f"{value * 10}°",
    ]
    return f"{value}°C", same, other


def _ratio_of_integers(dice: random.Random) -> Spellings:
    a, b = dice.randrange(1, 9), dice.choice((11, 13, 17, 19))
    same = [
        f"{a}/{b}",
        f"\\frac{{{a}}}{{{b}}}",
        f"\\frac{{{3 * a}}}{{{3 * b}}}",
        f"{a} / {b}",
        f"\\left(\\frac{{{a}}}{{{b}}}\\right)",
    ]
    other = [f"{b}/{a}", f"\\frac{{{a}}}{{{b + 1}}}", f"-{a}/{b}", f"{a / b:.3f}", f"\\frac{{{a + 1}}}{{{b}}}", f"{a}"]
    return f"\\frac{{{a}}}{{{b}}}", same, other


KINDS_HELD_OUT: list[Callable[[random.Random], Spellings]] = [_temperature, _ratio_of_integers]
