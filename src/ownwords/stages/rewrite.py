"""Rewriting: the seed model restates every reference, every rewrite is checked, every row ends in one outcome.

Attempts go in waves: all rows once, then those that failed, and so on. A wave is a pure function of the journal, so
retrying and resuming are one mechanism: what the journal lacks is asked, what it has is not.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ownwords.errors import InputError, StageError
from ownwords.fingerprint import Inputs, flatten, join
from ownwords.journal import Key
from ownwords.progress import Progress, say
from ownwords.records import Example, Outcome, Request, Weights, canonical, digest_text
from ownwords.stages import judge
from ownwords.stages.context import Context
from ownwords.stages.giving_up import BROKEN, stop_if_hopeless, stop_if_too_many
from ownwords.stages.judging import Asked, Attempt, Trials, attempt_of, candidate_text
from ownwords.stages.looking_up import looked_up
from ownwords.stages.products import write_products
from ownwords.stages.standing import Standing

STAGE = "rewrite"
SKIPPED_SHOWN = 3


@dataclass(slots=True)
class Wave:
    """Attempt `number` at every example that still wants one.

    `trials` judges the answers, `settled` counts the examples that the journal had one for, `waiting` holds those that
    were asked.
    """

    number: int
    standing: Standing
    trials: Trials
    settled: int = 0
    waiting: dict[str, Asked] = field(default_factory=dict[str, Asked])


class Outcomes:
    """The outcome of every training example, in their order: read from the journal a few at a time, and anew whenever
    they are gone through.

    Raises:
        StageError: while iterating, the journal lacks a completion.
    """

    def __init__(self, context: Context, standing: Standing) -> None:
        self._context, self._standing = context, standing

    def __iter__(self) -> Iterator[Outcome]:
        for pairs, found in looked_up(self._context.run.journal, STAGE, self._latest(), key=lambda pair: pair[1]):
            for example, key in pairs:
                if key is not None and key not in found:
                    raise StageError(f"the journal lost the rewrite of example {example.id}: run the command again.")
                yield decide(example, None if key is None else attempt_of(self._context, found[key]), self._context)

    def _latest(self) -> Iterator[tuple[Example, Key | None]]:
        """Every example with the key of its latest attempt, if it is one of those that are asked."""
        place = 0
        for example in self._context.train:
            if self._context.is_asked(example):
                yield example, self._standing.latest(place, example.id)
                place += 1
            else:
                yield example, None


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
        context.judge_inputs,
    )


def run(context: Context) -> None:
    """Ask for what is missing, judge it, and write outcomes and training rows."""
    products = [context.run.directory / name for name in ("rewrite.json", "samples.json", "journal.sqlite")]
    with context.run.working_on(STAGE, inputs(context), products):
        for stage in (STAGE, judge.STAGE):
            context.run.journal.forget_errors(stage)
        context.run.journal.forget_verdicts(STAGE, BROKEN)
        _say_skipped(context)
        standing = Standing(len(context.asked))
        for number in range(attempts_in_all(context)):
            if standing.pending:
                wave = _wave(context, number, standing)
                pending = array("Q", standing.pending_places())
                _run_wave(context, wave)
                if context.is_judged:
                    asked = (_ask(context, wave, place) for place in pending)
                    judge.ask(context, STAGE, asked, len(pending), standing)
        context.run.journal.commit()
        write_products(context, Outcomes(context, standing))
        say(_told(context))


def _told(context: Context) -> str:
    """How many rewrites were accepted, and why the others were not."""
    facts = json.loads((context.run.directory / "rewrite.json").read_text(encoding="utf-8"))
    others = [f"{one['reason']} {one['count']:,}" for one in facts["outcomes"] if one["kind"] != "accepted"]
    reasons = f"; {', '.join(others)}" if others else ""
    if not facts["accepted"]:
        return (
            f"caution: none of {facts['n']:,} rewrites accepted{reasons}. Every target is the reference or left out. "
            "`ownwords preview` shows rewrites with their verdicts."
        )
    share = 100 * facts["accepted"] / facts["n"]
    return f"{facts['accepted']:,} of {facts['n']:,} rewrites accepted ({share:.1f} %){reasons}"


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


def load_outcomes(context: Context) -> Outcomes:
    """The outcomes of the finished stage, from the journal alone.

    Raises:
        InputError: rewriting has not finished.
        StageError: the journal lacks a completion.
    """
    require_done(context)
    standing = Standing(len(context.asked))
    for number in range(attempts_in_all(context)):
        wave = _wave(context, number, standing)
        for request in _missing(context, wave):
            raise StageError(f"the journal lacks the rewrite of example {request.id}: run `ownwords rewrite` again.")
        wave.trials.finish()
    return Outcomes(context, standing)


def build_request(context: Context, example: Example, attempt: int) -> Request:
    """The rewriting request of one example; its sampling seed follows from run seed, example and attempt."""
    recipe = context.recipe
    rendered = context.prompt.render(example)
    return Request(
        id=example.id,
        messages=rendered.messages,
        prefill=rendered.prefill,
        sampling=context.rewrite_sampling,
        seed=int(digest_text(f"[{recipe.seed},{canonical(example.id)},{attempt}]", length=8), 16),
        chat_template=recipe.rewrite.chat_template,
        tools=example.tools,
        thinking=context.thinking,
        example=example,
    )


def attempts_in_all(context: Context) -> int:
    rewrite = context.recipe.rewrite
    return rewrite.max_attempts if rewrite.on_failure == "retry" else 1


def _wave(context: Context, number: int, standing: Standing) -> Wave:
    return Wave(number, standing, Trials(context, STAGE, standing))


def _run_wave(context: Context, wave: Wave) -> None:
    """Ask for one attempt at every example that wants one, and record every answer with its verdicts."""
    engine = context.engine()
    engine.warm_up([Weights()])
    provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
    errors: Counter[str] = Counter()
    label = "rewriting" if wave.number == 0 else f"rewriting, attempt {wave.number + 1}"
    pending = wave.standing.pending
    with Progress(label, pending, startup=context.startup_seconds) as progress:
        for answered, completion in enumerate(engine.stream(_missing(context, wave)), start=1):
            wave.trials.take(wave.waiting.pop(completion.request_id), completion, provenance)
            progress.before = wave.settled
            progress.advance(tokens=completion.completion_tokens)
            if completion.error is not None:
                errors[f"{completion.error.kind}: {completion.error.message}"] += 1
                stop_if_hopeless(errors, answered, context.recipe.rewrite.max_error_rate)
        wave.trials.finish()
    stop_if_too_many(errors, pending, context.recipe.rewrite.max_error_rate)


def _missing(context: Context, wave: Wave) -> Iterator[Request]:
    """Yield the requests that have no answer yet, lazily; settle the examples that have one."""
    asking = (_ask(context, wave, place) for place in wave.standing.pending_places())
    journal = context.run.journal
    if not journal.holds(STAGE, wave.number):
        for asked in asking:
            wave.waiting[asked.request.id] = asked
            yield asked.request
        return
    for some, known in looked_up(journal, STAGE, asking, key=lambda asked: asked.key):
        for asked in some:
            if asked.key in known:
                wave.trials.resume(asked, known[asked.key])
                wave.settled += 1
            else:
                wave.waiting[asked.request.id] = asked
                yield asked.request


def _ask(context: Context, wave: Wave, place: int) -> Asked:
    example = context.asked[place]
    request = build_request(context, example, wave.number)
    return Asked(place, example, request, Key(example.id, wave.number, request.hash))


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
