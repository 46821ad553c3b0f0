"""HumanEval through the check `python_tests`: right solutions pass, broken ones fail, and how long it takes.

`python -m bench.checks_code` needs $OWNWORDS_DATA/HumanEval.jsonl.gz (`make data`). A candidate is a fenced answer: the
problem's prompt and its canonical solution. A mutant is the same with one small change in the solution's syntax tree;
each solution gives every mutant of these kinds that there is, at most MUTANTS, evenly spread:

- a comparison turned around (`<` to `>=`, `==` to `!=`, `in` to `not in`), an operator exchanged (`+` and `-`, `*` and
  `//`, `/` and `*`, `%` and `+`, `and` and `or`)
- a number turned around (`n` to `-n - 1`), a text emptied (an empty one filled), True and False exchanged, a condition
  negated
- a statement left out (a returned value becomes None)

None is left out for being equivalent, though some are: a mutant that no test can tell counts as missed. With the
smallest changes there are (a number one larger, a text one character longer) 93.6 % fail: HumanEval's tests do not see
the others. So the same mutants are also run with the tests in one process, by exit code: verdicts should be the same.

The right answers also go the way of the benchmark humaneval, which makes a program of an answer before it is tried.
"""

from __future__ import annotations

import ast
import gzip
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, cast

from bench.data_files import data_file
from ownwords.benchmarks.base import DataContext, find_benchmark
from ownwords.checks._workers import Pool
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel, Verdicts
from ownwords.checks.sandbox import Limits, run_program
from ownwords.recipe import BenchmarkSection, CheckSection
from ownwords.records import Candidate, Completion, Example, Message, Verdict

MUTANTS = 5
SECONDS = 60.0
MUTANT_SECONDS = 5.0
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Add,
    ast.Pow: ast.Mult,
}


