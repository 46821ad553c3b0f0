"""Rewriting: a source of candidates is asked about every row, every answer is checked, each row ends in one outcome.

Attempts go in waves: all rows once, then those that failed, and so on. A wave is a pure function of the journal, so
samples, retrying, sources and resuming are one mechanism: what the journal lacks is asked, what it has is not.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ownwords.errors import InputError, StageError
from ownwords.journal import Key
from ownwords.progress import Progress, say
from ownwords.records import Example, Request
from ownwords.stages import judge, origins
from ownwords.stages.context import Context
from ownwords.stages.giving_up import stop_if_hopeless, stop_if_too_many
from ownwords.stages.judging import Asked, Trials
from ownwords.stages.likeliest import choose_likeliest
from ownwords.stages.looking_up import looked_up
from ownwords.stages.nearness import near_the_seed
from ownwords.stages.origins import REWRITE, Origin
from ownwords.stages.outcomes import Outcomes
from ownwords.stages.standing import Standing

STAGE = REWRITE.stage
SKIPPED_SHOWN = 3


@dataclass(slots=True)
class Wave:
    """Attempt `number` of one source at every example that still wants one, by their `places`.

    `trials` judges the answers, `settled` counts the examples that the journal had one for, `waiting` holds those that
    were asked.
    """

    number: int
    origin: Origin
    places: array[int]
    trials: Trials
    settled: int = 0
    waiting: dict[str, Asked] = field(default_factory=dict[str, Asked])


def run(context: Context, origin: Origin = REWRITE) -> Outcomes:
    """Ask a source for what is missing, and judge it; the outcomes are those that `load_outcomes` gives afterwards."""
    with context.run.working_on(origin.stage, origins.inputs(context, origin), [context.run.journal_path]):
        for stage in (origin.stage, judge.STAGE):
            context.run.journal.forget_errors(stage)
        standing = _standing(context)
        read = written = 0
        with context.at_work(origin.asked(context)) as asked:
            for wave in _waves(context, origin, standing):
                _run_wave(context, asked, wave)
                read, written = read + wave.trials.read, written + wave.trials.written
                if context.is_judged:
                    questions = (_ask(context, wave, place) for place in wave.places)
                    judge.ask(context, origin, questions, len(wave.places), standing)
        if context.recipe.rewrite.select == "most_likely":
            choose_likeliest(context, origin, standing, ask=True)
        context.run.journal.commit()
    return Outcomes(context, origin, standing, read, written)


def say_skipped(context: Context) -> None:
    """Name the first rows of the data that are wrong and were left out, and how many there are."""
    _ = context.train  # reading it finds them
    for reason in list(context.skipped.values())[:SKIPPED_SHOWN]:
        say(f"left out: {reason}")
    if len(context.skipped) > SKIPPED_SHOWN:
        say(f"left out: {len(context.skipped)} rows in all; rewrite.json lists them")


def is_done(context: Context, origin: Origin = REWRITE) -> bool:
    return context.run.is_done(origin.stage, origins.inputs(context, origin))


def require_done(context: Context, origin: Origin = REWRITE) -> None:
    """Refuse to go on without a finished source (InputError)."""
    if not is_done(context, origin):
        raise InputError(f"{origin.label} has not finished for this recipe: run `ownwords rewrite` first.")


def load_outcomes(context: Context, origin: Origin = REWRITE) -> Outcomes:
    """The outcomes of a finished source, from the journal alone.

    Raises:
        InputError: it has not finished.
        StageError: the journal lacks a completion.
    """
    require_done(context, origin)
    standing = _standing(context)
    read = written = 0
    for wave in _waves(context, origin, standing):
        for request in _missing(context, wave):
            raise StageError(f"the journal lacks an answer to example {request.id}: run `ownwords rewrite` again.")
        wave.trials.finish()
        read, written = read + wave.trials.read, written + wave.trials.written
    if context.recipe.rewrite.select == "most_likely":
        choose_likeliest(context, origin, standing, ask=False)
    return Outcomes(context, origin, standing, read, written)


def build_request(context: Context, example: Example, attempt: int) -> Request:
    """The rewriting request of one example."""
    return REWRITE.build(context, example, attempt)


def attempts_in_all(context: Context) -> int:
    """Attempts at a row that keeps failing."""
    rewrite = context.recipe.rewrite
    return max(rewrite.samples, rewrite.max_attempts if rewrite.on_failure == "retry" else 1)


def _standing(context: Context) -> Standing:
    rewrite = context.recipe.rewrite
    remembered = rewrite.samples if rewrite.select == "most_likely" else 0
    return Standing(len(context.asked), near_the_seed(context), remembered)


def _waves(context: Context, origin: Origin, standing: Standing) -> Iterator[Wave]:
    """One after the other, each when the one before has been judged. Where one of several samples is chosen, all are
    drawn; otherwise a row that has passed wants no more."""
    rewrite = context.recipe.rewrite
    for number in range(attempts_in_all(context)):
        places = standing.places(passed_too=rewrite.select != "first" and number < rewrite.samples)
        if places:
            yield Wave(number, origin, places, Trials(context, origin, standing))


def _run_wave(context: Context, asked: Context, wave: Wave) -> None:
    """Ask for one attempt at every example that wants one, and record every answer with its verdicts."""
    engine = asked.engine()
    engine.warm_up([asked.rewriter_weights])
    provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
    errors: Counter[str] = Counter()
    label = wave.origin.label if wave.number == 0 else f"{wave.origin.label}, attempt {wave.number + 1}"
    limit = context.recipe.rewrite.max_error_rate
    with Progress(label, len(wave.places), startup=context.startup_seconds) as progress:
        for answered, completion in enumerate(engine.stream(_missing(context, wave)), start=1):
            wave.trials.take(wave.waiting.pop(completion.request_id), completion, provenance)
            progress.before = wave.settled
            progress.advance(tokens=completion.completion_tokens)
            if completion.error is not None:
                errors[f"{completion.error.kind}: {completion.error.message}"] += 1
                stop_if_hopeless(errors, answered, limit, wave.origin.label)
        wave.trials.finish()
    stop_if_too_many(errors, len(wave.places), limit, wave.origin.label)


def _missing(context: Context, wave: Wave) -> Iterator[Request]:
    """Yield the requests that have no answer yet, lazily; settle the examples that have one."""
    asking = (_ask(context, wave, place) for place in wave.places)
    journal, stage = context.run.journal, wave.origin.stage
    if not journal.holds(stage, wave.number):
        for asked in asking:
            wave.waiting[asked.request.id] = asked
            yield asked.request
        return
    for some, known in looked_up(journal, stage, asking, key=lambda asked: asked.key):
        for asked in some:
            if asked.key in known:
                wave.trials.resume(asked, known[asked.key])
                wave.settled += 1
            else:
                wave.waiting[asked.request.id] = asked
                yield asked.request


def _ask(context: Context, wave: Wave, place: int) -> Asked:
    example = context.asked[place]
    request = wave.origin.build(context, example, wave.number)
    return Asked(place, example, request, Key(example.id, wave.number, request.hash))
