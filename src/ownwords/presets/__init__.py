"""Commented recipes to start from, and the recipe's JSON schema."""

from __future__ import annotations

import json
from pathlib import Path

from ownwords.catalog import file_names, read_named
from ownwords.errors import InputError, RecipeError, unknown_name
from ownwords.paths import given_path
from ownwords.recipe import Recipe


def names() -> list[str]:
    return file_names("presets", ".yaml")


def read(name: str) -> str:
    """The text of a preset; a RecipeError names the nearest if there is none."""
    if name not in names():
        raise RecipeError(unknown_name("preset", name, names()))
    return read_named("preset", "presets", ".yaml", name)


def summary(name: str) -> str:
    """The preset's first comment line."""
    return read(name).partition("\n")[0].lstrip("# ").rstrip()


def schema() -> str:
    """The recipe's JSON schema, for editors that check YAML while it is written."""
    return json.dumps(Recipe.model_json_schema(), indent=2) + "\n"


def write(path: Path, text: str, *, force: bool) -> None:
    """Write a recipe file, refusing to overwrite one without `force`."""
    path = given_path(path)
    if path.exists() and not force:
        raise InputError(f"{path} exists already: add --force to overwrite it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
