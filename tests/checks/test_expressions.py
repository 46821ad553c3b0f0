"""Answers that are more than a number, through the check as a run calls it: here where cheap, else in a worker."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ownwords.checks._algebra import _MOST_MEMORY, _limited_memory, same_expression
from ownwords.checks._expressions import LONGEST, expression_in
from ownwords.checks.base import NotHereError
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel
from ownwords.recipe import CheckSection
from ownwords.records import Candidate, Example, Message, Verdict

EXAMPLE = Example("id", (Message("user", "?"),), r"\boxed{x^2}")

READ = [
    ("2√3", r"2\sqrt{3}"),
    ("2*sqrt(3)", r"2\cdot \sqrt{3}"),
    (r"$2\sqrt3$ cm", r"2\sqrt{3}"),
    ("(-∞, 5]", r"(-\infty ,5]"),
    (r"\left(-\infty, 5\right]", r"(-\infty ,5]"),
    ("the interval [2, 5)", "[2,5)"),
    (r"\frac12", r"\frac{1}{2}"),
    ("3/4", r"\frac{3}{4}"),
    ("0.25x", r"\frac{25}{100}x"),
    ("x² + 1", "x^{2}+1"),
    ("x^10", "x^{10}"),
    ("x^(1/2)", r"x^{\frac{1}{2}}"),
    ("9^9^9", "9^{9^{9}}"),
    (r"x = 1 \text{ or } x = 2", "x=1;x=2"),
    (r"$x = 1$ and $y = 2$", "x=1,y=2"),
    (r"\{3, 1\}", r"\{3,1\}"),
    ("{3, 1}", r"\{3,1\}"),
    (r"2\pi \approx 6.28", r"2\pi"),
    (r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    ("the shop on the corner", None),
    ("2 + something", None),
    ("x = ", None),
    ("", None),
]

SAME = [
    (r"\boxed{x^2+2x+1}", r"The answer is $(x+1)^2$."),
    (r"\boxed{2\sqrt{3}}", "So it is √12, and the answer is √12."),
    (r"\boxed{\frac{\pi}{2}}", r"\boxed{0.5\pi}"),
    (r"$(2, 5]$", r"The solution is $2 < x \le 5$."),
    (r"$\{1, 2, \sqrt{9}\}$", "Answer: {3, 2, 1}"),
    (r"$(1, \sqrt{4})$", "The answer is (1, 2)."),
    (r"\boxed{y = 2x + 1}", "The answer is 1 + 2x = y."),
    (r"\boxed{\pm 3}", "x = 3 or x = -3"),
    (r"$\begin{pmatrix} 1 & \frac{4}{2} \\ 0 & 1 \end{pmatrix}$", r"\boxed{\begin{bmatrix}1&2\\0&1\end{bmatrix}}"),
    (r"\boxed{x \ge 5}", "The answer is [5, ∞)."),
]
DIFFERENT = [
    (r"\boxed{x^2+2x+1}", r"The answer is $(x-1)^2$."),
    (r"\boxed{2\sqrt{3}}", "The answer is 3.464."),
    (r"$(2, 5]$", "The answer is [2, 5)."),
    (r"$(2, 5]$", "The answer is [2, 5]."),
    (r"\boxed{(3, \infty)}", r"**Final Answer:** \([3, \infty)\)"),
    (r"$(2, 5)$", r"The answer is $\{2, 5\}$."),
    (r"$\{1, 2\}$", "Answer: {1, 2, 3}"),
    (r"$(1, 2)$", "The answer is (2, 1)."),
    (r"\boxed{y = 2x + 1}", "The answer is y = 2x - 1."),
    (r"\boxed{\pi \times 10^{-30}}", r"\boxed{2\pi \times 10^{-30}}"),
    (r"\boxed{x > 5}", r"The answer is $x \ge 5$."),
    (r"\boxed{x + 1}", "First I had $x + 1$. The answer is $x + 2$."),
    (r"\boxed{x + 1}", "The answer is $x + 1$. Wait, I made a mistake. The answer is $x + 2$."),
]

#: What takes all time or memory where it is worked out.
MONSTROUS = [
    r"9^{9^{9^{9}}}",
    "9^9^9^9",
    "(((9^{50})^{50})^{50})^{50}",
    "100000000!",
    "((20!)!)!",
    "(x+1)^{4000}",
    r"\binom{10^9}{5000}",
    "1" * 390,
    "{" * 390,
    "(" * 190 + "1" + ")" * 190,
    r"\sqrt{" * 60 + "2" + "}" * 60,
    r"\frac{1}{" * 30 + "x" + "}" * 30,
    "x^{" * 60 + "2" + "}" * 60,
    r"\sin(" * 15 + "x" + ")" * 15,
    "(x+y+z+a+b)^{50}(x+y+z+a+c)^{49}",
    "x" + "+x^2" * 70,
    "٣٤٥ + x^٢",
    "\udcff^{\udcff} + x",
    "\u202e x^2 + 1 \u202c",
    "x^2+\x00",
]


@pytest.fixture(scope="module")
def panel() -> Iterator[Panel]:
    checks = named_checks([CheckSection(name="final_answer")], allow_code=False)
    opened = Panel([replace(checks[0], seconds=3.0)])  # a monster need not have all the time
    yield opened
    opened.close()


def judge(panel: Panel, reference: str, candidate: str) -> Verdict:
    example = Example("id", (Message("user", "?"),), reference)
    return panel.judge(example, Candidate(candidate))["final_answer"]


@pytest.mark.parametrize(("text", "latex"), READ)
def test_an_expression_is_read_into_one_form(text: str, latex: str | None) -> None:
    assert expression_in(text) == latex


@pytest.mark.slow
@pytest.mark.parametrize(("reference", "candidate"), SAME)
def test_the_same_expression_passes(panel: Panel, reference: str, candidate: str) -> None:
    assert judge(panel, reference, candidate).reason == "ok"


@pytest.mark.parametrize(("reference", "candidate"), DIFFERENT)
def test_another_expression_fails(panel: Panel, reference: str, candidate: str) -> None:
    assert judge(panel, reference, candidate).reason == "wrong_answer"


@pytest.mark.parametrize("monster", MONSTROUS, ids=range(len(MONSTROUS)))
def test_a_monstrous_expression_gets_a_verdict_in_time(panel: Panel, monster: str) -> None:
    began = time.monotonic()
    verdict = judge(panel, r"\boxed{x^2 + 1}", f"The answer is ${monster}$.")
    assert verdict.reason in ("wrong_answer", "no_answer", "check_timeout", "check_crashed")
    judge(panel, f"\\boxed{{{monster}}}", r"The answer is $x^2 + 2$.")
    assert time.monotonic() - began < 30
    assert judge(panel, r"\boxed{x + 1}", "The answer is $1 + x$.").passed


@pytest.mark.slow
@pytest.mark.parametrize("monster", ["{", r"\boxed{x^2+1} ", "$x$ ", "x^2+1\n"])
def test_ten_megabytes_of_formulas_get_a_verdict_in_time(panel: Panel, monster: str) -> None:
    began = time.monotonic()
    judge(panel, r"\boxed{x^2 + 3}", monster * (10_000_000 // len(monster)))
    assert time.monotonic() - began < 15


MAPS_MUCH = """
import mmap
from ownwords.records import Verdict

