"""Whether there is a sandbox, what is said where there is none, and how code runs without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ownwords.checks import _bubblewrap, _seccomp, sandbox
from ownwords.checks._bubblewrap import NoSandboxError
from ownwords.checks.sandbox import Limits, run_program
from ownwords.errors import InputError


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def none() -> Path:
        raise NoSandboxError("bubblewrap is a Linux program.")

    monkeypatch.setattr(_bubblewrap, "binary", none)
    monkeypatch.setattr(sandbox._Permission, "unsafe", False)
    sandbox._problem.cache_clear()
    yield
    sandbox._problem.cache_clear()


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


@pytest.mark.skipif(sandbox.kind() == "none", reason="there is no bubblewrap here")
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
