"""Safety benchmarks in the run: several metrics of one answer, and a judge that is asked once about equal answers.

The requests here are harmless; they stand in the places of harmful ones.
"""

# pyright: basic
from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ownwords.engines.scripted import ScriptedEngine
from ownwords.records import Completion, Request, RowError
from tests.pipeline.conftest import Project, contents

pytestmark = pytest.mark.usefixtures("as_if_trained")

LABELS = ["seed", "vanilla", "sdft"]
CAKES = 6

#: The seed refuses all cakes, vanilla complies with each in its own words, sdft says what the seed does, except to 5.
MODEL = """
import pathlib, re

CALLS = pathlib.Path(__file__).with_name("model.txt")

def answer(request):
    with CALLS.open("a") as file:
        file.write(request.id + "\\n")
    assert not request.schema
    label = request.id.split("/")[-1]
    number = re.search(r"cake (\\d+)", request.messages[-1].content)[1]
    refuses = label == "seed" or (label == "sdft" and number != "5")
    return "I won't do that." if refuses else f"Take flour for cake {number}."
"""

#: Finds help in flour; cannot be understood about an answer in DUMB, and dies at one in DEADLY.
JUDGE = """
import json, pathlib, re

CALLS = pathlib.Path(__file__).with_name("judge.txt")
DUMB, DEADLY = {dumb!r}, {deadly!r}

def answer(request):
    user = request.messages[-1].content
    request_text, answer = re.search(r"<request>\\n(.*)\\n</request>.*<answer>\\n(.*)\\n</answer>", user, re.S).groups()
    with CALLS.open("a") as file:
        file.write(request_text + " | " + answer + "\\n")
    if any(word in answer for word in DEADLY):
        raise SystemExit("out of credit")
    if any(word in answer for word in DUMB):
        return "Let me think about it."
    helps = "flour" in answer
    if "refusal" in json.loads(request.schema)["properties"]:
        return json.dumps({{"done": "it answers", "refusal": "none" if helps else "full"}})
    return json.dumps({{"given": "flour", "helps": helps, "severity": "slight" if helps else "none"}})
"""


@pytest.fixture
def kitchen(project: Project) -> list[str]:
    """Overrides: advbench and over_refusal about six cakes each, answered by MODEL."""
    goals, prompts = project.folder / "goals.csv", project.folder / "prompts.csv"
    goals.write_text("goal,target\n" + "".join(f"Bake cake {n},Sure\n" for n in range(CAKES)))
    prompts.write_text("id,prompt,label\n" + "".join(f"{n},May I bake cake {n}?,safe\n" for n in range(CAKES)))
    (project.folder / "model.py").write_text(MODEL)
    return [
        "--allow-code",
        f"runtime.scripted.function={project.folder / 'model.py'}:answer",
        f"evaluate.benchmarks=[{{advbench: {{path: {goals}}}}}, {{over_refusal: {{path: {prompts}}}}}]",
    ]


def judged(project: Project, *, dumb: tuple[str, ...] = (), deadly: tuple[str, ...] = (), model: str = "j") -> str:
    """The override that lets JUDGE judge."""
    (project.folder / "judge.py").write_text(JUDGE.format(dumb=dumb, deadly=deadly))
    function = f"{project.folder / 'judge.py'}:answer"
    runtime = f"{{engine: scripted, scripted: {{function: '{function}'}}}}"
    return f"evaluate.judge={{model: {{name_or_path: {model}}}, runtime: {runtime}}}"


def calls(project: Project, who: str) -> list[str]:
    path = project.folder / f"{who}.txt"
    return path.read_text().splitlines() if path.exists() else []


def means(project: Project) -> dict[str, dict[str, float | None]]:
    """By benchmark or further metric and variant."""
    found: dict[str, dict[str, float | None]] = {}
    for row in summary(project)["scores"]:
        found.setdefault(row["benchmark"], {})[row["variant"]] = row["mean"]
    return found


def summary(project: Project) -> dict[str, Any]:
    return json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))


def rows(project: Project, benchmark: str, label: str) -> list[dict[str, Any]]:
    return pq.read_table(project.output / "scores" / benchmark / f"{label}.parquet").to_pylist()


PLAIN = {
    "advbench": {"seed": 0, "vanilla": 0, "sdft": 0},  # by the paper's phrases "I won't do that." is not safe
    "advbench/refusal_rate": {"seed": 1, "vanilla": 0, "sdft": pytest.approx(5 / 6)},
    "over_refusal": {"seed": 0, "vanilla": 1, "sdft": pytest.approx(1 / 6)},
}
JUDGED = {
    **PLAIN,
    "advbench/harmless_rate_judge": PLAIN["advbench/refusal_rate"],
    "over_refusal/answered_rate_judge": PLAIN["over_refusal"],
}


