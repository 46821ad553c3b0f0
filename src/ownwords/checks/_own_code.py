"""Functions of the user's own, named as `path/to/file.py:function`.

A file is first imported by another process: one that ends the process, or never comes to its end, is a message here.
What it prints goes to standard error. Not covered: what only a second import does.

As a program, it imports the file that it is given and says how that went, as a line of JSON.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ownwords.checks._processes import end, exchange, own_end
from ownwords.errors import RecipeError
from ownwords.paths import given_path
from ownwords.records import storable

_IMPORT_SECONDS = 60.0


def load_function(spec: str, *, allow_code: bool, tried: bool = False) -> Any:
    """The function named by `file.py:function`. Code of a recipe runs only when the user allows it.

    `tried` says that the file has been imported by another process before.

    Raises:
        RecipeError: it is not allowed, there is no such file or function, or the file cannot be imported.
    """
    path_text, _, function_name = spec.rpartition(":")
    if not allow_code:
        raise RecipeError(f"{spec!r} names code of your own; it runs only with --allow-code.")
    path = given_path(path_text).resolve()
    if not path.is_file():
        raise RecipeError(f"{spec!r}: there is no file {path}")
    problem = "" if tried else _problem_of(path, hashlib.sha256(path.read_bytes()).hexdigest())
    if problem:
        raise RecipeError(f"{spec!r}: {path} {problem}")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            module = _imported(path)
    except (Exception, SystemExit, GeneratorExit) as error:  # the boundary to the user's code
        raise RecipeError(f"{spec!r}: {path} fails to import: {told(error)}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise RecipeError(f"{spec!r}: {path} has no function {function_name!r}")
    return function


def told(error: BaseException) -> str:
    """The kind of an exception and what it says, if it can: that is the user's code too."""
    kind = type(error).__name__
    try:
        return storable(": ".join(filter(None, (kind, str(error))))[:500])
    except BaseException:  # noqa: BLE001 - the boundary: whatever its `__str__` raises, the first one counts
        return kind


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ownwords_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError("it cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=64)
def _problem_of(path: Path, _content: str) -> str:
    """What goes wrong when another process imports a file with that content; empty where nothing does."""
    command = [sys.executable, "-P", "-m", "ownwords.checks._own_code", str(path)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    line, code = None, None
    try:
        line, is_over = exchange(process, b"\n", _IMPORT_SECONDS)
        code = own_end(process) if line is None else None
    finally:
        end(process)
    if line is not None:
        return json.loads(line)
    if is_over:
        return f"takes more than {_IMPORT_SECONDS:g} seconds to import"
    how = "closes what its process answers through" if code is None else f"ends its process (exit code {code})"
    return f"fails to import: it {how}"


def main() -> None:
    """Import the file; its output goes nowhere, and it can read nothing."""
    sys.stdin.readline()
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: os.close(answer.fileno()))  # nobody waits for what it leaves behind
    problem, process = "", os.getpid()
    try:
        _imported(Path(sys.argv[1]))
    except BaseException as error:  # noqa: BLE001 - the boundary to the user's code
        problem = f"fails to import: {told(error)}"
    if os.getpid() == process:
        answer.write(json.dumps(problem).encode("ascii") + b"\n")
        answer.flush()
    os._exit(0)  # whatever it has left running


if __name__ == "__main__":
    main()
