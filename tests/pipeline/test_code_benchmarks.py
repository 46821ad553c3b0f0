"""Code benchmarks in the run: verdicts, pass@k, a sandbox that is not there, and an evaluation that is killed."""

# pyright: basic
from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ownwords.checks import _bubblewrap, sandbox
from ownwords.checks._bubblewrap import NoSandboxError
from ownwords.cli import main
from tests.pipeline.conftest import Project, contents, write_rows
from tests.pipeline.test_kill import committed, start, stop_when

needs_sandbox = pytest.mark.skipif(sandbox.kind() == "none", reason="there is no bubblewrap here")

LABELS = ["seed", "vanilla", "sdft"]
#: Three problems of HumanEval's layout: add a number to another.
ROWS = [
    {
        "task_id": f"Own/{n}",
        "prompt": f'def add_{n}(x):\n    """{n} more than x."""\n',
        "entry_point": f"add_{n}",
        "canonical_solution": f"    return x + {n}\n",
        "test": f"def check(candidate):\n    assert candidate(1) == {n + 1}\n",
    }
    for n in (1, 2, 3)
]

#: The seed is right about all three; vanilla ends the program in the second and says nothing to the third; sdft forgets
#: to return in the third. Of several samples every third is right.
MODEL = """
import os, pathlib, re

LOG, DEADLY = pathlib.Path(__file__).with_name("asked.txt"), {deadly!r}

def answer(request):
    with LOG.open("a") as file:
        file.write(request.id + "\\n")
    _, _, number, label = request.id.split("/")
    n = re.search(r"add_(\\d)", request.text or request.messages[-1].content)[1]
    if f"{{label}} {{n}}" in DEADLY:
        raise SystemExit("no power")
    if {samples} and int(number) % 3:
        return "I'd rather not."
    right = f"```python\\ndef add_{{n}}(x):\\n    return x + {{n}}\\n\\nprint(add_{{n}}('x'))\\n```"
    if label == "vanilla" and n != "1":
        return {{"2": right.replace("return x + 2", "import os; os._exit(0)"), "3": ""}}[n]
    return right.replace("return ", "y = ") if label == "sdft" and n == "3" else right
"""


@pytest.fixture
def tasks(project: Project) -> Path:
    return write_rows(project.folder / "humaneval.jsonl", ROWS)


def flags(
    project: Project, tasks: Path, settings: str = "", *, samples: bool = False, deadly: tuple[str, ...] = ()
) -> list[str]:
    (project.folder / "model.py").write_text(MODEL.format(deadly=deadly, samples=samples), encoding="utf-8")
    return [
        "--allow-code",
        f"runtime.scripted.function={project.folder / 'model.py'}:answer",
        f"evaluate.benchmarks=[{{humaneval: {{path: {tasks}{settings}}}}}]",
    ]


def asked(project: Project) -> list[str]:
    return (project.folder / "asked.txt").read_text(encoding="utf-8").splitlines()


def summary(project: Project) -> dict[str, Any]:
    return json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))


def means(project: Project) -> dict[tuple[str, str], float | None]:
    return {(row["benchmark"], row["variant"]): row["mean"] for row in summary(project)["scores"]}


def rows(project: Project, label: str) -> list[dict[str, Any]]:
    return pq.read_table(project.output / "scores" / "humaneval" / f"{label}.parquet").to_pylist()


def facts(project: Project) -> dict[str, Any]:
    return json.loads((project.output / "run.json").read_text(encoding="utf-8"))


PASSED = {("humaneval", label): pytest.approx(share) for label, share in zip(LABELS, (1, 1 / 3, 2 / 3), strict=True)}


