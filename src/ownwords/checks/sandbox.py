"""Runs programs that a model wrote where they can do no harm.

With bubblewrap (see `_bubblewrap` for what a program sees there) it has no network, no files of this machine beyond the
interpreter, an empty environment, and a process space that ends with it. Time, processor time, memory, processes, file
sizes, open files and output are limited. Where bubblewrap cannot be had, code is not run, unless somebody allows it to
run as an ordinary process: with the same limits, an empty environment and a folder of its own, and nothing else between
it and the machine. A sandbox that cannot be started (no processes, memory or namespaces left) is an error, not an end
of the program that was to run in it.

Not covered: bugs of the kernel, what can be learned from timing, and Windows. A sandbox that fills its memory within
a twentieth of a second is noticed only then; its processes, each limited by itself, are the bound until then.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ownwords.checks import _bubblewrap
from ownwords.checks._bubblewrap import NoSandboxError
from ownwords.checks._inside.launch import STARTED
from ownwords.checks._running import Ran, Running, supervise
from ownwords.errors import InputError, StageError

__all__ = ["Limits", "Program", "Ran", "allow_unsafe_code", "kind", "require", "run_program", "run_programs"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sandbox may use: `seconds` of time, bytes of `memory` in all its processes and in each of them, and so on.
    `file_bytes` is for one file; all of them have to fit into the sandbox's own /tmp."""

    seconds: float = 10.0
    memory: int = 1_000_000_000
    processes: int = 32
    file_bytes: int = 32_000_000
    open_files: int = 64
    output: int = 4_000_000

    def by_name(self) -> dict[str, int]:
        """As the module `resource` calls them."""
        return {
            "RLIMIT_CPU": math.ceil(self.seconds) + 1,
            "RLIMIT_AS": self.memory,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_CORE": 0,
        }


@dataclass(frozen=True, slots=True)
class Program:
    """A program of `_inside` and its settings; `stdin` is what it reads. `inherited` are open files that it may use
    under the same numbers; they are closed here as soon as it has them."""

    name: str
    settings: dict[str, Any]
    stdin: bytes = b""
    inherited: tuple[int, ...] = ()


_Start = Callable[[Program, Limits, contextlib.ExitStack], Running]


class _Permission:
    unsafe = False


class _Tried:
    works = False


def allow_unsafe_code() -> None:
    """From now on this process may run a model's code without a sandbox, where none is to be had."""
    _Permission.unsafe = True


def require(*, allow_unsafe_code: bool) -> None:
    """Refuse to go on where code can neither be contained nor may run without.

    Raises:
        InputError: says what is missing and what to do.
    """
    _starter(allow_unsafe_code)


def kind() -> str:
    """What contains code here: `bubblewrap 0.11.0`, or `none`."""
    return "none" if _problem() else _bubblewrap.version()


def run_program(source: str, stdin: str = "", limits: Limits = Limits()) -> Ran:
    """Run Python source as a program.

    Raises:
        InputError: there is no sandbox, and nobody has allowed to do without.
        StageError: the sandbox did not start.
    """
    return run_programs([_program(source, stdin)], limits)[0]


def run_programs(programs: Sequence[Program], limits: Limits) -> list[Ran]:
    """Run programs side by side, each in a sandbox of its own, until the first of them ends.

    Raises:
        InputError: there is no sandbox, and nobody has allowed to do without.
        StageError: a sandbox did not start.
    """
    start = _starter(_Permission.unsafe)
    try:
        ran = _run(programs, limits, start)
    except OSError as error:
        raise _not_started(str(error)) from error
    for one in ran:
        if one.status == "ended" and one.code and STARTED not in one.stderr:
            raise _not_started(_last_line(one) or f"exit code {one.code}")
    return [replace(one, stderr=one.stderr.replace(STARTED, b"", 1)) for one in ran]


def _starter(allow_unsafe_code: bool) -> _Start:
    problem = _problem()
    if problem and not allow_unsafe_code:
        raise InputError(
            f"A check or a benchmark runs code that a model wrote, and there is no sandbox for it: {problem} "
            "Leave it out, or let code run without a sandbox with --allow-unsafe-code."
        )
    return _start_unsafely if problem else _start


def _not_started(why: str) -> StageError:
    return StageError(
        f"The sandbox for a model's code could not be started ({why}), so nothing is known about that code. It may be "
        "that this machine has no processes, memory, open files or user namespaces left: end what else runs on it, or "
        "raise its limits (`ulimit -u`, `ulimit -n`, `sysctl user.max_user_namespaces`), then run the same command "
        "again; it goes on where it stopped."
    )


