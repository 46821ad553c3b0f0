"""The checks that run code: what they take for the code, what passes, and the reason where something does not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.checks import sandbox
from ownwords.checks._source import code_of, definitions
from ownwords.checks._workers import Pool
from ownwords.checks.named import SECONDS, named_checks
from ownwords.checks.panel import Panel
from ownwords.errors import RecipeError
from ownwords.recipe import CheckSection
from ownwords.records import Candidate, Example, Message, Verdict

needs_sandbox = pytest.mark.skipif(sandbox.kind() == "none", reason="there is no bubblewrap here")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(allow_unsafe_code=False)
    yield made
    made.close()


def judge(pool: Pool, name: str, text: str, reference: str = "", **params: Any) -> Verdict:
    section = CheckSection.model_validate({"timeout": 3.0, **params, "name": name})
    panel = Panel(named_checks([section], allow_code=False), pool=pool)
    (verdict,) = panel.judge(Example("id", (Message("user", "?"),), reference), Candidate(text)).values()
    return verdict


def fenced(source: str) -> str:
    return f"Here it is:\n```python\n{textwrap.dedent(source)}\n```\nDone."


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("Text\n\n```py\nx = 1\ny = 2\n```\nmore", "x = 1\ny = 2"),
        ("```\nx = 1\n```", "x = 1"),
        ("~~~python\nx = '```'\n~~~", "x = '```'"),
        ("````python\n'''\n```\n'''\n````", "'''\n```\n'''"),
        ("1. First:\n   ```python\n   def f():\n       pass\n   ```", "def f():\n    pass"),
        ("```Python\nx = 1", "x = 1"),
        ("```python title='a'\nx = 1\n```", "x = 1"),
        ("```bash\npip install x\n```\n```python\nx = 1\n```", "x = 1"),
        ("```\nnot this\n```\n```python\nx = 1\n```", "x = 1"),
        ("```python\ndef f(): return 1\n```\nUse it:\n```python\nprint(f())\n```", "def f(): return 1"),
        ("```python\ndef f(): return 1\n```\nBetter:\n```python\ndef f(): return 2\n```", "def f(): return 2"),
        ("```python\ndef f(): return 1\n```\n```python\ndef test(): assert f()\n```", "def f(): return 1"),
        ("<think>\n```python\nx = 0\n```\n</think>\n\n```python\nx = 1\n```", "x = 1"),
        ("x = 1", "x = 1"),
        ("  def f():\n      pass\n", "def f():\n    pass"),
    ],
)
def test_the_code_of_an_answer(answer: str, source: str) -> None:
    code = code_of(answer, frozenset({"f"}))
    assert code is not None
    assert code.source == source
    assert code.fenced == ("```" in answer or "~~~" in answer)


@pytest.mark.parametrize("answer", ["", " \n", "```bash\nls\n```", "```python\n```"])
def test_an_answer_without_code(answer: str) -> None:
    code = code_of(answer)
    assert code is None or not code.source


@given(st.text(st.sampled_from(list("`~ \npython\ud800é"))))
def test_any_text_has_code_or_none(text: str) -> None:
    code = code_of(text)
    assert code is None or isinstance(code.source, str)


@given(st.text(st.characters(exclude_characters="`~\r"), min_size=1))
def test_what_is_fenced_is_found(text: str) -> None:
    code = code_of(f"```python\n{text}\n```")
    assert code is not None
    assert code.source == textwrap.dedent(text)


def test_definitions_at_the_margin() -> None:
    assert definitions("def f(): pass\nasync  def g(): pass\nclass H:\n    def i(self): pass\n") == {"f", "g", "H"}


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("print('fine')", "ok"),
        ("import sys\nif __name__ == '__main__':\n    print('fine')\n    sys.exit(0)", "ok"),
        ("raise SystemExit", "ok"),
        ("import sys\nsys.exit(0)\nprint('more')", "exited_early"),
        ("import sys\nsys.exit(1)", "exited_early"),
        ("import os\nos._exit(0)", "exited_early"),
        ("exit()\nx = 1", "exited_early"),
        ("1 / 0", "crashed"),
        ("import os\nos.abort()", "crashed"),
        ("def f(:", "syntax_error"),
        ("x = '\x00'", "syntax_error"),
        ("x = '\ud800'", "syntax_error"),
        ("while True: pass", "timeout"),
        ("x = bytearray(10**11)", "memory"),
        ("while True: print('x' * 1000)", "output_limit"),
        ("input()", "crashed"),
    ],
)
def test_python_runs(pool: Pool, source: str, reason: str) -> None:
    verdict = judge(pool, "python_runs", fenced(source))
    assert (verdict.passed, verdict.reason) == (reason == "ok", reason), verdict


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize("text", ["", "I cannot help with that.", "```bash\nls\n```"])
def test_no_code(pool: Pool, text: str) -> None:
    for name, params in (("python_runs", {}), ("python_tests", {"tests": ""}), ("same_behaviour", {"inputs": [""]})):
        assert judge(pool, name, text, "x = 1", **params).reason == "no_code"


@needs_sandbox
def test_the_failing_line_is_told(pool: Pool) -> None:
    tests = "def check(f):\n    assert f(1) == 2\n    assert f(2) == 4\n\ncheck(double)"
    verdict = judge(pool, "python_tests", fenced("def double(x): return x + 1"), tests=tests)
    assert verdict.detail == "line 3 of the tests, 'assert f(2) == 4': AssertionError"
    verdict = judge(pool, "python_tests", fenced("def double(x):\n\n    return x.y"), tests=tests)
    assert verdict.reason == "tests_failed"
    assert "AttributeError: 'int' object has no attribute 'y' (raised in line 3 of the code)" in verdict.detail


#: Name, candidate, tests that it passes although they run in another process.
HONEST = [
    (
        "arguments that are changed",
        "def f(a, b, c): a.append(4); a[0].add(9); b['x'] = a; c.clear(); return a",
        "s = {1}; a, b, c = [s], {}, bytearray(b'x')\nassert f(a, b, c) is a\n"
        "assert a == [{1, 9}, 4] and a[0] is s and s == {1, 9} and b['x'] is a and c == b''",
    ),
    ("sorting in place", "def f(a): a.sort()", "a = [3, 1, 2]\nassert f(a) is None and a == [1, 2, 3]"),
    (
        "every plain value",
        "def f(x): return x",
        """
