"""Programs that try to get out of the sandbox, to fill or stop the machine, or to look at it: each is contained.

All of them (`hostile_programs`) run once, several at a time, while the test's process holds what they are after: a
secret in its environment, in files and in an open file, and listening sockets; and has an eye on processes. Those that
only want a good verdict are in test_cheating_code.py.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from hostile_programs import PROGRAMS, TOP

import ownwords
from ownwords.checks import sandbox
from ownwords.checks.sandbox import Limits, Ran, run_program

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sandbox.kind() == "none", reason="there is no bubblewrap here"),
]

SECONDS = 4.0
LIMITS = Limits(seconds=SECONDS, memory=400_000_000)


@dataclass
class Surroundings:
    """What the programs are after."""

    secret: str
    mark: str
    folder: Path
    parent: int
    port: int
    abstract: str
    open_file: int
    connections: list[str] = field(default_factory=list)

    def names(self) -> str:
        """The same, but for the secret, as the first lines of a program."""
        values = {
            "MARK": self.mark,
            "FOLDER": str(self.folder),
            "PARENT": self.parent,
            "PORT": self.port,
            "ABSTRACT": self.abstract,
            "PROJECT": str(Path(ownwords.__file__).parent),
            "HOME": str(Path.home()),
        }
        return "\n".join(f"{name} = {value!r}" for name, value in values.items())


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    folder, secret = tmp_path_factory.mktemp("private"), secrets.token_hex(16)
    (folder / "secret.txt").write_text(secret)
    open_file = os.open(folder / "secret.txt", os.O_RDONLY)
    os.set_inheritable(open_file, True)
    os.environ["OWNWORDS_SECRET"] = secret
    listener, datagrams, abstract = (
        socket.create_server(("127.0.0.1", 0)),
        socket.socket(type=socket.SOCK_DGRAM),
        socket.socket(socket.AF_UNIX),
    )
    port = listener.getsockname()[1]
    datagrams.bind(("127.0.0.1", port))
    name = f"ownwords-{secrets.token_hex(4)}"
    abstract.bind(f"\0{name}")
    abstract.listen()
    mark = f"hostile-{secrets.token_hex(3)}"
    found = Surroundings(secret, mark, folder, os.getpid(), port, name, open_file)

    def accept(server: socket.socket) -> None:
        while True:
            try:
                found.connections.append(str(server.accept() if server is not datagrams else server.recvfrom(100)))
            except OSError:
                return

    servers = (listener, datagrams, abstract)
    threads = [threading.Thread(target=accept, args=(server,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    yield found
    for server in servers:
        server.close()
    os.close(open_file)
    del os.environ["OWNWORDS_SECRET"]


@pytest.fixture(scope="module")
def running(surroundings: Surroundings) -> Iterator[dict[str, Future[Ran]]]:
    with ThreadPoolExecutor(6) as pool:
        yield {
            name: pool.submit(run_program, surroundings.names() + TOP + source, "", LIMITS)
            for name, (source, _) in PROGRAMS.items()
        }


@pytest.mark.parametrize("name", PROGRAMS)
def test_contained(running: dict[str, Future[Ran]], surroundings: Surroundings, name: str) -> None:
    ran = running[name].result()
    text = ran.stdout.decode("utf-8", "replace")
    PROGRAMS[name][1](ran, text)
    assert "ESCAPED" not in text, [line for line in text.splitlines() if "ESCAPED" in line]
    assert surroundings.secret not in text + ran.stderr.decode("utf-8", "replace")
    assert ran.seconds < SECONDS + 3
    assert len(ran.stdout) + len(ran.stderr) < 5_000_000


def test_at_least_forty() -> None:
    assert len(PROGRAMS) >= 40


def test_nothing_is_left_of_them(running: dict[str, Future[Ran]], surroundings: Surroundings) -> None:
    for future in running.values():
        future.result()
    until = time.monotonic() + 10
    while (left := _left(surroundings.mark)) and time.monotonic() < until:
        psutil.wait_procs(left, timeout=1)
    assert not left
    assert surroundings.connections == []
    library = Path(os.__file__).parent
    for folder in (Path("/"), Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"), Path.home(), Path.cwd(), library):
        if not os.access(folder, os.R_OK):  # no user can write what it cannot even list
            continue
        assert not [path for path in folder.iterdir() if surroundings.mark in path.name]
    assert surroundings.mark not in Path(os.__file__).read_text()
    assert [path.name for path in surroundings.folder.iterdir()] == ["secret.txt"]
    assert (surroundings.folder / "secret.txt").read_text() == surroundings.secret


def _left(mark: str) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if mark in process.name():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def test_programs_that_mean_no_harm_find_what_they_need() -> None:
    source = """
        import asyncio, collections, concurrent.futures, ctypes, decimal, hashlib, json, multiprocessing, os, random
        import sqlite3, ssl, subprocess, sys, tempfile, threading, zlib, lzma, bz2, uuid
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write("text")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(abs, range(-10, 0))) == 55
        async def one(): return 1
        assert asyncio.run(one()) == 1
        lock = multiprocessing.Lock()
        done = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True, check=True)
        assert sqlite3.connect(":memory:").execute("select 1").fetchone() == (1,)
        print(input(), done.stdout.strip(), "ü", os.cpu_count() > 0)
    """
    ran = run_program(textwrap.dedent(source), "read\n")
    assert (ran.code, ran.stdout.decode()) == (0, "read 42 ü True\n"), ran
    assert sys.platform == "linux"