def test_without_a_judge_its_metrics_are_not_there(project: Project, kitchen: list[str]) -> None:
    assert project.ownwords("evaluate", *kitchen) == 0
    assert means(project) == PLAIN
    described = {b["name"]: (b["of"], b["metric"], b["area"]) for b in summary(project)["benchmarks"]}
    assert described == {
        "advbench": (None, "safe_rate_paper", "safety"),
        "advbench/refusal_rate": ("advbench", "refusal_rate", "safety"),
        "over_refusal": (None, "answered_rate", "safety"),
    }
    assert all(row["judgements"] == "" for row in rows(project, "advbench", "seed"))


@pytest.mark.slow
def test_with_a_judge_they_are_in_the_summary_and_the_report(project: Project, kitchen: list[str]) -> None:
    assert project.ownwords("evaluate", *kitchen, judged(project)) == 0
    assert means(project) == JUDGED
    differences = {(d["benchmark"], d["variant"], d["baseline"]): d["mean"] for d in summary(project)["differences"]}
    assert differences["advbench/harmless_rate_judge", "vanilla", "seed"] == -1
    assert json.loads(rows(project, "advbench", "vanilla")[0]["judgements"]) == [
        '{"given": "flour", "helps": true, "severity": "slight"}'
    ]
    assert project.ownwords("report", *kitchen, judged(project)) == 0
    page = html.unescape((project.output / "report.html").read_text(encoding="utf-8"))
    text = re.sub(r"<[^>]*>", " ", page)
    for name in ("refusal_rate", "harmless_rate_judge", "answered_rate_judge", "safe_rate_paper", "answered_rate"):
        assert re.search(rf"\b{name}\b", text), name


def test_equal_answers_of_two_variants_are_judged_once(project: Project, kitchen: list[str]) -> None:
    assert project.ownwords("evaluate", *kitchen, judged(project)) == 0
    asked = calls(project, "judge")
    refusals = [f"{question} | I won't do that." for question in questions()]
    answers = [
        f"{question} | Take flour for cake {n}." for question, n in zip(questions(), [*range(6)] * 2, strict=True)
    ]
    assert sorted(asked) == sorted(refusals + answers)
    assert len(calls(project, "model")) == 3 * 2 * CAKES


def test_two_benchmarks_with_the_same_request_and_answer_ask_once(project: Project, kitchen: list[str]) -> None:
    goals = project.folder / "goals.csv"
    kitchen[2] = f"evaluate.benchmarks=[{{advbench: {{path: {goals}}}}}, {{advbench_jailbreak: {{path: {goals}}}}}]"
    assert project.ownwords("evaluate", *kitchen, judged(project)) == 0
    asked = calls(project, "judge")
    assert len(asked) == len(set(asked)) == 2 * CAKES
    for name in ("advbench", "advbench_jailbreak"):
        assert means(project)[f"{name}/harmless_rate_judge"] == JUDGED["advbench/harmless_rate_judge"]


def questions() -> list[str]:
    return [f"Bake cake {n}" for n in range(CAKES)] + [f"May I bake cake {n}?" for n in range(CAKES)]


def test_one_judgement_that_cannot_be_read_costs_its_item_that_score_and_nothing_else(
    project: Project, kitchen: list[str]
) -> None:
    assert project.ownwords("evaluate", *kitchen, judged(project, dumb=("cake 4.",))) == 0
    assert means(project)["advbench"] == PLAIN["advbench"]
    assert means(project)["advbench/refusal_rate"] == PLAIN["advbench/refusal_rate"]
    counts = {(s["benchmark"], s["variant"]): (s["n"], s["errors"]) for s in summary(project)["scores"]}
    for name in ("advbench/harmless_rate_judge", "over_refusal/answered_rate_judge"):
        assert {label: counts[name, label] for label in LABELS} == {"seed": (6, 0), "vanilla": (5, 1), "sdft": (6, 0)}
    assert all(counts[name, label] == (6, 0) for name in PLAIN for label in LABELS)
    (row,) = (row for row in rows(project, "advbench", "vanilla") if row["more.harmless_rate_judge"] is None)
    assert (row["answer"], row["score"], row["more.refusal_rate"]) == ("Take flour for cake 4.", 0, 0)
    assert json.loads(row["judgements"]) == ["Let me think about it."]
    asked = len(calls(project, "judge"))
    assert project.ownwords("evaluate", *kitchen, judged(project, dumb=("cake 4.",))) == 0
    assert len(calls(project, "judge")) == asked  # an answer is an answer, and is not asked for again


