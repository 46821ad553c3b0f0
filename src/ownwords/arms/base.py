"""The contract of an arm: one way to train, as targets × objective × weights.

An arm is one file here that defines `ARM = Arm(...)`; its method is plain data (`recipe.Method`), which a recipe may
change: `{sdft: {mix: 0.5}}`. All arms of a run share seed model, prompts, row order, budget and hyper-parameters; an
example that is dropped is dropped from all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pydantic import ValidationError

from ownwords.catalog import import_named, module_names
from ownwords.errors import RecipeError, unknown_name
from ownwords.recipe import ArmSection, Method, SweepSection
from ownwords.recipe.loading import keys_at


@dataclass(frozen=True, slots=True)
class Arm:
    """`paper` says where the method comes from: authors and arXiv number, or what it is a control for. `sweep` is the
    arm's own in a recipe, in place of the recipe's where it has values."""

    name: str
    summary: str
    paper: str
    method: Method
    sweep: SweepSection = field(default_factory=SweepSection)


def find_arm(section: ArmSection) -> Arm:
    """The arm that a recipe means, with its method as the recipe has it.

    Raises:
        RecipeError: there is none of that name (the nearest is named), or a setting of its method is wrong.
    """
    arm = _of(section)
    if not section.changes:
        return replace(arm, name=section.name, sweep=section.sweep)
    values = _merged(arm.method.model_dump(), section.changes)
    try:
        return replace(arm, name=section.name, method=Method.model_validate(values), sweep=section.sweep)
    except ValidationError as error:
        raise RecipeError(_explain(section.name, error)) from error


def _of(section: ArmSection) -> Arm:
    """The arm of the file whose method it has."""
    try:
        return import_named("arm", "ownwords.arms", section.of or section.name).ARM
    except RecipeError as error:
        if section.of is not None:
            raise RecipeError(f"tune.arms.{section.name}.of: {error}") from error
        own = " Under a name of its own an arm says whose method it has: {half: {of: sdft, mix: 0.5}}."
        raise RecipeError(f"tune.arms: {error}{own if section.changes else ''}") from error


def all_arms() -> list[Arm]:
    return [find_arm(ArmSection(name=name)) for name in module_names("ownwords.arms")]


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the changes in them, section by section."""
    merged = dict(values)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merged(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
        else:
            merged[key] = value
    return merged


def _explain(name: str, error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    location = [str(part) for part in problem["loc"]]
    key = ".".join(["tune.arms", name, *location])
    if problem["type"] == "extra_forbidden":
        *sections, unknown = location
        kind = f"key of {'.'.join(sections)}" if sections else "setting of an arm"
        return f"{key}: {unknown_name(kind, unknown, keys_at(Method, sections))}"
    return f"{key}: {problem['msg'].removeprefix('Value error, ')}."
