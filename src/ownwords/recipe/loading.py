"""A recipe from a file or from dictionaries, with overrides; what is wrong with it comes as one message."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast, get_args

import yaml
from pydantic import BaseModel, ValidationError

from ownwords.errors import RecipeError, unknown_name
from ownwords.paths import given_path
from ownwords.recipe.whole import Recipe

_BOOLEAN, _TEXT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:str"


class _UniqueKeys(yaml.SafeLoader):
    """YAML without tags of Python, where a key given twice is an error instead of the last one winning, and `on` as a
    key is a name: to YAML 1.1 it is the value true."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == _BOOLEAN:
                key.tag = _TEXT
            name = str(key.value)
            if name in seen and name != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} stands twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def load_recipe(path: str | Path, overrides: Sequence[str] = (), *, output_dir: str | None = None) -> Recipe:
    """Read a recipe file and apply `key=value` overrides; `output_dir` replaces the file's.

    Raises:
        RecipeError: the file is missing, not YAML, or has an unknown key or a wrong value.
    """
    path = given_path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RecipeError(
            f"cannot read the recipe {path}: {reason}. `ownwords init --preset quickstart` prints one."
        ) from error
    try:
        loaded: Any = _read(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        advice = " YAML is indented with blanks, never with tabs." if "'\\t'" in str(error) else ""
        raise RecipeError(f"{path} is not valid YAML: {error}{advice}") from error
    if not isinstance(loaded, dict):
        raise RecipeError(f"{path} must hold keys such as `model:` and `data:`, not {type(loaded).__name__}.")
    if output_dir is not None:
        loaded["output_dir"] = output_dir
    return build_recipe(loaded, overrides, where=str(path))  # pyright: ignore[reportUnknownArgumentType]


def _read(text: str) -> Any:
    return yaml.load(text, _UniqueKeys)  # noqa: S506 - a SafeLoader that also refuses a key given twice


def build_recipe(values: dict[Any, Any], overrides: Sequence[str] = (), where: str = "the recipe") -> Recipe:
    """Validate a recipe given as nested dictionaries (left as they are), after applying the overrides."""
    values = copy.deepcopy(values)
    for override in overrides:
        _apply_override(values, override)
    _require_size(values, where)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(_explain(error, where)) from error


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as YAML: what a run really used."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)


#: No recipe of a person comes near.
MOST_VALUES = 100_000

_PLAIN_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def _apply_override(values: dict[Any, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise RecipeError(f"{override!r} is not of the form key=value, e.g. rewrite.sampling.temperature=0.7")
    try:
        value: Any = _read(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(
            f"the value of {key!r} is not valid YAML: {text!r}. Text with braces or colons needs quotes of its own: "
            f"{key.strip()}='\"...\"'"
        ) from error
    if isinstance(value, str) and _PLAIN_FLOAT.fullmatch(value):
        value = float(value)  # YAML 1.1 reads 1e-4 as text
    *parents, last = key.strip().replace("-", "_").split(".")
    node: dict[Any, Any] = values
    for parent in parents:
        section: Any = node.get(parent)
        if section is None:
            section = node[parent] = {}
        if not isinstance(section, dict):
            raise RecipeError(f"cannot set {key!r}: {parent!r} holds {section!r}, not a section")
        node = cast("dict[Any, Any]", section)
    node[last] = value


def _require_size(values: Any, where: str) -> None:
    """Refuse what only YAML's aliases can make: a value that holds itself, and a few lines that stand for billions."""
    sizes: dict[int, int] = {}  # of a dictionary or list by its id, with everything in it; 0 while it is being counted

    def size(value: Any) -> int:
        if not isinstance(value, dict | list):
            return 1
        inner = cast("dict[Any, Any] | list[Any]", value)
        if id(inner) not in sizes:
            sizes[id(inner)] = 0
            sizes[id(inner)] = 1 + sum(map(size, inner.values() if isinstance(inner, dict) else inner))
        elif sizes[id(inner)] == 0:
            raise RecipeError(f"{where}: a value holds itself, by way of an alias (*name).")
        return sizes[id(inner)]

    try:
        total = size(values)
    except RecursionError as error:
        raise RecipeError(f"{where} is nested too deeply.") from error
    if total > MOST_VALUES:
        raise RecipeError(f"{where} stands for {total:,} values, by way of aliases (*name): at most {MOST_VALUES:,}.")


def _explain(error: ValidationError, where: str) -> str:
    """Every problem in one message, each with its key; for an unknown key the nearest valid one."""
    lines: list[str] = []
    for problem in error.errors(include_url=False):
        location = [str(part) for part in problem["loc"]]
        key = ".".join(location) or "the top level"
        if problem["type"] == "extra_forbidden":
            siblings = keys_at(Recipe, location[:-1])
            parent = f" of {'.'.join(location[:-1])}" if len(location) > 1 else ""
            lines.append(f"{key}: {unknown_name(f'key{parent}', location[-1], siblings)}{_above(location)}")
        elif problem["type"] == "missing":
            lines.append(f"{key}: this key is required.")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{key}: {message} (got {_shorten(problem['input'])}).")
    return f"{where} is not a valid recipe:\n" + "\n".join(f"  {line}" for line in lines)


def _above(location: Sequence[str]) -> str:
    """That the key's name is one of a section around it, if so."""
    *sections, name = location
    for depth in range(len(sections) - 1, -1, -1):
        if name in keys_at(Recipe, sections[:depth]):
            return f" There is {'.'.join([*sections[:depth], name])}."
    return ""


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def keys_at(model: type[BaseModel], location: Sequence[str]) -> list[str]:
    """The valid keys of the section at `location`, found by walking the models."""
    for part in location:
        if part.isdigit():
            continue
        field = model.model_fields.get(part)
        inner = None if field is None else _section_in(field.annotation)
        if inner is None:
            break
        model = inner
    return list(model.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_in(part))), None)
