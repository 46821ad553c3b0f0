"""What there is, by name: a benchmark, arm, engine, prompt or preset is one file, found by its name.

Nothing is registered anywhere else: adding the file adds the name.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from ownwords.errors import RecipeError, unknown_name
from ownwords.paths import given_path

PACKAGE_ROOT = Path(__file__).parent


def module_names(package: str) -> list[str]:
    """The public modules of a package, `base` excluded, without importing them."""
    folder = PACKAGE_ROOT.joinpath(*package.split(".")[1:])
    return sorted(
        m.name for m in pkgutil.iter_modules([str(folder)]) if m.name != "base" and not m.name.startswith("_")
    )


def import_named(kind: str, package: str, name: str) -> ModuleType:
    """Import `package.name` if such a module exists; otherwise a RecipeError that names the nearest."""
    names = module_names(package)
    if name not in names:
        raise RecipeError(unknown_name(kind, name, names))
    return importlib.import_module(f"{package}.{name}")


def file_names(folder: str, suffix: str) -> list[str]:
    """Names of the files below a folder of the package: `prompts/chat/math.jinja` is `chat/math`."""
    root = PACKAGE_ROOT / folder
    return sorted(p.relative_to(root).with_suffix("").as_posix() for p in root.rglob(f"*{suffix}"))


def read_named(kind: str, folder: str, suffix: str, name: str) -> str:
    """Text of a shipped file by its name, or of the file at the path `name` if it ends in `suffix`."""
    if name.endswith(suffix):
        path = given_path(name)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"cannot read the {kind} file {name}: {error}") from error
    names = file_names(folder, suffix)
    if name not in names:
        raise RecipeError(unknown_name(kind, name, names))
    return (PACKAGE_ROOT / folder / f"{name}{suffix}").read_text(encoding="utf-8")
