"""Scores of garbage are unusable, with a reason that names what is wrong, in summary and report; real ones are not.

A scripted engine answers in place of broken weights. Repeated questions are told, and seeds are shown together.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pipeline.conftest import Project, question, script, write_rows

GARBAGE = {
    "a loop": ("'one and two and ' * 40", "free of loops"),
    "nothing": ("' '", "had any text"),
    "words at random": (
        "' '.join(random.Random(request.seed).sample(WORDS, 28))",
        "could be read",
    ),
    "token soup": (
        "''.join(random.Random(request.seed + n).choice(SCRAPS) for n in range(60))",
        "could be read",
    ),
    "another template": ("'It is 4. [/INST] [INST] And 5 plus 5?'", "chat-template markers"),
}
SETUP = (
    "import random; from ownwords.records import Completion; "
    "WORDS = 'table green running quickly mountain seven forget bridge paper cloudy winter lonely gather engine "
    "silver market prison orange bottle planet cousin valley rocket butter garden pencil forest doctor window '"
    ".split(); "
    "SCRAPS = ['ering', ' obl', '的', '_ptr', ' ка', 'ής', 'ção', '!!', ' Zw', '한', 'pher', ' ال', 'ука', '語']; "
)
REAL = (
    "'The answer is ' + str(request.seed % 100) + '. I added both of the numbers, and that is what they are together.'"
)


def _summary(project: Project) -> dict[str, Any]:
    return json.loads((project.output / "scores/summary.json").read_text(encoding="utf-8"))


def _answers(project: Project, tuned: str) -> list[str]:
    """The seed answers well; the arms answer with what this expression gives."""
    return script(project, f"{SETUP}return {REAL} if request.weights.kind == 'seed' else {tuned}")


def _evaluate(project: Project, tuned: str, *more: str) -> None:
    only = ["evaluate.benchmarks=[{gsm8k: {path: " + str(project.folder / "test.jsonl") + "}}]"]
    assert project.ownwords("evaluate", *only, *_answers(project, tuned), *more) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "reason"), GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_unusable_and_the_report_says_why(
    project: Project, as_if_trained: None, answer: str, reason: str
) -> None:
    _evaluate(project, answer)
    rows = {row["variant"]: row for row in _summary(project)["scores"]}
    assert rows["seed"]["usable"], rows["seed"]["reason"]
    assert not rows["sdft"]["usable"]
    assert reason in rows["sdft"]["reason"]
    assert project.ownwords("report") == 0
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert reason in page
    assert "the score of vanilla is unusable" in page


def test_answers_of_broken_weights_are_no_part_of_the_family(project: Project, as_if_trained: None) -> None:
    _evaluate(project, GARBAGE["nothing"][0])
    summary = _summary(project)
    assert summary["comparisons"] == 0
    assert all(row["p_holm"] is None for row in summary["differences"])


def test_an_arm_that_leaves_the_language_is_unusable(project: Project, as_if_trained: None) -> None:
    long = "How many apples do they have together when one of them has twelve and the other has seven more of them"
    write_rows(project.folder / "test.jsonl", [{**question(n), "question": f"{long}, {n}?"} for n in range(50, 64)])
    russian = "'Вместе у них тридцать одно яблоко, потому что у второго на семь больше, чем у первого. Ответ: 31'"
    _evaluate(project, russian)
    rows = {row["variant"]: row for row in _summary(project)["scores"]}
    assert rows["seed"]["sanity"]["language"] == 1.0
    assert rows["sdft"]["reason"].startswith("only 0% of the answers are in the language of their prompt, 100% of the")


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["'a'", "'!!!!!!!!!!'", "'That depends on what you want to do with it.'"])
def test_one_answer_to_everything_is_unusable_and_the_report_says_so(
    project: Project, as_if_trained: None, answer: str
) -> None:
    write_rows(project.folder / "test.jsonl", [question(number) for number in range(50, 64)])
    _evaluate(project, answer)
    rows = {row["variant"]: row for row in _summary(project)["scores"]}
    assert rows["seed"]["usable"], rows["seed"]["reason"]
    assert rows["sdft"]["sanity"]["same"] == 1
    assert rows["sdft"]["reason"].startswith("100% of the answers to 14 questions are one and the same text")
    assert not rows["sdft"]["usable"]
    assert _summary(project)["comparisons"] == 0
    assert project.ownwords("report") == 0
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert "the score of vanilla is unusable" in page
    assert "100.0 % one and the same text" in page


def test_a_seed_that_says_one_thing_only_is_unusable_too(project: Project, as_if_trained: None) -> None:
    write_rows(project.folder / "test.jsonl", [question(number) for number in range(50, 64)])
    only = ["evaluate.benchmarks=[{gsm8k: {path: " + str(project.folder / "test.jsonl") + "}}]"]
    assert project.ownwords("evaluate", *only, *script(project, "return '!!!!!!!!!!'")) == 0
    assert not any(row["usable"] for row in _summary(project)["scores"])


@pytest.mark.slow
def test_questions_that_are_training_prompts_are_counted_and_said(
    project: Project, as_if_trained: None, capsys: pytest.CaptureFixture[str]
) -> None:
    again = {**question(3), "question": question(3)["question"].upper().replace(" ", "  ")}
    write_rows(project.folder / "test.jsonl", [again, question(60), question(61)])
    _evaluate(project, REAL)
    assert "1 of 3 questions of gsm8k are training prompts" in capsys.readouterr().err
    rows = _summary(project)["scores"]
    assert {row["repeated"] for row in rows} == {1}
    assert {row["n"] for row in rows} == {3}  # told, not taken out
    assert project.ownwords("report") == 0
    assert "questions that are training prompts: 1 in gsm8k" in capsys.readouterr().out
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert "1 of the questions of gsm8k (3 scored) are training prompts" in page


@pytest.mark.slow
def test_seeds_are_shown_together(project: Project, as_if_trained: None) -> None:
    write_rows(project.folder / "test.jsonl", [question(number) for number in range(50, 90)])
    right = "f\"I add both of the numbers. The answer is {2 * int(said.split(' plus ')[0].split()[-1])}\""
    _evaluate(project, f"(said := request.messages[-1].content) and {right}", "tune.sweep.seed=[42,43,44]")
    summary = _summary(project)
    against = {(row["arm"], row["baseline"]): row for row in summary["over_seeds"]}
    assert set(against) == {("vanilla", "seed"), ("sdft", "seed"), ("sdft", "vanilla")}
    assert {row["seeds"] for row in against.values()} == {3}
    assert against["sdft", "vanilla"]["variants"] == ["sdft", "sdft@seed43", "sdft@seed44"]
    assert summary["comparisons"] == 2 * 2  # both arms say the same; accuracy, and as the paper counts it
    assert {row["beyond_noise"] for row in summary["differences"]} == {False}
    assert project.ownwords("report", "tune.sweep.seed=[42,43,44]") == 0
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert "3 training seeds" in page
    assert "mean of 3 seeds" in page
    assert "comparisons that this run makes" in page
