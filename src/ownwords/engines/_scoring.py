"""Log-likelihoods of given targets: one forward pass, rows batched by length, logits at the end of the rows only."""

# pyright: basic
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from ownwords.engines._codec import scored
from ownwords.engines._decoding import Limits
from ownwords.engines._padding import left_pad
from ownwords.engines._rows import Group, Pool, Row
from ownwords.records import Completion

_LOGITS = 1 << 27  # numbers in one batch's logits at most (512 MiB in float32), or one row's


def score(pool: Pool, group: Group, model: Callable[[], Any], limits: Limits, device: Any) -> Iterator[Completion]:
    """Score one group's rows from the pool until none of them waits."""
    while True:
        yield from pool.fill()
        rows = _taken(pool, group, limits, model().config.get_text_config(decoder=True).vocab_size)
        if not rows:
            return
        for row, logprobs in zip(rows, log_likelihoods(model(), rows, device), strict=True):
            yield scored(row, logprobs)


def _taken(pool: Pool, group: Group, limits: Limits, vocabulary: int) -> list[Row]:
    rows: list[Row] = []
    widest = 0
    while len(rows) < limits.rows and (row := pool.longest(group)) is not None:
        widest = max(widest, len(row.target or ()) + 1)
        too_many = (len(rows) + 1) * max(row.total, rows[0].total if rows else 0) > limits.tokens
        if rows and (too_many or (len(rows) + 1) * widest * vocabulary > _LOGITS):
            break
        rows.append(pool.pop_longest(group))
    return rows


@torch.inference_mode()
def log_likelihoods(model: Any, rows: Sequence[Row], device: Any) -> list[list[float]]:
    """For each row the natural logarithm of the probability of each target token, computed in float32."""
    targets = [row.target or [] for row in rows]
    ids, mask, positions = left_pad([row.prompt + target for row, target in zip(rows, targets, strict=True)], device)
    keep = max(len(target) for target in targets) + 1
    logits = model(
        input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=keep
    ).logits[:, -keep:-1]
    result: list[list[float]] = []
    for row_logits, target in zip(logits, targets, strict=True):
        own = row_logits[row_logits.shape[0] - len(target) :].float()
        wanted = own.gather(-1, torch.tensor(target, dtype=torch.long, device=own.device)[:, None]).squeeze(-1)
        result.append((wanted - own.logsumexp(-1)).tolist())
    return result
