"""Which references lie near the seed model already (`rewrite.only`): one forward pass a row says so beforehand.

The likelihoods are those of the gap, and are asked once. This step measures them all, so that another limit asks
nothing; a row whose likelihood cannot be had (it does not fit the context, say) is not left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from ownwords.fingerprint import Inputs, join
from ownwords.stages import likelihoods
from ownwords.stages.context import Context
from ownwords.stages.likelihoods import Scored

STAGE = "gap/references"


def inputs(context: Context) -> Inputs:
    return join(likelihoods.inputs(context), context.train_inputs, {"rewrite.turns": context.recipe.rewrite.turns})


def run(context: Context) -> None:
    """Ask the seed model for the likelihood of every reference that the journal lacks."""
    with context.run.working_on(STAGE, inputs(context), [context.run.journal_path]):
        for _ in likelihoods.streamed(context, _references(context), len(context.asked), "measuring references"):
            pass  # it is recorded


def near_the_seed(context: Context) -> bytes:
    """A 1 for each of `context.asked` that is left alone, as the journal has it; nothing where all are asked about."""
    only = context.recipe.rewrite.only
    if only is None:
        return b""
    near = bytearray()
    for some in likelihoods.recorded(context, _references(context)):
        near += bytes(nats is not None and nats <= only.gap_above for _, nats in some)
    return bytes(near)


def _references(context: Context) -> Iterator[Scored]:
    return (Scored(example, example.reference) for example in context.asked)
