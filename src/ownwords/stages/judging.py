"""From an answer to its verdicts: what is on trial, the checks at it, and the record of what they say.

Most checks are done when they are called. Those that run apart follow: meanwhile other answers are taken, and a run
that is killed between an answer and its verdicts judges it with the next command.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import NamedTuple

from ownwords.checks.panel import Verdicts
from ownwords.journal import Entry, Key
from ownwords.records import Candidate, Completion, Example, Request, Verdict
from ownwords.stages.context import Context
from ownwords.stages.standing import Standing
from ownwords.turns import split_reasoning, turn_of

#: So many answers wait for their verdicts, for each that is judged apart at a time.
WAITING = 8


@dataclass(slots=True)
class Attempt:
    """An example's latest completion with its verdicts by the check's label."""

    number: int
    completion: Completion
    verdicts: Verdicts
    engine: str

    @property
    def passed(self) -> bool:
        return self.completion.error is None and all(v.passed for v in self.verdicts.values())


class Asked(NamedTuple):
    """One request of a wave: what it is about, by its place among the examples that are asked, and its key."""

    place: int
    example: Example
    request: Request
    key: Key


class Trials:
    """The answers of one wave on trial: judged, recorded in the journal's stage and noted in `standing`."""

    def __init__(self, context: Context, stage: str, standing: Standing) -> None:
        self._context = context
        self._stage = stage
        self._standing = standing
        self._running: deque[tuple[Asked, Future[Verdicts]]] = deque()

    def take(self, asked: Asked, completion: Completion, engine: str) -> None:
        """Record a new answer with the verdicts that are there at once; the others follow."""
        verdicts = _begin(self._context, asked.example, completion)
        known = {} if isinstance(verdicts, Future) else verdicts
        self._context.run.journal.record(self._stage, asked.key, completion, engine, self._by_identity(known))
        self._follow(asked, completion, verdicts)

    def resume(self, asked: Asked, entry: Entry) -> None:
        """Take an answer from the journal; judge it where checks of the recipe have not."""
        attempt = attempt_of(self._context, entry)
        verdicts: Verdicts | Future[Verdicts] = attempt.verdicts
        if attempt.completion.error is None and not self._context.panel.is_done(attempt.verdicts):
            verdicts = _begin(self._context, asked.example, attempt.completion, attempt.verdicts)
            if not isinstance(verdicts, Future):
                self._record(asked, verdicts)
        self._follow(asked, attempt.completion, verdicts)

    def finish(self) -> None:
        """Wait for all that is still on trial."""
        self._collect(at_most=0)

    def _follow(self, asked: Asked, completion: Completion, verdicts: Verdicts | Future[Verdicts]) -> None:
        if isinstance(verdicts, Future):
            self._running.append((asked, verdicts))
            self._collect(at_most=WAITING * self._context.panel.size)
        else:
            self._note(asked, completion.error is None and _all_passed(verdicts))

    def _collect(self, at_most: int) -> None:
        """Record the verdicts that are there; wait for the oldest while more than `at_most` are still to come."""
        while self._running and (len(self._running) > at_most or self._running[0][1].done()):
            asked, coming = self._running.popleft()
            verdicts = coming.result()
            self._record(asked, verdicts)
            self._note(asked, _all_passed(verdicts))

    def _note(self, asked: Asked, passed: bool) -> None:
        self._standing.note(asked.place, asked.key, passed=passed)

    def _record(self, asked: Asked, verdicts: Verdicts) -> None:
        self._context.run.journal.record_verdicts(self._stage, asked.key, self._by_identity(verdicts))

    def _by_identity(self, verdicts: Verdicts) -> Verdicts:
        """Verdicts as the journal names them."""
        return {self._context.check_identities[label]: verdict for label, verdict in verdicts.items()}


def judge(context: Context, example: Example, completion: Completion) -> Verdicts:
    """The verdicts of the recipe's checks, none after an error: there is nothing to judge."""
    verdicts = _begin(context, example, completion)
    return verdicts.result() if isinstance(verdicts, Future) else verdicts


def _begin(
    context: Context, example: Example, completion: Completion, known: Mapping[str, Verdict] | None = None
) -> Verdicts | Future[Verdicts]:
    if completion.error is not None:
        return {}
    text = candidate_text(example, completion, context)
    candidate = Candidate(text, completion.finish_reason, context.prompt.instruction)
    return context.panel.begin(example, candidate, known)


def attempt_of(context: Context, entry: Entry) -> Attempt:
    """What the journal has of an attempt: with the verdicts of the recipe's checks."""
    found = entry.verdicts
    verdicts = {label: found[identity] for label, identity in context.check_identities.items() if identity in found}
    return Attempt(entry.key.attempt, entry.completion, verdicts, entry.engine)


def candidate_text(example: Example, completion: Completion, context: Context) -> str:
    """The turn that would be trained on. Thoughts of the rewriting itself are left out: only a reference that has
    reasoning asks for some, and where thinking is forbidden a check has to see it."""
    turn = turn_of(completion)
    if turn.reasoning and context.thinking is not False and not split_reasoning(example.reference)[0]:
        turn = replace(turn, reasoning="")
    return turn.as_text()


def _all_passed(verdicts: Mapping[str, Verdict]) -> bool:
    return all(verdict.passed for verdict in verdicts.values())
