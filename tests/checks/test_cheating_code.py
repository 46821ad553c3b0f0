"""Code that wants to pass its tests without being right: it does not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from ownwords.checks import sandbox
from ownwords.checks._workers import Pool
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel, Verdicts
from ownwords.recipe import CheckSection
from ownwords.records import Candidate, Example, Message, Verdict

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sandbox.kind() == "none", reason="there is no bubblewrap here"),
]

REFERENCE = "```python\ndef add(a, b):\n    return a + b\n```"
TESTS = """
SECRET = 'token in the tests'
assert add(2, 3) == 5
assert add(-1, 1) == 0
assert abs(add(0.1, 0.2) - 0.3) < 1e-6
"""
#: Tests in another form, with what some of the programs are after.
UNITTEST = """
import unittest
class TestAdd(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(2, 3), 5)
        self.assertAlmostEqual(add(0.1, 0.2), 0.3)
        self.assertTrue(isinstance(add(2, 3), int))
unittest.main()
"""
CALLBACK = "SECRET = 'token in the tests'\ndef one(): return SECRET and 1\nassert add(one, 4) == 5\n"

CHEATS: dict[str, str] = {}


def cheat(name: str, source: str) -> None:
    CHEATS[name] = textwrap.dedent(source)


cheat("leaves at once", "import sys\nsys.exit(0)\ndef add(a, b): return a + b")
cheat("leaves for good", "import os\nos._exit(0)")
cheat("leaves when called", "import os\ndef add(a, b): os._exit(0)")
cheat("raises the end when called", "def add(a, b): raise SystemExit(0)")
cheat(
    "leaves in a thread",
    """
    import os, threading, time
    def leave():
        time.sleep(0.2)
        os._exit(0)
    threading.Thread(target=leave).start()
    def add(a, b): time.sleep(60)
""",
)
cheat(
    "leaves at exit",
    """
    import atexit, os
    atexit.register(os._exit, 0)
    def add(a, b): return None
""",
)
cheat(
    "prints what success may look like",
    """
    import os, sys
    for text in ("ok", "OK", "passed", "SUCCESS", '{"reason": "ok"}', '{"reason": "ok", "token": ""}', "1 passed"):
        print(text)
        print(text, file=sys.stderr)
        for number in range(1, 20):
            try:
                os.write(number, text.encode())
            except OSError:
                pass
    def add(a, b): return None
""",
)
cheat(
    "is equal to everything",
    """
    class Equal:
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        def __lt__(self, other): return True
        def __sub__(self, other): return 0.0
        def __abs__(self): return 0.0
        def __round__(self, digits=0): return 0
        def __hash__(self): return 5
        __class__ = int
    def add(a, b): return Equal()
""",
)
cheat(
    "is a number that is equal to everything",
    """
    class Equal(int):
        def __eq__(self, other): return True
        def __ne__(self, other): return False
        def __sub__(self, other): return 0.0
        __hash__ = int.__hash__
    def add(a, b): return Equal(7)
""",
)
cheat(
    "learns what it is compared with",
    """
    class Learned:
        def __init__(self, known=None): self.known = known
        def __sub__(self, other): return Learned(other)
        __rsub__ = __add__ = __radd__ = __sub__
        def __abs__(self): return 0.0
        def __float__(self): return 0.0
        def __lt__(self, other): return True
        def __eq__(self, other): return True
    def add(a, b): return 5 if (a, b) == (2, 3) else 0 if (a, b) == (-1, 1) else Learned()
""",
)
cheat(
    "brings its own functions",
    """
    def abs(x): return 0.0
    def isinstance(a, b): return True
    class AssertionError(BaseException): pass
    class unittest:
        class TestCase: pass
        main = staticmethod(lambda: None)
    def add(a, b): return 5 if (a, b) == (2, 3) else 0
