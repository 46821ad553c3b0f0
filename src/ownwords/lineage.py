"""Where a model comes from that a run has trained: `run:PATH#ARM` is the arm (or variant) of a finished run.

Runs whose models are runs are a chain. A link reads run directories and loads no weights. A run notes in run.json
which links came before it, by their places relative to its own, so that a folder of runs may be moved as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from ownwords._model_files import changed_since, file_sha256, folder_hash
from ownwords.errors import InputError, ModelError, OwnwordsError, RecipeError, unknown_name
from ownwords.paths import given_path
from ownwords.recipe import ModelSection, Recipe, load_recipe
from ownwords.records import digest
from ownwords.run import Run, read_json
from ownwords.variants import SEED, Variant, variants

RUN = "run:"
ADAPTER = "adapter_model.safetensors"
#: In training.json: what tells the weights that training wrote, by the name of their folder and file.
SAVED = "saved"
#: Counts in the hash of an adapter as a model: change it where merging comes to give other weights.
MERGING = "float32-1"


@dataclass(frozen=True, slots=True)
class Link:
    """A trained arm as a model. `folder` holds an adapter, or the whole model where every parameter was trained.

    `weights` names its content; `seed` that of the model which it was trained from, and `model` is that one's name,
    or `parent` its link if a run has trained it too.
    """

    run: Path
    label: str
    folder: Path
    whole: bool
    scale: float
    weights: str
    seed: str
    model: ModelSection
    parent: Link | None

    @property
    def name(self) -> str:
        return f"{RUN}{self.run}#{self.label}"

    def chain(self) -> list[Link]:
        """The links up to this one, the first run's first."""
        return [*(self.parent.chain() if self.parent else []), self]

    def record(self, base: Path) -> dict[str, str]:
        """What a run that lies in `base` notes of it. `label` is the arm's, or the variant's."""
        return {
            "run": os.path.relpath(self.run, base.resolve()),
            "label": self.label,
            "weights": self.weights,
            "seed": self.seed,
            "model": self.model.name_or_path,
        }


def is_run(name: str) -> bool:
    """Whether a model's name means an arm of a run."""
    return name.startswith(RUN)


def find_link(section: ModelSection) -> Link:
    """The trained arm that a recipe names as its model, with all that came before it.

    Raises:
        ModelError: there is no such run or arm, it is not trained yet, or the chain goes in a circle.
    """
    name = section.name_or_path
    path, label = _split(name.removeprefix(RUN))
    if section.revision is not None:
        raise ModelError(f"model {name}: model.revision is for models of the Hub; leave it out.")
    if not path:
        raise ModelError(f"model {name}: write run:FOLDER#ARM, e.g. run:runs/first#sdft.")
    return _link(name, given_path(path).resolve(), label, ())


def _split(place: str) -> tuple[str, str]:
    """FOLDER and ARM of FOLDER#ARM. A folder's name may have the sign in it, an arm's has neither it nor a slash."""
    path, sign, label = place.rpartition("#")
    return (path, label) if sign and "/" not in label else (place, "")


def _link(name: str, run: Path, label: str, later: tuple[Path, ...]) -> Link:
    """`later` are the runs that this one's arm has led to, the latest first."""
    if run in later:
        circle = " from ".join(str(place) for place in (*later[later.index(run) :], run))
        raise ModelError(f"model {name}: the chain of runs goes in a circle: {circle}.")
    recipe = _recipe(name, run)
    variant = _variant(name, run, label, recipe)
    training = variant.training
    folder = run / "arms" / training.arm.name / training.folder
    facts = _training_facts(name, run, folder, variant)
    whole = training.tune.lora is None
    if not (folder / ("config.json" if whole else ADAPTER)).is_file():
        raise ModelError(f"model {name}: {folder} has lost its weights. Train it again: `ownwords tune {run}`.")
    changed = changed_since(folder, facts.get(SAVED, {}).get(folder.name, {}))
    if changed:
        raise ModelError(f"model {name}: {changed}")
    parent = _parent(name, run, recipe, (*later, run))
    seed = str(facts["weights_hash"])
    if parent is not None and parent.weights != seed:
        raise ModelError(
            f"model {name}: {parent.name}, which it was trained from, is another model now: it was trained again "
            f"since. Train this one again too: `ownwords run {run} --yes`."
        )
    link = Link(run, label, folder, whole, variant.scale, "", seed, recipe.model, parent)
    return replace(link, weights=_content(link))


