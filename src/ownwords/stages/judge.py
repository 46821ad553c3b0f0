"""Asking a judge about rewrites, for the check `judge`: after every wave, about each answer that the wave has.

Judgements lie in the journal under a stage of their own, so that nothing is asked twice. The judge may be another model
on another engine (`rewrite.judge`). It is asked about answers that fail other checks too: only so can its agreement
with them be told. Where it gives no answer the row lacks a verdict, which counts as a failed one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ownwords.checks.judge import SCHEMA, read_judgement
from ownwords.engines.base import needs_model
from ownwords.errors import StageError
from ownwords.journal import Entry, Key
from ownwords.progress import Progress
from ownwords.records import Completion, Example, Request, Sampling, Weights, canonical, digest_text
from ownwords.stages.context import Context
from ownwords.stages.giving_up import EARLY_STOP_ROWS, stop_if_hopeless, stop_if_too_many
from ownwords.stages.judging import Asked, Trials, candidate_text
from ownwords.stages.looking_up import looked_up
from ownwords.stages.origins import Origin
from ownwords.stages.standing import Standing
from ownwords.turns import turn_of

STAGE = "judge"
_SCHEMA = canonical(SCHEMA)


class _Question(NamedTuple):
    """An answer on trial, and the key of what the judge says about it."""

    asked: Asked
    entry: Entry
    key: Key


@dataclass(slots=True)
class _Round:
    """One wave's questions: `waiting` holds those that were asked; of `read` judgements some are `unreadable`."""

    context: Context
    stage: str
    trials: Trials
    waiting: dict[str, _Question] = field(default_factory=dict[str, _Question])
    read: int = 0
    unreadable: int = 0

    def requests(self, asked: Iterable[Asked]) -> Iterator[Request]:
        """Yield the questions that have no answer yet; what has one is judged by it."""
        journal = self.context.run.journal
        for some, found in looked_up(journal, self.stage, asked, key=lambda one: one.key):
            questions = [self._question(one, found[one.key]) for one in some if self._is_open(found.get(one.key))]
            judged = journal.look_up(STAGE, [question.key for question, _ in questions])()
            for question, request in questions:
                if question.key in judged:
                    self.take(question, judged[question.key].completion)
                else:
                    self.waiting[request.id] = question
                    yield request

    def take(self, question: _Question, judgement: Completion) -> None:
        """Judge an answer by what the judge said, if it said anything."""
        if judgement.error is None:
            text = turn_of(judgement).as_text()
            opinion = read_judgement(text)
            self.read += 1
            self.unreadable += isinstance(opinion, str)
            self.trials.resume(question.asked, question.entry, text)
            if self.read == self.unreadable == EARLY_STOP_ROWS:
                raise StageError(
                    f"judging stopped: none of the first {self.read} judgements can be read; the last: "
                    f"{opinion}. Take another model or engine for it (rewrite.judge), or more "
                    "rewrite.judge.sampling.max_tokens."
                )

    def _is_open(self, entry: Entry | None) -> bool:
        identities = self.context.check_identities
        return (
            entry is not None
            and entry.completion.error is None
            and any(
                check.traits.judged and identities[check.label] not in entry.verdicts for check in self.context.checks
            )
        )

    def _question(self, asked: Asked, entry: Entry) -> tuple[_Question, Request]:
        request = request_about(self.context, asked.example, asked.key.attempt, entry.completion)
        named = digest_text(f"{self.context.judge.asked_model} {request.hash}", length=24)
        return _Question(asked, entry, Key(asked.example.id, asked.key.attempt, named)), request


def ask(context: Context, origin: Origin, asked: Iterable[Asked], count: int, standing: Standing) -> None:
    """Ask about those of `count` answers of a source that still want a judge's verdict; record what the checks say
    then.

    Raises:
        StageError: the judge's errors are the rule, or none of its first answers can be read.
        EngineError: the judge cannot answer at all.
    """
    context.run.journal.commit()  # only what is committed can be looked up
    with origin.asked(context).at_work(context.judge) as judge:
        engine = judge.engine()
        engine.warm_up([Weights()])
        provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
        questions = _Round(context, origin.stage, Trials(context, origin, standing))
        errors: Counter[str] = Counter()
        with Progress("judging", count, startup=judge.startup_seconds) as progress:
            for answered, completion in enumerate(engine.stream(questions.requests(asked)), start=1):
                question = questions.waiting.pop(completion.request_id)
                context.run.journal.record(STAGE, question.key, completion, provenance)
                progress.advance(tokens=completion.completion_tokens)
                questions.take(question, completion)
                if completion.error is not None:
                    errors[f"{completion.error.kind}: {completion.error.message}"] += 1
                    stop_if_hopeless(errors, answered, context.recipe.rewrite.max_error_rate, "judging")
            questions.trials.finish()
        stop_if_too_many(errors, count, context.recipe.rewrite.max_error_rate, "judging")


def request_about(context: Context, example: Example, attempt: int, completion: Completion) -> Request:
    """What the judge is asked about an answer."""
    rendered = context.judge_prompt.render(example, candidate_text(example, completion, context))
    return Request(
        id=example.id,
        messages=rendered.messages,
        sampling=Sampling(**context.recipe.rewrite.judge.sampling.model_dump()),
        seed=int(digest_text(f"[{context.recipe.seed},{canonical(example.id)},{attempt},judge]", length=8), 16),
        # A judge's thoughts would be cut, and are not read; but a server may refuse the switch.
        thinking=False if needs_model(context.judge.recipe.runtime.engine) else None,
        schema=_SCHEMA,
        example=example,
    )


def judgements(context: Context, answers: Sequence[tuple[Example, Completion]]) -> dict[str, str]:
    """What the judge says about some answers by the example's id, in memory only; nothing where it says nothing."""
    asked = [request_about(context, example, 0, answer) for example, answer in answers if answer.error is None]
    with context.at_work(context.judge) as judge:
        said = [completion for completion in judge.engine().stream(asked) if completion.error is None]
    return {completion.request_id: turn_of(completion).as_text() for completion in said}