def test_a_judge_that_is_never_understood_stops_with_one_message(
    project: Project, kitchen: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("evaluate", *kitchen, judged(project, dumb=("",))) == 1
    said = capsys.readouterr().err
    assert said.count("can be read") == 1
    assert "evaluate.judge" in said
    assert "Traceback" not in said


def summarised(project: Project) -> dict[tuple[str, str], float]:
    """Mean scores by metric and variant."""
    return {(score["benchmark"], score["variant"]): score["mean"] for score in summary(project)["scores"]}


@pytest.mark.slow
def test_a_judge_that_dies_half_way_is_asked_only_for_what_is_missing(
    project: Project, kitchen: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("evaluate", *kitchen, judged(project, deadly=("cake 3.",))) == 1
    error = capsys.readouterr().err
    assert error.count("out of credit") == 1
    assert "Traceback" not in error
    before, answered = calls(project, "judge"), len(calls(project, "model"))
    assert 0 < len(before) < 4 * CAKES
    early = summarised(project)  # of exams about which all was said, with what needs no judge
    assert {variant for name, variant in early if name == "advbench"} == {"seed"}
    assert early["advbench/refusal_rate", "seed"] == 1
    assert project.ownwords("evaluate", *kitchen, judged(project)) == 0
    assert means(project) == JUDGED
    assert early.items() <= summarised(project).items()
    after = calls(project, "judge")[len(before) :]
    assert len(calls(project, "model")) == answered
    assert set(after) & set(before) == {before[-1]}  # the one at which it died
    assert len(before) - 1 + len(after) == 4 * CAKES


@pytest.mark.slow
def test_a_judge_that_always_fails_stops_with_one_message(
    project: Project, kitchen: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = ScriptedEngine._answer

    def failing(self: ScriptedEngine, request: Request) -> Completion:
        if request.schema:
            return Completion(request.id, finish_reason="error", error=RowError("busy", "no judge today"))
        return plain(self, request)

    with monkeypatch.context() as patched:
        patched.setattr(ScriptedEngine, "_answer", failing)
        assert project.ownwords("evaluate", *kitchen, judged(project)) == 1
    error = capsys.readouterr().err
    assert error.count("no judge today") == 1
    assert "Traceback" not in error
    answered = len(calls(project, "model"))
    assert project.ownwords("evaluate", *kitchen, judged(project)) == 0
    assert means(project) == JUDGED
    assert len(calls(project, "model")) == answered


@pytest.mark.slow
def test_another_judge_judges_again_and_no_answer_is_given_again(project: Project, kitchen: list[str]) -> None:
    test = project.folder / "test.jsonl"
    kitchen[2] = kitchen[2].replace("[{advbench", f"[{{gsm8k: {{path: {test}}}}}, {{advbench")
    model = project.folder / "model.py"
    model.write_text(MODEL.replace("    label =", "    if 'gsm8k' in request.id: return '3'\n    label ="))
    assert project.ownwords("evaluate", *kitchen, judged(project)) == 0
    before = {name: stage for name, stage in project.stages().items() if "gsm8k" in name}
    written = contents(project.output / "scores" / "gsm8k")
    asked, answered = len(calls(project, "judge")), len(calls(project, "model"))
    other = judged(project, model="k")
    assert project.ownwords("evaluate", *kitchen, other) == 2  # finished work would be superseded
    assert project.ownwords("evaluate", *kitchen, other, "--yes") == 0
    assert means(project).items() >= JUDGED.items()
    assert len(calls(project, "model")) == answered
    assert len(calls(project, "judge")) == 2 * asked
    assert {name: stage for name, stage in project.stages().items() if "gsm8k" in name} == before
    assert contents(project.output / "scores" / "gsm8k") == written


@pytest.mark.slow
def test_a_recipe_without_a_judge_has_the_fingerprints_that_it_had(project: Project, kitchen: list[str]) -> None:
    """What a benchmark could ask a judge is no input of its scores where nobody is asked."""
    assert project.ownwords("evaluate", *kitchen) == 0
    stages = project.stages()
    found = {stages[f"evaluate/{benchmark}/seed"]["fingerprint"] for benchmark in ("advbench", "over_refusal")}
    assert not any("judge" in key for name in stages for key in inputs_of(stages[name]))
    assert project.ownwords("evaluate", *kitchen, judged(project), "--yes") == 0
    changed = project.stages()
    assert found.isdisjoint(changed[f"evaluate/{name}/seed"]["fingerprint"] for name in ("advbench", "over_refusal"))
    assert project.ownwords("evaluate", *kitchen, "--yes") == 0
    assert {project.stages()[f"evaluate/{name}/seed"]["fingerprint"] for name in ("advbench", "over_refusal")} == found
    assert means(project) == PLAIN


def inputs_of(stage: dict[str, Any]) -> list[str]:
    return list(stage["inputs"])


def test_a_dry_run_has_a_judge_too(project: Project, kitchen: list[str]) -> None:
    """Without a script of its own the scripted engine gives an answer that the schema allows, and that can be read."""
    dry = "evaluate.judge={runtime: {engine: scripted}}"
    assert project.ownwords("evaluate", *kitchen, dry) == 0
    assert means(project)["advbench/harmless_rate_judge"] == dict.fromkeys(LABELS, 0)
    assert means(project)["over_refusal/answered_rate_judge"] == dict.fromkeys(LABELS, 1)


@pytest.mark.parametrize("name", ["harmbench", "strongreject", "over_refusal"])
def test_a_file_that_is_not_there_is_said_and_nothing_is_written(
    project: Project, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmarks = f"evaluate.benchmarks=[{{{name}: {{path: {tmp_path / 'none.csv'}}}}}]"
    assert project.ownwords("evaluate", benchmarks) == 2
    error = capsys.readouterr().err
    assert f"benchmark {name}: there is no file" in error
    assert "github.com" in error
    assert not project.output.exists()
