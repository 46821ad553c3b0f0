"""The tables and the plot of docs/methods.md, from the scores that are kept beside it.

    python scripts/methods.py [FOLDER]

FOLDER (docs/evidence/arms-smollm2) is what `scripts/evidence.py` wrote. What stands between the markers in
docs/methods.md is written anew, and docs/methods.svg; the text around them is left alone.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evidence import Table, read_table

from ownwords.report.numbers import change_in, duration, interval_in, value_in
from ownwords.report.scatter import Interval, Key, Point, scatter_chart
from ownwords.report.scoreboard import arm_color, arm_shape
from ownwords.stats import Difference, mean_difference, mean_interval, paired_difference

DOCS = Path(__file__).parent.parent / "docs"
PAGE, PLOT, FOLDER = DOCS / "methods.md", DOCS / "methods.svg", DOCS / "evidence" / "arms-smollm2"
BEGIN, END = "<!-- written by scripts/methods.py: begin -->", "<!-- written by scripts/methods.py: end -->"

SEED, VANILLA = "seed", "vanilla"
LEARNT = ("generated", "heldout_nll")
KEPT = ("arc_easy", "hellaswag", "seed_nll", "similarity")
#: Of these the mean is what a variant has kept.
RETENTION = ("arc_easy", "hellaswag")
STYLE = Path(__file__).parent.parent / "src" / "ownwords" / "report" / "templates" / "style.css"


class Evidence:
    """Scores by benchmark and variant, and what each of these is."""

    def __init__(self, folder: Path) -> None:
        self.facts: dict[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        self.benchmarks = [name for name in (*LEARNT, *KEPT) if name in self.facts["benchmarks"]]
        self.scores: dict[str, Table] = {name: read_table(folder / f"{name}.csv") for name in self.benchmarks}
        self.variants: dict[str, dict[str, Any]] = self.facts["variants"]

    def unit(self, benchmark: str) -> str:
        return self.facts["benchmarks"][benchmark]["unit"]

    def difference(self, benchmark: str, label: str, other: str) -> Difference | None:
        """Of one variant minus the other, on the items that both have."""
        table = self.scores[benchmark]
        if label not in table or other not in table:
            return None
        shared = sorted(table[label].keys() & table[other].keys())
        return paired_difference([table[label][i] for i in shared], [table[other][i] for i in shared])

    def words(self, benchmark: str, difference: Difference | None) -> str:
        """`+4.0 [1.2, 6.8] better`, or `within noise`."""
        if difference is None:
            return "–"
        unit = self.unit(benchmark)
        up = self.facts["benchmarks"][benchmark]["higher_is_better"]
        said = "within noise"
        if difference.beyond_noise:
            said = "**better**" if (difference.mean > 0) == up else "**worse**"
        return f"{change_in(unit, difference.mean)} {interval_in(unit, difference.low, difference.high)} {said}"

    def cautions(self) -> list[str]:
        """What the sanity gate says of scores that are shown nevertheless."""
        return [
            f"**{name} is not to be relied on**: for `{SEED}`, {reasons.get(SEED, next(iter(reasons.values())))}; "
            f"{len(reasons)} of {len(self.variants)} variants have the like."
            for name, reasons in self.facts["unusable"].items()
        ]

    def peers(self, label: str) -> str | None:
        """Vanilla at the same point and seed."""
        own = self.variants[label]
        for name, other in self.variants.items():
            if other["arm"] == VANILLA and (other["point"], other["seed"]) == (own["point"], own["seed"]):
                return name
        return None


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def against_the_seed(found: Evidence) -> list[str]:
    rows: list[list[str]] = []
    for label in found.variants:
        cells: list[str] = []
        for benchmark in found.benchmarks:
            scores = found.scores[benchmark].get(label)
            if scores is None:
                cells.append("–")
                continue
            interval = mean_interval(list(scores.values()))
            unit = found.unit(benchmark)
            cell = f"{value_in(unit, interval.mean)} {interval_in(unit, interval.low, interval.high)}"
            if label != SEED:
                change = found.words(benchmark, found.difference(benchmark, label, SEED))
                cell = f"{value_in(unit, interval.mean)}: {change}"
            cells.append(cell)
        rows.append([f"`{label}`", *cells])
    return table(["variant", *(_headed(found, name) for name in found.benchmarks)], rows)


def _headed(found: Evidence, benchmark: str) -> str:
    info = found.facts["benchmarks"][benchmark]
    n = len(found.scores[benchmark][SEED])
    unit = "%" if info["unit"] == "share" else info["unit"]
    better = "higher" if info["higher_is_better"] else "lower"
    return f"{benchmark} ({info['metric']}, {unit}, {better} is better, n = {n})"


def against_vanilla(found: Evidence) -> list[str]:
    rows: list[list[str]] = []
    for label, variant in found.variants.items():
        other = None if label == SEED or variant["arm"] == VANILLA else found.peers(label)
        if other is not None:
            cells = [found.words(name, found.difference(name, label, other)) for name in found.benchmarks]
            rows.append([f"`{label}`", f"`{other}`", *cells])
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
            unit, known = found.unit(benchmark), found.scores[benchmark]
            means = [sum(known[label].values()) / len(known[label]) for label in labels if label in known]
            middle = sum(means) / len(means)
            cells.append(f"{value_in(unit, middle)} ({value_in(unit, min(means))} to {value_in(unit, max(means))})")
        rows.append([f"{arm} {point}".strip(), str(len(labels)), *cells])
    return table(["training", "seeds", *found.benchmarks], rows)


def costs(found: Evidence) -> list[str]:
    rows: list[list[str]] = []
    for arm, cost in found.facts["costs"].items():
        stages = cost["preparation"]
        asked = ", ".join(f"{stage['stage']} {duration(stage['seconds'])}" for stage in stages) or "–"
        trained = f"{cost['trainings']} in {duration(cost['seconds'])}, {cost['tokens']:,} supervised tokens"
        rows.append([arm, asked, trained])
    return table(["arm", "answers of stages that it reads", "trainings"], rows)


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
    rewriting = found.facts["rewriting"]
    compared = sum(len(found.benchmarks) for label in found.variants if label != SEED)
    lines = [
        f"{rewriting['accepted']} of {rewriting['n']} rewrites were accepted; "
        + "; ".join(f"`{name}`: {_targets(arm)}" for name, arm in found.facts["arms"].items())
        + ".",
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


def _targets(arm: dict[str, Any]) -> str:
    return ", ".join(f"{count} {source}" for source, count in sorted(arm["targets"].items()))


def main(folder: Path) -> None:
    found = Evidence(folder)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{written(found)}\n\n{END}{after}", encoding="utf-8")
    PLOT.write_text(plot(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