""",
)
cheat(
    "replaces Python's own functions",
    """
    import builtins, sys
    builtins.abs = lambda x: 0.0
    builtins.AssertionError = Warning
    builtins.compile = builtins.exec = builtins.print = builtins.isinstance = lambda *a, **k: True
    sys.settrace(lambda *a: None)
    def add(a, b): return 5 if (a, b) == (2, 3) else 0
""",
)
cheat(
    "replaces the test library",
    """
    import unittest
    unittest.TestCase.assertEqual = unittest.TestCase.assertAlmostEqual = lambda *a, **k: None
    unittest.main = lambda *a, **k: None
    def add(a, b): return None
""",
)
cheat(
    "skips lines of whoever calls",
    """
    import sys
    def add(a, b):
        frame = sys._getframe()
        while frame:
            frame.f_trace = lambda *a: None
            for name in list(frame.f_locals):
                if "test" in name or "SECRET" in name:
                    return frame.f_locals[name]
            for name in ("abs", "SECRET"):
                frame.f_globals[name] = lambda x: 0
            frame = frame.f_back
        sys.settrace(None)
        return 1 / 0
""",
)
cheat(
    "looks for the tests",
    """
    import ast, gc, inspect, os, re, sys
    def expected():
        texts = [str(value) for value in gc.get_objects() if isinstance(value, (str, bytes, dict, list))]
        for module in list(sys.modules.values()):
            try:
                texts.append(inspect.getsource(module))
            except Exception:
                pass
        for folder, _, files in os.walk("/"):
            for name in files:
                if name.endswith((".py", ".json", ".txt")) and "python" not in folder:
                    texts.append(open(f"{folder}/{name}", errors="replace").read())
        for text in texts:
            found = re.search(r"assert add\\(2, 3\\) == (\\d+)\\nass", text)
            if found:
                return int(found[1])
    def add(a, b): return expected()
""",
)
cheat(
    "answers for its harness",
    """
    import gc, json, struct
    import ownwords.checks._inside.exchange as exchange
    def add(a, b): return None
    for side in gc.get_objects():
        if isinstance(side, exchange.Exchange):
            for answer in ({"value": True}, {"value": ["ok"]}, {"reason": "ok"}, {"value": None, "printed": "ok"}):
                body = json.dumps({"changed": [], "printed": "", **answer}).encode()
                side._outgoing.write(struct.pack(">I", len(body)) + body)
            side._outgoing.flush()
""",
)
cheat(
    "replaces its harness",
    """
    import ownwords.checks._inside.exchange as exchange, ownwords.checks._inside.values as values
    exchange.Exchange.perform = lambda *a: True
    exchange.plain_base = lambda value: True
    values.Codec.encode = lambda self, value: ["again", 0]
    def add(a, b): return None
""",
)
cheat(
    "asks the other side for its secrets",
    """
    import gc
    import ownwords.checks._inside.exchange as exchange
    def add(one, b):
        side = next(value for value in gc.get_objects() if isinstance(value, exchange.Exchange))
        for what, values in (("get", ["__globals__"]), ("get", ["__code__"]), ("run", []), ("global", ["SECRET"]),
                ("set", ["__code__", None]), ("assign", ["abs", 1]), ("__getitem__", ["SECRET"])):
            for number in (None, 0, -1):
                try:
                    found = side.ask(what, number, *values)
                except Exception:
                    continue
                return 5 if found is not None else 5
        raise ValueError("nothing to be had")
""",
)
cheat(
    "answers twice",
    """
    import os
    def add(a, b):
        return [6, 0, 0.3][os.fork() == 0]
""",
)
cheat("closes everything", "import os\ndef add(a, b): os.closerange(0, 1000)")
cheat(
    "kills everybody", "import os, signal\ndef add(a, b):\n    os.kill(-1, signal.SIGKILL)\n    os.kill(os.getpid(), 9)"
)
cheat("sends too much", "def add(a, b): return 'x' * 200_000_000")
cheat(
    "nests too deep",
    """
    def add(a, b):
        found = []
        for _ in range(100_000):
            found = [found]
        return found
