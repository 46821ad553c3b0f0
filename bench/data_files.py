"""The folder of real datasets that some measurements read."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def data_file(name: str) -> Path:
    """A file of $OWNWORDS_DATA; where it is not there, one message and the end with status 2."""
    folder = os.environ.get("OWNWORDS_DATA")
    path = Path(folder or "", name)
    if not folder or not path.is_file():
        where = f"{folder} has no {name}" if folder else "$OWNWORDS_DATA is not set"
        print(f"{where}: set it to the folder that `make data` fills.", file=sys.stderr)
        raise SystemExit(2)
    return path
