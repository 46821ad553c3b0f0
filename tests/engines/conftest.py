"""What tests of the openai engine share: a key in the environment, and limits that a test can reach."""

from __future__ import annotations

import pytest

KEY = "sk-very-secret-0123456789"


@pytest.fixture
def openai_key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("ownwords.engines._attempts._FIRST_WAIT", 0.02)
    monkeypatch.setattr("ownwords.engines._connection.MOST_BYTES", 1_000_000)
    return KEY