import collections, datetime, decimal, fractions, math
values = [None, True, 0, -7, 2**70, 1.5, float('inf'), 'ü\\ud800', b'\\x00', 1j, (1, (2,)), {1, 2}, frozenset({3}),
    range(1, 9, 2), {'a': [1]}, {(1, 2): {3: 4}}, decimal.Decimal('1.10'), fractions.Fraction(1, 3), [[]],
    int, ValueError,
    datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3), datetime.timedelta(1, 2, 3), Ellipsis,
    collections.deque([1], 3), collections.Counter('aab'), collections.OrderedDict(a=1)]
for value in values:
    assert f(value) == value and type(f(value)) is type(value), value
assert math.isnan(f(float('nan'))) and str(f(-0.0)) == '-0.0'
assert f(collections.defaultdict(list))['x'] == []
assert f(math) is math
deep = []
deep.append(deep)
assert f(deep)[0][0][0] is not None
""",
    ),
    (
        "classes",
        """
        class Stack:
            made = 0
            def __init__(self, items=()): self.items = list(items); Stack.made += 1
            def push(self, item): self.items.append(item); return self
            def __len__(self): return len(self.items)
            def __iter__(self): return iter(self.items)
            def __contains__(self, item): return item in self.items
            def __getitem__(self, place): return self.items[place]
            def __eq__(self, other): return isinstance(other, Stack) and self.items == other.items
            def __add__(self, other): return Stack(self.items + other.items)
            def __repr__(self): return f'Stack({self.items})'
            def __enter__(self): return self
            def __exit__(self, *error): self.items.clear()
            @classmethod
            def of(cls, *items): return cls(items)
            @property
            def top(self): return self.items[-1]
        class Better(Stack): pass
        """,
        """