def problems() -> list[dict[str, str]]:
    path = data_file("HumanEval.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def answer(code: str) -> str:
    """Code as a model gives it."""
    return f"Here is a solution:\n\n```python\n{code}\n```\n\nIt goes through the input once."


def mutants(problem: dict[str, str]) -> list[str]:
    """Sources of the problem's solution, each with one change."""
    source = problem["prompt"] + problem["canonical_solution"]
    count = sum(1 for _ in _changes(_function(ast.parse(source), problem["entry_point"])))
    chosen = range(count) if count <= MUTANTS else [number * count // MUTANTS for number in range(MUTANTS)]
    return [_mutant(source, problem["entry_point"], number) for number in chosen]


def _mutant(source: str, name: str, number: int) -> str:
    tree = ast.parse(source)
    for place, _ in enumerate(_changes(_function(tree, name))):
        if place == number:
            break
    return ast.unparse(ast.fix_missing_locations(tree))


def _function(tree: ast.Module, name: str) -> ast.FunctionDef:
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)


def _changes(function: ast.FunctionDef) -> Iterator[None]:
    """Make one change after the other, each undone before the next."""
    comments: set[ast.AST] = set()  # docstrings, and other texts that are nobody's value
    for node in ast.walk(function):
        if isinstance(node, ast.Expr) and _is_comment(node):
            comments.add(node.value)
        if node in comments:
            continue
        for owner, field, value in _alternatives(node):
            before: Any = getattr(owner, field)
            setattr(owner, field, value)
            yield
            setattr(owner, field, before)
        found: Any = getattr(node, "body", None)
        body = cast("list[Any]", found) if isinstance(found, list) else []
        for place, statement in enumerate(body):
            if isinstance(statement, ast.Return | ast.Assign | ast.AugAssign | ast.Expr) and not _is_comment(statement):
                body[place] = ast.Pass()
                yield
                body[place] = statement


def _is_comment(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _alternatives(node: ast.AST) -> Iterator[tuple[ast.AST, str, Any]]:
    """Other values of one of the node's fields."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            ops = [*node.ops[:place], _COMPARISONS[type(operator)](), *node.ops[place + 1 :]]
            yield node, "ops", ops
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _OPERATORS:
        yield node, "op", _OPERATORS[type(node.op)]()
    elif isinstance(node, ast.BoolOp):
        yield node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield node, "value", not node.value
        elif isinstance(node.value, int | float):
            yield node, "value", -node.value - 1
        elif isinstance(node.value, str):
            yield node, "value", "" if node.value else "x"
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield node, "test", ast.UnaryOp(ast.Not(), node.test)


def judge(answers: list[tuple[dict[str, str], str]], timeout: float = 10.0) -> list[Verdict]:
    """Verdicts of `python_tests` for answers with their problems, as many at a time as there are processor cores."""
    pool = Pool(allow_unsafe_code=False)
    try:
        coming = [_begin(pool, problem, text, timeout) for problem, text in answers]
        return [next(iter((it.result() if isinstance(it, Future) else it).values())) for it in coming]
    finally:
        pool.close()


def _begin(pool: Pool, problem: dict[str, str], text: str, timeout: float) -> Verdicts | Future[Verdicts]:
    section = CheckSection.model_validate({"name": "python_tests", "tests": tests_of(problem), "timeout": timeout})
    prompt, reference = problem["prompt"], answer(problem["prompt"] + problem["canonical_solution"])
    example = Example(problem["task_id"], (Message("user", prompt),), reference)
    return Panel(named_checks([section], allow_code=False), pool=pool).begin(example, Candidate(text))


def score(texts: list[str]) -> tuple[int, float]:
    """Of answers to all problems how many pass in the benchmark humaneval, and the seconds for all."""
    benchmark = find_benchmark("humaneval")
    assert benchmark.check is not None
    items = benchmark.load(BenchmarkSection(name="humaneval"), DataContext((), lambda limit: [], generated=False))
    pool = Pool(allow_unsafe_code=False)
    clock = time.monotonic()
    try:
        coming: list[Verdicts | Future[Verdicts]] = []
        for item, text in zip(items, texts, strict=True):
            trial = benchmark.check(item, Completion("", text))
            example = Example(item.id, (Message("user", item.question),), trial.reference)
            panel = Panel(named_checks([trial.check], allow_code=False), pool=pool)
            coming.append(panel.begin(example, Candidate(trial.text)))
        verdicts = [next(iter((it.result() if isinstance(it, Future) else it).values())) for it in coming]
    finally:
        pool.close()
    return sum(verdict.passed for verdict in verdicts), time.monotonic() - clock


def tests_of(problem: dict[str, str]) -> str:
    return f"{problem['test']}\n\ncheck({problem['entry_point']})\n"


def passes_plainly(problem: dict[str, str], source: str) -> bool:
    """Whether code and tests run to their end in one process."""
    ran = run_program(f"{source}\n\n{tests_of(problem)}", limits=Limits(seconds=MUTANT_SECONDS))
    return ran.status == "ended" and ran.code == 0


def main() -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured)."""
    rows = problems()
    right = [(problem, answer(problem["prompt"] + problem["canonical_solution"])) for problem in rows]
    wrong = [(problem, source) for problem in rows for source in mutants(problem)]
    clock = time.monotonic()
    verdicts = judge(right)
    seconds = time.monotonic() - clock
    for (problem, _), verdict in zip(right, verdicts, strict=True):
        if not verdict.passed:
            print(f"{problem['task_id']}: {verdict.reason}: {verdict.detail}", file=sys.stderr)
    passed = sum(verdict.passed for verdict in verdicts)
    scored, scoring = score([text for _, text in right])
    broken = judge([(problem, answer(source)) for problem, source in wrong], MUTANT_SECONDS)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        plain = list(threads.map(passes_plainly, *zip(*wrong, strict=True)))
    for (problem, source), verdict, passes in zip(wrong, broken, plain, strict=True):
        if verdict.passed != passes:
            print(f"{problem['task_id']}: {verdict.reason}, plainly {passes}:\n{source}", file=sys.stderr)
    same = sum(verdict.passed == passes for verdict, passes in zip(broken, plain, strict=True))
    reasons = Counter(verdict.reason for verdict in broken)
    share = 1 - reasons["ok"] / len(broken)
    told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    return [
        ("HumanEval: canonical solutions that pass `python_tests`", f"{len(rows)}", f"{passed} of {len(rows)}"),
        (f"HumanEval: seconds for them, {os.cpu_count()} cores", f"under {SECONDS:g}", f"{seconds:.1f}"),
        ("HumanEval: answers that pass in the benchmark `humaneval`", f"{len(rows)}", f"{scored} of {len(rows)}"),
        (f"HumanEval: seconds for scoring them, {os.cpu_count()} cores", f"under {SECONDS:g}", f"{scoring:.1f}"),
        (f"HumanEval: mutants that fail ({told})", "95 %", f"{share:.1%} of {len(broken):,}"),
        ("HumanEval: mutants with the same verdict in one process", "", f"{same:,} of {len(broken):,}"),
    ]


if __name__ == "__main__":
    for row in main():
        print("| " + " | ".join(row) + " |")
