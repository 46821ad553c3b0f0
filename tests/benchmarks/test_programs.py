"""Which program an answer stands for. Nothing here is run but the programs of the test itself."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.benchmarks._programs import continuation, fenced, program_of
from ownwords.checks._source import code_of

ABOVE = "import math\n\n\n"
HEAD = 'def area(r):\n    """Of a circle."""\n'
BODY = "    if r < 0:\n        return None\n    return math.pi * r ** 2\n"
WHOLE = HEAD + BODY
PROSE = "It's simple: the area isn't more than this."


def program(answer: str) -> str:
    return program_of(answer, {"area"}, above=ABOVE, head=HEAD)


def fence(source: str, mark: str = "python") -> str:
    return f"```{mark}\n{source}\n```"


def works(source: str) -> bool:
    """Whether the program defines the function, and it is right."""
    names: dict[str, Any] = {}
    try:
        exec(source, names)
        return names["area"](1) == names["math"].pi and names["area"](-1) is None
    except (Exception, SystemExit):  # noqa: BLE001 - whatever goes wrong, it does not work
        return False


RIGHT = {
    "fenced": fence(WHOLE),
    "fenced, not marked as Python": fence(WHOLE, ""),
    "fenced, never closed": f"```python\n{WHOLE}",
    "fenced, words around": f"Sure! {PROSE}\n\n{fence(WHOLE)}\n\n{PROSE}",
    "fenced in a list, indented": f"1. Look:\n\n{textwrap.indent(fence(WHOLE), '   ')}\n\n2. {PROSE}",
    "after thoughts that try something": f"<think>{fence('def area(r): return 3')}</think>{fence(WHOLE)}",
    "two fences, the second an example": f"{fence(WHOLE)}\n{PROSE}\n{fence('print(area(1))')}",
    "two fences, the second better": f"{fence('def area(r): return 3')}\nBetter:\n{fence(WHOLE)}",
    "with its own imports": fence(f"import math\nfrom math import pi\n\n{WHOLE}"),
    "with the future": fence(f"from __future__ import annotations\n\nimport math\n\n{WHOLE}"),
    "without the docstring": fence(f"def area(r):\n{BODY}"),
    "with another def after it": fence(f"{WHOLE}\n\ndef other(x):\n    return x\n"),
    "with another def before it": fence(f"def other(x):\n    return x\n\n\n{WHOLE}"),
    "with a decorator": fence(f"import functools\n\n@functools.lru_cache\n{WHOLE}"),
    "in a branch": fence(f"if True:\n{textwrap.indent(WHOLE, '    ')}\nelse:\n    area = None"),
    "as a lambda": fence("area = lambda r: None if r < 0 else math.pi * r ** 2"),
    "with prints that fail": fence(f"{WHOLE}\nprint(area('x'))\nprint(area(input()))\n"),
    "with tests that fail": fence(f"{WHOLE}\nassert area(1) == 4, 'four'\n"),
    "with a main guard": fence(f"{WHOLE}\nif __name__ == '__main__':\n    print(area(input()))\n"),
    "bare": WHOLE,
    "bare, words around": f"{PROSE}\n\n{WHOLE}\n\n{PROSE}\nNote: fast\n",
    "bare, with an import, words around": f"Here is the function:\n\nimport math\n{WHOLE}\n{PROSE}",
    "bare, with a constant": f"Here it is:\nTWO = 2\n{WHOLE.replace('** 2', '** TWO')}",
    "bare, prints after": f"{WHOLE}\nprint(area('x'))\n",
    "bare, from a sentence that begins like code": f"from this follows:\nimport antly, we see\n{WHOLE}",
    "body": BODY,
    "body, stripped": BODY.strip(),
    "body, without indentation": textwrap.dedent(BODY),
    "body, after an empty line": f"\n\n{BODY}",
    "body in a fence": fence(BODY),
    "body in a fence, stripped": fence(BODY.strip()),
    "body, then prints": f"{BODY}\nprint(area('x'))\n",
    "body, then another def": f"{BODY}\n\ndef other(x):\n    return x\n",
    "carriage returns": fence(WHOLE).replace("\n", "\r\n"),
}

WRONG = {
    "unfinished in the function": f"```python\n{WHOLE}".removesuffix(" ** 2\n") + " ** (2",
    "unfinished after the function": f"```python\n{WHOLE}\n\ndef test():\n    assert area(",
    "unfinished without a fence": WHOLE.removesuffix(" ** 2\n") + " ** (2",
    "wrong indentation in the function": fence(WHOLE.replace("    return math", "  return math")),
    "wrong indentation in the body": BODY.replace("    return math", "  return math"),
    "words": PROSE,
    "one word": "Sorry",
    "empty": "",
    "only white space": " \n\n",
    "only a comment": "    # nothing\n",
    "only a comment in a fence": fence("# nothing"),
    "an empty fence": fence(""),
    "another language": fence("function area(r) { return 3 }", "javascript"),
    "a method": fence("class Solution:\n" + textwrap.indent(WHOLE, "    ")),
    "only an example": fence("print(area(1))"),
    "only the end of a program": "exit(0)",
}


@pytest.mark.parametrize("form", RIGHT)
def test_what_somebody_would_copy_works(form: str) -> None:
    assert works(program(RIGHT[form])), program(RIGHT[form])


@pytest.mark.parametrize("form", WRONG)
def test_what_is_no_program_for_it_stays_none(form: str) -> None:
    assert not works(program(WRONG[form])), program(WRONG[form])


@pytest.mark.parametrize("form", ["words", "empty", "only white space", "an empty fence", "another language"])
def test_where_there_is_no_code_there_is_no_program(form: str) -> None:
    assert program(WRONG[form]) == ""


def test_the_prompts_code_is_above_and_the_answers_own_counts() -> None:
    source = program_of(
        fence("def half(x):\n    return 0\n\ndef f(x):\n    return half(x)"),
        {"f"},
        above="def half(x):\n    return x / 2\n",
    )
    names: dict[str, Any] = {}
    exec(source, names)
    assert names["f"](2) == 0


def test_what_stands_before_the_function_or_in_a_line_with_more_is_kept() -> None:
    source = "import sys\nsys.setrecursionlimit(9)\n\ndef area(r):\n    return 3\nprint(1); x = 2\nprint(3)\n\ny = 4"
    assert program_of(fence(source), {"area"}) == source.replace("\nprint(3)", "\n")


def test_without_the_function_a_program_fails_by_itself() -> None:
    """Python has a `sum`, and the answer has none."""
    local, method = "def total(n):\n    sum = 3\n    return sum", "class A:\n    def sum(self): pass"
    for source in ("print(sum([1]))", local, method):
        with pytest.raises(NameError, match="the answer does not define sum"):
            exec(program_of(fence(source), {"sum"}), {})
    exec(program_of(fence("from math import fsum as sum"), {"sum"}), {})


def test_without_a_head_a_body_is_no_program() -> None:
    assert program_of(BODY.strip(), {"area"}) == ""


@given(st.text(alphabet=st.sampled_from(list("ab`~ \n:=()def\"'#@>")), max_size=80))
def test_any_answer_gives_text(answer: str) -> None:
    assert isinstance(program(answer), str)
    assert isinstance(continuation(answer), str)


@pytest.mark.parametrize("source", ['x = """\n```\ninner\n```\n"""', "y = 1", 'z = "`````"', "# ~~~\nw = 2"])
def test_a_fence_holds_its_source_whatever_that_is(source: str) -> None:
    found = code_of(fenced(source), frozenset())
    assert found is not None
    assert (found.source, found.fenced) == (source, True)


def test_no_source_is_no_fence() -> None:
    assert fenced(" \n") == ""


def test_a_long_text_that_is_nearly_code_is_read_in_little_time() -> None:
    program("def area(r:\n" * 3000)
    program("x = 1\nit isn't\n" * 3000)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\n    return 1\n", "\n    return 1"),
        ("\n    return 1\n\ndef other():\n    pass", "\n    return 1\n"),
        ("\n    return 1\n\n\n# that is all", "\n    return 1\n\n"),
        ("\n    return 1\nclass A: pass", "\n    return 1"),
        ("\n    return 1\n@a\ndef f(): pass", "\n    return 1"),
        ("\n    return 1\nprint(2)", "\n    return 1"),
        ("\n    return 1\nif x: pass", "\n    return 1"),
        ("\n    return 1\nassert 1", "\n    return 1"),
        ("\n    return 1<|endoftext|>x", "\n    return 1"),
        ("\n    return 1\nExplanation: one", "\n    return 1"),
        ("\n\tif x:\n\n\t\treturn 1\n```\n", "\n\tif x:\n\n\t\treturn 1"),
        ("\n    # a comment\n    return 1", "\n    # a comment\n    return 1"),
        ("Sure:\n    return 1", ""),
        ("def f():\n    return 1", ""),
        ("\n#\n    return 1", ""),
        ("    return 1", "    return 1"),
        ("", ""),
    ],
)
def test_a_continuation_ends_where_the_harness_stops(text: str, kept: str) -> None:
    assert continuation(text) == kept


def test_the_stops_are_looked_for_one_after_the_other() -> None:
    assert continuation("\n    a = 1\nprint(a)\ndef f(): pass\nclass A: pass") == "\n    a = 1"
