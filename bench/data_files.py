"""The folder of real datasets that some measurements read."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn


def data_file(name: str) -> Path:
    """A file of $OWNWORDS_DATA; where it is not there, one message and the end with status 2."""
    folder = os.environ.get("OWNWORDS_DATA")
    if not folder:
        _end("$OWNWORDS_DATA is not set: set it to the folder that `make data` fills.")
    return file_in(Path(folder), name)


def file_in(folder: Path, name: str) -> Path:
    """A file of a folder of datasets; likewise."""
    path = folder / name
    if not path.is_file():
        _end(f"there is no {path}: set $OWNWORDS_DATA to the folder that `make data` fills.")
    return path


def _end(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)