def _recipe(name: str, run: Path) -> Recipe:
    if not run.is_dir():
        raise ModelError(f"model {name}: there is no run directory {run}.")
    if not (run / "recipe.yaml").is_file():
        raise ModelError(f"model {name}: {run} is a folder without a recipe.yaml: it holds no run.")
    try:
        return load_recipe(run / "recipe.yaml", output_dir=str(run))
    except RecipeError as error:
        raise ModelError(f"model {name}: {error}") from error


def _variant(name: str, run: Path, label: str, recipe: Recipe) -> Variant:
    try:
        known = {variant.label: variant for variant in variants(recipe)}
    except RecipeError as error:
        raise ModelError(f"model {name}: the recipe of {run} cannot be used: {error}") from error
    ends = [label for label, variant in known.items() if variant.part == 1]
    if not label:
        raise ModelError(
            f"model {name}: say which arm of the run, e.g. {RUN}{run}#{ends[0]}. It has {', '.join(ends)}."
        )
    if label == SEED:
        raise ModelError(f"model {name}: seed is the untouched model; name it itself: {recipe.model.name_or_path}.")
    if label not in known:
        raise ModelError(f"model {name}: in {run} {unknown_name('arm', label, ends)}")
    variant = known[label]
    if variant.part != 1:
        raise ModelError(f"model {name}: a place on the way of a training is no model to go on from: name its end.")
    if variant.scale != 1 and variant.training.tune.lora is None:
        raise ModelError(f"model {name}: only an adapter can be scaled, and this arm has trained every parameter.")
    return variant


def _training_facts(name: str, run: Path, folder: Path, variant: Variant) -> dict[str, Any]:
    label = variant.training.label
    try:
        status = Run(run).stage(f"tune/{label}").get("status")
        facts = read_json(folder / "training.json")
    except OwnwordsError as error:
        raise ModelError(f"model {name}: {error}") from error
    if status != "done" or not isinstance(facts, dict) or "weights_hash" not in facts:
        state = f"its training is {status}" if status and status != "done" else "it is not trained"
        raise ModelError(f"model {name}: {label} of {run} is not finished: {state}. Go on: `ownwords run {run}`.")
    return cast("dict[str, Any]", facts)


def _parent(name: str, run: Path, recipe: Recipe, later: tuple[Path, ...]) -> Link | None:
    """The link that a run was trained from: as the run has noted it, since its recipe's path may be relative."""
    if not is_run(recipe.model.name_or_path):
        return None
    noted = recorded_chain(run)
    if not noted:
        raise ModelError(f"model {name}: {run} has not noted which run its model is from. Run it again with --yes.")
    last = noted[-1]
    return _link(name, (run / last["run"]).resolve(), last["label"], later)


def recorded_chain(run: Path) -> list[dict[str, str]]:
    """What a run has noted of the links before it, the first one first (see `Link.record`); empty for a run that
    started from an ordinary model.

    Raises:
        ModelError: run.json is damaged.
    """
    try:
        noted: Any = Run(run).facts().get("chain") or []
    except OwnwordsError as error:
        raise ModelError(str(error)) from error
    if not isinstance(noted, list) or not all(_is_record(run, entry) for entry in cast("list[Any]", noted)):
        raise ModelError(f"{run / 'run.json'}: `chain` is not what ownwords writes there.")
    return cast("list[dict[str, str]]", noted)


def moved_on(section: ModelSection, run: Path) -> str:
    """What has become of a model that is a trained arm since the run began from it, in words; empty: nothing has."""
    noted = recorded_chain(run)
    if not is_run(section.name_or_path) or not noted:
        return ""
    last = noted[-1]  # its place, since the recipe's path may be relative
    try:
        weights = _link(section.name_or_path, (run / last["run"]).resolve(), last["label"], ()).weights
    except ModelError as error:
        return str(error)
    if weights == last["weights"]:
        return ""
    return f"model {section.name_or_path} was trained again since this run began from it"


def _is_record(run: Path, entry: Any) -> bool:
    if not isinstance(entry, Mapping):
        return False
    values = cast("Mapping[Any, Any]", entry)
    if not all(isinstance(values.get(key), str) for key in ("run", "label", "weights", "seed", "model")):
        return False
    try:
        given_path(run / values["run"])
    except InputError:  # no folder can have that name
        return False
    return True


def _content(link: Link) -> str:
    """A whole model is named as any folder is; an adapter by its seed, its files and its scale."""
    if link.whole:
        return folder_hash(link.folder)
    files = {path.name: file_sha256(path) for path in model_files(link.folder)}
    return digest([MERGING, link.seed, files, link.scale], length=64)


def model_files(folder: Path) -> Sequence[Path]:
    """The files of an arm's folder that make the model: adapter, tokenizer, chat template."""
    return [path for path in sorted(folder.iterdir()) if path.is_file() and path.name != "training.json"]
