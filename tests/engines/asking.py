"""Asking a test's server through the openai engine: every row wants an answer of its own, and gets exactly one."""

# pyright: basic
from __future__ import annotations

from contextlib import closing
from typing import Any

from tests.engines.fault_server import Server, said

from ownwords.engines.base import open_engine
from ownwords.recipe import OpenAISection, RuntimeSection
from ownwords.records import Completion, Message, Request, Sampling

#: A busy machine is no fault: only tests of deadlines have short ones.
PATIENT = {"timeout": 30.0, "max_attempts": 3, "patience": 60.0, "model": "tiny"}


def engine_for(server: Server, **changes: Any) -> Any:
    section = OpenAISection.model_validate({"base_url": server.url, **PATIENT, **changes})
    return open_engine("openai", None, RuntimeSection(engine="openai", openai=section))


def ask(name: str, **fields: Any) -> Request:
    return Request(name, (Message("user", f"question {name}"),), sampling=Sampling(max_tokens=9), **fields)


def asks(count: int) -> list[Request]:
    return [ask(str(n)) for n in range(count)]


def answers(server: Server, count: int = 12, **changes: Any) -> dict[str, Completion]:
    """Every request's completion; that there is exactly one is asserted here."""
    with closing(engine_for(server, **changes)) as engine:
        found = list(engine.stream(ask(str(n)) for n in range(count)))
    assert sorted(int(c.request_id) for c in found) == list(range(count))
    return {completion.request_id: completion for completion in found}


def number(body: dict[str, Any]) -> int:
    """Which row a server was asked about."""
    return int(body["messages"][0]["content"].split()[1])


def own(body: dict[str, Any], **answer: Any) -> dict[str, Any]:
    """The answer that only this row may get."""
    return {**said(f"Own words of {number(body)}."), **answer}


def have_their_own(found: dict[str, Completion]) -> bool:
    return all(c.error is None and c.text == f"Own words of {name}." for name, c in found.items())
