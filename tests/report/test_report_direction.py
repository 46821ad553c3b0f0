"""Scores of which neither way is better are told as higher or lower, on the page, the console and in the comparison."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ownwords.stages.report import console_summary, write_report

Edit = Callable[[Path, Callable[[Any], Any]], None]


def text_of(run: Path) -> str:
    content = re.sub(r"<style>.*?</style>", "", write_report(run).read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content)).split())


def add_words(summary: Any) -> None:
    """A further metric of advbench, before all others: shorter answers of vanilla, as long ones of sdft."""
    info = {"name": "advbench/words", "of": "advbench", "metric": "words", "unit": "words", "higher_is_better": None}
    summary["benchmarks"].insert(0, {**summary["benchmarks"][-1], **info, "summary": "Length of answers"})
    for label, mean in (("seed", 120.0), ("vanilla", 60.5), ("sdft", 119.0)):
        row = next(score for score in summary["scores"] if score["variant"] == label)
        values = {"benchmark": "advbench/words", "mean": mean, "low": mean - 5, "high": mean + 5, "errors": 0}
        summary["scores"].append({**row, **values, "usable": True, "reason": ""})
        if label != "seed":
            change = {"n": 50, "mean": mean - 120, "low": mean - 126, "high": mean - 114, "p": 0.01}
            names = {"benchmark": "advbench/words", "variant": label, "baseline": "seed"}
            summary["differences"].append({**names, **change, "beyond_noise": label == "vanilla"})


def test_the_page_says_higher_or_lower_and_never_better(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "scores/summary.json", add_words)
    text = text_of(full_run)
    assert "advbench/words Length of answers words, words; ↕ neither way is better" in text
    assert (
        "60.500 [55.500, 65.500] n = 100 vs seed (n = 50): lower, beyond noise −59.500 [−65.500, −53.500], p = 0.010"
        in text
    )
    assert "advbench/words: vanilla is lower than seed (−59.500 words, n = 50)" in text
    assert "vs seed (n = 50): within noise −1.000" in text


def test_on_the_console_further_metrics_come_last_and_have_no_direction(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "scores/summary.json", add_words)
    lines = console_summary(full_run).splitlines()
    assert lines[3].startswith("gsm8k")
    assert lines[-2] == (
        "advbench/words  seed 120.000 [115.000, 125.000]  vanilla 60.500 [55.500, 65.500]*  "
        "sdft 119.000 [114.000, 124.000]  words, n = 100"
    )


def test_further_metrics_that_do_not_fit_are_counted_as_such(full_run: Path, edit_json: Edit) -> None:
    def add(summary: Any) -> None:
        add_words(summary)
        for name in ("advbench/b", "advbench/c"):
            summary["benchmarks"].append({**summary["benchmarks"][0], "name": name})
            summary["scores"].append({**summary["scores"][-1], "benchmark": name})

    edit_json(full_run / "scores/summary.json", add)
    assert console_summary(full_run).splitlines()[-2] == "and            3 further metrics, see the report"
