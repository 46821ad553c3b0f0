"""A run beside the paper: tables 1 to 3 as they are published, with this run's numbers and the paper's in each cell,
and what the run has otherwise than the paper's settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from ownwords import presets
from ownwords.recipe import Recipe, build_recipe
from ownwords.report.numbers import count, interval_in, value_in
from ownwords.report.published import EXPERIMENTS, TABLES, TEST_ITEMS, Column, Experiment, PublishedTable
from ownwords.report.scored import Score, Scores
from ownwords.report.unlike import Setting, facts, settings_unlike
from ownwords.variants import Variant, variants

ARMS = {"seed": "seed", "vanilla": "vanilla", "sdft": "SDFT"}
#: Numbers of the paper that the console shows.
MOST_NAMED = 3
COLUMNS = tuple(column for table in TABLES for column in table.columns)


@dataclass(frozen=True, slots=True)
class Ours:
    """A score of this run. `told` says which it is where a cell has several."""

    told: str
    value: str
    interval: str
    n: int
    unusable: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """`ours` is empty where the run has no score, `paper` where no published number is known."""

    ours: tuple[Ours, ...] = ()
    paper: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: its title, the names of our scores, and the number of items of the paper's test set, where known."""

    title: str
    scores: str
    items: str


@dataclass(frozen=True, slots=True)
class Row:
    trained_on: str
    method: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    columns: tuple[Heading, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class BesideThePaper:
    """`cautions` are sentences on why the two cannot simply be compared, `unlike` the settings that differ from those
    of `preset`."""

    title: str
    model: str
    tables: tuple[Table, ...]
    cautions: tuple[str, ...]
    preset: str
    unlike: tuple[Setting, ...]


def beside_the_paper(scores: Scores, recipe: Recipe | None) -> BesideThePaper | None:
    """The tables, or None where the recipe names no published experiment or the run has none of its columns."""
    if recipe is None or recipe.evaluate.published is None:
        return None
    experiment = EXPERIMENTS[recipe.evaluate.published]
    own = _own_scores(scores, recipe)
    measured = {name for _, name in own}
    if not measured & _names(COLUMNS):
        return None
    tables = [_table(table, experiment, own) for table in TABLES if _has_numbers(table, experiment, measured)]
    return BesideThePaper(
        title=experiment.title,
        model=experiment.model,
        tables=tuple(tables),
        cautions=tuple(_cautions(experiment, recipe, measured)),
        preset=experiment.preset,
        unlike=tuple(_unlike(experiment, recipe, scores, measured)),
    )


def paper_line(beside: BesideThePaper) -> str:
    """The paper's numbers of SDFT, of the columns that this run has too, and how many settings differ; empty where
    there are none."""
    shown = [
        f"{column.title} {cell.paper.rstrip('*†')}"
        for table in beside.tables
        for column, cell in zip(table.columns, table.rows[-1].cells, strict=True)
        if cell.ours and cell.paper
    ]
    if not shown:
        return ""
    numbers = ", ".join(shown[:MOST_NAMED]) + (", …" if len(shown) > MOST_NAMED else "")
    differs = f"; settings that differ from the paper's: {count(len(beside.unlike))}" if beside.unlike else ""
    return f"SDFT on {beside.title} in the paper: {numbers} %{differs}"


def in_words(setting: Setting) -> str:
    """`tune.learning_rate 0.001 (paper's preset 0.0001)`"""
    of = f" for {', '.join(setting.of)}" if setting.of else ""
    return f"{setting.key} {setting.ours} (paper's preset {setting.theirs}){of}"


def _names(columns: tuple[Column, ...]) -> set[str]:
    return {name for column in columns for _, name in column.scores}


def _shown(recipe: Recipe) -> dict[str, Variant]:
    """The ends of vanilla and sdft at the recipe's own point, or at the first of its sweep."""
    found: dict[str, Variant] = {}
    for variant in variants(recipe):
        name = variant.arm.name
        if name in ARMS and variant.part == 1 and (variant.label == name or name not in found):
            found[name] = variant
    return found


def _own_scores(scores: Scores, recipe: Recipe) -> dict[tuple[str, str], Score]:
    """Scores of the seed and of both arms at the recipe's own point, by arm and benchmark."""
    labels = {"seed": "seed", **{name: variant.label for name, variant in _shown(recipe).items()}}
    return {(s.arm, s.benchmark): s for s in scores.scores if labels.get(s.arm) == s.variant}


def _has_numbers(table: PublishedTable, experiment: Experiment, measured: set[str]) -> bool:
    return bool(measured & _names(table.columns) or _known(table, experiment))


def _known(table: PublishedTable, experiment: Experiment) -> set[str]:
    """The arms of which a number of the table is known."""
    titles = {column.title for column in table.columns}
    return {arm for arm, numbers in experiment.numbers.items() if titles & numbers.keys()}


def _table(table: PublishedTable, experiment: Experiment, own: Mapping[tuple[str, str], Score]) -> Table:
    headings = (
        Heading(c.title, ", ".join(name for _, name in c.scores), count(n) if (n := TEST_ITEMS.get(c.title)) else "")
        for c in table.columns
    )
    rows = (
        Row(
            "–" if arm == "seed" else experiment.title,
            name,
            tuple(_cell(arm, c, experiment, own) for c in table.columns),
        )
        for arm, name in ARMS.items()
    )
    return Table(_caption(table, experiment), tuple(headings), tuple(rows))


def _caption(table: PublishedTable, experiment: Experiment) -> str:
    """Which table this is, and which of its rows."""
    text = f"Table {table.number}, {table.what}."
    if _known(table, experiment) - {"seed"}:
        rows = f"The rows are the paper's of {experiment.title}."
        elsewhere = f"The layout is the paper's; its numbers of {experiment.title} stand elsewhere in it."
        text += f" {rows if experiment.in_tables else elsewhere}"
    elif not table.note:
        text += f" The rows are of {experiment.title}, of which no number in this table is known here."
    return f"{text} {table.note}".rstrip()


def _cell(arm: str, column: Column, experiment: Experiment, own: Mapping[tuple[str, str], Score]) -> Cell:
    number = experiment.numbers.get(arm, {}).get(column.title)
    paper, note = ("", "") if number is None else (f"{number.value}{number.mark}", number.note)
    ours = (_ours(told, own[arm, name]) for told, name in column.scores if (arm, name) in own)
    return Cell(tuple(ours), paper, note)


def _ours(told: str, score: Score) -> Ours:
    interval = interval_in("share", score.low, score.high)
    return Ours(told, value_in("share", score.mean), interval, score.n, not score.usable)


def _cautions(experiment: Experiment, recipe: Recipe, measured: set[str]) -> Iterator[str]:
    if recipe.model.name_or_path != experiment.model:
        yield "The models differ: compare the direction of a change, not the numbers."
    if "alpaca_eval" in measured:
        yield "AlpacaEval's win rate is another judge's opinion than the paper's."
    if experiment.note:
        yield experiment.note


def _unlike(experiment: Experiment, recipe: Recipe, scores: Scores, measured: set[str]) -> list[Setting]:
    """What the run has otherwise than the preset of the experiment, of what is shown in the tables."""
    theirs = build_recipe(yaml.safe_load(presets.read(experiment.preset)), where=experiment.preset)
    shown = {name.partition("/")[0] for name in measured & _names(COLUMNS)}
    asked = {name: info.generative for info in scores.benchmarks if (name := info.of or info.name) in shown}
    items = {
        column.score.partition("/")[0]: TEST_ITEMS[column.title] for column in COLUMNS if column.title in TEST_ITEMS
    }
    items |= {"train": experiment.rows} if experiment.rows else {}
    one, other = (facts(one, _shown(one), asked, items) for one in (recipe, theirs))
    return settings_unlike(one, other)
