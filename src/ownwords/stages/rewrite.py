"""Rewriting: the seed model restates every reference, every rewrite is checked, every row ends in one outcome.

Attempts go in waves: all rows once, then those that failed, and so on. A wave is a pure function of the journal, so
retrying and resuming are one mechanism: what the journal lacks is asked, what it has is not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ownwords.checks.base import run_check
from ownwords.errors import InputError, StageError
from ownwords.fingerprint import Inputs, flatten, join
from ownwords.journal import Key
from ownwords.progress import Progress, say
from ownwords.records import Candidate, Completion, Example, Outcome, Request, Verdict, Weights, digest
from ownwords.stages.context import Context
from ownwords.stages.products import write_products
from ownwords.turns import split_reasoning, turn_of

STAGE = "rewrite"
SKIPPED_SHOWN = 3

#: When the first answers are all errors of one kind, the cause is not the rows: stop early.
EARLY_STOP_ROWS = 10
#: The share of errors is judged from this many answers on.
MINIMUM_FOR_ERROR_RATE = 50


@dataclass(slots=True)
class Attempt:
    """An example's latest completion with its verdicts by check name."""

    number: int
    completion: Completion
    verdicts: dict[str, Verdict]
    engine: str

    @property
    def passed(self) -> bool:
        return self.completion.error is None and all(v.passed for v in self.verdicts.values())


@dataclass(slots=True)
class Wave:
    """What one wave reads and fills: the attempts so far, and what the journal already holds.

    `settled` counts the examples that the journal had an answer for, `waiting` holds those that were asked.
    """

    attempts: dict[str, Attempt]
    answered: dict[Key, tuple[Completion, str]]
    judged: dict[Key, dict[str, Verdict]]
    settled: int = 0
    waiting: dict[str, tuple[Example, Key]] = field(default_factory=dict[str, tuple[Example, Key]])


def inputs(context: Context) -> Inputs:
    """What rewriting reads (see `fingerprint`)."""
    rewrite = context.recipe.rewrite
    return join(
        context.rewriter_inputs,
        context.train_inputs,
        flatten(rewrite, "rewrite"),
        context.layout_inputs("rewrite.chat_template", rewrite.chat_template),
        {"rewrite.prompt.text": context.prompt.hash, "seed": context.recipe.seed},
        {"rewrite.checks.code": [check.code for check in context.recipe_checks if check.code]},
    )


def run(context: Context) -> None:
    """Ask for what is missing, judge it, and write outcomes and training rows."""
    products = [context.run.directory / name for name in ("rewrite.json", "samples.json", "journal.sqlite")]
    with context.run.working_on(STAGE, inputs(context), products):
        context.run.journal.forget_errors(STAGE)
        _say_skipped(context)
        attempts: dict[str, Attempt] = {}
        for number in range(attempts_in_all(context)):
            pending = _pending(context, attempts)
            if not pending:
                break
            _run_wave(context, pending, number, attempts)
        context.run.journal.commit()
        outcomes = _outcomes(context, attempts)
        write_products(context, outcomes)


def _say_skipped(context: Context) -> None:
    _ = context.train  # reading it finds them
    for reason in list(context.skipped.values())[:SKIPPED_SHOWN]:
        say(f"left out: {reason}")
    if len(context.skipped) > SKIPPED_SHOWN:
        say(f"left out: {len(context.skipped)} rows in all; rewrite.json lists them")


def require_done(context: Context) -> None:
    """Refuse to go on without finished rewriting (InputError)."""
    if not context.run.is_done(STAGE, inputs(context)):
        raise InputError("rewriting has not finished for this recipe: run `ownwords rewrite` first.")


def load_outcomes(context: Context) -> list[Outcome]:
    """The outcomes of the finished stage, from the journal alone.

    Raises:
        InputError: rewriting has not finished.
        StageError: the journal lacks a completion.
    """
    require_done(context)
    attempts: dict[str, Attempt] = {}
    for number in range(attempts_in_all(context)):
        pending = _pending(context, attempts)
        wave = _open_wave(context, number, attempts)
        for request in _missing(context, pending, number, wave):
            raise StageError(f"the journal lacks the rewrite of example {request.id}: run `ownwords rewrite` again.")
    return _outcomes(context, attempts)


def _pending(context: Context, attempts: dict[str, Attempt]) -> list[Example]:
    """The examples that still want an answer."""
    return [e for e in context.asked if e.id not in attempts or not attempts[e.id].passed]


def _outcomes(context: Context, attempts: dict[str, Attempt]) -> list[Outcome]:
    return [decide(e, attempts.get(e.id), context) for e in context.train]


def build_request(context: Context, example: Example, attempt: int) -> Request:
    """The rewriting request of one example; its sampling seed follows from run seed, example and attempt."""
    recipe = context.recipe
    rendered = context.prompt.render(example)
    return Request(
        id=example.id,
        messages=rendered.messages,
        prefill=rendered.prefill,
        sampling=context.rewrite_sampling,
        seed=int(digest([recipe.seed, example.id, attempt], length=8), 16),
        chat_template=recipe.rewrite.chat_template,
        tools=example.tools,
        thinking=context.thinking,
        example=example,
    )


def attempts_in_all(context: Context) -> int:
    rewrite = context.recipe.rewrite
    return rewrite.max_attempts if rewrite.on_failure == "retry" else 1


