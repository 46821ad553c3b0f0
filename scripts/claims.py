"""The tables of docs/evidence.md, from the scores that are kept beside it.

    python scripts/claims.py

Each folder of `SETS` under docs/evidence is what `scripts/evidence.py` wrote of a run. What stands between the markers
in docs/evidence.md is written anew; the text around them is left alone.

Vanilla and sdft are means over three training seeds, with intervals for the chance of items and seeds both; other arms
have one seed, and intervals for items alone. All differences of a table are judged together, by Holm's correction, but
for those with an unusable score: as in a run's own `scores/summary.json`.
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
    "arc_easy/acc_norm",
    "hellaswag",
    "hellaswag/acc_norm",
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


KNOWLEDGE = ("arc_easy", "arc_easy/acc_norm", "hellaswag", "hellaswag/acc_norm", "winogrande")
DISTANCE = ("seed_nll", "kl_to_seed", "kl_to_seed_task")
LIKENESS = ("similarity", "similarity/bleu4", "similarity/rouge_l")


@dataclass(frozen=True, slots=True)
class Claim:
    """What the paper says or implies: on `benchmarks`, the arms of `column` differ upwards (1) or downwards (-1)."""

    text: str
    column: str
    benchmarks: tuple[str, ...]
    sign: int


CLAIMS = (
    Claim("Vanilla fine-tuning learns the task", "vanilla − seed", ("generated",), 1),
    Claim("Vanilla fine-tuning learns the references' own words", "vanilla − seed", ("heldout_nll",), -1),
    Claim("SDFT learns the task", "sdft − seed", ("generated",), 1),
    Claim("SDFT learns more of the task than vanilla", "sdft − vanilla", ("generated",), 1),
    Claim("Vanilla loses general knowledge", "vanilla − seed", KNOWLEDGE, -1),
    Claim("SDFT loses general knowledge", "sdft − seed", KNOWLEDGE, -1),
    Claim("SDFT keeps more of it than vanilla", "sdft − vanilla", KNOWLEDGE, 1),
    Claim("Vanilla moves away from the seed model", "vanilla − seed", DISTANCE, 1),
    Claim("SDFT stays nearer to it than vanilla", "sdft − vanilla", DISTANCE, -1),
    Claim("SDFT answers more like it than vanilla", "sdft − vanilla", LIKENESS, 1),
    Claim("Half of the rewrites are enough to stay nearer than vanilla", "mix_50 − vanilla", DISTANCE, -1),
    Claim("Half of the rewrites are enough to answer more like the seed model", "mix_50 − vanilla", LIKENESS, 1),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A difference on a benchmark."""

    benchmark: str
    column: str
    difference: Difference | SeedDifference


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a difference is `beyond` noise after correction; never where a score of it is not `usable`."""

    cell: Cell
    beyond: bool
    usable: bool


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


def judged(found: Evidence, every: Sequence[Cell]) -> dict[tuple[str, str], Verdict]:
    """By benchmark and column, whether each is beyond noise after correction for all that are usable."""
    usable = {(cell.benchmark, cell.column): cell for cell in every if _is_usable(found, cell)}
    corrected = dict(zip(usable, holm([cell.difference.p for cell in usable.values()]), strict=True))
    known = {(cell.benchmark, cell.column): Verdict(cell, beyond=False, usable=False) for cell in every}
    for place, cell in usable.items():
        beyond = cell.difference.beyond_noise and corrected[place] < 1 - LEVEL
        known[place] = Verdict(cell, beyond, usable=True)
    return known


def _is_usable(found: Evidence, cell: Cell) -> bool:
    """Whether no score of either side is refused."""
    labels = {label for arm in cell.column.split(" − ") for label in arms(found)[arm]}
    return not labels & found.unusable(cell.benchmark).keys()


def claims(found: Evidence, known: dict[tuple[str, str], Verdict]) -> list[str]:
    """Where each claim holds, where the contrary does, and where neither can be seen."""
    rows: list[list[str]] = []
    for claim in CLAIMS:
        places: dict[int, list[str]] = {1: [], -1: [], 0: []}
        for benchmark in claim.benchmarks:
            if (benchmark, claim.column) in known:
                place, name = _place(claim, known[benchmark, claim.column])
                places[place].append(name)
        if any(places.values()):
            rows.append([claim.text, claim.column, *(", ".join(names) or "–" for names in places.values())])
    gap = found.facts["gap"]["difference"]
    place = 0 if gap["low"] <= 0 <= gap["high"] else -1 if gap["mean"] > 0 else 1
    rows.append(["Rewrites lie nearer to the seed model than references", "the gap", *_at(place, "nats per token")])
    norms = {arm: _norms(found, arm) for arm in (SDFT, VANILLA)}
    place = 1 if max(norms[SDFT]) < min(norms[VANILLA]) else -1 if min(norms[SDFT]) > max(norms[VANILLA]) else 0
    rows.append(["SDFT moves the weights less (every seed of it)", "sdft, vanilla", *_at(place, "norm of the change")])
    return table(["claim", "compared", "holds on", "the contrary on", "cannot be seen on"], rows)


def _place(claim: Claim, verdict: Verdict) -> tuple[int, str]:
    """1 where the claim holds, -1 where the contrary does, 0 where neither can be seen; and the benchmark. A star is
    for what is beyond noise by itself, and not after correction."""
    name, difference = verdict.cell.benchmark, verdict.cell.difference
    if not verdict.usable:
        return 0, f"{name} (unusable)"
    if not difference.beyond_noise:
        return 0, name
    return (claim.sign if difference.mean > 0 else -claim.sign), name + ("" if verdict.beyond else "*")


def _at(place: int, name: str) -> list[str]:
    return [name if place == column else "–" for column in (1, -1, 0)]


def _norms(found: Evidence, arm: str) -> list[float]:
    return [found.facts["shift"][label]["absolute"] for label in arms(found)[arm]]


def scores(found: Evidence, known: dict[tuple[str, str], Verdict]) -> list[str]:
    columns = list(dict.fromkeys(column for _, column in known))
    rows: list[list[str]] = []
    for benchmark in found.benchmarks:
        interval = mean_interval(list(found.scores[benchmark][SEED].values()), share=found.is_share(benchmark))
        seed = f"{shown(found, benchmark, interval.mean)} "
        row = [found.headed(benchmark), seed + interval_in(found.unit(benchmark), interval.low, interval.high)]
        for column in columns:
            verdict = known.get((benchmark, column))
            row.append("–" if verdict is None else _words(found, verdict))
        rows.append(row)
    return table(["score", SEED, *columns], rows)


def _words(found: Evidence, verdict: Verdict) -> str:
    if not verdict.usable:
        return f"{found.numbers(verdict.cell.benchmark, verdict.cell.difference)} unusable"
    return found.words(verdict.cell.benchmark, verdict.cell.difference, beyond=verdict.beyond)


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
    known = judged(found, cells(found))
    family = sum(verdict.usable for verdict in known.values())
    return [
        f"## {title}",
        "",
        found.targets(),
        "",
        "### What holds",
        "",
        *claims(found, known),
        "",
        "\\* beyond noise by itself, and not after correction for all usable differences of the table below.",
        "",
        "### How far targets lie from the seed model",
        "",
        *gap(found),
        "",
        "### Scores",
        "",
        f"{family} differences are judged together. Differences in percent are points.",
        "",
        *(f"{line}\n" for line in found.cautions()),
        *scores(found, known),
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
