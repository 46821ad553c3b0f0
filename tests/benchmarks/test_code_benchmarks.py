"""humaneval and mbpp: rows, prompts to the character, pass@k, and answers in the sandbox."""

from __future__ import annotations

import ast
import gzip
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmark_cases import context_of, settings_for
from code_cases import DOUBLE, HUMANEVAL_ROWS, MBPP_ROWS, WORDS, needs_sandbox, verdicts
from hypothesis import given
from hypothesis import strategies as st

from ownwords.benchmarks._pass_at import pass_at
from ownwords.benchmarks.base import Ask, Item, find_benchmark
from ownwords.errors import DataError, MissingFileError, RecipeError
from ownwords.records import Completion, Message, Verdict

Write = Callable[[str, Any], str]
HUMANEVAL, MBPP = find_benchmark("humaneval"), find_benchmark("mbpp")


def load(name: str, path: str | None = None, **settings: Any) -> list[Item]:
    return find_benchmark(name).load(settings_for(name, path=path, **settings), context_of())


def asked(name: str, item: Item, **settings: Any) -> list[Ask]:
    return find_benchmark(name).prompt(item, settings_for(name, **settings))


def fence(source: str) -> str:
    return f"```python\n{source}\n```"


@pytest.fixture(scope="module")
def problems(shared_data: Path) -> list[dict[str, str]]:
    """The 164 of HumanEval."""
    with gzip.open(shared_data / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture
def real(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNWORDS_DATA", str(shared_data))


# --- rows -------------------------------------------------------------------------------------------------------------


def test_humaneval_is_read_packed_and_plain_alike(write: Write, tmp_path: Path) -> None:
    plain = write("h.jsonl", HUMANEVAL_ROWS)
    packed = tmp_path / "h.jsonl.gz"
    packed.write_bytes(gzip.compress(Path(plain).read_bytes()))
    items = load("humaneval", str(packed))
    assert items == load("humaneval", plain)
    assert [item.question for item in items] == [row["prompt"] for row in HUMANEVAL_ROWS]
    assert len({item.id for item in items}) == 3
    assert load("humaneval", plain, limit=2) == items[:2]


def test_the_prompt_does_not_change_an_items_id(write: Write) -> None:
    path = write("h.jsonl", HUMANEVAL_ROWS)
    assert [i.id for i in load("humaneval", path)] == [i.id for i in load("humaneval", path, prompt="paper")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prompt": ""}, "the field 'prompt' must hold text"),
        ({"test": 3}, "the field 'test' must hold text"),
        ({"entry_point": "triple"}, "the beginning of a function 'triple'"),
        ({"entry_point": "x); import os; (y"}, "the beginning of a function"),
        ({"prompt": "def double(x:\n"}, "the field 'prompt' does not parse"),
        ({"canonical_solution": "  ) return"}, "the field 'canonical_solution' does not parse"),
        ({"test": "def check(c):\nassert"}, "the field 'test' does not parse"),
    ],
)
def test_a_malformed_row_of_humaneval_is_named(write: Write, change: dict[str, Any], reason: str) -> None:
    path = write("h.jsonl", [WORDS, {**DOUBLE, **change}])
    with pytest.raises(DataError) as caught:
        load("humaneval", path)
    assert "benchmark humaneval, h.jsonl line 2: " in str(caught.value)
    assert reason in str(caught.value)


def test_the_papers_prompt_needs_a_docstring(write: Write) -> None:
    path = write("h.jsonl", [{**DOUBLE, "prompt": "def double(x):\n    # twice\n"}])
    assert len(load("humaneval", path)) == 1
    with pytest.raises(DataError, match="line 1: `prompt: paper` needs one docstring"):
        load("humaneval", path, prompt="paper")


def test_mbpp_takes_both_layouts_and_the_test_items_alone(write: Write) -> None:
    others = [{**MBPP_ROWS[0], "task_id": number} for number in (10, 511, 974)]
    items = load("mbpp", write("m.jsonl", [*others, *MBPP_ROWS]))
    assert [item.question for item in items] == [row.get("text") or row["prompt"] for row in MBPP_ROWS]
    assert [item.gold.names for item in items] == [{"smallest"}, {"sum"}, {"depth", "Node"}]
    assert items[1].gold.tests == "empty = [] \n\nassert sum([1, 2]) == 3\nassert sum(empty) == 0\n"
    assert items[2].gold.tests.startswith("import math\nassert depth(")


def test_rows_of_mbpp_without_a_number_are_all_taken(write: Write) -> None:
    rows = [{key: value for key, value in row.items() if key != "task_id"} for row in MBPP_ROWS]
    assert len(load("mbpp", write("m.json", rows))) == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text": None}, "the field 'text' must hold text"),
        ({"test_list": []}, "the field 'test_list' must hold a list of texts"),
        ({"test_list": "assert smallest(1, 2, 3)"}, "the field 'test_list' must hold a list of texts"),
        ({"test_list": ["assert smallest("]}, "the field 'test_list' does not parse"),
        ({"test_list": ["assert largest(1)"]}, "no test calls a function that the field 'code' defines"),
        ({"code": "def smallest("}, "the field 'code' does not parse"),
        ({"test_setup_code": ["x"]}, "the field 'test_setup_code' must hold text"),
        ({"task_id": "eleven"}, "the field 'task_id' must hold a whole number"),
    ],
)
def test_a_malformed_row_of_mbpp_is_named(write: Write, change: dict[str, Any], reason: str) -> None:
    path = write("m.jsonl", [MBPP_ROWS[1], {**MBPP_ROWS[0], **change}])
    with pytest.raises(DataError) as caught:
        load("mbpp", path)
    assert f"benchmark mbpp, m.jsonl line 2: {reason}" in str(caught.value)


