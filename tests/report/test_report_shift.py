"""How far the weights have moved, on the page and on the console."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ownwords.report.movement import build_movement
from ownwords.report.shifted import Norm, Shift, VariantShift
from ownwords.stages.report import console_summary, write_report

Edit = Callable[[Path, Callable[[Any], Any]], None]


def norm(name: str, absolute: float, *, relative: bool = True) -> dict[str, Any]:
    return {"name": name, "absolute": absolute, "relative": absolute / 100 if relative else None}


def variant(label: str, size: float, **changes: Any) -> dict[str, Any]:
    return {
        "variant": label,
        "arm": label.partition("@")[0],
        "weights": "w",
        "scale": 1.0,
        "total": norm("all", size),
        "layers": [norm("0", 0.6 * size), norm("1", 0.8 * size)],
        "kinds": [norm("q_proj", 0.6 * size), norm("v_proj", 0.8 * size)],
        "modules": [],
        "reason": "",
        **changes,
    }


def put(run: Path, *variants: dict[str, Any]) -> None:
    content = {"seed": "s", "formula": 1, "variants": list(variants)}
    (run / "shift.json").write_text(json.dumps(content), encoding="utf-8")


def section(run: Path) -> str:
    content = write_report(run).read_text(encoding="utf-8")
    part = content[content.index('<section id="shift">') :]
    return part[: part.index("</section>")]


def text_of(part: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).split())


def test_the_page_has_a_line_an_arm_and_a_row_a_variant(full_run: Path) -> None:
    put(full_run, variant("vanilla", 1.25), variant("vanilla@lr0.01", 3.0), variant("sdft", 0.5))
    part = section(full_run)
    assert "change of the weights, % of the seed&#39;s weights over layer: vanilla, sdft" in part
    assert "Variant norm of the change of the seed's norm q_proj v_proj vanilla 1.25 1.25 % 0.75 % 1 %" in text_of(part)
    assert "vanilla@lr0.01 3 3 %" in text_of(part)


def test_without_the_seeds_weights_norms_are_absolute(full_run: Path) -> None:
    bare = {
        "total": norm("all", 2.0, relative=False),
        "layers": [norm("0", 2.0, relative=False)],
        "kinds": [norm("q_proj", 2.0, relative=False)],
    }
    put(full_run, variant("vanilla", 2.0, **bare))
    text = text_of(section(full_run))
    assert "vanilla 2 – 2" in text
    assert "not at hand to compare it with" in text
    assert "weights moved  vanilla 2  norm of the change" in console_summary(full_run)


@pytest.mark.slow
def test_a_variant_without_numbers_says_why(full_run: Path) -> None:
    put(full_run, variant("vanilla", 0, total=None, layers=[], kinds=[], reason="its weights are not finite numbers"))
    text = text_of(section(full_run))
    assert "Without numbers: vanilla: its weights are not finite numbers." in text
    assert "weights moved" not in console_summary(full_run)


def test_the_console_has_one_line_within_its_ten(full_run: Path, edit_json: Edit) -> None:
    def repeat(summary: Any) -> None:
        for number in range(4):
            summary["benchmarks"].append(dict(summary["benchmarks"][0], name=f"extra{number}"))
            summary["scores"].append(dict(summary["scores"][0], benchmark=f"extra{number}"))

    put(full_run, variant("vanilla", 1.25), variant("sdft", 0.5))
    edit_json(full_run / "scores/summary.json", repeat)
    lines = console_summary(full_run).splitlines()
    assert len(lines) == 10
    assert lines[-2] == (
        "weights moved  vanilla 1.25 %  sdft 0.5 %  of the norm of the seed's weights that are trained"
    )


def test_before_any_evaluation_nothing_is_said(full_run: Path) -> None:
    assert "Not done yet" in text_of(section(full_run))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\x1b[31m&\u202e"])
def test_names_from_the_file_are_harmless(full_run: Path, name: str) -> None:
    put(full_run, variant("vanilla", 1.0, kinds=[norm(name, 1.0)]), variant(name, 1.0, total=None, reason=name))
    part = section(full_run)
    assert "<script" not in part
    assert not set("\x1b\u202e") & set(part)


def test_layers_that_are_no_numbers_have_no_place_on_the_axis() -> None:
    one = VariantShift("a", "a", "w", 1.0, Norm("all", 1, 1), layers=(Norm("x", 1, 1), Norm("2", 1, 1)))
    assert "<svg" in build_movement(Shift("s", 1, (one,)), None).chart
