"""The checks of a recipe: found by name, their parameters verified, each with an identity for the journal."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ownwords.checks.base import find_check, require_params
from ownwords.errors import RecipeError
from ownwords.paths import given_path
from ownwords.recipe import CheckSection
from ownwords.records import Check


@dataclass(frozen=True, slots=True)
class NamedCheck:
    """A check of the recipe with its parameters; `code` is the hash of a user's own file, empty for a shipped check."""

    name: str
    function: Check
    params: dict[str, object]
    code: str

    @property
    def identity(self) -> str:
        """Names check, parameters and code, in the journal."""
        return json.dumps([self.name, self.params, self.code], sort_keys=True)


def named_checks(sections: Sequence[CheckSection], *, allow_code: bool) -> list[NamedCheck]:
    """The recipe's checks, in its order.

    Raises:
        RecipeError: an unknown check or parameter, or a check that is named twice.
    """
    twice = next((name for name, count in Counter(s.name for s in sections).items() if count > 1), None)
    if twice is not None:
        raise RecipeError(f"rewrite.checks names the check {twice} twice.")
    return [_named_check(section, allow_code=allow_code) for section in sections]


def _named_check(section: CheckSection, *, allow_code: bool) -> NamedCheck:
    function = find_check(section.name, allow_code=allow_code)
    require_params(section.name, function, section.params)
    code = ""
    if ".py:" in section.name:
        source = given_path(section.name.rpartition(":")[0]).read_bytes()
        code = hashlib.sha256(source).hexdigest()[:16]
    return NamedCheck(section.name, function, section.params, code)
