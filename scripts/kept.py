"""What `scripts/evidence.py` has kept of runs, and tables of it in Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evidence import Table, read_table, table_path

from ownwords.report.numbers import change_in, duration, interval_in, value_in
from ownwords.stats import Difference, SeedDifference, difference_over_seeds, paired_difference

DOCS = Path(__file__).parent.parent / "docs"
SEED, VANILLA = "seed", "vanilla"


class Evidence:
    """Scores by benchmark and variant, and what each of these is. `names` are the benchmarks that are looked at."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.facts: dict[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        self.benchmarks = [name for name in names if name in self.facts["benchmarks"]]
        self.scores: dict[str, Table] = {name: read_table(table_path(folder, name)) for name in self.benchmarks}
        self.variants: dict[str, dict[str, Any]] = self.facts["variants"]

    def unit(self, benchmark: str) -> str:
        return self.facts["benchmarks"][benchmark]["unit"]

    def is_share(self, benchmark: str) -> bool:
        return self.unit(benchmark) == "share"

    def difference(self, benchmark: str, label: str, other: str) -> Difference | None:
        """Of one variant minus the other, on the items that both have."""
        table = self.scores[benchmark]
        if label not in table or other not in table:
            return None
        shared = sorted(table[label].keys() & table[other].keys())
        ours, theirs = ([table[name][i] for i in shared] for name in (label, other))
        return paired_difference(ours, theirs, share=self.is_share(benchmark))

    def over_seeds(self, benchmark: str, labels: Sequence[str], others: Sequence[str]) -> SeedDifference | None:
        """Of variants with several training seeds minus others with the same, or the seed model again and again."""
        table = self.scores[benchmark]
        if not {*labels, *others} <= table.keys():
            return None
        shared = [item for item in table[labels[0]] if all(item in table[label] for label in (*labels, *others))]
        first, second = ([[table[label][item] for item in shared] for label in side] for side in (labels, others))
        return difference_over_seeds(first, second, share=self.is_share(benchmark))

    def words(self, benchmark: str, difference: Difference | SeedDifference | None, *, beyond: bool) -> str:
        """`+4.0 [1.2, 6.8] better`, or `within noise`; between the two, beyond noise `by itself only`."""
        if difference is None:
            return "–"
        up = self.facts["benchmarks"][benchmark]["higher_is_better"]
        said = "by itself only" if difference.beyond_noise else "within noise"
        if beyond:
            more = difference.mean > 0
            said = f"**{('higher' if more else 'lower') if up is None else 'better' if more == up else 'worse'}**"
        return f"{self.numbers(benchmark, difference)} {said}"

    def numbers(self, benchmark: str, difference: Difference | SeedDifference) -> str:
        """`+4.0 [1.2, 6.8]`"""
        unit = self.unit(benchmark)
        return f"{change_in(unit, difference.mean)} {interval_in(unit, difference.low, difference.high)}"

    def unusable(self, benchmark: str) -> dict[str, str]:
        """Why the sanity gate refuses scores, by variant."""
        return self.facts["unusable"].get(benchmark, {})

    def cautions(self) -> list[str]:
        """What the sanity gate says of scores that are shown nevertheless; once for all metrics of the same answers."""
        found: list[str] = []
        for name in dict.fromkeys(name.partition("/")[0] for name in self.benchmarks):
            if reasons := self.unusable(name):
                label = SEED if SEED in reasons else next(iter(reasons))
                others = len(reasons) - 1
                found.append(
                    f"**{name} is not to be relied on**: for `{label}`, {reasons[label]}"
                    + (f"; {others} more of {len(self.variants)} variants have the like." if others else ".")
                )
        return found

    def peers(self, label: str) -> str | None:
        """Vanilla at the same point and seed."""
        own = self.variants[label]
        for name, other in self.variants.items():
            if other["arm"] == VANILLA and (other["point"], other["seed"]) == (own["point"], own["seed"]):
                return name
        return None

    def headed(self, benchmark: str) -> str:
        """Name, metric, unit, direction and number of items."""
        info = self.facts["benchmarks"][benchmark]
        n = len(self.scores[benchmark][SEED])
        unit = "%" if info["unit"] == "share" else info["unit"]
        better = {True: "higher is better", False: "lower is better", None: "neither way is better"}
        return f"{benchmark} ({info['metric']}, {unit}, {better[info['higher_is_better']]}, n = {n})"

    def mean(self, benchmark: str, label: str) -> float:
        scores = self.scores[benchmark][label].values()
        return sum(scores) / len(scores)

    def targets(self) -> str:
        """How rewriting went, and where each arm's targets come from."""
        rewriting = self.facts["rewriting"]
        arms = (
            f"`{name}`: " + ", ".join(f"{count} {source}" for source, count in sorted(arm["targets"].items()))
            for name, arm in self.facts["arms"].items()
        )
        return f"{rewriting['accepted']} of {rewriting['n']} rewrites were accepted; {'; '.join(arms)}."


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def shown(found: Evidence, benchmark: str, value: float) -> str:
    return value_in(found.unit(benchmark), value)


def costs(found: Evidence) -> list[str]:
    rows: list[list[str]] = []
    for arm, cost in found.facts["costs"].items():
        stages = cost["preparation"]
        asked = ", ".join(f"{stage['stage']} {duration(stage['seconds'])}" for stage in stages) or "–"
        trained = f"{cost['trainings']} in {duration(cost['seconds'])}, {cost['tokens']:,} supervised tokens"
        rows.append([arm, asked, trained])
    return table(["arm", "answers of stages that it reads", "trainings"], rows)


def rewrite_page(page: Path, script: str, text: str) -> None:
    """Put text between the page's markers; what stands around them is left alone."""
    begin, end = markers(script)
    before, rest = page.read_text(encoding="utf-8").split(begin)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")


def between(page: Path, script: str) -> str:
    """What stands between them."""
    begin, end = markers(script)
    return page.read_text(encoding="utf-8").split(begin)[1].split(end)[0].strip()


def markers(script: str) -> tuple[str, str]:
    return f"<!-- written by {script}: begin -->", f"<!-- written by {script}: end -->"
