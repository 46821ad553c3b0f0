"""Where candidates come from: the seed's own answers, its rewrites, and the rewrites of another model.

A source is asked once, whatever the number of arms that take from it: each has a stage in the journal, and a step with
a fingerprint, of its own. What rewriting has to know of a source is an `Origin`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from ownwords.fingerprint import Inputs, flatten, join
from ownwords.recipe import Method, Recipe
from ownwords.records import Example, Message, Request, Source, canonical, digest_text
from ownwords.stages import likelihoods
from ownwords.stages.context import Context, trained_arms

OriginName = Literal["own", "rewrite", "other"]


@dataclass(frozen=True, slots=True)
class Origin:
    """A source of candidates.

    `stage` names its completions in the journal and its step; `source` is what the data call its targets; `label` tells
    people what is being done. `build` makes the request of an example's attempt, `asked` gives the context whose engine
    answers, `instruction` the prompt's own words, which an answer must not repeat, and `reads` what it depends on
    beside data, checks and sampling.
    """

    name: OriginName
    stage: str
    source: Source
    label: str
    build: Callable[[Context, Example, int], Request]
    asked: Callable[[Context], Context]
    instruction: Callable[[Context], str]
    reads: Callable[[Context], Inputs]


def _rewriting(context: Context, example: Example, attempt: int) -> Request:
    """The rewriting request of one example."""
    rendered = context.prompt.render(example)
    layout = context.recipe.rewrite.chat_template
    return _request(context, example, str(attempt), rendered.messages, layout, prefill=rendered.prefill)


def _answering(context: Context, example: Example, attempt: int) -> Request:
    """The example's own prompt in the layout of training, without the reference."""
    return _request(context, example, f"{attempt},own", example.messages, context.recipe.tune.chat_template)


def _request(
    context: Context,
    example: Example,
    draw: str,
    messages: tuple[Message, ...],
    layout: str | None,
    *,
    prefill: str = "",
) -> Request:
    """What is asked about an example; the sampling seed follows from run seed, example and `draw`."""
    return Request(
        id=example.id,
        messages=messages,
        prefill=prefill,
        sampling=context.rewrite_sampling,
        seed=int(digest_text(f"[{context.recipe.seed},{canonical(example.id)},{draw}]", length=8), 16),
        weights=context.rewriter_weights,
        chat_template=layout,
        tools=example.tools,
        thinking=context.thinking,
        example=example,
    )


def _rewriting_elsewhere(context: Context, example: Example, attempt: int) -> Request:
    """The same request to the other model."""
    return replace(_rewriting(context, example, attempt), weights=context.other_rewriter.rewriter_weights)


def _prompt_inputs(context: Context) -> Inputs:
    rewrite = context.recipe.rewrite
    return join(
        {"rewrite.prompt": rewrite.prompt, "rewrite.chat_template": rewrite.chat_template},
        {"rewrite.prompt.text": context.prompt.hash},
        context.layout_inputs("rewrite.chat_template", rewrite.chat_template),
    )


def _layout_of_training(context: Context) -> Inputs:
    return context.layout_inputs("tune.chat_template", context.recipe.tune.chat_template)


def _other_model(context: Context) -> Inputs:
    return {f"rewrite.{key}": value for key, value in context.other_rewriter.rewriter_inputs.items()}


OWN = Origin(
    "own",
    "own",
    "own",
    "answering",
    _answering,
    lambda context: context,
    lambda context: "",  # nothing was said beside the row's own turns
    lambda context: join(context.rewriter_inputs, _layout_of_training(context)),
)
REWRITE = Origin(
    "rewrite",
    "rewrite",
    "rewrite",
    "rewriting",
    _rewriting,
    lambda context: context,
    lambda context: context.prompt.instruction,
    lambda context: join(context.rewriter_inputs, _prompt_inputs(context)),
)
OTHER = Origin(
    "other",
    "rewrite/other",
    "rewrite",
    "rewriting by rewrite.model",
    _rewriting_elsewhere,
    lambda context: context.other_rewriter,
    lambda context: context.prompt.instruction,
    lambda context: join(_other_model(context), _prompt_inputs(context)),
)
ORIGINS = (OWN, REWRITE, OTHER)


def origins_of(method: Method) -> list[Origin]:
    """What is asked for an arm of this method, in the order in which it takes what passes."""
    rewrites = OTHER if method.rewriter == "other" else REWRITE
    return [OWN if source == "own" else rewrites for source in method.generated]


def needed(recipe: Recipe) -> list[Origin]:
    """What the arms of a recipe take from, each once."""
    wanted = {origin.name for arm in trained_arms(recipe) for origin in origins_of(arm.method)}
    return [origin for origin in ORIGINS if origin.name in wanted]


def inputs(context: Context, origin: Origin) -> Inputs:
    """What a source reads (see `fingerprint`)."""
    section = flatten(context.recipe.rewrite, "rewrite")
    for key in ("rewrite.prompt", "rewrite.chat_template"):  # read by those that show the prompt
        section.pop(key)
    return join(
        origin.reads(context),
        context.train_inputs,
        section,
        {"seed": context.recipe.seed},
        {"rewrite.checks.code": [check.code for check in context.recipe_checks if check.code]},
        context.judge_inputs,
        _choosing(context),
    )


def _choosing(context: Context) -> Inputs:
    """Which rows are asked about and which of several answers is taken; nothing where it is all and the only one."""
    rewrite = context.recipe.rewrite
    several = {"rewrite.samples": rewrite.samples, "rewrite.select": rewrite.select} if rewrite.samples > 1 else {}
    only = {} if rewrite.only is None else flatten(rewrite.only, "rewrite.only")
    likely = rewrite.only is not None or rewrite.select == "most_likely"
    return join(several, only, likelihoods.inputs(context) if likely else {})
