'''HumanEval: write the body of a Python function from its signature and docstring. The answer is run against tests.

A sample item:

    from typing import List


    def below_zero(operations: List[int]) -> bool:
        """ You're given a list of deposit and withdrawal operations on a bank account that starts with
        zero balance. Your task is to detect if at any point the balance of account fallls below zero, and
        at that point function should return True. Otherwise it should return False.
        >>> below_zero([1, 2, 3])
        False
        >>> below_zero([1, 2, -4, 5])
        True
        """

Metric `pass@1`: share of answers whose program passes the item's tests, in a sandbox, by the check `python_tests`
(docs/checks.md). With `samples: n` and sampling, n answers to each item are asked for, and `pass@5` and `pass@10` are
there too, where n is at least 5 or 10 (`_pass_at.py`).

`prompt: default` asks in the user turn for the complete function in a fence (`_programs.py` says what is taken from an
answer). `prompt: paper` is HumanEvalPack's synthesize-python with the prompt of OctoCoder, as the paper's authors ran
bigcode-evaluation-harness: raw text, no chat template, the docstring once as the question and once more in the code
that the model goes on with. Its answers are cut where the harness stops, and go on trial below the imports that the
harness puts there, but for numpy, which the sandbox does not have. The paper decodes greedily and allows 2,048 tokens
of prompt and answer: `{humaneval: {prompt: paper, sampling: {temperature: 0, max_tokens: 2048}}}`. A model goes on to
that limit where it does not end by itself; what counts, for the sanity gate too, is the part before the cut.

Source: Chen et al. 2021 (arXiv 2107.03374), MIT: 164 problems. The file `HumanEval.jsonl.gz`, or the same without
compression, has the fields task_id, prompt, entry_point, canonical_solution and test, as
`{path: openai/openai_humaneval, split: test}` on the Hub has them. HumanEvalPack: Muennighoff et al. 2023 (arXiv
2308.07124).

What it does not cover: the tests are few, and some wrong programs pass them. The problems have been public for years,
so a seed model may have seen them; compare arms, not models.
'''

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ownwords.benchmarks._pass_at import MORE, pass_at
from ownwords.benchmarks._programs import compiles, continuation, fenced, program_of
from ownwords.benchmarks._rows import Row, benchmark_rows, with_ids
from ownwords.benchmarks.base import Ask, Benchmark, DataContext, Item, Trial, take
from ownwords.recipe import BenchmarkSection, CheckSection
from ownwords.records import Completion, Message

_USER = """Complete this Python function, so that it does what its docstring says:

```python
{prompt}
```

Answer with the complete function in one ```python block: its signature, its body, and the imports and helper functions
that it needs, from Python's standard library only. Leave out tests and examples of its use."""

_PAPER = "Question: {instruction}\n\nAnswer:\n{prompt}"
_INSTRUCTION = "Write a Python function `{signature}` to solve the following problem:\n{docstring}"

#: What bigcode-evaluation-harness puts above a program, but for numpy.
_IMPORTS = "\n".join(
    [
        "import math, re, sys, copy, datetime, itertools, collections, heapq, statistics, functools, hashlib, string",
        "from typing import *",
        "from collections import *",
    ]
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a program is made of and tried with: the prompt's code `above` the function, the function's `head`, whose
    name is `name`. A `raw` answer goes on where the prompt ends."""

    name: str
    above: str
    head: str
    reference: str
    tests: str
    raw: bool


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    rows = benchmark_rows(settings, "HumanEval.jsonl.gz")
    problems = [_problem(row, raw=settings.prompt == "paper") for row in rows]
    plain = (Item(id="", question=p.above + p.head, gold=p.tests) for p in problems)
    return take([replace(i, gold=p) for i, p in zip(with_ids(plain), problems, strict=True)], settings)


def _problem(row: Row, *, raw: bool) -> Problem:
    prompt, name, solution = row.text("prompt"), row.text("entry_point"), row.text("canonical_solution")
    begin = prompt.rfind(f"\ndef {name}(") + 1 or (0 if prompt.startswith(f"def {name}(") else -1)
    if begin < 0 or not name.isidentifier():
        raise row.error(
            f"the field 'prompt' must hold the beginning of a function {name[:60]!r}, the field 'entry_point'"
        )
    tests = f"{row.text('test')}\n\ncheck({name})\n"
    begun = f"{prompt[begin:].rstrip()}\n    ..."
    for what, source in (("prompt", begun), ("canonical_solution", prompt + solution), ("test", tests)):
        if not compiles(source):
            raise row.error(f"the field {what!r} does not parse as Python, with what belongs to it")
    if raw:
        _parts(prompt, row)
    return Problem(name, prompt[:begin], prompt[begin:], prompt + solution, tests, raw)


def _parts(prompt: str, row: Row | None = None) -> tuple[str, str]:
    """Signature and docstring, made as HumanEvalPack made its own, so also where the result is odd: item 115 has an
    import between the two, which is then a part of the signature."""
    parts = re.split("\"{3}|'{3}", prompt[prompt.rfind("def ") :])
    if len(parts) != 3 and row is not None:
        raise row.error("`prompt: paper` needs one docstring in triple quotes after the last def of the field 'prompt'")
    docstring = "\n".join(line.strip() for line in parts[1].split("\n") if line.strip())
    return parts[0].removeprefix("def ").strip().strip(":"), docstring


def prompt(item: Item, settings: BenchmarkSection) -> list[Ask]:
    if settings.prompt == "default":
        ask = Ask(messages=(Message("user", _USER.format(prompt=item.question.strip("\n").rstrip())),))
    else:
        signature, docstring = _parts(item.question)
        instruction = _INSTRUCTION.format(signature=signature, docstring=docstring).strip()
        ask = Ask(text=_PAPER.format(instruction=instruction, prompt=item.question).strip())
    return [ask] * settings.samples


def check(item: Item, answer: Completion) -> Trial:
    problem: Problem = item.gold
    if problem.raw:
        source = f"{_IMPORTS}\n{item.question.rstrip()}{continuation(answer.text)}"
    else:
        source = program_of(answer.text, {problem.name}, above=problem.above, head=problem.head)
    section = CheckSection.model_validate({"name": "python_tests", "tests": problem.tests})
    return Trial(section, fenced(source), reference=fenced(problem.reference))


def cut(item: Item, answer: Completion) -> Completion:
    """A raw answer up to the end of its function, or its first line, where the harness stops the model."""
    if not item.gold.raw:
        return answer
    text = continuation(answer.text)
    if text == answer.text.rstrip():
        return answer
    return replace(answer, text=text if text.strip() else answer.text.strip().partition("\n")[0], finish_reason="stop")


BENCHMARK = Benchmark(
    name="humaneval",
    summary="Python functions from their docstrings, run against tests",
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
    cut=cut,
)
