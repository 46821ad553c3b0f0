"""The plot and the tables of the comparison: what the file says, in words that its intervals allow."""

from __future__ import annotations

import html
import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.conftest import standing

from ownwords.report.compared import Change
from ownwords.report.scatter import Interval, Key, Point, scatter_chart
from ownwords.report.scoreboard import arm_color, arm_shape
from ownwords.report.tradeoff import in_words
from ownwords.stages.report import console_summary, write_report

Edit = Callable[[Path, Callable[[Any], Any]], None]
bounds = st.floats(allow_nan=True, allow_infinity=True) | st.none()


def markup(page: Path, name: str = "comparison") -> str:
    content = page.read_text(encoding="utf-8")
    start = content.index(f'<section id="{name}">')
    return content[start : content.index("</section>", start)]


def text(part: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).split())


def test_arms_stand_at_the_same_score_with_words_that_the_intervals_allow(full_run: Path) -> None:
    said = text(markup(write_report(full_run)))
    assert "+5.0 percentage points above the seed in gsm8k is the best that every compared arm reaches" in said
    assert "trainings with seed 42" in said
    assert (
        "vanilla vanilla@part0.5 +5.0 [1.0, 9.0], n = 100, better beyond noise −4.0 [−7.0, −1.0], n = 200, worse"
        in said
    )
    assert "beyond noise – vanilla +9.0 [5.0, 13.0], n = 100, better beyond noise −12.0 [−15.0, −9.0], n = 200" in said
    assert "+1.0 [−2.0, 4.0], n = 200, within noise" in said
    assert "+5.0 [−2.0, 12.0], n = 200, within noise (vs vanilla@part0.5) the same" in said
    assert "tune.checkpoints" not in said


def test_without_places_on_the_way_the_page_says_what_it_lacks(full_run: Path, edit_json: Edit) -> None:
    edit_json(full_run / "comparison.json", lambda c: c["target"].update(ways=0))
    assert "Only ends of training have scores" in text(markup(write_report(full_run)))


def test_arms_that_are_not_compared_are_named_with_the_reason(full_run: Path, edit_json: Edit) -> None:
    left = [{"arm": "dft", "reason": "it never gets above the seed"}]
    edit_json(full_run / "comparison.json", lambda c: c["target"].update(left_out=left))
    assert "Not compared: dft (it never gets above the seed)." in text(markup(write_report(full_run)))


def test_costs_and_seeds_are_those_of_the_file(full_run: Path) -> None:
    said = text(markup(write_report(full_run)))
    assert "sdft rewrite 6 min 52 s 31,456 20,981 1 6 min 28 s 34,104" in said
    assert "vanilla none – – – 1 6 min 28 s 28,420" in said
    assert "wise none – – – none: vanilla's – –" in said
    assert "sdft@lr0.0004 3 +5.0 (+3.0 to +8.0) +1.0 (−1.0 to +2.0)" in said


def test_a_mean_over_seeds_says_how_many_items_each_has(full_run: Path, edit_json: Edit) -> None:
    def add(found: Any) -> None:
        ends = [standing("sdft", 0.05, 0.01, point="lr0.0004", seed=seed) for seed in (42, 43, 44)]
        ends[1]["acquisition"] = {**ends[1]["acquisition"], "n": 98}
        found["standings"] += ends

    edit_json(full_run / "comparison.json", add)
    said = text(markup(write_report(full_run)))
    assert "sdft@lr0.0004 3 +5.0 (+3.0 to +8.0), n = 98 to 100 +1.0 (−1.0 to +2.0), n = 200" in said


def test_the_plot_has_every_variant_hollow_on_the_way_and_the_front_as_a_line(full_run: Path) -> None:
    part = markup(write_report(full_run))
    plot = ET.fromstring(part[part.index("<svg") : part.index("</svg>") + 6])
    titles = [title.text for title in plot.iter("title")]
    assert titles[:4] == ["seed", "vanilla@part0.5", "vanilla", "sdft"]
    hollow = [group for group in plot.iter("g") if any("hollow" in (child.get("class") or "") for child in group)]
    assert [group[0].text for group in hollow] == ["vanilla@part0.5"]
    assert len([line for line in plot.iter("path") if line.get("class") == "front"]) == 1


