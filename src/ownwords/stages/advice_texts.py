"""The texts that a model is asked for when it gives advice: its own answers and its rewrites, with their likelihoods.

In memory only. What is asked for and what follows from it stands in `advice`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ownwords.checks.panel import any_failed
from ownwords.progress import Progress
from ownwords.records import Completion, Example, Request, digest
from ownwords.stages import judge, judging, rewrite
from ownwords.stages.context import Context
from ownwords.stages.likelihoods import Scored


@dataclass(frozen=True, slots=True)
class Answered:
    """A text that the model wrote for an example, with its likelihood as that example's target. `reason` is `ok`, or
    why it is none that could be trained on."""

    example: Example
    text: str
    cut_off: bool
    reason: str
    logprobs: tuple[float, ...] | None = None


def own_answers(context: Context, examples: Sequence[Example]) -> list[Answered]:
    """What the model says to the same messages without the reference, in the layout that is trained in."""
    requests = [
        Request(
            id=example.id,
            messages=example.messages,
            sampling=context.rewrite_sampling,
            seed=int(digest([context.recipe.seed, "own", example.id], length=8), 16),
            chat_template=context.recipe.tune.chat_template,
            tools=example.tools,
            thinking=context.thinking,
            example=example,
        )
        for example in examples
    ]
    found: list[Answered] = []
    for example, completion in zip(examples, _ask(context, requests, "answering"), strict=True):
        text = "" if completion.error else judging.candidate_text(example, completion, context)
        reason = completion.error.kind if completion.error else "ok" if text else "empty"
        found.append(Answered(example, text, completion.finish_reason == "length", reason))
    return found


def rewrites_of(context: Context, examples: Sequence[Example]) -> list[Answered]:
    """One rewrite of each, as the first attempt of `ownwords rewrite`, judged by the recipe's checks and its judge."""
    requests = [rewrite.build_request(context, example, 0) for example in examples]
    found: list[Answered] = []
    written = list(zip(examples, _ask(context, requests, "rewriting"), strict=True))
    said = judge.judgements(context, written) if context.is_judged else {}
    for example, completion in written:
        if completion.error is not None:
            found.append(Answered(example, "", False, completion.error.kind))
            continue
        verdicts = judging.judge(context, example, completion, said.get(example.id))
        reason = next(v.reason for v in verdicts.values() if not v.passed) if any_failed(verdicts) else "ok"
        text = judging.candidate_text(example, completion, context)
        found.append(Answered(example, text, completion.finish_reason == "length", reason))
    return found


def with_likelihoods(context: Context, answered: Sequence[Answered], label: str) -> list[Answered]:
    """Texts that could be trained on, scored as targets of their examples; the others as they are."""
    good = [a for a in answered if a.reason == "ok"]
    scored = iter(score(context, [(a.example, a.text) for a in good], label))
    found: list[Answered] = []
    for one in answered:
        if one.reason != "ok":
            found.append(one)
            continue
        completion = next(scored)
        if completion.error is not None:
            found.append(replace(one, reason=completion.error.kind))
        else:
            found.append(replace(one, logprobs=completion.logprobs))
    return found


def score(context: Context, targets: Sequence[tuple[Example, str]], label: str) -> list[Completion]:
    return _ask(context, [Scored(example, text).request(context) for example, text in targets], label)


def _ask(context: Context, requests: Sequence[Request], label: str) -> list[Completion]:
    """The completion of every request, in their order."""
    engine = context.engine("logprobs") if any(r.target is not None for r in requests) else context.engine()
    found: dict[str, Completion] = {}
    with Progress(label, len(requests), startup=context.startup_seconds) as progress:
        for completion in engine.stream(replace(r, id=str(place)) for place, r in enumerate(requests)):
            found[completion.request_id] = completion
            progress.advance(tokens=completion.prompt_tokens + completion.completion_tokens)
    return [found[str(place)] for place in range(len(requests))]
