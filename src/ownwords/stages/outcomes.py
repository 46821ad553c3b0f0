"""How every example ended with one source: a candidate accepted, or the reference kept with the reason."""

from __future__ import annotations

from collections.abc import Iterator

from ownwords.errors import StageError
from ownwords.journal import Key
from ownwords.records import Example, Outcome
from ownwords.stages.context import Context
from ownwords.stages.judging import Attempt, attempt_of, candidate_text
from ownwords.stages.looking_up import looked_up
from ownwords.stages.origins import REWRITE, Origin
from ownwords.stages.standing import Standing

EARLIER_TURN = ("earlier_turn", "only the last turn of a conversation is rewritten (rewrite.turns)")
NEAR_THE_SEED = ("near_the_seed", "the reference lies near the seed model already (rewrite.only)")
NOT_ASKED = ("not_asked", "no arm takes it, so it was not asked for")


class Outcomes:
    """The outcome of every training example with one source, in their order: read from the journal a few at a time, and
    anew whenever they are gone through. `read` and `written` are the tokens of all attempts.

    Raises:
        StageError: while iterating, the journal lacks a completion.
    """

    def __init__(self, context: Context, origin: Origin, standing: Standing, read: int, written: int) -> None:
        self.origin, self.read, self.written = origin, read, written
        self._context, self._standing = context, standing

    def __iter__(self) -> Iterator[Outcome]:
        context, origin = self._context, self.origin
        for some, found in looked_up(context.run.journal, origin.stage, self._counting(), key=lambda row: row[1]):
            for example, key, unasked in some:
                if key is None:
                    yield kept(example, unasked, origin)
                elif key in found:
                    yield decide(example, attempt_of(context, found[key]), context, origin)
                else:
                    raise StageError(f"the journal lost an answer to example {example.id}: run the command again.")

    def _counting(self) -> Iterator[tuple[Example, Key | None, tuple[str, str]]]:
        """Every example with the key of the attempt that counts, or why nothing was asked."""
        place = 0
        for example in self._context.train:
            if not self._context.is_asked(example):
                yield example, None, EARLIER_TURN
                continue
            key = self._standing.counting(place, example.id) if self._standing.is_asked(place) else None
            yield example, key, NEAR_THE_SEED
            place += 1


def decide(example: Example, attempt: Attempt, context: Context, origin: Origin = REWRITE) -> Outcome:
    """The end of a row with a source: accepted, or the reference kept with the reason: the first failing check in the
    recipe's order, or the engine's error."""
    completion = attempt.completion
    story = (attempt.number, tuple(attempt.verdicts.items()), completion, attempt.engine, origin.name)
    if attempt.passed:
        text = candidate_text(example, completion, context)
        return Outcome(example, "accepted", origin.source, "ok", "", text, *story)
    if completion.error is not None:
        reason, detail = completion.error.kind, completion.error.message
    else:
        failed = next(v for v in attempt.verdicts.values() if not v.passed)
        reason, detail = failed.reason, failed.detail
    return Outcome(example, "fallback", "reference", reason, detail, example.reference, *story)


def kept(example: Example, why: tuple[str, str], origin: Origin = REWRITE) -> Outcome:
    """The end of a row that nothing was asked about: it keeps its reference. `why` is reason and detail."""
    return Outcome(example, "fallback", "reference", *why, example.reference, attempt=-1, origin=origin.name)