def _last_line(ran: Ran) -> str:
    return (ran.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[-1][:300]


def _program(source: str, stdin: str = "") -> Program:
    number = _input_file(source.encode("utf-8", "surrogatepass"))
    return Program("program", {"source": number}, stdin.encode("utf-8", "surrogatepass"), (number,))


def _run(programs: Sequence[Program], limits: Limits, start: _Start) -> list[Ran]:
    with contextlib.ExitStack() as started:
        with contextlib.ExitStack() as ours:
            for number in {number for program in programs for number in program.inherited}:
                ours.callback(os.close, number)
            running = [start(program, limits, started) for program in programs]
        return supervise(running, seconds=limits.seconds, memory=limits.memory, output=limits.output)


def _start(program: Program, limits: Limits, stack: contextlib.ExitStack) -> Running:
    seccomp = _input_file(_bubblewrap.seccomp_filter())
    stack.callback(os.close, seccomp)
    command = _bubblewrap.command(seccomp)
    counted = {**limits.by_name(), "RLIMIT_NPROC": limits.processes + _processes_already(command.user)}
    settings = {"user": command.user, "limits": counted, "folder": _bubblewrap.FOLDER, "strict": True}
    arguments = [*command.arguments, f"{_bubblewrap.FOLDER}/launch.py", *_settings(program, settings)]
    return _popen(arguments, program, stack, (seccomp,), None)


def _start_unsafely(program: Program, limits: Limits, stack: contextlib.ExitStack) -> Running:
    folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    settings: dict[str, Any] = {
        "user": None,
        "limits": limits.by_name(),
        "folder": str(_bubblewrap.INSIDE),
        "strict": False,
    }
    settings["alarm"] = math.ceil(limits.seconds) + 1
    launcher = str(_bubblewrap.INSIDE / "launch.py")
    python = os.path.realpath(sys.executable)
    arguments = [python, "-I", "-S", "-X", "utf8", launcher, *_settings(program, settings)]
    return _popen(arguments, program, stack, (), folder)


def _settings(program: Program, settings: dict[str, Any]) -> list[str]:
    return [json.dumps({**settings, "program": program.name, **program.settings})]


def _popen(
    arguments: list[str], program: Program, stack: contextlib.ExitStack, files: tuple[int, ...], folder: str | None
) -> Running:
    stdin = _input_file(program.stdin)
    stack.callback(os.close, stdin)
    process = subprocess.Popen(
        arguments,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(*program.inherited, *files),
        env={},
        cwd=folder,
        start_new_session=True,
    )
    running = Running(process)
    stack.callback(running.kill)
    return running


def _input_file(data: bytes) -> int:
    """An open file without a name and with this in it, which can be read and nothing else."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return os.open(file.name, os.O_RDONLY)


def _processes_already(user: int | None) -> int:
    """What a limit of processes counts beside those of the sandbox: before Linux 5.14, all of a user's."""
    release = tuple(int(part) for part in os.uname().release.split(".")[:2] if part.isdigit())
    if user is not None or release >= (5, 14):
        return 0
    own = os.getuid()
    folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdecimal()]
    count = 0
    for folder in folders:
        with contextlib.suppress(OSError):  # it has ended meanwhile
            count += len(list((folder / "task").iterdir())) if folder.stat().st_uid == own else 0
    return count


def _problem() -> str:
    """Why there is no sandbox; empty where there is one. Tried, with a program in it, until it has worked once: what is
    missing now may be there in a moment."""
    if _Tried.works:
        return ""
    problem = _try()
    _Tried.works = not problem
    if problem:
        _bubblewrap.look_again()
    return problem


def _try() -> str:
    if os.name != "posix":
        return "code checks need Linux or macOS (on Windows: WSL)."
    try:
        _bubblewrap.binary()
        _bubblewrap.seccomp_filter()
        (ran,) = _run([_program("print('inside')")], Limits(seconds=30.0), _start)
    except NoSandboxError as error:
        return str(error)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"bubblewrap cannot be run ({error})."
    if ran.stdout == b"inside\n":
        return ""
    return (
        f"bubblewrap does not work here ({_last_line(ran) or ran.status}). It needs user namespaces: "
        "`sysctl user.max_user_namespaces` above 0, on Ubuntu `kernel.apparmor_restrict_unprivileged_userns=0` or a "
        "profile for it; a container has to be allowed to create them (Docker: `--security-opt seccomp=unconfined "
        "--security-opt apparmor=unconfined`, as root also `--cap-add SYS_ADMIN`)."
    )
