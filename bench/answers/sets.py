"""Intervals, sets, points and roots of equations, as `expressions.py` wants them."""

from __future__ import annotations

import random

#: The reference in LaTeX; spellings of the same; of others. LaTeX is marked by a backslash.
Spellings = tuple[str, list[str], list[str]]


def interval(dice: random.Random) -> Spellings:
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


def ray(dice: random.Random) -> Spellings:
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


def union(dice: random.Random) -> Spellings:
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


def set(dice: random.Random) -> Spellings:
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


def point(dice: random.Random) -> Spellings:
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


def triple(dice: random.Random) -> Spellings:
    x, y, z = dice.sample(range(-15, 16), 3)
    same = [f"({x}, {y}, {z})", f"({x},{y},{z})", f"\\left({x}, {y}, {z}\\right)"]
    other = [f"({y}, {x}, {z})", f"({x}, {y}, {z - 1})", f"({x}, {y})", f"\\left({x}, {z}, {y}\\right)"]
    return f"({x}, {y}, {z})", same, other


def roots_of_equation(dice: random.Random) -> Spellings:
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


def half_open_union(dice: random.Random) -> Spellings:
    a = dice.randrange(-9, 0)
    b, c = a + dice.randrange(1, 5), a + dice.randrange(6, 12)
    same = [
        f"[{a}, {b}) ∪ ({c}, ∞)",
        f"\\left[{a}, {b}\\right) \\cup \\left({c}, \\infty\\right)",
        f"[{a},{b})\\cup({c},\\infty)",
    ]
    other = [
        f"({a}, {b}) \\cup ({c}, \\infty)",
        f"[{a}, {b}] \\cup ({c}, \\infty)",
        f"[{a}, {b}) ∪ [{c}, ∞)",
        f"[{a}, {b})",
        f"[{a}, {b}) ∪ (-∞, {c})",
    ]
    return f"[{a}, {b}) \\cup ({c}, \\infty)", same, other


def plus_minus(dice: random.Random) -> Spellings:
    value = dice.randrange(2, 40)
    same = [
        f"x = ±{value}",
        f"\\pm {value}",
        f"x = {value} or x = -{value}",
        f"x = -{value}, x = {value}",
        f"\\{{-{value}, {value}\\}}",
    ]
    other = [
        f"x = {value}",
        f"x = -{value}",
        f"x = \\pm {value + 1}",
        f"x = {value} or x = -{value + 1}",
        f"\\{{{value}\\}}",
    ]
    return f"x = \\pm {value}", same, other


def fractions_in_a_set(dice: random.Random) -> Spellings:
    a, b = dice.sample((1, 2, 4, 5, 7, 8), 2)
    same = [
        f"\\left\\{{\\frac{{{a}}}{{3}}, -\\frac{{{b}}}{{9}}\\right\\}}",
        f"{{{a}/3, -{b}/9}}",
        f"{{-{b}/9, {a}/3}}",
        f"\\{{-\\tfrac{b}9, \\tfrac{a}3\\}}",
    ]
    other = [
        f"\\{{\\frac{{{a}}}{{3}}, \\frac{{{b}}}{{9}}\\}}",
        f"{{{a}/3}}",
        f"{{3/{a}, -{b}/9}}",
        f"\\{{\\frac{{{a}}}{{3}}, -\\frac{{{b}}}{{9}}, 1\\}}",
    ]
    return f"\\{{\\frac{{{a}}}{{3}}, -\\frac{{{b}}}{{9}}\\}}", same, other


def double_inequality(dice: random.Random) -> Spellings:
    low = dice.randrange(-9, 9)
    high = low + dice.randrange(2, 9)
    same = [
        f"{low} ≤ x ≤ {high}",
        f"{low} \\leq x \\leq {high}",
        f"[{low}, {high}]",
        f"{low} <= x <= {high}",
        f"x \\in \\left[{low}, {high}\\right]",
    ]
    other = [
        f"{low} < x < {high}",
        f"{low} \\le x < {high}",
        f"({low}, {high}]",
        f"{low} ≤ x ≤ {high + 1}",
        f"x \\ge {low}",
        f"{low} ≥ x",
    ]
    return f"{low} \\le x \\le {high}", same, other


def points_in_a_set(dice: random.Random) -> Spellings:
    a, b, c, d = dice.sample(range(-9, 10), 4)
    same = [
        f"({a}, {b}) and ({c}, {d})",
        f"\\{{({c}, {d}), ({a}, {b})\\}}",
        f"{{({a}, {b}), ({c}, {d})}}",
        f"\\left({a}, {b}\\right), \\left({c}, {d}\\right)",
    ]
    other = [
        f"({b}, {a}) and ({c}, {d})",
        f"\\{{({a}, {b})\\}}",
        f"({a}, {b})",
        f"({a}, {d}), ({c}, {b})",
        f"\\{{({a}, {b}), ({c}, {d + 1})\\}}",
    ]
    return f"\\{{({a}, {b}), ({c}, {d})\\}}", same, other


def all_but(dice: random.Random) -> Spellings:
    hole = dice.randrange(-9, 10)
    same = [
        f"(-∞, {hole}) ∪ ({hole}, ∞)",
        f"x \\neq {hole}",
        f"x ≠ {hole}",
        f"\\left(-\\infty, {hole}\\right)\\cup\\left({hole}, \\infty\\right)",
    ]
    other = [
        f"(-∞, {hole}] ∪ ({hole}, ∞)",
        f"x = {hole}",
        f"x \\ne {hole + 1}",
        f"(-\\infty, {hole})",
        f"(-∞, {hole - 1}) ∪ ({hole}, ∞)",
        "(-∞, ∞)",
    ]
    return f"(-\\infty, {hole}) \\cup ({hole}, \\infty)", same, other


def three_roots(dice: random.Random) -> Spellings:
    a, b, c = sorted(dice.sample(range(-9, 20), 3))
    same = [
        f"x = {a}, x = {b}, x = {c}",
        f"\\{{{c}, {a}, {b}\\}}",
        f"x = {c}, x = {a}, or x = {b}",
        f"x \\in \\{{{a}, {b}, {c}\\}}",
    ]
    other = [f"x = {a}, x = {b}", f"\\{{{a}, {b}\\}}", f"x = {a}, x = {b}, x = {c + 1}", f"\\{{{a - 1}, {b}, {c}\\}}"]
    return f"x = {a}, x = {b}, x = {c}", same, other


def bounded_above(dice: random.Random) -> Spellings:
    end = dice.randrange(-20, 20)
    same = [
        f"x ≤ {end}",
        f"(-∞, {end}]",
        f"x \\leq {end}",
        f"\\left(-\\infty, {end}\\right]",
        f"{end} ≥ x",
        f"x <= {end}",
    ]
    other = [
        f"x < {end}",
        f"(-∞, {end})",
        f"x \\geq {end}",
        f"x ≤ {end + 1}",
        f"\\left[{end}, \\infty\\right)",
        f"x = {end}",
    ]
    return f"x \\le {end}", same, other
