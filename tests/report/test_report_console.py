"""The console says the same as the page, in at most ten aligned lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ownwords.stages.report import console_summary

Edit = Callable[[Path, Callable[[Any], Any]], None]


def test_summary_of_a_full_run(full_run: Path) -> None:
    path = full_run / "report.html"
    assert console_summary(full_run).splitlines() == [
        "model          Qwen/Qwen2.5-0.5B-Instruct, 120 rows",
        "accepted       72.5 % [63.9, 79.7], 87 of 120; wrong_number 22, not_finished 8, prompt_too_long 3",
        "gap            0.951 -> 0.623 nats/token, -0.328 [-0.401, -0.262], n = 117, p < 0.001, narrowed",
        "gsm8k          seed 33.0 [24.0, 42.0]     vanilla 28.0 [19.0, 37.0]      sdft 34.0 [25.0, 43.0]"
        "      %, n = 100",
        "multiarith     seed 61.0 [49.0, 73.0]     vanilla unusable               sdft 62.0 [50.0, 74.0]"
        "      %, n = 60",
        "heldout_nll    seed 0.940 [0.900, 0.980]  vanilla 0.612 [0.572, 0.652]*  sdft 0.799 [0.759, 0.839]*"
        "  nats/token, n = 200, lower is better",
        "arc_easy       seed 58.0 [48.0, 68.0]     vanilla 57.0 [47.0, 67.0]      sdft 59.0 [49.0, 69.0]"
        "      %, n = 100",
        "advbench       seed 94.0 [86.0, 100.0]    vanilla 72.0 [64.0, 80.0]*     sdft 90.0 [82.0, 98.0]"
        "      %, n = 50",
        f"report         {path}   (* differs from seed beyond noise; items without a score: 2 in gsm8k; unusable: "
        "multiarith, because only 41 % of the answers are finished)",
    ]


def test_a_line_says_how_far_its_numbers_of_items_reach(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "scores/summary.json", lambda summary: summary["scores"][2].update(n=98))
    assert console_summary(full_run).splitlines()[3].endswith("  %, n = 98 to 100")


def test_gap_within_noise_is_said_to_be_so(full_run: Path, edit_json: Edit) -> None:
    change = {"mean": 0.251, "low": 0.023, "high": 0.53, "p": 0.091}
    edit_json(full_run / "gap.json", lambda g: g["difference"].update(change))
    line = console_summary(full_run).splitlines()[2]
    assert line.endswith("+0.251 [0.023, 0.530], n = 117, p = 0.091, no change beyond noise")


def test_more_benchmarks_than_lines_are_counted(full_run: Path, edit_json: Edit) -> None:
    def repeat(summary: Any) -> None:
        for number in range(4):
            summary["benchmarks"].append(dict(summary["benchmarks"][0], name=f"extra{number}"))
            summary["scores"].append(dict(summary["scores"][0], benchmark=f"extra{number}"))

    edit_json(full_run / "scores/summary.json", repeat)
    lines = console_summary(full_run).splitlines()
    assert len(lines) == 10
    assert lines[-2] == "and            4 more benchmarks, see the report"


def test_empty_run_is_summarised_as_not_done_yet(tmp_path: Path) -> None:
    assert console_summary(tmp_path).splitlines() == [
        "model          no recipe yet, rows not counted yet",
        "accepted       not done yet",
        "gap            not done yet",
        "scores         not done yet",
        f"report         {tmp_path / 'report.html'}",
    ]


def test_summary_is_ascii(full_run: Path) -> None:
    assert console_summary(full_run).isascii()
