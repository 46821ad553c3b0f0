"""The exceptions of ownwords, one tree.

    OwnwordsError
    ├── InputError            what the user gave is wrong: exit 2, nothing written
    │   ├── RecipeError       a key, value, preset, check or benchmark of the recipe
    │   ├── DataError         a dataset file or one of its rows
    │   │   └── MissingFileError   what is not there or cannot be had here: an optional benchmark is then skipped
    │   └── ModelError        the model cannot be used as a chat model here
    └── StageError            the input was fine but a stage could not finish: exit 1
        └── EngineError       what concerns all rows: out of memory, server unreachable

An error of a single row is never an exception: it is a `Completion` with `error` set.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OwnwordsError(Exception):
    """Base of everything ownwords raises on purpose; its text is meant for the person at the keyboard."""

    exit_code = 1


class InputError(OwnwordsError):
    """What the user gave is wrong. The message says what, where and what to do."""

    exit_code = 2


class RecipeError(InputError):
    """A recipe, an override or a name used in it is wrong."""


class DataError(InputError):
    """A dataset file or a row of it is wrong."""


class MissingFileError(DataError):
    """A file, a dataset or a package that rows come from is not there, or cannot be had here."""


class ModelError(InputError):
    """The model cannot be found, read, or used as a chat model."""


class StageError(OwnwordsError):
    """A stage could not finish although its input was right."""


class EngineError(StageError):
    """Something that concerns every request, not one row."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that does not exist: the nearest ones, then how to list them all."""
    options = sorted(known)
    near = difflib.get_close_matches(name, options, n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else f" Known: {', '.join(options)}."
    return f"there is no {kind} named {name!r}.{hint}"
