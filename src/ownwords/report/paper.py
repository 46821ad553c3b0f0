"""A run beside the paper: the published tables' layout, with this run's numbers and the paper's in each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ownwords.recipe import Recipe
from ownwords.report import published
from ownwords.report.numbers import count, interval_in, value_in
from ownwords.report.published import EXPERIMENTS, KNOWLEDGE, KNOWLEDGE_SENTENCE, TASKS, Experiment, Number
from ownwords.report.scored import Score, Scores
from ownwords.variants import variants

ARMS = {"seed": "seed", "vanilla": "vanilla", "sdft": "SDFT"}


@dataclass(frozen=True, slots=True)
class Cell:
    """`ours` is empty where the run has no score, `paper` where no published number is known."""

    ours: str = ""
    interval: str = ""
    n: int = 0
    unusable: bool = False
    paper: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class BesideThePaper:
    """`cautions` are sentences on why the two cannot simply be compared."""

    title: str
    model: str
    tables: tuple[Table, ...]
    cautions: tuple[str, ...]


def beside_the_paper(scores: Scores, recipe: Recipe | None) -> BesideThePaper | None:
    """The tables, or None where the recipe names no published experiment or the run has none of its columns."""
    if recipe is None or recipe.evaluate.published is None:
        return None
    experiment = EXPERIMENTS[recipe.evaluate.published]
    own = _own_scores(scores, recipe)
    measured = {benchmark for _, benchmark in own}
    if not measured & {column.score for column in (*TASKS, *KNOWLEDGE)}:
        return None
    first = f"Tables 1 and 2, trained on {experiment.title}: the task and general alignment, in percent."
    tables = [_table(first, TASKS, experiment.numbers, own)]
    if measured & {column.score for column in KNOWLEDGE}:
        tables.append(_table(KNOWLEDGE_SENTENCE, KNOWLEDGE, {}, own))
    return BesideThePaper(experiment.title, experiment.model, tuple(tables), tuple(_cautions(experiment, recipe, own)))


def paper_line(beside: BesideThePaper) -> str:
    """The paper's numbers of the SDFT row, of the columns that this run has too; empty where there are none."""
    table = beside.tables[0]
    cells = zip(table.columns, table.rows[-1].cells, strict=True)
    shown = [f"{column} {cell.paper.rstrip('*†')}" for column, cell in cells if cell.ours and cell.paper]
    return f"SDFT on {beside.title} in the paper: {', '.join(shown)} %" if shown else ""


def _own_scores(scores: Scores, recipe: Recipe) -> dict[tuple[str, str], Score]:
    """Scores of the seed and of both arms at the recipe's own point, by arm and benchmark."""
    labels = {"seed": "seed"}
    for variant in variants(recipe):
        if variant.part == 1 and (variant.label == variant.arm.name or variant.arm.name not in labels):
            labels[variant.arm.name] = variant.label
    return {(s.arm, s.benchmark): s for s in scores.scores if s.arm in ARMS and labels.get(s.arm) == s.variant}


def _table(
    caption: str,
    columns: Sequence[published.Column],
    numbers: Mapping[str, Mapping[str, Number]],
    own: Mapping[tuple[str, str], Score],
) -> Table:
    rows = [
        Row(name, tuple(_cell(own.get((arm, c.score)), numbers.get(arm, {}).get(c.score)) for c in columns))
        for arm, name in ARMS.items()
    ]
    return Table(caption, tuple(column.title for column in columns), tuple(rows))


def _cell(score: Score | None, number: Number | None) -> Cell:
    paper, note = ("", "") if number is None else (f"{number.value}{number.mark}", number.note)
    if score is None:
        return Cell(paper=paper, note=note)
    interval = interval_in("share", score.low, score.high)
    return Cell(value_in("share", score.mean), interval, score.n, not score.usable, paper, note)


def _cautions(experiment: Experiment, recipe: Recipe, own: Mapping[tuple[str, str], Score]) -> list[str]:
    found: list[str] = []
    model = recipe.model.name_or_path
    if model != experiment.model:
        found.append(
            f"The models differ: this run's seed is {model}, the paper's is {experiment.model}. Compare the direction "
            "of a change, not the numbers."
        )
    benchmarks = {settings.name: settings for settings in recipe.evaluate.benchmarks}
    asked = [n for n in ("gsm8k", "humaneval", "openfunctions") if n in benchmarks and benchmarks[n].prompt != "paper"]
    if asked:
        found.append(f"Asked with other prompts than the paper's: {', '.join(asked)}.")
    limited = [name for name, settings in benchmarks.items() if settings.limit and _in_tables(name)]
    if limited:
        found.append(f"Not on the whole test sets: {', '.join(limited)}.")
    limit = recipe.data.train.limit
    if limit is not None and limit < experiment.rows:
        found.append(f"Trained on at most {count(limit)} rows; the paper's training set has {count(experiment.rows)}.")
    if any(benchmark == "alpaca_eval" for _, benchmark in own):
        found.append("AlpacaEval's win rate is another judge's opinion than the paper's.")
    if experiment.note:
        found.append(experiment.note)
    return found


def _in_tables(benchmark: str) -> bool:
    return benchmark in {column.score.partition("/")[0] for column in (*TASKS, *KNOWLEDGE)}
