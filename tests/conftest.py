"""What all tests share: the folder of real datasets, and a cache folder of their own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is not a failure, and what CI finds can be repeated.
settings.register_profile("ownwords", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("ownwords")

PROJECT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real datasets; tests that need it are skipped, visibly, where it is absent."""
    folder = Path(os.environ.get("OWNWORDS_DATA") or PROJECT.parent / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip(f"no datasets in {folder}: set OWNWORDS_DATA or run `make data`")
    return folder


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    """What a test opened is closed: an engine's thread would hold its connections until the program ends."""
    before = set(threading.enumerate())
    yield
    left = [thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("ownwords")]
    assert not left, f"threads that nobody ended: {left}"