KEPT = []

def maps(example, candidate):
    KEPT.append(mmap.mmap(-1, 5 << 30, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))
    return Verdict(True, "ok", str(len(KEPT)))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a limit of the address space")
def test_algebra_has_memory_in_a_process_in_which_another_check_has_mapped_much(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MAPS_MUCH, encoding="utf-8")
    sections = [CheckSection(name=f"{tmp_path}/mine.py:maps"), CheckSection(name="final_answer")]
    opened = Panel(named_checks(sections, allow_code=True))
    try:
        for number in range(1, 4):
            verdicts = opened.judge(EXAMPLE, Candidate(f"The answer is $(x+{number})^2 - {number}^2 - {2 * number}x$."))
            assert [verdict.reason for verdict in verdicts.values()] == ["ok", "ok"]
    finally:
        opened.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a limit of the address space")
def test_memory_is_limited_while_algebra_works_and_no_longer() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    with _limited_memory():
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        assert soft > _MOST_MEMORY
        assert hard == before[1]
        with pytest.raises(MemoryError):
            bytearray(_MOST_MEMORY + (1 << 28))
        assert len(bytearray(1 << 24)) == 1 << 24
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_algebra_is_left_to_worker_processes() -> None:
    assert same_expression(r"\{1,2\}", r"\{2,1\}")
    assert not same_expression(r"(1,2)", r"(1,2]")
    assert not same_expression("9^{9^{9}}", "x")
    with pytest.raises(NotHereError):
        same_expression("x+1", "1+x")


TOKENS = ["x", "y", "2", "10", "+", "-", "^", "{", "}", "(", ")", "[", "]", ",", "=", "<", " ", "/", "!", "|", "√", "π"]
TOKENS += [r"\frac", r"\sqrt", r"\pi", r"\{", r"\}", r"\le", r"\cup", r"\infty", "∞", "²", "$", r"\text{ or }"]
TOKENS += ["or", "\\"]
TOKENS += [r"\begin{pmatrix}", r"\end{pmatrix}", "&", r"\\", ".5", "1,000", "\udcff", "٣"]


@given(st.lists(st.sampled_from(TOKENS), max_size=30).map("".join))
def test_what_is_read_is_bounded_and_its_braces_are_balanced(text: str) -> None:
    latex = expression_in(text, is_formula=True)
    if latex is not None:
        assert 0 < len(latex) <= LONGEST
        assert latex.count("{") == latex.count("}")


@given(st.lists(st.sampled_from(TOKENS), max_size=30).map("".join))
def test_an_expression_is_the_same_as_itself_and_structure_decides_both_ways_alike(text: str) -> None:
    latex = expression_in(text)
    if latex is not None:
        assert same_expression(latex, latex)


@settings(max_examples=60)
@given(st.lists(st.integers(-99, 99), min_size=2, max_size=6, unique=True))
def test_a_set_has_no_order_and_a_point_has(values: list[int]) -> None:
    turned = [*values[1:], values[0]]
    one, other = (",".join(map(str, row)) for row in (values, turned))
    assert same_expression(f"\\{{{one}\\}}", f"\\{{{other}\\}}")
    assert not same_expression(f"({one})", f"({other})")
    assert same_expression(f"({one})", one)