@pytest.mark.slow
@needs_sandbox
@pytest.mark.usefixtures("as_if_trained")
def test_programs_are_run_and_the_scores_say_what_came_of_each(project: Project, tasks: Path) -> None:
    given = flags(project, tasks)
    assert project.ownwords("evaluate", *given) == 0
    assert means(project) == PASSED
    (described,) = summary(project)["benchmarks"]
    assert (described["name"], described["metric"], described["area"]) == ("humaneval", "pass@1", "task")
    found = {label: [json.loads(row["verdicts"]) for row in rows(project, label)] for label in LABELS}
    reasons = {label: [[v["reason"] for v in some] for some in found[label]] for label in LABELS}
    assert reasons["seed"] == [["ok"]] * 3
    assert reasons["vanilla"] == [["ok"], ["exited_early"], ["no_code"]]
    assert reasons["sdft"] == [["ok"], ["ok"], ["tests_failed"]]
    assert "line 2" in found["sdft"][2][0]["detail"]
    assert facts(project)["sandbox"] == sandbox.kind()
    # done is done
    before, count = contents(project.output / "scores"), len(asked(project))
    assert project.ownwords("evaluate", *given) == 0
    assert (contents(project.output / "scores"), len(asked(project))) == (before, count)
    assert project.ownwords("report", *given) == 0
    assert "pass@1" in (project.output / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
@needs_sandbox
@pytest.mark.usefixtures("as_if_trained")
def test_an_evaluation_that_dies_asks_only_for_what_is_missing(
    project: Project, tasks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("evaluate", *flags(project, tasks, deadly=("vanilla 3",))) == 1
    assert "no power" in capsys.readouterr().err
    before = asked(project)
    assert 1 <= len(before) < 9
    assert project.ownwords("evaluate", *flags(project, tasks)) == 0
    after = asked(project)[len(before) :]
    assert set(before) & set(after) == {before[-1]}  # the one at which it died
    assert len(before) + len(after) == 9 + 1
    assert means(project) == PASSED


@pytest.mark.slow
@needs_sandbox
@pytest.mark.usefixtures("as_if_trained")
def test_several_samples_give_pass_at_k_where_they_are_enough(project: Project, tasks: Path) -> None:
    settings = ", samples: 6, sampling: {temperature: 0.8}"
    assert project.ownwords("evaluate", *flags(project, tasks, settings, samples=True)) == 0
    found = means(project)
    assert {name for name, _ in found} == {"humaneval", "humaneval/pass@5"}
    assert found["humaneval", "seed"] == pytest.approx(2 / 6)  # samples 0 and 3
    assert found["humaneval/pass@5", "seed"] == 1  # of any five at least one is right
    assert found["humaneval", "vanilla"] == pytest.approx(2 / 18)
    row = rows(project, "seed")[0]
    assert [v["passed"] for v in json.loads(row["verdicts"])] == [True, False, False] * 2
    assert len(asked(project)) == 3 * 3 * 6
    assert (row["more.pass@5"], row["more.pass@10"]) == (1, None)


@pytest.mark.slow
@needs_sandbox
@pytest.mark.usefixtures("as_if_trained")
def test_the_papers_prompt_is_raw_and_what_comes_after_the_function_is_no_fault(project: Project, tasks: Path) -> None:
    given = flags(project, tasks, ", prompt: paper")
    (project.folder / "model.py").write_text(
        "def answer(request):\n"
        "    assert request.messages is None and request.text.startswith('Question: Write a Python function `add_')\n"
        "    n = request.text.split('`add_')[1][0]\n"
        "    return f'\\n    return x + {n}\\n\\nQuestion: and what then?\\n' + 'again and again\\n' * 200\n",
        encoding="utf-8",
    )
    assert project.ownwords("evaluate", *given) == 0
    assert set(means(project).values()) == {1}
    assert all(score["usable"] for score in summary(project)["scores"])  # the loop comes after the cut


@pytest.mark.parametrize(
    ("settings", "more", "reason"),
    [
        (", samples: 5", [], "humaneval asks for 5 samples, and greedy decoding gives the same answer each time"),
        (
            ", samples: 5, sampling: {temperature: 0}",
            ["evaluate.sampling.temperature=1"],
            "humaneval asks for 5 samples",
        ),
        (", samples: 5, sampling: {temperature: 1, top_k: 1}", [], "humaneval asks for 5 samples"),
    ],
)
def test_samples_that_would_all_be_equal_are_refused(
    project: Project, tasks: Path, settings: str, more: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("evaluate", *flags(project, tasks, settings), *more) == 2
    assert reason in capsys.readouterr().err
    assert not project.output.exists()


def test_samples_of_a_benchmark_that_takes_one_answer_are_refused(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    test = project.folder / "test.jsonl"
    keys = [f"evaluate.benchmarks=[{{gsm8k: {{path: {test}, samples: 2}}}}]", "evaluate.sampling.temperature=1"]
    assert project.ownwords("evaluate", *keys) == 2
    assert "evaluate.benchmarks.gsm8k.samples: it is 2, and this benchmark takes one answer" in capsys.readouterr().err
    assert not project.output.exists()


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise NoSandboxError("bubblewrap is a Linux program.")

    monkeypatch.setattr(_bubblewrap, "binary", none)
    monkeypatch.setattr(sandbox._Permission, "unsafe", False)
    monkeypatch.setattr(sandbox._Tried, "works", False)


@pytest.mark.slow
@pytest.mark.usefixtures("as_if_trained", "no_sandbox")
def test_without_a_sandbox_nothing_is_run_and_nothing_written_unless_somebody_allows_it(
    project: Project, tasks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = flags(project, tasks)
    assert project.ownwords("evaluate", *given) == 2
    assert "--allow-unsafe-code" in capsys.readouterr().err
    assert not project.output.exists()
    assert project.ownwords("evaluate", *given, "--allow-unsafe-code") == 0
    assert means(project) == PASSED
    assert facts(project)["sandbox"] == "none"
    assert project.ownwords("report", *given) == 0
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert "it ran without a sandbox" in page


@pytest.mark.usefixtures("as_if_trained")
def test_where_no_code_is_run_no_sandbox_is_recorded(project: Project) -> None:
    assert (
        project.ownwords("evaluate", f"evaluate.benchmarks=[{{gsm8k: {{path: {project.folder / 'test.jsonl'}}}}}]") == 0
    )
    assert "sandbox" not in facts(project)


@pytest.mark.slow
@needs_sandbox
def test_kill_9_in_mid_evaluation_of_code(project: Project, tasks: Path) -> None:
    keys = ["tune.arms=[vanilla]", "runtime.batch_size=1"]
    given = [*flags(project, tasks, ", samples: 2, sampling: {temperature: 1}", samples=True), *keys]
    assert main(["rewrite", str(project.recipe), *keys]) == 0
    assert main(["tune", str(project.recipe), *keys]) == 0
    process = start(project, "evaluate", *given, "runtime.scripted.delay_ms=250")
    stop_when(process, lambda: committed(project, "evaluate") >= 3, signal.SIGKILL)
    before, count = committed(project, "evaluate"), len(asked(project))
    assert 3 <= before < 12
    assert project.ownwords("evaluate", *given) == 0
    assert len(asked(project)) - count == 12 - before  # three problems, two samples, two arms
    assert means(project)["humaneval", "seed"] == 0.5
