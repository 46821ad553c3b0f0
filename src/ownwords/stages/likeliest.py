"""Of several samples that pass, the one that the seed model finds most likely (`rewrite.select: most_likely`).

Only rows with more than one are looked at. The measure is the mean log-likelihood per token of the target as training
renders it, so that length alone decides nothing. A sample whose likelihood cannot be had comes last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, groupby, tee
from typing import NamedTuple

from ownwords.errors import StageError
from ownwords.journal import Key
from ownwords.records import Example
from ownwords.stages import likelihoods
from ownwords.stages.context import Context
from ownwords.stages.judging import candidate_text
from ownwords.stages.likelihoods import Scored
from ownwords.stages.looking_up import looked_up
from ownwords.stages.origins import Origin
from ownwords.stages.standing import Standing


class _Sample(NamedTuple):
    place: int
    key: Key
    target: Scored


def choose_likeliest(context: Context, origin: Origin, standing: Standing, *, ask: bool) -> None:
    """Let the likeliest sample of each row count, of equal ones the first. With `ask` the seed model is asked for the
    likelihoods that the journal lacks."""
    context.run.journal.commit()  # only what is committed can be looked up
    if ask:
        asked = origin.asked(context)
        if asked is not context:
            asked.close_engines()  # the seed model needs the room
        count = sum(len(standing.passes(place)) for place in _contested(context, standing))
        targets = (sample.target for sample in _samples(context, origin, standing))
        for _ in likelihoods.streamed(context, targets, count, "comparing samples"):
            pass  # it is recorded
    samples, again = tee(_samples(context, origin, standing))
    known = chain.from_iterable(likelihoods.recorded(context, (sample.target for sample in again)))
    for place, row in groupby(zip(samples, known, strict=True), key=lambda pair: pair[0].place):
        best, _ = min(row, key=lambda pair: math.inf if pair[1][1] is None else pair[1][1])
        standing.choose(place, best.key)


def _contested(context: Context, standing: Standing) -> Iterator[int]:
    return (place for place in range(len(context.asked)) if len(standing.passes(place)) > 1)


def _samples(context: Context, origin: Origin, standing: Standing) -> Iterator[_Sample]:
    """The samples that passed of every row that has several, row by row."""
    keyed = (
        (place, example, Key(example.id, attempt, origin.build(context, example, attempt).hash))
        for place in _contested(context, standing)
        for example in [context.asked[place]]
        for attempt in standing.passes(place)
    )
    items: Iterator[tuple[int, Example, Key]] = keyed
    for some, found in looked_up(context.run.journal, origin.stage, items, key=lambda item: item[2]):
        for place, example, key in some:
            if key not in found:
                raise StageError(f"the journal lost an answer to example {example.id}: run the command again.")
            yield _Sample(place, key, Scored(example, candidate_text(example, found[key].completion, context)))