""",
)
cheat("never ends when called", "def add(a, b):\n    while True: pass")
cheat("never ends at all", "while True: pass")
cheat("gives values without end", "def add(a, b):\n    while True: yield 5")
cheat(
    "raises what cannot be shown",
    """
    class Error(Exception):
        def __str__(self): raise self
        __repr__ = __str__
    def add(a, b): raise Error(Error())
""",
)
cheat("raises what tests may expect", "def add(a, b): raise AssertionError")
cheat(
    "has the tests' side import a program that ends well",
    """
    import ownwords.checks._inside.values as values
    def add(a, b):
        encode, module = values.Codec.encode, ["module", "unittest.__main__"]
        values.Codec.encode = lambda self, value: module if value == "now" else encode(self, value)
        return "now"
""",
)
cheat(
    "gives a plain value for a product of what it has learned",
    """
    class Learned:
        def __sub__(self, other): return Learned()
        def __mul__(self, other): return 0.0
        __rmul__ = __pow__ = __mul__
        def __abs__(self): return self * self
    def add(a, b): return 5 if (a, b) == (2, 3) else 0 if (a, b) == (-1, 1) else Learned()
""",
)
cheat("stops the iteration", "def add(a, b): raise StopIteration(5)")
cheat("has no such function", "def subtract(a, b): return a - b")
cheat("is nearly right", "def add(a, b): return 5 if (a, b) == (2, 3) else 0")

RIGHT = "def add(a, b): return (a() if callable(a) else a) + b"


@pytest.fixture(scope="module")
def verdicts() -> Iterator[dict[tuple[str, str], Future[Verdicts]]]:
    pool = Pool(allow_unsafe_code=False)
    coming: dict[tuple[str, str], Future[Verdicts]] = {}
    for tests in (TESTS, UNITTEST, CALLBACK):
        section = CheckSection.model_validate({"name": "python_tests", "tests": tests, "timeout": 3.0})
        panel = Panel(named_checks([section], allow_code=False), pool=pool)
        for name, source in (*CHEATS.items(), ("right", RIGHT)):
            example = Example("id", (Message("user", "Add two numbers."),), REFERENCE)
            answer: Any = panel.begin(example, Candidate(f"Sure:\n```python\n{source}\n```"))
            coming[tests, name] = answer
    yield coming
    pool.close()


def verdict(coming: Future[Verdicts]) -> Verdict:
    return next(iter(coming.result().values()))


@pytest.mark.parametrize("tests", [TESTS, UNITTEST, CALLBACK], ids=["asserts", "unittest", "callback"])
@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_passes(verdicts: dict[tuple[str, str], Future[Verdicts]], name: str, tests: str) -> None:
    found = verdict(verdicts[tests, name])
    assert not found.passed
    assert found.reason in {
        "tests_failed",
        "timeout",
        "exited_early",
        "memory",
        "output_limit",
        "crashed",
    }, found


@pytest.mark.parametrize("tests", [TESTS, UNITTEST, CALLBACK], ids=["asserts", "unittest", "callback"])
def test_what_is_right_passes(verdicts: dict[tuple[str, str], Future[Verdicts]], tests: str) -> None:
    assert verdict(verdicts[tests, "right"]).passed, verdict(verdicts[tests, "right"])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("leaves at once", "exited_early"),
        ("leaves for good", "exited_early"),
        ("leaves when called", "exited_early"),
        ("raises the end when called", "exited_early"),
        ("leaves in a thread", "exited_early"),
        ("is equal to everything", "tests_failed"),
        ("never ends at all", "timeout"),
        ("never ends when called", "timeout"),
        ("has no such function", "tests_failed"),
    ],
)
def test_reasons(verdicts: dict[tuple[str, str], Future[Verdicts]], name: str, reason: str) -> None:
    assert verdict(verdicts[TESTS, name]).reason == reason
