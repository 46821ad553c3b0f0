"""Paths that a user gives: in a recipe, on the command line, in an environment variable."""

from __future__ import annotations

import os
from pathlib import Path

from ownwords.errors import InputError


def given_path(text: str | Path) -> Path:
    """The path that the text means, `~` expanded (an unknown `~user` is taken as it is written).

    Whether anything lies there is not asked: only that the system can be asked, so that no later look raises.

    Raises:
        InputError: no file can have that name: it holds a NUL, is too long, or its links go in a circle.
    """
    expanded = os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises for an unknown user
    try:
        Path(expanded).stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        shown = str(text) if len(str(text)) <= 80 else f"{str(text)[:77]}..."
        raise InputError(f"{shown!r} is not a path that this system can hold: {reason}.") from error
    return Path(expanded)
