"""The paper's tables: published numbers as they are known, this run's beside them, and nothing invented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import yaml
from tests.report.test_report_page import section

from ownwords.recipe import EvaluateSection, load_recipe
from ownwords.report.paper import beside_the_paper
from ownwords.report.published import EXPERIMENTS, KNOWLEDGE, LLAMA_2, TASKS
from ownwords.stages.report import collect, console_summary, write_report

Edit = Callable[[Path, Callable[[Any], Any]], None]
TASK_SCORES = [column.score for column in TASKS]


def named(run: Path, experiment: str, **changes: Any) -> Path:
    """The run, with a recipe that names a published experiment."""
    path = run / "recipe.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values["evaluate"]["published"] = experiment
    values["model"] = {**values["model"], **changes}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return run


def test_every_name_that_a_recipe_may_give_is_known_and_no_other() -> None:
    (inner,) = [a for a in get_args(EvaluateSection.model_fields["published"].annotation) if a is not type(None)]
    assert set(get_args(inner)) == set(EXPERIMENTS)


def test_numbers_are_those_of_the_published_tables() -> None:
    """Written out a second time, row by row, so that a slip in one of them is found."""
    expected = {
        ("openfunctions", "seed"): "19.6 29.4 13.4 99.81 88.85 66.04",
        ("openfunctions", "vanilla"): "34.8 21.5 9.8 98.27 87.31 35.49",
        ("openfunctions", "sdft"): "36.6 29.1 15.2 99.23 94.42 67.66",
        ("gsm8k", "vanilla"): "17.9 31.9 12.2 82.12 54.81 23.38",
        ("gsm8k", "sdft"): "17.9 34.4 14.6 87.12 65.58 66.73",
        ("magicoder", "vanilla"): "- - - 96.73 83.65 76.52",
        ("magicoder", "sdft"): "- - 18.3 97.88 88.65 76.09",
        ("openhermes", "vanilla"): "- - - - 61.54 -",
        ("openhermes", "sdft"): "- - - - 87.50 -",
        ("gsm8k-full", "vanilla"): "- - - - - 23.04",
        ("gsm8k-full", "sdft"): "- - - - - 61.19",
        ("llama-2-13b", "vanilla"): "- - - - - 40.27",
        ("llama-2-13b", "sdft"): "- - - - - 75.93",
        ("llama3-openfunctions", "vanilla"): "- 77.79 - - 79.81 -",
        ("llama3-openfunctions", "sdft"): "- 79.45 - - 96.15 -",
    }
    found: dict[tuple[str, str], str] = {}
    for name, experiment in EXPERIMENTS.items():
        for arm, numbers in experiment.numbers.items():
            assert numbers.keys() <= set(TASK_SCORES)
            found[name, arm] = " ".join(numbers[s].value if s in numbers else "-" for s in TASK_SCORES)
    seeds = {name for name, arm in found if arm == "seed"}
    assert all(EXPERIMENTS[name].model == LLAMA_2 for name in seeds)
    assert {found[name, "seed"] for name in seeds} == {expected["openfunctions", "seed"]}
    assert {key: text for key, text in found.items() if key[1] != "seed"} == {
        key: text for key, text in expected.items() if key[1] != "seed"
    }


def test_second_hand_numbers_and_discrepancies_are_marked() -> None:
    marks = {
        (name, arm, score): number.mark
        for name, experiment in EXPERIMENTS.items()
        for arm, numbers in experiment.numbers.items()
        for score, number in numbers.items()
    }
    assert {key for key, mark in marks.items() if mark == "†"} == {
        ("magicoder", "sdft", "humaneval"),
        ("openhermes", "vanilla", "advbench_jailbreak"),
        ("openhermes", "sdft", "advbench_jailbreak"),
    }
    assert set(marks.values()) == {"*", "†"}
    gsm8k = EXPERIMENTS["gsm8k"].numbers
    assert "80.77" in gsm8k["sdft"]["advbench_jailbreak"].note
    assert "94.81" in gsm8k["seed"]["advbench_jailbreak"].note
    assert "29.3" in gsm8k["vanilla"]["gsm8k"].note


def test_page_sets_the_papers_numbers_beside_the_runs(full_run: Path) -> None:
    text = section(write_report(named(full_run, "gsm8k")), "paper")
    assert "OpenFunctions GSM8K HumanEval AdvBench raw safe AdvBench jailbreak safe AlpacaEval win" in text
    assert "33.0 % [24.0, 42.0] n = 100 paper 29.4*" in text
    assert "28.0 % [19.0, 37.0] n = 100 paper 31.9* (29.3 in the authors' own rerun)" in text
    assert "SDFT paper 17.9* 34.0 % [25.0, 43.0] n = 100 paper 34.4* paper 14.6*" in text
    assert "paper 65.58* (80.77 elsewhere)" in text
    assert "moves by less than one point" in text
    assert "58.0 % [48.0, 68.0] n = 100" in text  # arc_easy, in table 3


def test_differences_from_the_papers_experiment_are_said(full_run: Path) -> None:
    text = section(write_report(named(full_run, "gsm8k")), "paper")
    assert f"this run's seed is Qwen/Qwen2.5-0.5B-Instruct, the paper's is {LLAMA_2}" in text
    assert "Asked with other prompts than the paper's: gsm8k." in text
    assert "Trained on at most 120 rows; the paper's training set has 7,473." in text


def test_the_papers_own_model_brings_no_warning_of_another(full_run: Path) -> None:
    text = section(write_report(named(full_run, "gsm8k", name_or_path=LLAMA_2)), "paper")
    assert "The models differ" not in text


def test_a_hostile_model_name_is_escaped(full_run: Path) -> None:
    page = write_report(named(full_run, "gsm8k", name_or_path="<script>alert(1)</script>"))
    assert "<script" not in page.read_text(encoding="utf-8")


def test_no_section_where_the_recipe_names_no_experiment(full_run: Path) -> None:
    assert '<section id="paper">' not in write_report(full_run).read_text(encoding="utf-8")
    assert "in the paper" not in console_summary(full_run)


def test_no_section_where_no_column_was_measured(full_run: Path, edit_json: Edit) -> None:
    def only_heldout(summary: Any) -> None:
        for key in ("scores", "differences"):
            summary[key] = [row for row in summary[key] if row["benchmark"] == "heldout_nll"]
        summary["benchmarks"] = [info for info in summary["benchmarks"] if info["name"] == "heldout_nll"]

    edit_json(full_run / "scores/summary.json", only_heldout)
    data = collect(named(full_run, "gsm8k"))
    assert data.scores is not None
    assert beside_the_paper(data.scores, load_recipe(full_run / "recipe.yaml")) is None


def test_what_is_not_published_stays_empty(full_run: Path) -> None:
    data = collect(named(full_run, "lima"))
    assert data.scores is not None
    beside = beside_the_paper(data.scores, data.recipe)
    assert beside is not None
    assert all(cell.paper == "" for row in beside.tables[0].rows[1:] for cell in row.cells)
    assert all(cell.paper == "" for row in beside.tables[1].rows for cell in row.cells)
    assert beside.tables[1].columns == tuple(column.title for column in KNOWLEDGE)


def test_an_unusable_score_stays_marked(full_run: Path, edit_json: Edit) -> None:
    def spoil(summary: Any) -> None:
        for row in summary["scores"]:
            if (row["benchmark"], row["arm"]) == ("gsm8k", "sdft"):
                row.update(usable=False, reason="garbled")

    edit_json(full_run / "scores/summary.json", spoil)
    assert "34.0 % unusable" in section(write_report(named(full_run, "gsm8k")), "paper")


def test_console_has_one_line_of_the_papers_numbers_and_still_ten(full_run: Path) -> None:
    lines = console_summary(named(full_run, "gsm8k")).splitlines()
    assert len(lines) == 10
    assert lines[-2] == "paper          SDFT on GSM8K in the paper: GSM8K 34.4, AdvBench raw safe 87.12 %"