def _run_wave(context: Context, pending: Sequence[Example], number: int, attempts: dict[str, Attempt]) -> None:
    """Ask for the pending examples' attempt `number` and record every answer with its verdicts."""
    wave = _open_wave(context, number, attempts)
    engine = context.engine()
    engine.warm_up([Weights()])
    provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
    identities = {check.name: check.identity for check in context.checks}
    errors: Counter[str] = Counter()
    label = "rewriting" if number == 0 else f"rewriting, attempt {number + 1}"
    with Progress(label, len(pending), startup=context.startup_seconds) as progress:
        requests = _missing(context, pending, number, wave)
        for answered, completion in enumerate(engine.stream(requests), start=1):
            example, key = wave.waiting.pop(completion.request_id)
            verdicts = judge(context, example, completion)
            by_identity = {identity: verdicts[name] for name, identity in identities.items() if name in verdicts}
            context.run.journal.record(STAGE, key, completion, provenance, by_identity)
            attempts[example.id] = Attempt(number, completion, verdicts, provenance)
            progress.before = wave.settled
            progress.advance(tokens=completion.completion_tokens)
            if completion.error is not None:
                errors[f"{completion.error.kind}: {completion.error.message}"] += 1
                _stop_if_hopeless(errors, answered, context.recipe.rewrite.max_error_rate)
    _stop_if_too_many(errors, len(pending), context.recipe.rewrite.max_error_rate)


def _open_wave(context: Context, number: int, attempts: dict[str, Attempt]) -> Wave:
    """Read from the journal what this attempt already has."""
    journal = context.run.journal
    answered = {key: (completion, engine) for key, completion, engine in journal.completions(STAGE, number)}
    return Wave(attempts, answered, journal.verdicts(STAGE) if answered else {})


def _missing(context: Context, pending: Sequence[Example], number: int, wave: Wave) -> Iterator[Request]:
    """Yield the requests that have no answer yet, lazily; settle the examples that have one."""
    for example in pending:
        request = build_request(context, example, number)
        key = Key(example.id, number, request.hash)
        if key not in wave.answered:
            wave.waiting[request.id] = (example, key)
            yield request
            continue
        completion, engine = wave.answered[key]
        known = wave.judged.get(key, {})
        verdicts = {check.name: known[check.identity] for check in context.checks if check.identity in known}
        if len(verdicts) < len(context.checks) and completion.error is None:
            verdicts = judge(context, example, completion)
            by_identity = {check.identity: verdicts[check.name] for check in context.checks}
            context.run.journal.record_verdicts(STAGE, key, by_identity)
        wave.attempts[example.id] = Attempt(number, completion, verdicts, engine)
        wave.settled += 1


def judge(context: Context, example: Example, completion: Completion) -> dict[str, Verdict]:
    """All checks of the recipe, none after an error: there is nothing to judge."""
    if completion.error is not None:
        return {}
    text = candidate_text(example, completion, context)
    candidate = Candidate(text, completion.finish_reason, context.prompt.instruction)
    return {check.name: run_check(check.function, example, candidate, check.params) for check in context.checks}


def candidate_text(example: Example, completion: Completion, context: Context) -> str:
    """The turn that would be trained on. Thoughts of the rewriting itself are left out: only a reference that has
    reasoning asks for some, and where thinking is forbidden a check has to see it."""
    turn = turn_of(completion)
    wanted = split_reasoning(example.reference)[0] or context.thinking is False
    return (turn if wanted else replace(turn, reasoning="")).as_text()


def decide(example: Example, attempt: Attempt | None, context: Context) -> Outcome:
    """The one end of a row, with its reason: the first failing check in the recipe's order, or the engine's error.

    Without an attempt nothing was asked: it keeps its reference.
    """
    if attempt is None:
        detail = "only the last turn of a conversation is rewritten (rewrite.turns)"
        return Outcome(example, "fallback", "reference", "earlier_turn", detail, example.reference, attempt=-1)
    completion = attempt.completion
    story = (attempt.number, tuple(attempt.verdicts.items()), completion, attempt.engine)
    if attempt.passed:
        return Outcome(example, "accepted", "rewrite", "ok", "", candidate_text(example, completion, context), *story)
    if completion.error is not None:
        reason, detail = completion.error.kind, completion.error.message
    else:
        failed = next(v for v in attempt.verdicts.values() if not v.passed)
        reason, detail = failed.reason, failed.detail
    if context.recipe.rewrite.on_failure == "drop":
        return Outcome(example, "dropped", None, reason, detail, None, *story)
    return Outcome(example, "fallback", "reference", reason, detail, example.reference, *story)


def _stop_if_hopeless(errors: Counter[str], answered: int, max_error_rate: float) -> None:
    """Raise when errors are the rule: what concerns all rows is not worth paying for row by row."""
    one_cause = len({message.partition(":")[0] for message in errors}) == 1
    if one_cause and answered == errors.total() == EARLY_STOP_ROWS:
        _stop_if_too_many(errors, answered, min(max_error_rate, 0.99))
    if answered >= MINIMUM_FOR_ERROR_RATE:
        _stop_if_too_many(errors, answered, max_error_rate)


def _stop_if_too_many(errors: Counter[str], answered: int, max_error_rate: float) -> None:
    if errors.total() <= max_error_rate * answered:
        return
    commonest, count = errors.most_common(1)[0]
    raise StageError(
        f"rewriting stopped: {errors.total()} of {answered} rows have no answer (rewrite.max_error_rate "
        f"{max_error_rate}). The commonest cause, {count} times: {commonest}"
    )
