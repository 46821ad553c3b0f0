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

from ownwords.checks.panel import Verdicts, any_failed
from ownwords.journal import Entry, Key
from ownwords.records import Candidate, Completion, Example, Request, Verdict
from ownwords.stages.context import Context
from ownwords.stages.origins import REWRITE, Origin
from ownwords.stages.standing import Standing
from ownwords.turns import split_reasoning, turn_of

#: Of a check whose judge gave no answer.
NOT_JUDGED = Verdict(False, "not_judged", "the judge gave no answer")
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
        return self.completion.error is None and not any_failed(self.verdicts)


class Asked(NamedTuple):
    """One request of a wave: what it is about, by its place among the examples that are asked, and its key."""

    place: int
    example: Example
    request: Request
    key: Key


class Trials:
    """The answers of one wave on trial: judged, recorded in the journal's stage and noted in `standing`.

    `read` and `written` count the tokens of prompts and answers.
    """

    def __init__(self, context: Context, origin: Origin, standing: Standing) -> None:
        self._context = context
        self._stage = origin.stage
        self._instruction = origin.instruction(context)
        self._standing = standing
        self._shortest = context.recipe.rewrite.select == "shortest"
        self.read = self.written = 0
        self._count = len(context.checks)
        self._running: deque[tuple[Asked, Completion, Future[Verdicts]]] = deque()

    def take(self, asked: Asked, completion: Completion, engine: str) -> None:
        """Record a new answer with the verdicts that are there at once; the others follow."""
        self._count_tokens(completion)
        verdicts = _begin(self._context, asked.example, completion, self._instruction)
        known = {} if isinstance(verdicts, Future) else verdicts
        self._context.run.journal.record(self._stage, asked.key, completion, engine, self._by_identity(known))
        self._follow(asked, completion, verdicts)

    def resume(self, asked: Asked, entry: Entry, judgement: str | None = None) -> None:
        """Take an answer from the journal; judge it where checks of the recipe have not, or a judge has answered."""
        if judgement is None:
            self._count_tokens(entry.completion)
        known = _known(self._context, entry)
        verdicts: Verdicts | Future[Verdicts] = known
        done = judgement is None and self._context.panel.is_done(known)
        if entry.completion.error is None and not done:
            verdicts = _begin(
                self._context, asked.example, entry.completion, self._instruction, known=known, judgement=judgement
            )
            if not isinstance(verdicts, Future):
                self._record(asked, verdicts)
        self._follow(asked, entry.completion, verdicts)

    def finish(self) -> None:
        """Wait for all that is still on trial."""
        self._collect(at_most=0)

    def _follow(self, asked: Asked, completion: Completion, verdicts: Verdicts | Future[Verdicts]) -> None:
        if isinstance(verdicts, Future):
            self._running.append((asked, completion, verdicts))
            self._collect(at_most=WAITING * self._context.panel.size)
        else:
            self._note(asked, completion, verdicts)

    def _collect(self, at_most: int) -> None:
        """Record the verdicts that are there; wait for the oldest while more than `at_most` are still to come."""
        while self._running and (len(self._running) > at_most or self._running[0][2].done()):
            asked, completion, coming = self._running.popleft()
            self._record(asked, coming.result())
            self._note(asked, completion, coming.result())

    def _note(self, asked: Asked, completion: Completion, verdicts: Verdicts) -> None:
        """An answer has passed when every check has; one that still waits for its judge has not."""
        complete = completion.error is None and len(verdicts) == self._count
        merit = -completion.completion_tokens if self._shortest else 0
        self._standing.note(asked.place, asked.key, passed=complete and not any_failed(verdicts), merit=merit)

    def _count_tokens(self, completion: Completion) -> None:
        self.read += completion.prompt_tokens
        self.written += completion.completion_tokens

    def _record(self, asked: Asked, verdicts: Verdicts) -> None:
        self._context.run.journal.record_verdicts(self._stage, asked.key, self._by_identity(verdicts))

    def _by_identity(self, verdicts: Verdicts) -> Verdicts:
        """Verdicts as the journal names them."""
        return {self._context.check_identities[label]: verdict for label, verdict in verdicts.items()}


def judge(context: Context, example: Example, completion: Completion, judgement: str | None = None) -> Verdicts:
    """The verdicts of the recipe's checks on a rewrite, none after an error: there is nothing to judge."""
    verdicts = _begin(context, example, completion, REWRITE.instruction(context), judgement=judgement)
    found = verdicts.result() if isinstance(verdicts, Future) else verdicts
    return found if completion.error is not None else with_missing(context, found)


def _begin(
    context: Context,
    example: Example,
    completion: Completion,
    instruction: str,
    *,
    known: Mapping[str, Verdict] | None = None,
    judgement: str | None = None,
) -> Verdicts | Future[Verdicts]:
    if completion.error is not None:
        return {}
    text = candidate_text(example, completion, context)
    candidate = Candidate(text, completion.finish_reason, instruction, judgement)
    return context.panel.begin(example, candidate, known)


def attempt_of(context: Context, entry: Entry) -> Attempt:
    """What the journal has of an attempt: with the verdicts of the recipe's checks."""
    known = _known(context, entry)
    verdicts = known if entry.completion.error is not None else with_missing(context, known)
    return Attempt(entry.key.attempt, entry.completion, verdicts, entry.engine)


def _known(context: Context, entry: Entry) -> Verdicts:
    found = entry.verdicts
    return {label: found[identity] for label, identity in context.check_identities.items() if identity in found}


def with_missing(context: Context, verdicts: Verdicts) -> Verdicts:
    """The verdicts; where all have passed and one is missing, a failed one in its place: nobody has said yes."""
    if len(verdicts) == len(context.checks) or any_failed(verdicts):
        return verdicts
    return {check.label: verdicts.get(check.label, NOT_JUDGED) for check in context.checks}


def candidate_text(example: Example, completion: Completion, context: Context) -> str:
    """The turn that would be trained on. Thoughts of the rewriting itself are left out: only a reference that has
    reasoning asks for some, and where thinking is forbidden a check has to see it."""
    turn = turn_of(completion)
    if turn.reasoning and context.thinking is not False and not split_reasoning(example.reference)[0]:
        turn = replace(turn, reasoning="")
    return turn.as_text()
