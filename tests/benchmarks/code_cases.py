"""Rows of code benchmarks, and answers put on trial as evaluation does it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from ownwords.benchmarks.base import Benchmark, Item
from ownwords.checks import sandbox
from ownwords.checks._workers import Pool
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel, Verdicts
from ownwords.records import Candidate, Completion, Example, Message, Verdict

needs_sandbox = pytest.mark.skipif(sandbox.kind() == "none", reason="there is no bubblewrap here")

DOUBLE = {
    "task_id": "Own/0",
    "prompt": "import math\n\n\ndef half(x):\n    return x / 2\n\n\ndef double(x: float) -> float:\n"
    '    """ Twice the number.\n\n      >>> double(2)\n      4\n    """\n',
    "entry_point": "double",
    "canonical_solution": "    y = x + x\n    return y\n",
    "test": "METADATA = {}\n\n\ndef check(candidate):\n"
    "    assert candidate(2) == 4\n    assert half(candidate(3)) == 3\n",
}
WORDS = {
    "task_id": "Own/1",
    "prompt": "from typing import List\n\ndef words(text: str) -> List[str]:\n    '''The words of a text.'''\n",
    "entry_point": "words",
    "canonical_solution": "    return text.split()\n",
    "test": "def check(candidate):\n    assert candidate('a b') == ['a', 'b']\n    assert candidate('') == []\n",
}
ABS = {
    "task_id": "Own/2",
    "prompt": 'def abs(x):\n    """The distance from 0."""\n',
    "entry_point": "abs",
    "canonical_solution": "    return -x if x < 0 else x\n",
    "test": "def check(candidate):\n    assert candidate(-2) == 2\n    assert abs(3) == 3\n",
}
HUMANEVAL_ROWS = [DOUBLE, WORDS, ABS]

MBPP_ROWS: list[dict[str, Any]] = [
    {
        "task_id": 11,
        "text": "Write a function to find the smallest of three numbers.",
        "code": "def smallest(a, b, c):\r\n    return min(a, b, c)\r\n",
        "test_list": ["assert smallest(3, 1, 2) == 1", "assert smallest(-5, 0, -5) == -5"],
        "test_setup_code": "",
        "challenge_test_list": [],
    },
    {
        "task_id": 12,
        "text": "Write a function to add all numbers.",
        "code": "def sum(numbers):\r\n    total = 0\r\n    for n in numbers:\r\n        total += n\r\n    return total",
        "test_list": ["assert sum([1, 2]) == 3", "assert sum(empty) == 0"],
        "test_setup_code": "empty = [] \r\n",
        "challenge_test_list": [],
    },
    {
        "task_id": 510,
        "prompt": "Write a function for the length of a tree's longest branch.",
        "code": "class Node:\n    def __init__(self, below=()):\n        self.below = below\n\n\ndef depth(node):\n"
        "    return 1 + max(map(depth, node.below), default=0)\n",
        "test_list": ["assert depth(Node([Node(), Node([Node()])])) == math.floor(3.5)"],
        "test_imports": ["import math"],
    },
]


def verdicts(benchmark: Benchmark, answers: Sequence[tuple[Item, str]]) -> list[Verdict]:
    """Of every answer to its item."""
    pool = Pool(allow_unsafe_code=False)
    try:
        coming = [_begin(pool, benchmark, item, text) for item, text in answers]
        return [next(iter((it.result() if isinstance(it, Future) else it).values())) for it in coming]
    finally:
        pool.close()


def _begin(pool: Pool, benchmark: Benchmark, item: Item, text: str) -> Verdicts | Future[Verdicts]:
    assert benchmark.check is not None
    trial = benchmark.check(item, Completion("r", text))
    example = Example(item.id, (Message("user", item.question),), trial.reference)
    return Panel(named_checks([trial.check], allow_code=False), pool=pool).begin(example, Candidate(trial.text))
