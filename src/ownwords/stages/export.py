"""Export: an arm's training rows in another format, with the configuration of another trainer beside them.

Only reads the run. The folder gets `train.jsonl`, a card (`README.md`) and, for a trainer, its configuration.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ownwords.arms.base import find_arm
from ownwords.data.card import CardFile, dataset_card
from ownwords.data.dialogue import Dialogue
from ownwords.data.grouping import count_sources, grouped, one_by_one, read_training_rows
from ownwords.data.trainers import DATA_FILE, TRAINERS, trainer_files
from ownwords.data.writers import WRITERS, ExportFormat, FileHas
from ownwords.errors import InputError
from ownwords.paths import given_path
from ownwords.recipe import ArmSection, Recipe, load_recipe
from ownwords.run import Run, plain_disk_errors, read_object, write_atomic, write_text
from ownwords.stages import products
from ownwords.stages.origins import needed

_JSON = json.JSONEncoder(ensure_ascii=False)


@dataclass(slots=True)
class Counts:
    """What was written: rows (lines of the file), answers that are targets, answers that are only shown."""

    rows: int = 0
    targets: int = 0
    untrained: int = 0

    def add(self, dialogue: Dialogue) -> None:
        self.rows += 1
        self.targets += len(dialogue.targets)
        self.untrained += len(dialogue.untrained)


@dataclass(frozen=True, slots=True)
class Plan:
    """The conversations, read anew at each call; what the file needs; and whether the trainer has to be told that only
    the last answer is a target."""

    dialogues: Callable[[], Iterator[Dialogue]]
    has: FileHas
    last_only: bool


def export(
    run_directory: str,
    folder: Path,
    *,
    arm: str,
    form: ExportFormat | None,
    trainer: str | None,
    overrides: Sequence[str] = (),
    force: bool = False,
) -> str:
    """Write an arm's rows into `folder` in the format `form` or in the one of `trainer`; say what was written.

    `overrides` change the run's recipe for the trainer's configuration only.

    Raises:
        InputError: there is no finished run or no such arm, the trainer cannot take the run's model, or the folder
            holds files already and there is no `force`. Nothing is written.
    """
    folder = given_path(folder)
    run = Run(run_directory)
    with plain_disk_errors(run.directory):
        source = _finished_rows(run, arm)
        made = load_recipe(run.recipe_path, output_dir=str(run.directory))
        form = TRAINERS[trainer].format if trainer else cast("ExportFormat", form)
        plan = _plan(source, made, form, trainer)
        configs: dict[str, str] = {}
        if trainer is not None:
            wanted = load_recipe(run.recipe_path, overrides, output_dir=str(run.directory))
            configs = trainer_files(trainer, wanted, last_only=plan.last_only, tools=plan.has.tools)
    with plain_disk_errors(folder):
        _check_folder(folder, force=force)
        counts = _write_rows(folder / DATA_FILE, plan, form)
        for name, text in configs.items():
            write_text(folder / name, text)
        card = CardFile(
            DATA_FILE, _describe_row(counts, form), WRITERS[form].columns_of(plan.has), _use(form, trainer, counts)
        )
        facts = _facts(run, made, arm, counts)
        write_text(folder / "README.md", dataset_card({**facts, "sources": count_sources(source)}, card))
    names = ", ".join([DATA_FILE, *configs, "README.md"])
    train = f"\ntrain with: cd {folder} && {TRAINERS[trainer].command}" if trainer else ""
    return f"{arm}: {counts.rows:,} rows as {form}, {counts.targets:,} targets, in {folder} ({names}){train}"


def _finished_rows(run: Run, arm: str) -> Path:
    """The arm's Parquet file, once rewriting has finished."""
    if not run.exists:
        raise InputError(f"there is no run in {run.directory}: `ownwords run` makes one.")
    recipe = load_recipe(run.recipe_path, output_dir=str(run.directory))
    stages = [*(origin.stage for origin in needed(recipe)), products.STAGE]
    if any(run.stage(stage).get("status") != "done" for stage in stages):
        raise InputError(f"rewriting has not finished in {run.directory}: `ownwords rewrite` goes on with it.")
    path = run.arm_data(arm) / "train.parquet"
    if not path.is_file():
        arms = sorted(file.parent.name for file in run.directory.glob("data/*/train.parquet"))
        raise InputError(
            f"the run in {run.directory} has no rows of the arm {arm!r}. It has: {', '.join(arms) or 'none'}."
        )
    return path


