"""Chains of runs: rounds and sequences of tasks. What a run notes of the links before it, and what the report reads.

The seed of a run is the arm of the one before. Scores are read from each run's own files and put together only where
the weights are the same (by their hashes) and the same was asked (items, prompts, decoding).
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ownwords import lineage
from ownwords.benchmarks.base import all_benchmarks
from ownwords.errors import ModelError, OwnwordsError, RecipeError, StageError
from ownwords.recipe import ModelSection, Recipe
from ownwords.records import digest
from ownwords.report.chain import Backward, Chain, ChainRow, Kept, Measured, Place
from ownwords.report.data import read_part
from ownwords.report.scored import BenchmarkInfo, Score, Scores
from ownwords.run import Run
from ownwords.stages.context import Context
from ownwords.stats import Difference, paired_difference
from ownwords.variants import SEED, variants

#: Keys of an evaluation's fingerprint that say who answers, or with which luck, and not what is asked.
WHO = ("model.", "stage ", "variant", "seed")


def check(context: Context) -> None:
    """A model that is a run's arm is there, and not of the run at hand.

    Raises:
        ModelError: it is not.
    """
    model = context.recipe.model
    if not lineage.is_run(model.name_or_path):
        return
    own = context.run.directory.resolve()
    if any(link.run == own for link in lineage.find_link(model).chain()):
        raise ModelError(
            f"model {model.name_or_path}: this run itself would be in its own chain: choose another output_dir."
        )


def record(context: Context) -> dict[str, Any]:
    """The links before this run, for run.json; nothing where there are none, and were none."""
    model = context.recipe.model
    if not lineage.is_run(model.name_or_path):
        return {"chain": []} if "chain" in context.run.facts() else {}
    return {"chain": [link.record(context.run.directory) for link in lineage.find_link(model).chain()]}


@dataclass(frozen=True, slots=True)
class Source:
    """The per-item scores behind a cell."""

    run: Path
    score: Score

    @property
    def items(self) -> Path:
        return self.run / "scores" / self.score.benchmark / f"{self.score.variant}.parquet"


@dataclass(frozen=True, slots=True)
class Stop:
    """A run of the chain: its number, the place of each label that counts, and the weights of its seed."""

    run: Path
    name: str
    number: int
    at: Mapping[str, int]
    seed: str


@dataclass(slots=True)
class Found:
    """One row under way: the scores at each place, best source first."""

    benchmark: BenchmarkInfo
    asked: str
    first: int
    sources: dict[int, list[Source]] = field(default_factory=dict[int, "list[Source]"])


def collect(run_dir: Path, recipe: Recipe | None) -> Chain | None:
    """The chain that ends in this run; None where its model is no run's.

    Raises:
        StageError: a file of a run is damaged.
    """
    try:
        records = lineage.recorded_chain(run_dir)
    except ModelError as error:
        raise StageError(str(error)) from error
    if not records:
        return None
    here = run_dir.resolve()
    runs = [*((here / entry["run"]).resolve() for entry in records), here]
    names = _names(runs)
    notes: list[str] = []
    places = [Place("seed", None, records[0]["model"], records[0]["seed"])]
    for entry, name in zip(records, names, strict=False):
        places.append(Place(f"after {name}: {entry['label']}", entry["run"], entry["label"], entry["weights"]))
    first_end = len(places)
    ends = _ends(here, recipe)
    places += [Place(f"after {names[-1]}: {label}", ".", label) for label in ends]
    rows: dict[tuple[str, str], Found] = {}
    for number, run in enumerate(runs):
        if number < len(records):
            at = {records[number]["label"]: number + 1} if _is_same(run, records[number], names[number], notes) else {}
            seed = records[number]["seed"]
        else:
            at = {label: first_end + place for place, label in enumerate(ends)}
            seed = records[-1]["weights"]
        _read(Stop(run, names[number], number, {SEED: number, **at}, seed), rows, notes)
    table = [_row(found, len(places), first_end, names) for found in rows.values()]
    notes += _engine_notes(rows.values())
    backward = [line for end in range(first_end, len(places)) for line in _backward(table, end)]
    return Chain(tuple(places), first_end, tuple(table), tuple(backward), tuple(notes))


def _names(runs: Sequence[Path]) -> list[str]:
    """Folders by their names, or by their whole paths where two have the same."""
    short = [run.name for run in runs]
    return [name if short.count(name) == 1 else str(run) for name, run in zip(short, runs, strict=True)]


def _ends(run: Path, recipe: Recipe | None) -> list[str]:
    """Labels of what this run ends in, as far as it is scored; places on the way of a training are left out."""
    scores: Scores | None = read_part(run / "scores" / "summary.json", Scores)
    scored = list(dict.fromkeys(score.variant for score in scores.scores)) if scores else []
    if recipe is None:
        return [label for label in scored if label != SEED]
    try:
        whole = {variant.label for variant in variants(recipe) if variant.part == 1}
    except RecipeError:
        whole = set(scored)
    return [label for label in scored if label != SEED and label in whole]


def _is_same(run: Path, entry: Mapping[str, str], name: str, notes: list[str]) -> bool:
    """Whether an arm still is what the next run was trained from; what is amiss becomes a note."""
    if not run.is_dir():
        notes.append(f"{name} is not there any more ({run}): its scores are missing.")
        return False
    try:
        now = lineage.find_link(ModelSection(name_or_path=f"{lineage.RUN}{run}#{entry['label']}"))
    except ModelError as error:
        notes.append(f"{entry['label']} of {name} cannot be compared with what the next run began from: {error}")
        return False
    if now.weights != entry["weights"]:
        notes.append(
            f"{entry['label']} of {name} was trained again since the next run began from it: its scores are left out."
        )
        return False
    return True


def _read(stop: Stop, rows: dict[tuple[str, str], Found], notes: list[str]) -> None:
    """Add a run's scores to the rows. An arm's own run comes before the next one, which has it as its seed.

    Further metrics have no rows. Nor have benchmarks that measure by the seed: every run has its own.
    """
    scores: Scores | None = read_part(stop.run / "scores" / "summary.json", Scores)
    if scores is None:
        if stop.run.is_dir():
            notes.append(f"{stop.name} has not been evaluated: its scores are missing.")
        return
    infos = {info.name: info for info in scores.benchmarks}
    relative = {benchmark.name for benchmark in all_benchmarks() if benchmark.seed_answers or benchmark.own_answers}
    others = 0
    for score in scores.scores:
        if score.variant not in stop.at or infos[score.benchmark].of is not None or score.benchmark in relative:
            continue
        inputs = _inputs(stop.run, score)
        if inputs.get("model.weights") != stop.seed:
            others += 1
            continue
        asked = digest({key: value for key, value in inputs.items() if not key.startswith(WHO)})
        found = rows.setdefault((score.benchmark, asked), Found(infos[score.benchmark], asked, stop.number))
        found.sources.setdefault(stop.at[score.variant], []).append(Source(stop.run, score))
    if others:
        notes.append(f"{others} scores of {stop.name} are of another seed model than the chain's and are left out.")


def _inputs(run: Path, score: Score) -> dict[str, Any]:
    try:
        return Run(run).stage(f"evaluate/{score.benchmark}/{score.variant}").get("inputs", {})
    except OwnwordsError as error:
        raise StageError(str(error)) from error


def _row(found: Found, places: int, first_end: int, names: Sequence[str]) -> ChainRow:
    """A task is learnt in the first run that tests it; in this run that is every end at once."""
    since = found.first + 1 if found.benchmark.area == "task" else 0
    kept = [kept for end in range(first_end, places) if since < first_end and (kept := _kept(found, since, end))]
    cells = [_measured(found.sources.get(place)) for place in range(places)]
    return ChainRow(found.benchmark, found.asked, names[found.first], since, tuple(cells), tuple(kept))


def _measured(sources: Sequence[Source] | None) -> Measured | None:
    if not sources:
        return None
    score = sources[0].score
    return Measured(
        str(sources[0].run), score.variant, score.n, score.mean, score.low, score.high, score.usable, score.reason
    )


def _kept(found: Found, since: int, end: int) -> Kept | None:
    """The paired difference on the items that both have; None where one is missing or unusable."""
    if since not in found.sources or end not in found.sources:
        return None
    before, after = found.sources[since][0], found.sources[end][0]
    if not (before.score.usable and after.score.usable):
        return None
    first, last = _item_scores(before.items), _item_scores(after.items)
    shared = sorted(first.keys() & last.keys())
    if not shared:
        return None
    ours, theirs = ([items[item] for item in shared] for items in (last, first))
    difference = paired_difference(ours, theirs, share=found.benchmark.unit == "share")
    return Kept(since, end, difference.n, difference.mean, *_interval(difference), difference.beyond_noise)


def _interval(difference: Difference) -> tuple[float | None, float | None, float | None]:
    """One pair has an unbounded interval: none, then."""
    return (None, None, None) if difference.n == 1 else (difference.low, difference.high, difference.p)


def _item_scores(path: Path) -> dict[str, float]:
    import pyarrow.parquet as pq

    try:
        rows: Any = pq.read_table(path, columns=["item_id", "score"]).to_pylist()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # pyarrow's errors are kinds of ValueError
        raise StageError(f"{path} cannot be read: {str(error).partition(chr(10))[0]}.") from error
    return {row["item_id"]: row["score"] for row in rows if row["score"] is not None}


def _backward(rows: Sequence[ChainRow], end: int) -> list[Backward]:
    """One number a unit, of scores that can be better. Half widths of independent intervals add up as their squares
    do."""
    groups: dict[tuple[str, bool], list[tuple[str, Kept]]] = {}
    for row in rows:
        kept = next((kept for kept in row.kept if kept.end == end), None)
        higher_is_better = row.benchmark.higher_is_better
        if row.benchmark.area == "task" and kept is not None and higher_is_better is not None:
            key = (row.benchmark.unit, higher_is_better)
            groups.setdefault(key, []).append((f"{row.benchmark.name} of {row.asked_in}", kept))
    found: list[Backward] = []
    for (unit, higher), tasks in groups.items():
        mean, low, high = mean_of_tasks([kept for _, kept in tasks])
        found.append(Backward(end, unit, higher, tuple(name for name, _ in tasks), mean, low, high))
    return found


def mean_of_tasks(tasks: Sequence[Kept]) -> tuple[float, float | None, float | None]:
    """The mean of differences on tasks whose items have nothing in common, with its 95 % interval."""
    mean = sum(task.mean for task in tasks) / len(tasks)
    below, above = 0.0, 0.0
    for task in tasks:
        if task.low is None or task.high is None:
            return mean, None, None
        below += (task.mean - task.low) ** 2
        above += (task.high - task.mean) ** 2
    return mean, mean - below**0.5 / len(tasks), mean + above**0.5 / len(tasks)


def _engine_notes(rows: Iterable[Found]) -> list[str]:
    """Scores of one row that come from several engines are compared all the same, and that is said."""
    notes: list[str] = []
    for found in rows:
        engines = {_engine(sources[0].score) for sources in found.sources.values()}
        if len(engines) > 1:
            listed = "; ".join(sorted(engines))
            name = found.benchmark.name
            notes.append(f"Scores of {name} come from several engines ({listed}): a difference may be theirs.")
    return notes


def _engine(score: Score) -> str:
    """Without the model, which differs along a chain."""
    return " ".join(str((score.engine or {}).get(key, "")) for key in ("kind", "version", "dtype", "device"))
