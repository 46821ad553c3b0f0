"""One prompt, answered by the seed and by every trained arm of a run, side by side."""

from __future__ import annotations

from ownwords.errors import InputError
from ownwords.progress import say
from ownwords.records import Completion, Message, Request, Sampling, Weights
from ownwords.stages import tune
from ownwords.stages.context import Context


def ask(context: Context, prompt: str, max_tokens: int) -> dict[str, str]:
    """Greedy answers by arm, the seed first. Nothing is written.

    Raises:
        InputError: there is no run there.
    """
    if not context.run.exists:
        raise InputError(f"there is no run in {context.run.directory}: `ownwords run` makes one.")
    if not prompt.strip():
        raise InputError("the prompt is empty.")
    if max_tokens < 1:
        raise InputError(f"--max-tokens must be at least 1, not {max_tokens}.")
    trained = [arm for arm in context.recipe.tune.arms if _is_trained(context, arm)]
    for arm in context.recipe.tune.arms:
        if arm not in trained:
            say(f"{arm} does not answer: it is not trained for this recipe and data")
    weights = {"seed": Weights("seed", context.model.weights_hash)}
    weights.update({arm: tune.arm_weights(context, arm) for arm in trained})
    requests = [
        Request(
            id=arm,
            messages=(Message("user", prompt),),
            sampling=Sampling(max_tokens=max_tokens),
            weights=weight,
            chat_template=context.recipe.tune.chat_template,
        )
        for arm, weight in weights.items()
    ]
    answers = {c.request_id: c for c in context.engine("weights").stream(requests)}
    return {arm: _text(answers[arm]) for arm in weights}


def _is_trained(context: Context, arm: str) -> bool:
    return context.run.is_done(tune.stage_name(arm), tune.inputs(context, arm))


def _text(completion: Completion) -> str:
    return completion.text if completion.error is None else f"(no answer: {completion.error.message})"
