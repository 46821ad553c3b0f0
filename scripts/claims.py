"""The tables of docs/evidence.md, from the scores that are kept beside it.

    python scripts/claims.py

Each folder of `SETS` under docs/evidence is what `scripts/evidence.py` wrote of a run. What stands between the markers
in docs/evidence.md is written anew; the text around them is left alone.

Vanilla and sdft are means over three training seeds, with intervals for the chance of items and seeds both; other arms
have one seed, and intervals for items alone. All differences of a table are judged together, by Holm's correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kept import DOCS, SEED, VANILLA, Evidence, costs, rewrite_page, shown, table

from ownwords.report.numbers import interval_in
from ownwords.stats import LEVEL, Difference, SeedDifference, holm, mean_interval

SCRIPT = "scripts/claims.py"
PAGE = DOCS / "evidence.md"
SETS = {"products-smollm2": "Products: a task", "alpaca-smollm2": "Alpaca: chat"}
SDFT = "sdft"
BENCHMARKS = (
    "generated",
    "heldout_nll",
    "arc_easy",
    "hellaswag",
    "winogrande",
    "seed_nll",
    "kl_to_seed",
    "kl_to_seed_task",
    "similarity",
    "similarity/bleu4",
    "similarity/rouge_l",
    "similarity/words",
    "similarity/length_log_ratio",
    "similarity/markdown",
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A difference on a benchmark."""

    benchmark: str
    column: str
    difference: Difference | SeedDifference


def read(folder: str) -> Evidence:
    return Evidence(DOCS / "evidence" / folder, BENCHMARKS)


def arms(found: Evidence) -> dict[str, list[str]]:
    """The labels of each arm's variants, the seed's among them."""
    groups: dict[str, list[str]] = {}
    for label, variant in found.variants.items():
        groups.setdefault(variant["arm"], []).append(label)
    return groups


def difference(found: Evidence, benchmark: str, ours: Sequence[str], theirs: Sequence[str]) -> Cell | None:
    """Of all seeds together where there are several."""
    column = f"{found.variants[ours[0]]['arm']} − {found.variants[theirs[0]]['arm']}"
    if len(ours) == 1:
        single = found.difference(benchmark, ours[0], theirs[0])
        return None if single is None else Cell(benchmark, column, single)
    others = theirs if len(theirs) == len(ours) else [theirs[0]] * len(ours)
    several = found.over_seeds(benchmark, ours, others)
    return None if several is None else Cell(benchmark, column, several)


def cells(found: Evidence) -> list[Cell]:
    """Every difference of the table: arms against the seed model, and against vanilla."""
    groups = arms(found)
    pairs = [(labels, groups[SEED]) for arm, labels in groups.items() if arm != SEED]
    pairs += [(labels, groups[VANILLA]) for arm, labels in groups.items() if arm not in (SEED, VANILLA)]
    return [
        cell
        for benchmark in found.benchmarks
        for ours, theirs in pairs
        if (cell := difference(found, benchmark, ours, theirs)) is not None
    ]


def judged(every: Sequence[Cell]) -> dict[tuple[str, str], tuple[Cell, bool]]:
    """Whether each is beyond noise after correction for all."""
    corrected = holm([cell.difference.p for cell in every])
    return {
        (cell.benchmark, cell.column): (cell, cell.difference.beyond_noise and p < 1 - LEVEL)
        for cell, p in zip(every, corrected, strict=True)
    }


def scores(found: Evidence) -> list[str]:
    known = judged(cells(found))
    columns = list(dict.fromkeys(column for _, column in known))
    rows: list[list[str]] = []
    for benchmark in found.benchmarks:
        interval = mean_interval(list(found.scores[benchmark][SEED].values()))
        seed = f"{shown(found, benchmark, interval.mean)} "
        row = [found.headed(benchmark), seed + interval_in(found.unit(benchmark), interval.low, interval.high)]
        for column in columns:
            cell, beyond = known.get((benchmark, column), (None, False))
            row.append(found.words(benchmark, cell.difference if cell else None, beyond=beyond))
        rows.append(row)
    return table(["score", SEED, *columns], rows)


def gap(found: Evidence) -> list[str]:
    """The distance of references and targets from the seed model."""
    rows = [
        [g["name"], str(g["n"]), f"{g['mean_nll']:.3f} [{g['low']:.3f}, {g['high']:.3f}]"]
        for g in found.facts["gap"]["groups"]
    ]
    return table(["targets", "n", "nats per token under the seed model"], rows)


def moved(found: Evidence) -> list[str]:
    """How far the weights have moved."""
    rows = [
        [f"`{label}`", f"{total['absolute']:.3f}", "–" if total["relative"] is None else f"{total['relative']:.2%}"]
        for label, total in found.facts["shift"].items()
        if total is not None
    ]
    return table(["variant", "norm of the change", "of the norm of the same weights"], rows)


def section(folder: str, title: str) -> list[str]:
    found = read(folder)
    count = len(cells(found))
    return [
        f"## {title}",
        "",
        found.targets(),
        "",
        "### How far targets lie from the seed model",
        "",
        *gap(found),
        "",
        "### Scores",
        "",
        f"{count} differences are judged together. Differences in percent are points.",
        "",
        *(f"{line}\n" for line in found.cautions()),
        *scores(found),
        "",
        "### How far the weights have moved",
        "",
        *moved(found),
        "",
        "### What it cost",
        "",
        *costs(found),
        "",
    ]


def written() -> str:
    """What stands between the markers."""
    lines = [line for folder, title in SETS.items() for line in section(folder, title)]
    return "\n".join(lines).rstrip()


if __name__ == "__main__":
    rewrite_page(PAGE, SCRIPT, written())
