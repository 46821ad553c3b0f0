"""The program that runs a source as `__main__`, with the standard streams that it was given, and nothing else."""

from __future__ import annotations

import linecache
import os
import sys
from types import ModuleType
from typing import Any

FILE = "<program>"
#: Exit code where the source is no Python.
NO_PYTHON = 65


def main(settings: dict[str, Any]) -> None:
    with os.fdopen(settings["source"], encoding="utf-8", errors="surrogatepass") as file:
        source = file.read()
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
    try:
        code = compile(source, FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(NO_PYTHON)
    exec(code, vars(module))  # noqa: S102 - what this program is for
