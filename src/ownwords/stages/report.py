"""The report stage: reads what a run directory holds, writes `report.html`, and says the same in ten lines.

It needs no model and changes nothing but that one file, and `chain.json` where the run goes on from another. A
part that does not exist yet is shown as not done yet.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ownwords.errors import InputError
from ownwords.recipe import Recipe, load_recipe
from ownwords.report.compared import Comparison
from ownwords.report.console import summarize
from ownwords.report.data import Gap, ReportData, RunRecord, Sample, Training, read_part
from ownwords.report.rewritten import Rewriting
from ownwords.report.scored import Scores
from ownwords.report.shifted import Shift
from ownwords.stages import chain
from ownwords.variants import trainings

REPORT = "report.html"
CHAIN = "chain.json"


def collect(run_dir: Path) -> ReportData:
    """Everything the report says.

    Raises:
        InputError: there is no such run directory.
        StageError: a file of the run is damaged; the message names it.
    """
    if not run_dir.is_dir():
        raise InputError(f"there is no run directory {run_dir}. `ownwords run RECIPE` makes one.")
    path = run_dir / "recipe.yaml"
    recipe = load_recipe(path) if path.exists() else None
    return ReportData(
        run_dir=run_dir,
        recipe=recipe,
        recipe_text=path.read_text(encoding="utf-8") if path.exists() else "",
        run=read_part(run_dir / "run.json", RunRecord),
        rewriting=read_part(run_dir / "rewrite.json", Rewriting),
        gap=read_part(run_dir / "gap.json", Gap),
        trainings=_trainings(run_dir, recipe),
        scores=read_part(run_dir / "scores" / "summary.json", Scores),
        comparison=read_part(run_dir / "comparison.json", Comparison),
        shift=read_part(run_dir / "shift.json", Shift),
        samples=read_part(run_dir / "samples.json", tuple[Sample, ...]),
        chain=chain.collect(run_dir, recipe),
    )


def write_report(run_dir: Path) -> Path:
    """Write the page atomically and return its path. Raises what `collect` raises."""
    from ownwords.report.page import render_page
    from ownwords.run import write_json, write_text

    path = run_dir / REPORT
    data = collect(run_dir)
    if data.chain is not None:
        write_json(run_dir / CHAIN, asdict(data.chain))
    write_text(path, render_page(data))
    return path


def console_summary(run_dir: Path) -> str:
    """The same facts in at most ten lines of plain text. Raises what `collect` raises."""
    return summarize(collect(run_dir), run_dir / REPORT)


def _trainings(run_dir: Path, recipe: Recipe | None) -> tuple[Training, ...]:
    """The trainings of the recipe's arms, in its order; without a recipe, of all."""
    folders = [folder for folder in sorted(run_dir.glob("arms/*/*")) if not folder.name.startswith(".")]
    found = [training for folder in folders if (training := read_part(folder / "training.json", Training))]
    if recipe is None:
        return tuple(found)
    known = {(training.arm, training.variant): training for training in found}
    wanted = [(training.arm.name, training.folder) for training in trainings(recipe)]
    return tuple(known[name] for name in wanted if name in known)
