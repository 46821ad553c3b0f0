"""Target tokens that surprise the seed model are read and not trained on (selective token masking, arXiv 2501.14315).

Which these are is known before training, from likelihoods under the seed: a masked token's label is ignored, and no
trainer has to know. The end-of-turn marker is masked like any other token: the paper's authors make no exception.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ownwords.data.export import tools_of
from ownwords.errors import StageError
from ownwords.records import Example, Message
from ownwords.stages.context import Context
from ownwords.stages.likelihoods import Scored, score
from ownwords.stages.supervision import IGNORED, Supervision


def target_logprobs(context: Context, rows: Iterable[Mapping[str, Any]], label: str) -> dict[str, Sequence[float]]:
    """The logarithm of the seed's probability of each target token, by row id; from the journal where it is known.

    `rows` are training rows (`id`, `prompt`, `completion`, `reference`, `tools`).

    Raises:
        StageError: the seed cannot read a row.
    """
    scored = score(context, (_target(row) for row in rows), label)
    failed = {key.example_id: c.error.message for key, c in scored.items() if c.error is not None}
    if failed:
        row_id, message = next(iter(failed.items()))
        raise StageError(
            f"{label}: the seed model gives no likelihood for {len(failed)} rows, the first {row_id}: {message}. "
            "Lower tune.max_length, with tune.on_too_long=drop."
        )
    return {key.example_id: completion.logprobs or () for key, completion in scored.items()}


def mask_tokens(supervision: Supervision, logprobs: Mapping[str, Sequence[float]], perplexity_above: float) -> None:
    """Ignore every target token whose perplexity exp(-logprob) is higher, and leave out rows that have no other.

    Held-out rows stay whole, so that they measure the same for every arm.

    Raises:
        StageError: a row's likelihoods are not of the tokens that it is trained on, or nothing is left to train on.
    """
    highest = math.log(perplexity_above)
    kept: list[dict[str, Any]] = []
    for row in supervision.rows:
        own = logprobs[row["id"]]
        if len(own) != row["target"]:
            raise StageError(
                f"the row {row['id']} has {row['target']} target tokens in training and {len(own)} in the seed model's "
                "likelihoods, so none can be masked: it was rendered in two ways. Please report this."
            )
        labels: list[int] = list(row["labels"])
        first = labels.count(IGNORED)
        for place, logprob in enumerate(own[: len(labels) - first], first):
            if -logprob > highest:
                labels[place] = IGNORED
        masked = labels.count(IGNORED) - first
        supervision.masked_tokens += masked
        supervision.supervised_tokens -= masked
        if first + masked == len(labels):
            supervision.emptied_rows += 1
        else:
            kept.append({**row, "labels": labels})
    if not kept:
        raise StageError(
            f"there is nothing to train on: every target token has a perplexity above {perplexity_above:g} under the "
            "seed model. Raise the arm's mask.perplexity_above."
        )
    supervision.rows = kept


def _target(row: Mapping[str, Any]) -> Scored:
    messages = tuple(Message(turn["role"], turn["content"]) for turn in row["prompt"])
    return Scored(Example(row["id"], messages, row["reference"], tools=tools_of(row)), row["completion"][0]["content"])
