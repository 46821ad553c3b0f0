"""Packages of the extra `eval`, asked for by name before anything is done."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from ownwords.errors import RecipeError


def require_packages(benchmark: str, packages: Iterable[str]) -> None:
    """Refuse a benchmark whose packages are not all installed (RecipeError)."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise RecipeError(
                f"benchmark {benchmark} needs the package {package}: pip install 'ownwords[eval]', or leave it out."
            )