s = Stack([1]).push(2)
assert len(s) == 2 and list(s) == [1, 2] and 2 in s and 3 not in s and s[0] == 1 and s.top == 2 and s
assert s == Stack.of(1, 2) and s != Stack() and s + Stack([3]) == Stack([1, 2, 3]) and not Stack()
assert repr(s) == 'Stack([1, 2])' and str(s) == 'Stack([1, 2])' and f'{s}' == repr(s)
assert isinstance(s, Stack) and isinstance(Better(), Stack) and issubclass(Better, Stack) and not isinstance(s, Better)
assert Stack.made >= 4
s.items = [7]
assert s.items == [7] and s.top == 7
with s as t:
    assert t is s
assert len(s) == 0 and Stack.__name__ == 'Stack'
try:
    s.top
except IndexError as error:
    assert 'range' in str(error)
else:
    assert False
assert s != 3 and s != [] and not s == [7]
""",
    ),
    (
        "exceptions",
        """
        class Wrong(ValueError):
            def __init__(self, text, code): super().__init__(text); self.code = code
        class Worse(Wrong): pass
        def f(kind):
            if kind == 0: raise Wrong('no', 7)
            if kind == 1: raise Worse('worse', 8)
            return {}[kind]
        """,
        """
for kind, expected in ((0, Wrong), (1, Worse), (1, Wrong), (1, ValueError), (2, KeyError)):
    try:
        f(kind)
    except expected as error:
        if kind < 2:
            assert error.code == 7 + kind and str(error) == ['no', 'worse'][kind]
        else:
            assert error.args == (2,)
    else:
        raise AssertionError(kind)
try:
    f(0)
except Worse:
    assert False
except Wrong:
    pass
