"""The first program in a sandbox: gives up what is left of root, sets limits, then runs another program of this folder.

Run by path, `python -I -S launch.py SETTINGS`, with JSON settings: `program` (the module to run), `folder` (where this
file lies), `user` (the number to become, or null), `limits` (by the names of the module `resource`), `strict` (whether
a limit that cannot be set is an error), `alarm` (seconds after which it is to end), and what the program takes.

The first thing that it writes on standard error is STARTED: up to there nothing of a candidate has run, and an end is
none of its doing.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import signal
import sys
from types import ModuleType
from typing import Any

STARTED = b"\0the sandbox has started\n"
_PACKAGE = "ownwords.checks._inside"


def main() -> None:
    settings: dict[str, Any] = json.loads(sys.argv[1])
    sys.argv[1:] = []
    os.environ.clear()  # bubblewrap itself sets one
    _become(settings["user"])
    _limit(settings["limits"], strict=settings["strict"])
    if "alarm" in settings:  # without a sandbox: an end even if whoever waits for it is killed
        signal.alarm(settings["alarm"])
    _know_package(settings["folder"])
    builtins.exit = builtins.quit = sys.exit  # site, which is not imported, would have set them
    program = importlib.import_module(f"{_PACKAGE}.{settings['program']}")
    os.write(2, STARTED)
    program.main(settings)


def _become(user: int | None) -> None:
    """A user that nobody else is: with it go all capabilities, and its processes are counted alone."""
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def _limit(limits: dict[str, int], *, strict: bool) -> None:
    import resource

    for name, value in limits.items():
        try:
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (allowed, allowed))
        except (AttributeError, ValueError, OSError):  # what a system does not have
            if strict:
                raise


def _know_package(folder: str) -> None:
    """This folder as a package, without the packages around it."""
    for name in ("ownwords", "ownwords.checks", _PACKAGE):
        package = ModuleType(name)
        package.__path__ = [folder] if name == _PACKAGE else []
        sys.modules[name] = package


if __name__ == "__main__":
    main()