def test_a_file_of_mbpp_without_test_items_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match=r"no row of .*m\.jsonl has a task_id of the test items, 11 to 510"):
        load("mbpp", write("m.jsonl", [{**MBPP_ROWS[0], "task_id": 3}]))


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_a_file_that_is_not_there_says_what_to_do(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNWORDS_DATA", str(tmp_path))
    with pytest.raises(
        MissingFileError, match=rf"benchmark {name}: there is no file .*Give its `path`, or run `make data`"
    ):
        load(name)


# --- prompts ----------------------------------------------------------------------------------------------------------


def test_humaneval_asks_for_the_whole_function_in_a_fence(write: Write) -> None:
    (item,) = load("humaneval", write("h.jsonl", [WORDS]))
    text = (
        "Complete this Python function, so that it does what its docstring says:\n\n```python\n"
        "from typing import List\n\ndef words(text: str) -> List[str]:\n    '''The words of a text.'''\n```\n\n"
        "Answer with the complete function in one ```python block: its signature, its body, and the imports and helper "
        "functions\nthat it needs, from Python's standard library only. Leave out tests and examples of its use."
    )
    assert asked("humaneval", item) == [Ask(messages=(Message("user", text),))]


def test_the_papers_prompt_is_octocoders(write: Write) -> None:
    (item,) = load("humaneval", write("h.jsonl", [DOUBLE]), prompt="paper")
    assert asked("humaneval", item, prompt="paper") == [
        Ask(
            text="Question: Write a Python function `double(x: float) -> float` to solve the following problem:\n"
            "Twice the number.\n>>> double(2)\n4\n\nAnswer:\n"
            "import math\n\n\ndef half(x):\n    return x / 2\n\n\ndef double(x: float) -> float:\n"
            '    """ Twice the number.\n\n      >>> double(2)\n      4\n    """'
        )
    ]


def test_the_papers_prompts_of_all_problems(problems: list[dict[str, str]], real: None) -> None:
    """Signature and docstring found by Python's parser, where HumanEvalPack looks for quotes."""
    items = load("humaneval", prompt="paper")
    assert len(items) == len(problems) == 164
    for row, item in zip(problems, items, strict=True):
        ((ask,), source) = (asked("humaneval", item, prompt="paper"), row["prompt"])
        function = next(
            node
            for node in ast.parse(f"{source}    ...").body
            if isinstance(node, ast.FunctionDef) and node.name == row["entry_point"]
        )
        said = next(
            node for node in function.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        )
        docstring = (ast.get_source_segment(source, said) or "")[3:-3]
        head = "\n".join([*source.split("\n")[function.lineno - 1 : said.lineno - 1]])
        signature = head.rstrip(" \n:")[len("def ") :]
        problem = "\n".join(line.strip() for line in docstring.splitlines() if line.strip())
        assert ask.messages is None
        assert ask.text == (
            f"Question: Write a Python function `{signature}` to solve the following problem:\n{problem}\n\n"
            f"Answer:\n{source.rstrip()}"
        )
    assert "Write a Python function `max_fill(grid, capacity):\n    import math` to solve" in str(
        asked("humaneval", items[115], prompt="paper")[0].text
    )


def test_mbpp_shows_the_task_and_its_tests(write: Write) -> None:
    item = load("mbpp", write("m.jsonl", MBPP_ROWS))[0]
    text = (
        "Write a function to find the smallest of three numbers.\n\nYour code has to pass these tests:\n\n```python\n"
        "assert smallest(3, 1, 2) == 1\nassert smallest(-5, 0, -5) == -5\n```\n\n"
        "Answer with the complete code in one ```python block: the function, and the imports and helper functions that "
        "it needs,\nfrom Python's standard library only. Leave out the tests and examples of its use."
    )
    assert asked("mbpp", item) == [Ask(messages=(Message("user", text),))]


def test_the_paper_has_no_mbpp(write: Write) -> None:
    with pytest.raises(RecipeError, match=r"mbpp\.prompt: the paper has no MBPP"):
        load("mbpp", write("m.jsonl", MBPP_ROWS), prompt="paper")


@pytest.mark.parametrize(("name", "rows"), [("humaneval", HUMANEVAL_ROWS), ("mbpp", MBPP_ROWS)])
def test_samples_are_as_many_equal_asks(write: Write, name: str, rows: list[dict[str, Any]]) -> None:
    item = load(name, write("x.jsonl", rows))[0]
    (once,) = asked(name, item)
    assert asked(name, item, samples=7) == [once] * 7


# --- pass@k -----------------------------------------------------------------------------------------------------------

ITEM = Item(id="i", question="q", gold=None)


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.integers(1, 8))
def test_pass_at_k_is_the_share_of_choices_of_k_answers_with_one_that_passes(passed: list[bool], k: int) -> None:
    choices = list(itertools.combinations(passed, k))
    found = pass_at(k)(ITEM, [Verdict(one, "ok" if one else "no") for one in passed])
    assert found == (pytest.approx(sum(map(any, choices)) / len(choices)) if choices else None)