""",
    ),
    (
        "functions that are handed over",
        "def f(g, items): return sorted(map(g, items))\ndef adder(n): return lambda x: x + n",
        "assert f(lambda x: -x, [1, 2]) == [-2, -1] and f(str, [2, 1]) == ['1', '2'] and f(adder(1), [1]) == [2]\n"
        "seen = []\nf(seen.append, []) and None\ndef g(x):\n    seen.append(x)\n    return x\n"
        "assert f(g, [3, 1]) == [1, 3] and seen == [3, 1]",
    ),
    (
        "objects that the tests define",
        "def f(node):\n  total = 0\n  while node:\n    total, node.seen, node = total + node.value, True, node.next\n"
        "  return total",
        "class Node:\n    def __init__(self, value, next=None): self.value, self.next = value, next\n"
        "n = Node(1, Node(2))\nassert f(n) == 3 and n.seen and n.next.seen",
    ),
    ("generators", "def f(n):\n    while n: yield n; n -= 1", "g = f(3)\nassert next(g) == 3 and list(g) == [2, 1]"),
    (
        "what is printed and read",
        "def f():\n    name = input('Name? ')\n    print('Hello', name)",
        "import builtins, contextlib, io, sys\nfrom unittest.mock import patch\nout = io.StringIO()\n"
        "with contextlib.redirect_stdout(out), patch('builtins.input', return_value='Ada'):\n    f()\n"
        "assert out.getvalue() == 'Hello Ada\\n'\nsys.stdin = io.StringIO('Bob\\n')\nout = io.StringIO()\n"
        "with contextlib.redirect_stdout(out):\n    f()\nassert out.getvalue() == 'Name? Hello Bob\\n'",
    ),
    (
        "names that tests define anew",
        "RATE = 2\ndef helper(x): return x\ndef f(x): return helper(x) * RATE",
        "assert f(3) == 6\nRATE = 5\nassert f(3) == 15\ndef helper(x): return x + 1\nassert f(3) == 20",
    ),
    (
        "names that code binds later",
        "total = 0\ndef f():\n    global total\n    total += 1",
        "f(); f()\nassert total == 2",
    ),
    (
        "its imports",
        "import math\nfrom collections import Counter",
        "assert math.floor(1.5) == 1 and Counter('a')['a'] == 1",
    ),
    (
        "derived plain values",
        "from collections import namedtuple\nfrom enum import IntEnum\nP = namedtuple('P', 'x y')\n"
        "class C(IntEnum):\n    A = 1\ndef f(): return P(1, 2)",
        "assert f() == (1, 2) and (1, 2) == f() and f().x == 1 and f() == P(1, 2) and f() < (2,)\n"
        "assert C.A == 1 and C.A + 1 == 2",
    ),
    (
        "dataclasses",
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    a: int",
        "assert D(1) == D(1) != D(2)",
    ),
    ("its own main part", "def f(): return 1\nif __name__ == '__main__':\n    f(input())", "assert f() == 1"),
    ("tests that leave when done", "def f(): return 1", "import sys\nassert f() == 1\nsys.exit(0)"),
    (
        "exits that tests expect",
        "import sys\ndef f(): sys.exit(3)",
        "try:\n    f()\nexcept SystemExit as e:\n    assert e.code == 3",
    ),
    (
        "functions with keywords",
        "def f(a, *, b=2, **c): return a, b, c",
        "assert f(1, b=3, d=[4]) == (1, 3, {'d': [4]})",
    ),
    ("deep recursion", "def f(n): return n and f(n - 1)", "assert f(900) == 0"),
    (
        "threads",
        "from concurrent.futures import *\ndef f(g):\n  with ThreadPoolExecutor() as p: return [*p.map(g, range(9))]",
        "assert f(lambda x: x * x) == [x * x for x in range(9)]",
    ),
    (
        "long values",
        "def f(x): return x[::-1]",
        "x = list(range(100_000))\nassert f(x) == x[::-1]\nassert f('ab' * 10**6)[0] == 'b'",
    ),
]


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize(("source", "tests"), [case[1:] for case in HONEST], ids=[case[0] for case in HONEST])
def test_honest_code_passes(pool: Pool, source: str, tests: str) -> None:
    verdict = judge(pool, "python_tests", fenced(source), tests=tests)
    assert verdict.passed, verdict


def test_a_parameter_that_is_needed_is_asked_for() -> None:
    with pytest.raises(RecipeError, match="python_tests needs the parameter tests"):
        named_checks([CheckSection(name="python_tests")], allow_code=False)


def test_the_default_time_counts_for_the_process_of_the_check() -> None:
    sections = [
        CheckSection.model_validate({"name": "python_tests", "tests": "", **more}) for more in ({}, {"timeout": 3.0})
    ]
    assert [check.seconds - SECONDS for check in named_checks(sections, allow_code=False)] == [20.0, 6.0]


@needs_sandbox
def test_a_name_of_pythons_own_is_the_candidates_where_the_reference_defines_it(pool: Pool) -> None:
    source, tests = fenced("def sum(a, b): return a + b"), "assert sum(2, 3) == 5"
    assert judge(pool, "python_tests", source, source, tests=tests).passed
    assert judge(pool, "python_tests", source, fenced("def add(a, b): pass"), tests=tests).reason == "tests_failed"


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def f(a, b): return {b, a}", "ok"),
        ("def f(b, c): return set([c, b])", "ok"),
        ("def f(a, b): return [a, b]", "different_output"),
        ("def f(a, b): return {float(a), b}", "different_output"),
        ("def f(a, b): raise ValueError", "different_output"),
        ("def f(a): return a", "different_output"),
        ("def g(a, b): return {a, b}", "no_function"),
        ("import sys\ndef f(a, b): sys.exit(0)", "exited_early"),
        ("def f(a, b):\n    while True: pass", "timeout"),
        ("def f(a, b", "syntax_error"),
    ],
)
def test_same_values(pool: Pool, source: str, reason: str) -> None:
    inputs = [[1, 2], [3, 3], [10, -1]]
    verdict = judge(
        pool, "same_behaviour", fenced(source), fenced("def f(a, b): return {a, b}"), inputs=inputs, function="f"
    )
    assert (verdict.passed, verdict.reason) == (reason == "ok", reason), verdict


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("n = int(input())\nprint('even' if n % 2 == 0 else 'odd')", "ok"),
        ("import sys\nfor line in sys.stdin: sys.stdout.write(['even', 'odd'][int(line) % 2])", "ok"),
        ("print('even')", "different_output"),
        ("n = int(input())\nprint('even' if n % 2 == 0 else 'odd')\nraise SystemExit(1)", "different_output"),
        ("while True: print('even')", "output_limit"),
        ("n = int(input(", "syntax_error"),
        ("import time\ntime.sleep(60)", "timeout"),
    ],
)
def test_same_output(pool: Pool, source: str, reason: str) -> None:
    reference = fenced("print(['even', 'odd'][int(input()) % 2])")
    verdict = judge(pool, "same_behaviour", fenced(source), reference, inputs=["2\n", "3\n"])
    assert (verdict.passed, verdict.reason) == (reason == "ok", reason), verdict


@needs_sandbox
def test_a_reference_that_fails(pool: Pool) -> None:
    right = fenced("def f(a): return a")
    assert judge(pool, "same_behaviour", right, "def f(", inputs=[[1]], function="f").reason == "reference_fails"
    assert judge(pool, "same_behaviour", right, "", inputs=[""]).reason == "reference_fails"


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("python_runs", {"timeout": 0}, "timeout of the check python_runs must be more than 0 seconds"),
        ("python_runs", {"timeout": -1.5}, "at most 3600, not -1.5"),
        ("python_tests", {"tests": "", "timeout": 3601}, "must be more than 0 seconds"),
        ("same_behaviour", {"inputs": [""], "timeout": 1e9}, "must be more than 0 seconds"),
        ("python_tests", {"tests": "x = 1\ndef f(:\n"}, r"tests of the check python_tests is no Python: .* \(line 2\)"),
        ("python_tests", {"tests": "return"}, r"is no Python: 'return' outside function \(line 1\)"),
        ("python_tests", {"tests": "x = '\0'"}, "is no Python: .*null byte"),
        ("python_tests", {"tests": "-" * 100_000 + "1"}, "is no Python"),
        ("same_behaviour", {"inputs": []}, "must be texts to read, or .* at least one"),
        ("same_behaviour", {"inputs": [[1], "1"]}, "must be texts to read"),
        ("same_behaviour", {"inputs": [1], "function": "f"}, "must be texts to read"),
    ],
)
def test_wrong_parameters_are_refused_when_the_recipe_is_read(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        named_checks([CheckSection.model_validate({**params, "name": name})], allow_code=False)


def test_warnings_about_the_tests_are_their_own() -> None:
    named_checks([CheckSection.model_validate({"name": "python_tests", "tests": "x = '\\d'"})], allow_code=False)


@needs_sandbox
@pytest.mark.parametrize(
    "text", ["(" * 10_000_000, "```python\n" * 1_000_000, "-" * 10_000_000, "x = 1\n" * 1_500_000, "\u202e" * 3_000_000]
)
@pytest.mark.slow
def test_long_candidates_get_a_verdict_in_time(pool: Pool, text: str) -> None:
    assert judge(pool, "python_runs", text).reason in {"no_code", "syntax_error", "timeout", "memory", "crashed", "ok"}
