"""From a request to its one completion: attempts, waits between them, and when to give up whom.

An attempt that fails is judged by whom its fault concerns (`_faults`): the row, all rows, or nobody if it is asked
again. What may be the row's fault or the server's counts against the row only while the server answers others.
"""

# pyright: basic
from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, replace
from typing import Any

import openai
from tenacity import AsyncRetrying, RetryCallState, retry_if_result
from tenacity.wait import wait_random_exponential

from ownwords.engines._budget import Budget
from ownwords.engines._chat_api import body_of, completion_of, path_of, read_answer, usage_of
from ownwords.engines._faults import BadAnswerError, Fault, fault_of
from ownwords.engines._flow import Flow
from ownwords.engines._server import Server
from ownwords.errors import EngineError
from ownwords.recipe import OpenAISection
from ownwords.records import Completion, Request, RowError

_FIRST_WAIT, _LONGEST_WAIT = 0.25, 20.0  # seconds between two attempts, doubled each time, with jitter


@dataclass(slots=True)
class _Row:
    """A request under way: what is sent, and how many attempts have failed by its own fault."""

    request: Request
    content: bytes
    failures: int = 0


class Attempts:
    """Asks a server for one model's answers."""

    def __init__(self, server: Server, settings: OpenAISection, model: str, budget: Budget) -> None:
        self._server = server
        self._settings = settings
        self._model = model
        self._budget = budget
        self._answers_as = ""

    async def answer(self, request: Request, flow: Flow) -> Completion | None:
        """The request's one completion; None if a budget ended before it had one.

        Raises:
            EngineError: no other request would fare better.
        """
        try:
            row = _Row(request, body_of(request, self._model, self._settings))
        except UnicodeEncodeError as error:
            return _failed(request, "bad_prompt", f"the prompt holds half a character, which is no text ({error})")
        with flow.row():
            outcome = await self._attempt(row, flow)
            if _may_pass(outcome):
                outcome = await self._again(row, flow, outcome)
        if isinstance(outcome, Fault):
            return _failed(request, outcome.kind, self._server.hide(outcome.message))
        return outcome

    async def _again(self, row: _Row, flow: Flow, first: Completion | Fault) -> Completion | Fault | None:
        """Attempts after a first one that failed, each after a wait, until an answer or a fault of the row itself."""
        known = [first]  # most rows need one attempt: only for others is there anything to set up

        async def attempt() -> Completion | Fault | None:
            if known:
                return known.pop()
            return await self._attempt(row, flow) if self._budget.allows(0) else None

        return await AsyncRetrying(retry=retry_if_result(_may_pass), wait=self._wait)(attempt)

    def _wait(self, state: RetryCallState) -> float:
        """Seconds before the next attempt: the server's own word, else twice as long each time, with jitter."""
        fault: Any = state.outcome.result() if state.outcome else None
        if fault.retry_after is not None:
            return min(fault.retry_after, self._settings.patience) * random.uniform(1, 1.1)
        return wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT)(state)

    async def _attempt(self, row: _Row, flow: Flow) -> Completion | Fault:
        async with flow:
            sent_at = time.monotonic()
            outcome = await self._exchange(row)
            if not isinstance(outcome, Fault):
                flow.answered()
                return outcome
            if outcome.congested:
                flow.congested(sent_at)
            if outcome.scope == "wait" and 0 < (outcome.retry_after or 0) <= self._settings.patience:
                flow.pause(outcome.retry_after or 0)
        return await self._judged(outcome, row, flow, sent_at)

    async def _exchange(self, row: _Row) -> Completion | Fault:
        """Ask once: the completion, or the fault that there was."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                content = await self._server.post(path_of(row.request), row.content)
            answer = read_answer(content)
        except (openai.OpenAIError, BadAnswerError, TimeoutError) as error:
            fault = fault_of(error)
            if fault.scope == "unsure" or fault.kind == "bad_answer":
                self._budget.count_unheard()
            return fault
        try:
            return self._read(row, answer)
        except BadAnswerError as error:
            return fault_of(error)

    def _read(self, row: _Row, answer: dict[str, Any]) -> Completion:
        """The completion in an answer, counted."""
        usage = usage_of(answer)
        self._budget.count(*usage)
        self._require_one_model(answer.get("model"))
        completion = completion_of(row.request, answer)
        if self._budget.limited and not any(usage):
            raise EngineError(
                f"{self._server.shown} does not report the tokens of its answers (usage), so no budget can be kept. "
                "Take runtime.openai.token_budget and cost_budget out of the recipe."
            )
        return self._server.hide_in(completion)

    def _require_one_model(self, name: Any) -> None:
        if not isinstance(name, str) or not name:
            return
        self._answers_as = self._answers_as or name
        if name != self._answers_as:
            names = self._server.hide(f"{self._answers_as!r}, and now as {name!r}")
            raise EngineError(
                f"{self._server.shown} answered as {names}: rewrites of two models do not belong into one run. Name "
                "one in runtime.openai.model."
            )

    async def _judged(self, fault: Fault, row: _Row, flow: Flow, sent_at: float) -> Fault:
        """The fault, with the scope `row` if the row is to be given up.

        Raises:
            EngineError: it concerns every row, or the server has been silent for too long.
        """
        if fault.scope == "all":
            raise EngineError(f"{self._server.shown}: {self._server.hide(fault.message)}")
        if fault.scope in ("row", "again"):
            flow.heard = time.monotonic()
        if fault.scope == "row":
            return fault
        if fault.scope == "again" or (fault.scope == "unsure" and flow.heard > sent_at):
            row.failures += 1
            return replace(fault, scope="row") if row.failures >= self._settings.max_attempts else fault
        silent, patience = time.monotonic() - flow.heard, self._settings.patience
        if silent > patience:
            if fault.scope == "unsure" and await self._server.is_there():
                return replace(fault, scope="row")
            raise EngineError(self._gave_up(f"has given no answer for {silent:.0f} seconds", fault))
        if (fault.retry_after or 0) > patience:
            raise EngineError(self._gave_up(f"is to be asked again after {fault.retry_after:.0f} seconds", fault))
        return fault

    def _gave_up(self, why: str, last: Fault) -> str:
        return (
            f"{self._server.shown} {why} (runtime.openai.patience={self._settings.patience:g}); the last it did: "
            f"{self._server.hide(last.message)}. What is answered is kept: run the command again when it is back."
        )


def _may_pass(outcome: Completion | Fault | None) -> bool:
    return isinstance(outcome, Fault) and outcome.scope != "row"


def _failed(request: Request, kind: str, message: str) -> Completion:
    return Completion(request.id, finish_reason="error", error=RowError(kind, message))