def test_pass_at_k_of_many_answers_is_exact() -> None:
    verdicts = [Verdict(n == 0, "") for n in range(1000)]
    assert [pass_at(k)(ITEM, verdicts) for k in (1, 5, 10)] == [pytest.approx(k / 1000, rel=1e-9) for k in (1, 5, 10)]


@pytest.mark.parametrize("benchmark", [HUMANEVAL, MBPP], ids=lambda b: b.name)
def test_metrics(benchmark: Any) -> None:
    assert [metric.name for metric in benchmark.metrics] == ["pass@1", "pass@5", "pass@10"]
    assert {metric.reads for metric in benchmark.metrics} == {"verdicts"}
    assert (benchmark.runs_code, benchmark.samples) == (True, True)


# --- answers on trial -------------------------------------------------------------------------------------------------


def forms(row: dict[str, str]) -> dict[str, str]:
    """The right answer, said in several ways."""
    whole, body = row["prompt"] + row["canonical_solution"], row["canonical_solution"]
    return {
        "fence": f"Here you are:\n\n{fence(whole)}\n\nIt goes once through the input.",
        "bare": f"Here it is:\n\n{whole}\n\nThat's all; it isn't long.",
        "body": body,
        "body, stripped": body.strip(),
        "body in a fence": fence(body),
    }


def continued(row: dict[str, str]) -> str:
    """The right answer as it goes on where the paper's prompt ends, and does not stop."""
    return f"\n{row['canonical_solution']}\n\nQuestion: What is next?\n\nAnswer:\ndef next():\n    return exit(0)\n"


@pytest.mark.slow
@needs_sandbox
def test_right_answers_pass_however_they_are_said(write: Write) -> None:
    path = write("h.jsonl", HUMANEVAL_ROWS)
    items = zip(load("humaneval", path), load("humaneval", path, prompt="paper"), HUMANEVAL_ROWS, strict=True)
    answers = [
        (item, text)
        for plain, paper, row in items
        for item, text in [*((plain, text) for text in forms(row).values()), (paper, continued(row))]
    ]
    assert [(v.reason, v.detail) for v in verdicts(HUMANEVAL, answers)] == [("ok", "")] * 18


CHEATS = {
    "nothing": ("", "no_code"),
    "words": ("I can't help with that.", "no_code"),
    "a wrong function": (fence("def double(x):\n    return x"), "tests_failed"),
    "a function without an end": (fence("def double(x):\n    while True: pass"), "timeout"),
    "an end": ("exit(0)", None),
    "an end in the program": (fence("import os\nos._exit(0)\n\ndef double(x):\n    return 2 * x"), "exited_early"),
    "an end in the function": (fence("def double(x):\n    import os\n    os._exit(0)"), "exited_early"),
    "the sign of success": (fence('def double(x):\n    print(\'{"reason": "ok", "token": ""}\')'), "tests_failed"),
    "unfinished": ("```python\ndef double(x):\n    return (2 *", "syntax_error"),
    "a result equal to everything": (
        fence("class A:\n    def __eq__(self, other): return True\n\ndef double(x): return A()"),
        "tests_failed",
    ),
}