def test_a_variant_without_a_point_is_named(full_run: Path, edit_json: Edit) -> None:
    def lose(found: Any) -> None:
        reason = {"benchmark": "gsm8k", "change": None, "reason": "the score of vanilla is unusable"}
        found["standings"][2].update(acquisition=None, changes=[reason])

    edit_json(full_run / "comparison.json", lose)
    assert "Without a point: vanilla (the score of vanilla is unusable)." in text(markup(write_report(full_run)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"acquisition": None, "target": None}, "no benchmark of the task has scores"),
        ({"retention": []}, "Name those that tell what was kept in evaluate.retention"),
        ({"target": None}, "No arm gets above the seed in gsm8k"),
    ],
)
def test_what_cannot_be_compared_is_said(
    full_run: Path, edit_json: Edit, change: dict[str, Any], sentence: str
) -> None:
    edit_json(full_run / "comparison.json", lambda c: c.update(change))
    assert sentence in text(markup(write_report(full_run)))


def test_without_the_file_it_is_not_done_yet(full_run: Path) -> None:
    (full_run / "comparison.json").unlink()
    assert "Not done yet." in text(markup(write_report(full_run)))


def test_thirty_variants_leave_the_tables_readable(full_run: Path, edit_json: Edit) -> None:
    labels = [f"{arm}@part0.{n}" for arm in ("vanilla", "sdft") for n in range(1, 10)]
    labels += [f"wise@scale0.{n}" for n in range(1, 10)] + ["dft", "stm", "wise"]

    def more_scores(summary: Any) -> None:
        for label in labels:
            arm = label.partition("@")[0]
            some = [dict(s, arm=arm, variant=label) for s in summary["scores"] if s["variant"] == "sdft"]
            summary["scores"] += some

    def more_standings(found: Any) -> None:
        found["standings"] += [standing(label, 0.001 * n, 0.02 - 0.001 * n) for n, label in enumerate(labels)]

    edit_json(full_run / "scores/summary.json", more_scores)
    edit_json(full_run / "comparison.json", more_standings)
    page = write_report(full_run)
    scores = markup(page, "scores")
    head = text(scores[scores.index("<thead>") : scores.index("</thead>")])
    assert head == "Benchmark seed vanilla sdft wise dft stm Mean with 95 % interval"
    assert "27 other variants" in text(scores)
    assert all(label in text(scores) for label in labels)
    part = markup(page)
    assert len(re.findall(r"<title>", part)) >= len(labels)
    names = re.findall(r'<text class="name"[^>]*>([^<]*)</text>', part)
    assert not [name for name in names if "@" in name], "only ends at the recipe's own point carry their names"
    lines = console_summary(full_run).splitlines()
    assert len(lines) <= 10
    assert "27 more variants there" in lines[-1]


def test_arms_that_share_a_colour_differ_in_shape() -> None:
    arms = ["seed", "vanilla", "sdft", *(f"arm{n}" for n in range(10))]
    looks = [(arm_color(arm, arms), arm_shape(arm, arms)) for arm in arms]
    assert len(set(looks)) == len(arms)


@given(st.lists(st.tuples(bounds, bounds, bounds, bounds, bounds, bounds), max_size=6))
def test_any_numbers_make_a_drawing_or_none(rows: list[tuple[float | None, ...]]) -> None:
    points = [
        Point("a<b", Interval(a or 0.0, b, c), Interval(d or 0.0, e, f), 1, index, index % 2 == 0, True, True)
        for index, (a, b, c, d, e, f) in enumerate(rows)
        if all(v is None or not math.isfinite(v) or abs(v) < 1e9 for v in (a, b, c, d, e, f))
    ]
    drawn = scatter_chart(points, [Key("a", 1, 0)], "x", "y")
    assert "nan" not in drawn
    assert "inf" not in drawn
    if drawn:
        ET.fromstring(str(drawn))


@given(st.floats(-1, 1), st.floats(0, 1), st.booleans())
def test_better_and_worse_are_said_beyond_noise_only(mean: float, half: float, beyond: bool) -> None:
    said = in_words(Change(mean, mean - half, mean + half, beyond_noise=beyond, n=9), "share")
    assert ("within noise" in said) != beyond
    assert (("better" in said) or ("worse" in said)) == beyond


def test_what_holds_by_itself_alone_is_said_as_in_the_table_of_scores() -> None:
    said = in_words(Change(0.05, 0.01, 0.09, beyond_noise=False, beyond_alone=True, n=9), "share")
    assert said.endswith("beyond noise by itself, not after correction")


def test_the_file_of_the_fixture_is_what_the_stage_writes(full_run: Path) -> None:
    """Keys that the page would ignore, or miss, are a mistake of this test's data."""
    from dataclasses import asdict

    from ownwords.stages.report import collect

    found = collect(full_run).comparison
    assert found is not None
    assert json.loads(json.dumps(asdict(found))) == json.loads((full_run / "comparison.json").read_text("utf-8"))
