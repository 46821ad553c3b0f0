"""MBPP: short Python functions from one sentence and three tests. The answer is run against the tests.

A sample item:

    Write a function to find the minimum of three numbers.

    assert smallest(3, 1, 2) == 1
    assert smallest(-5, 0, -5) == -5
    assert smallest(7, 7, 9) == 7

Metric `pass@1`: share of answers whose program passes the item's tests, in a sandbox, by the check `python_tests`
(docs/checks.md). With `samples: n` and sampling, n answers to each item are asked for, and `pass@5` and `pass@10` are
there too, where n is at least 5 or 10 (`_pass_at.py`). `_programs.py` says what is taken from an answer.

The prompt asks in the user turn for the task and shows all tests, as Austin et al. do: sentences and tests have to be
read together to know the function's name and what it takes. So a program that has learnt the three tests by heart
passes. The paper of this method has no MBPP, and `prompt: paper` is refused.

Source: Austin et al. 2021 (arXiv 2108.07732), CC BY 4.0. The file `mbpp.jsonl` has the fields task_id, text, code,
test_list and test_setup_code; `prompt` and `test_imports` of the sanitized version are read as well. Of a file with
other splits too, the 500 test items are taken: those whose task_id is 11 to 510.
`{mbpp: {path: google-research-datasets/mbpp, config: full, split: test}}`, or `config: sanitized`, reads the Hub's.

What it does not cover: `challenge_test_list`, which few items have. Three tests are few, and some tasks say less than
their tests want. The problems have been public for years, so a seed model may have seen them; compare arms, not models.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any, cast

from ownwords.benchmarks._pass_at import MORE, pass_at
from ownwords.benchmarks._programs import compiles, fenced, program_of
from ownwords.benchmarks._rows import Row, benchmark_rows, with_ids
from ownwords.benchmarks.base import Ask, Benchmark, DataContext, Item, Trial, take
from ownwords.checks._source import definitions
from ownwords.errors import DataError, RecipeError
from ownwords.recipe import BenchmarkSection, CheckSection
from ownwords.records import Completion, Message

FILE = "mbpp.jsonl"

_FIRST, _LAST = 11, 510

_USER = """{task}

Your code has to pass these tests:

```python
{tests}
```

Answer with the complete code in one ```python block: the function, and the imports and helper functions that it needs,
from Python's standard library only. Leave out the tests and examples of its use."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The functions that the tests call, by name; the code that is known to be right; the tests to show and to run."""

    names: frozenset[str]
    reference: str
    shown: str
    tests: str


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    if settings.prompt == "paper":
        raise RecipeError("evaluate.benchmarks.mbpp.prompt: the paper has no MBPP; leave `prompt: paper` out.")
    rows = benchmark_rows(settings, FILE)
    tested = [row for row in rows if _is_test(row)]
    if rows and not tested:
        raise DataError(
            f"benchmark {settings.name}: no row of {settings.path or FILE} has a task_id of the test items, {_FIRST} "
            f"to {_LAST}"
        )
    tasks, problems = [_task(row) for row in tested], [_problem(row) for row in tested]
    plain = (Item(id="", question=task, gold=p.tests) for task, p in zip(tasks, problems, strict=True))
    return take([replace(i, gold=p) for i, p in zip(with_ids(plain), problems, strict=True)], settings)


def _is_test(row: Row) -> bool:
    """Rows without a number are somebody's own."""
    number = row.fields.get("task_id", _FIRST)
    if not isinstance(number, int):
        raise row.error(f"the field 'task_id' must hold a whole number, not {str(number)[:60]!r}")
    return _FIRST <= number <= _LAST


def _task(row: Row) -> str:
    return row.text("text" if "text" in row.fields else "prompt").strip()


def _problem(row: Row) -> Problem:
    code, shown = _lines(row.text("code")), "\n".join(_lines(test).strip() for test in _texts(row, "test_list"))
    setup: Any = row.fields.get("test_setup_code") or ""
    if not isinstance(setup, str):
        raise row.error(f"the field 'test_setup_code' must hold text, not {str(setup)[:60]!r}")
    imports = _texts(row, "test_imports") if row.fields.get("test_imports") else []
    tests = "\n".join([*imports, *([_lines(setup)] if setup else []), shown, ""])
    for name, source in (("code", code), ("test_list", tests)):
        if not compiles(source):
            raise row.error(f"the field {name!r} does not parse as Python, with what belongs to it")
    names = definitions(code) & {node.id for node in ast.walk(ast.parse(tests)) if isinstance(node, ast.Name)}
    if not names:
        raise row.error("no test calls a function that the field 'code' defines")
    return Problem(names, code, shown, tests)


def _lines(text: str) -> str:
    """With line feeds alone: the original's lines end in two characters."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _texts(row: Row, name: str) -> list[str]:
    values: object = row.fields.get(name)
    texts = cast("list[Any]", values) if isinstance(values, list) else []
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise row.error(f"the field {name!r} must hold a list of texts, not {str(row.fields.get(name))[:60]!r}")
    return texts


def prompt(item: Item, settings: BenchmarkSection) -> list[Ask]:
    user = _USER.format(task=item.question, tests=item.gold.shown)
    return [Ask(messages=(Message("user", user),))] * settings.samples


def check(item: Item, answer: Completion) -> Trial:
    problem: Problem = item.gold
    section = CheckSection.model_validate({"name": "python_tests", "tests": problem.tests})
    return Trial(section, fenced(program_of(answer.text, problem.names)), reference=fenced(problem.reference))


BENCHMARK = Benchmark(
    name="mbpp",
    summary="Short Python functions from a sentence and three tests, run against them",
    area="task",
    metric="pass@1",
    load=load,
    prompt=prompt,
    score=pass_at(1),
    reads="verdicts",
    more=MORE,
    check=check,
    runs_code=True,
    samples=True,
)
