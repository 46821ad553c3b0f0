"""What becomes of the answers to `openfunctions` and `ifeval` in a run: scores, further metrics and their summary."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pyarrow.parquet as pq
import pytest

from ownwords.checks._instructions import PACKAGES
from tests.pipeline.conftest import Project, script

pytestmark = pytest.mark.usefixtures("as_if_trained")


def means(project: Project) -> dict[tuple[str, str], tuple[float, int]]:
    """Of each benchmark and metric: the seed's mean, and how many items have none."""
    summary = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    metrics = {described["name"]: described["metric"] for described in summary["benchmarks"]}
    return {
        (row["benchmark"], metrics[row["benchmark"]]): (row["mean"], row["errors"])
        for row in summary["scores"]
        if row["variant"] == "seed"
    }


def write(project: Project, name: str, rows: list[dict[str, Any]]) -> str:
    path = project.folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_calls_have_both_measures_and_a_row_without_one_is_counted(project: Project) -> None:
    outputs = ["f(a=1, b=2)", "g(a=1)", "h(a=1)", "a word"]
    path = write(project, "calls.jsonl", [{"instruction": f"Call {o}", "output": o} for o in outputs])
    told = {"f(": "f(b=2, a=1)", "g(": "g(a=1) and k(a=1)", "h(": "h(a=1)", "a word": "a word"}
    body = f"return next(text for key, text in {told!r}.items() if key in request.messages[-1].content)"
    flags = [f"evaluate.benchmarks=[{{openfunctions: {{path: {path}}}}}]", *script(project, body)]
    assert project.ownwords("evaluate", *flags) == 0
    assert means(project) == {
        ("openfunctions", "call_accuracy"): (pytest.approx(2 / 3), 1),
        ("openfunctions/call_accuracy_paper", "call_accuracy_paper"): (0.75, 0),
    }


@pytest.mark.slow
@pytest.mark.skipif(not all(find_spec(package) for package in PACKAGES), reason="needs the extra `eval`")
def test_instructions_are_verified_in_processes_and_have_four_measures(project: Project) -> None:
    rows = [
        {
            "key": number,
            "prompt": f"Question {number}",
            "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
            "kwargs": [{"num_words": None}, {"num_words": 3, "relation": "at least"}],
        }
        for number in range(4)
    ]
    told = ["three words here", "So, yes:\nthree words here", "one, two", "three, four, five"]
    path = write(project, "ifeval.jsonl", rows)
    body = f"return {told!r}[int(request.messages[-1].content.split()[-1])]"
    flags = [f"evaluate.benchmarks=[{{ifeval: {{path: {path}}}}}]", *script(project, body)]
    assert project.ownwords("evaluate", *flags) == 0
    assert means(project) == {
        ("ifeval", "prompt_strict"): (0.25, 0),
        ("ifeval/instruction_strict", "instruction_strict"): (0.5, 0),
        ("ifeval/prompt_loose", "prompt_loose"): (0.5, 0),
        ("ifeval/instruction_loose", "instruction_loose"): (0.625, 0),
    }
    table = pq.read_table(project.output / "scores" / "ifeval" / "sdft.parquet")
    assert table["score"].to_pylist() == [1.0, 0.0, 0.0, 0.0]
    assert table["answer"].to_pylist() == told


def test_a_row_that_cannot_be_verified_ends_it_before_anything_is_asked(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"prompt": "q", "instruction_id_list": ["no:such"], "kwargs": [{}]}
    path = write(project, "ifeval.jsonl", [row])
    assert project.ownwords("evaluate", f"evaluate.benchmarks=[{{ifeval: {{path: {path}}}}}]") == 2
    told = capsys.readouterr().err
    assert "no:such" in told or "pip install 'ownwords[eval]'" in told
    assert not (project.output / "scores").exists()
