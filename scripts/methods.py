"""The tables and the plot of docs/methods.md, from the scores that are kept beside it.

    python scripts/methods.py [FOLDER]

FOLDER (docs/evidence/arms-smollm2) is what `scripts/evidence.py` wrote. What stands between the markers in
docs/methods.md is written anew, and docs/methods.svg; the text around them is left alone.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from kept import DOCS, SEED, VANILLA, Evidence, costs, rewrite_page, shown, table

from ownwords.report.numbers import interval_in
from ownwords.report.scatter import Interval, Key, Point, scatter_chart
from ownwords.report.scoreboard import arm_color, arm_shape
from ownwords.stats import Difference, mean_difference, mean_interval

SCRIPT = "scripts/methods.py"
PAGE, PLOT, FOLDER = DOCS / "methods.md", DOCS / "methods.svg", DOCS / "evidence" / "arms-smollm2"

LEARNT = ("generated", "heldout_nll")
KEPT = ("arc_easy", "hellaswag", "seed_nll", "similarity")
#: Of these the mean is what a variant has kept.
RETENTION = ("arc_easy", "hellaswag")
STYLE = DOCS.parent / "src" / "ownwords" / "report" / "templates" / "style.css"


def read(folder: Path) -> Evidence:
    return Evidence(folder, (*LEARNT, *KEPT))


def against_the_seed(found: Evidence) -> list[str]:
    rows: list[list[str]] = []
    for label in found.variants:
        cells: list[str] = []
        for benchmark in found.benchmarks:
            scores = found.scores[benchmark].get(label)
            if scores is None:
                cells.append("–")
                continue
            interval = mean_interval(list(scores.values()), share=found.is_share(benchmark))
            mean = shown(found, benchmark, interval.mean)
            if label == SEED:
                cells.append(f"{mean} {interval_in(found.unit(benchmark), interval.low, interval.high)}")
            else:
                cells.append(f"{mean}: {_change(found, benchmark, label, SEED)}")
        rows.append([f"`{label}`", *cells])
    return table(["variant", *map(found.headed, found.benchmarks)], rows)


def _change(found: Evidence, benchmark: str, label: str, other: str) -> str:
    difference = found.difference(benchmark, label, other)
    return found.words(benchmark, difference, beyond=difference is not None and difference.beyond_noise)


def against_vanilla(found: Evidence) -> list[str]:
    rows: list[list[str]] = []
    for label, variant in found.variants.items():
        other = None if label == SEED or variant["arm"] == VANILLA else found.peers(label)
        if other is not None:
            rows.append(
                [f"`{label}`", f"`{other}`", *(_change(found, name, label, other) for name in found.benchmarks)]
            )
    return table(["variant", "against", *found.benchmarks], rows)


def over_seeds(found: Evidence) -> list[str]:
    groups: dict[tuple[str, str, float], list[str]] = {}
    for label, variant in found.variants.items():
        if label != SEED:
            groups.setdefault((variant["arm"], variant["point"], variant["scale"]), []).append(label)
    rows: list[list[str]] = []
    for (arm, point, _), labels in groups.items():
        if len(labels) < 2:
            continue
        cells: list[str] = []
        for benchmark in found.benchmarks:
            means = [found.mean(benchmark, label) for label in labels if label in found.scores[benchmark]]
            middle, low, high = (
                shown(found, benchmark, value) for value in (sum(means) / len(means), min(means), max(means))
            )
            cells.append(f"{middle} ({low} to {high})")
        rows.append([f"{arm} {point}".strip(), str(len(labels)), *cells])
    return table(["training", "seeds", *found.benchmarks], rows)


def plot(found: Evidence) -> str:
    """Retention against acquisition, every variant, as a drawing of its own."""
    arms = list(dict.fromkeys(variant["arm"] for variant in found.variants.values()))
    points: list[Point] = []
    for label, variant in found.variants.items():
        if label == SEED:
            learnt = kept = Difference(0, 0.0, 0.0, 0.0, 1.0)
        else:
            learnt = found.difference(LEARNT[0], label, SEED)
            parts = [found.difference(name, label, SEED) for name in RETENTION]
            known = [part for part in parts if part is not None]
            if learnt is None or len(known) < len(parts):
                continue
            kept = mean_difference(known)
        color, shape = arm_color(variant["arm"], arms), arm_shape(variant["arm"], arms)
        hollow = variant["scale"] != 1
        named = variant["seed"] == found.variants[SEED]["seed"] and not hollow
        point = Point(label, _in_points(learnt), _in_points(kept), color, shape, hollow, named=named, front=False)
        points.append(point)
    keys = [Key(arm, arm_color(arm, arms), arm_shape(arm, arms)) for arm in arms]
    x, y = (
        "learnt: tasks solved, percentage points above the seed",
        "kept: mean of arc_easy and hellaswag, points above the seed",
    )
    drawn = str(scatter_chart(points, keys, x, y))
    style = re.sub(r"\s+", " ", STYLE.read_text(encoding="utf-8"))
    opening, rest = drawn.split(">", 1)
    return f'{opening} xmlns="http://www.w3.org/2000/svg"><style>{style}</style>{rest}\n'


def _in_points(d: Difference) -> Interval:
    return Interval(100 * d.mean, 100 * d.low, 100 * d.high)


def written(found: Evidence) -> str:
    """What stands between the markers."""
    compared = sum(len(found.benchmarks) for label in found.variants if label != SEED)
    lines = [
        found.targets(),
        "",
        "### Against the seed",
        "",
        f"Mean, then the paired difference from the seed with its 95 % interval: {compared} of them, of which one in",
        "twenty would leave its interval by chance alone.",
        "",
        *(f"{line}\n" for line in found.cautions()),
        *against_the_seed(found),
        "",
        "### Against vanilla, at the same learning rate and seed",
        "",
        *against_vanilla(found),
        "",
        "### Over seeds",
        "",
        "Mean of the trainings' scores, lowest and highest.",
        "",
        *over_seeds(found),
        "",
        "### What it cost",
        "",
        *costs(found),
    ]
    return "\n".join(lines)


def main(folder: Path) -> None:
    found = read(folder)
    rewrite_page(PAGE, SCRIPT, written(found))
    PLOT.write_text(plot(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