def _plan(source: Path, recipe: Recipe, form: ExportFormat, trainer: str | None) -> Plan:
    """Which conversations to write.

    Rows stay single where the format holds one target (prompt-completion), where each is a conversation of its own
    (`turns: last`), and where the trainer would also train answers that are no targets.
    """

    def singly() -> Iterator[Dialogue]:
        return one_by_one(read_training_rows(source))

    def together() -> Iterator[Dialogue]:
        return grouped(read_training_rows(source))

    single = form == "prompt-completion" or recipe.data.train.turns == "last"
    dialogues = singly if single else together
    tools = any(dialogue.tools for dialogue in dialogues())
    if tools and WRITERS[form].tools_column is None:
        raise InputError(f"the format {form} has no place for tools, and rows of this run have some: choose another.")
    has = FileHas(any(dialogue.untrained for dialogue in dialogues()), tools)
    if has.weights and trainer is not None and not TRAINERS[trainer].obeys_weight:
        return Plan(singly, has, last_only=True)
    return Plan(dialogues, has, last_only=False)


def _check_folder(folder: Path, *, force: bool) -> None:
    if folder.is_symlink() and not folder.exists():
        raise InputError(f"{folder} is a link to nothing ({folder.readlink()}).")
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f"{folder} cannot be a folder: {existing} is a file.")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} holds files already: add --force to write over those of the same names.")


def _write_rows(path: Path, plan: Plan, form: ExportFormat) -> Counts:
    """JSON Lines, one at a time; the file is there whole or not at all."""
    counts = Counts()

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            for dialogue in plan.dialogues():
                file.write(_JSON.encode(WRITERS[form].row(dialogue, plan.has)) + "\n")
                counts.add(dialogue)

    write_atomic(path, write)
    return counts


def _describe_row(counts: Counts, form: ExportFormat) -> str:
    if form == "prompt-completion":
        return "one target of a conversation"
    shown = f", {counts.untrained:,} earlier ones are no targets" if counts.untrained else ""
    return f"one conversation; {counts.targets:,} answers are targets{shown}"


def _use(form: ExportFormat, trainer: str | None, counts: Counts) -> str:
    """How to train on the file, in Markdown."""
    lines = [f"```sh\n{TRAINERS[trainer].command}   # in this folder\n```\n"] if trainer else []
    if form == "messages" and trainer is None:
        lines.append("TRL trains the user's turns of such rows too, unless `assistant_only_loss: true` is set.")
    if form != "prompt-completion":
        lines.append("Every target stands in its own turn; an answer after the first follows the targets before it.")
    if counts.untrained and form == "alpaca":
        lines.append("The format cannot mark the answers in `history` that are no targets: have the history masked.")
    return "\n".join(lines) or "TRL's `SFTTrainer` takes the rows as they are and trains on `completion` only."


def _facts(run: Run, recipe: Recipe, arm: str, counts: Counts) -> dict[str, Any]:
    """What the card says, from the run's own record of its rewriting."""
    summary = read_object(run.directory / "rewrite.json")
    engine: dict[str, Any] = summary.get("engine", {})
    told: dict[str, Any] = next((entry for entry in summary.get("arms", []) if entry["arm"] == arm), summary)
    section = next((own for own in recipe.tune.arms if own.name == arm), ArmSection(name=arm))
    return {
        "arm": arm,
        "summary": find_arm(section).summary,
        "rows": counts.rows,
        "outcomes": told.get("outcomes", []),
        "prompt_preset": summary.get("prompt", ""),
        "prompt_hash": summary.get("prompt_hash", ""),
        "model": recipe.model.name_or_path,
        "revision": recipe.model.revision or "",
        "engines": engine.get("engines", [engine]),
        "sampling": recipe.rewrite.sampling.model_dump(),
        "checks": summary.get("checks", []),
        "seed": recipe.seed,
    }
