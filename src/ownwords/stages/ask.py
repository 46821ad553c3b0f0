"""One prompt, answered by the seed and by every trained variant of a run, side by side."""

from __future__ import annotations

from ownwords import lineage
from ownwords.errors import InputError
from ownwords.progress import say
from ownwords.records import Completion, Message, Request, Sampling
from ownwords.stages import tune
from ownwords.stages.context import Context
from ownwords.variants import SEED


def ask(context: Context, prompt: str, max_tokens: int) -> dict[str, str]:
    """Greedy answers by label, the seed first. Nothing is written.

    Raises:
        InputError: there is no run there.
    """
    if not context.run.exists:
        raise InputError(f"there is no run in {context.run.directory}: `ownwords run` makes one.")
    if not prompt.strip():
        raise InputError("the prompt is empty.")
    if max_tokens < 1:
        raise InputError(f"--max-tokens must be at least 1, not {max_tokens}.")
    changed = lineage.moved_on(context.recipe.model, context.run.directory)
    if changed:
        say(f"{changed.rstrip('.')}: the seed is that new one")
    weights = {SEED: context.seed_weights}
    for label, variant in context.variants.items():
        if tune.is_ready(context, variant):
            weights[label] = tune.variant_weights(context, variant)
        else:
            say(f"{label} does not answer: it is not trained for this recipe and data")
    requests = [
        Request(
            id=label,
            messages=(Message("user", prompt),),
            sampling=Sampling(max_tokens=max_tokens),
            weights=weight,
            chat_template=context.recipe.tune.chat_template,
        )
        for label, weight in weights.items()
    ]
    answers = {c.request_id: c for c in context.engine("weights").stream(requests)}
    return {label: _text(answers[label]) for label in weights}


def _text(completion: Completion) -> str:
    return completion.text if completion.error is None else f"(no answer: {completion.error.message})"