@pytest.mark.slow
@needs_sandbox
def test_wrong_answers_fail_and_say_why(write: Write) -> None:
    path = write("h.jsonl", [DOUBLE])
    (item,), (raw,) = load("humaneval", path), load("humaneval", path, prompt="paper")
    found = verdicts(HUMANEVAL, [(item, text) for text, _ in CHEATS.values()])
    assert not any(verdict.passed for verdict in found)
    reasons = {name: verdict.reason for name, verdict in zip(CHEATS, found, strict=True)}
    assert reasons == {name: reason or reasons[name] for name, (_, reason) in CHEATS.items()}
    continuations = ["", "\n    return x", "def double(x):\n    return 2 * x", "\n    exit(0)", "Sure: 2 * x"]
    assert not any(verdict.passed for verdict in verdicts(HUMANEVAL, [(raw, text) for text in continuations]))


@pytest.mark.slow
@needs_sandbox
def test_mbpps_own_code_passes_and_other_code_does_not(write: Write) -> None:
    items = load("mbpp", write("m.jsonl", MBPP_ROWS))
    right = [(item, fence(row["code"])) for item, row in zip(items, MBPP_ROWS, strict=True)]
    bare = [(item, f"Here:\n\n{row['code']}\n\nThat's it.") for item, row in zip(items, MBPP_ROWS, strict=True)]
    assert [(v.reason, v.detail) for v in verdicts(MBPP, right + bare)] == [("ok", "")] * 6
    # sum is Python's own name, and still the answer's function is tried
    wrong = [
        (items[0], fence("def smallest(a, b, c):\n    return a")),
        (items[1], fence("def sum(numbers):\n    return 3")),
    ]
    wrong += [(items[0], "return min(a, b, c)"), (items[1], fence("print(sum([1, 2]))"))]
    assert [verdict.passed for verdict in verdicts(MBPP, wrong)] == [False, False, False, False]


@pytest.mark.slow
@needs_sandbox
def test_some_of_humanevals_own_solutions_pass(problems: list[dict[str, str]], real: None) -> None:
    """Those with something odd: helpers that tests use, a text above, an import in the function, blanks in the body."""
    odd = (0, 32, 38, 64, 81, 115)
    plain, raw = load("humaneval"), load("humaneval", prompt="paper")
    answers = [(plain[n], forms(problems[n])["fence"]) for n in odd]
    answers += [(plain[n], forms(problems[n])["body, stripped"]) for n in odd]
    answers += [(raw[n], continued(problems[n])) for n in odd]
    assert [(v.reason, v.detail) for v in verdicts(HUMANEVAL, answers)] == [("ok", "")] * 18


@pytest.mark.slow
@needs_sandbox
@pytest.mark.parametrize("form", [*forms(DOUBLE), "continued"])
def test_all_of_humanevals_own_solutions_pass_in_every_form(
    problems: list[dict[str, str]], real: None, form: str
) -> None:
    items = load("humaneval", prompt="paper" if form == "continued" else "default")
    texts = [continued(row) if form == "continued" else forms(row)[form] for row in problems]
    found = verdicts(HUMANEVAL, list(zip(items, texts, strict=True)))
    failed = {row["task_id"]: v for row, v in zip(problems, found, strict=True) if not v.passed}
    assert failed == {}


# --- what of a raw answer counts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept", "ended"),
    [
        (continued(DOUBLE), "\n    y = x + x\n    return y\n\n", True),
        ("\n    return 2 * x", "\n    return 2 * x", False),
        ("\n    return 2 * x\n\n", "\n    return 2 * x\n\n", False),
        ("Sure!\n\nHere is more.", "Sure!", True),
        ("", "", False),
    ],
)
def test_a_raw_answer_that_goes_on_counts_as_ended(write: Write, text: str, kept: str, ended: bool) -> None:
    path = write("h.jsonl", [DOUBLE])
    (item,), (raw,) = load("humaneval", path), load("humaneval", path, prompt="paper")
    answer = Completion("r", text, finish_reason="length")
    assert HUMANEVAL.cut is not None
    found = HUMANEVAL.cut(raw, answer)
    assert (found.text, found.finish_reason) == (kept, "stop" if ended else "length")
    assert HUMANEVAL.cut(item, answer) == answer
