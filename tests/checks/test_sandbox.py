"""Whether there is a sandbox, what is said where there is none, and how code runs without."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ownwords.checks import _bubblewrap, _seccomp, sandbox
from ownwords.checks._bubblewrap import NoSandboxError
from ownwords.checks._trial import try_code
from ownwords.checks.sandbox import Limits, run_program
from ownwords.errors import InputError, StageError


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise NoSandboxError("bubblewrap is a Linux program.")

    monkeypatch.setattr(_bubblewrap, "binary", none)
    monkeypatch.setattr(sandbox._Permission, "unsafe", False)
    monkeypatch.setattr(sandbox._Tried, "works", False)


needs_sandbox = pytest.mark.skipif(sandbox.kind() == "none", reason="there is no bubblewrap here")


@pytest.mark.usefixtures("no_sandbox")
def test_without_a_sandbox_code_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match=r"bubblewrap is a Linux program\. .* --allow-unsafe-code"):
        sandbox.require(allow_unsafe_code=False)
    with pytest.raises(InputError, match="--allow-unsafe-code"):
        run_program("print(1)")
    assert sandbox.kind() == "none"


@pytest.mark.usefixtures("no_sandbox")
def test_without_a_sandbox_code_runs_only_when_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNWORDS_SECRET", "secret")
    sandbox.require(allow_unsafe_code=True)
    sandbox.allow_unsafe_code()
    ran = run_program("import os; print(dict(os.environ), input(), os.listdir())", "read\n")
    assert (ran.status, ran.code, ran.stdout) == ("ended", 0, b"{} read []\n")
    assert run_program("while True: pass", limits=Limits(seconds=0.5)).status == "timeout"
    assert run_program("while True: print('x' * 999)").status == "output_limit"
    assert b"MemoryError" in run_program("bytearray(10**11)").stderr


@needs_sandbox
def test_where_there_is_a_sandbox_it_is_used_even_if_unsafe_code_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox._Permission, "unsafe", True)
    assert sandbox.kind().startswith("bubblewrap ")
    assert run_program("import os; print(os.path.exists('/etc/passwd'))").stdout == b"False\n"


def test_output_and_exit_code_are_told() -> None:
    if sandbox.kind() == "none":
        pytest.skip("there is no bubblewrap here")
    ran = run_program("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (ran.status, ran.code, ran.stdout, ran.stderr) == ("ended", 3, b"out\n", b"err\n")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_of_system_calls_is_whole(machine: str) -> None:
    code = _seccomp.filter_for(machine)
    assert len(code) % 8 == 0
    assert len(code) // 8 < 4096
    numbers = [pair[machine == "aarch64"] for pair in _seccomp._REFUSED.values()]
    assert len(set(numbers)) == len(numbers)


def test_no_file_stays_open() -> None:
    if sandbox.kind() == "none":
        pytest.skip("there is no bubblewrap here")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        run_program("print(1)")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.fixture
def broken_after(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    """Let bubblewrap start so many sandboxes more, and then none: as where there are no namespaces left."""

    def from_now_on(count: int) -> None:
        real = _bubblewrap.binary()
        program = tmp_path / "bwrap"
        places = " ".join(str(tmp_path / str(number)) for number in range(count))
        program.write_text(
            f"""#!/bin/sh
for place in {places}; do
    if mkdir $place 2>/dev/null; then exec {real} "$@"; fi
done
echo "bwrap: Creating new namespace failed: Resource temporarily unavailable" >&2
exit 1
"""
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(_bubblewrap, "binary", lambda: program)

    return from_now_on


@needs_sandbox
def test_a_sandbox_that_does_not_start_is_an_error_and_no_end_of_the_program(
    broken_after: Callable[[int], None],
) -> None:
    assert run_program("print(1)").code == 0
    broken_after(0)
    with pytest.raises(StageError, match=r"could not be started \(bwrap: Creating new namespace .* same command again"):
        run_program("print(1)")


@needs_sandbox
@pytest.mark.parametrize("count", [0, 1])
def test_whichever_of_two_sandboxes_does_not_start_nothing_is_said_of_the_code(
    broken_after: Callable[[int], None], count: int
) -> None:
    broken_after(count)
    with pytest.raises(StageError, match="nothing is known about that code"):
        try_code("x = 1", 10.0, name="candidate", tests="", defined=[])


@needs_sandbox
def test_a_program_cannot_pass_for_one_that_did_not_start() -> None:
    ran = run_program("import os, sys; os.close(2); sys.exit(1)")
    assert (ran.status, ran.code, ran.stderr) == ("ended", 1, b"")


def test_a_process_that_cannot_be_made_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(sandbox, "_problem", str)
    monkeypatch.setattr(sandbox, "_start", none)
    with pytest.raises(StageError, match="Resource temporarily unavailable"):
        run_program("print(1)")


@needs_sandbox
def test_what_did_not_work_is_tried_again_and_what_works_is_not(
    broken_after: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox._Tried, "works", False)
    with monkeypatch.context() as patched:
        patched.setattr(_bubblewrap, "binary", lambda: Path("/nowhere/bwrap"))
        assert sandbox._problem().startswith("bubblewrap cannot be run")
    assert sandbox._problem() == ""
    broken_after(0)
    assert sandbox._problem() == ""
