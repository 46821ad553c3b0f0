"""Log-likelihoods of given targets: one forward pass, rows batched by length, logits at the end of the rows only.

Rows that begin alike, as the choices of one question do, are read as one: what they share once, then what each has of
its own, side by side. A mask hides the branches from each other and positions go on from the shared part, so that every
token sees what it would see in a row of its own. Four choices of a few words cost a third of four rows.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ownwords.engines._codec import scored
from ownwords.engines._decoding import Limits
from ownwords.engines._padding import left_pad
from ownwords.engines._rows import Group, Pool, Row
from ownwords.records import Completion

_LOGITS = 1 << 27  # numbers in one batch's logits at most (512 MiB in float32), or one family's
_HELD = 8  # so many times the rows of a batch are looked at together
_FULL = 2048  # tokens that keep a processor busy: beyond these a batch is not worth padding of more than a tenth
_PADDED = 1.1
_WIDEST = 4096  # tokens of a family: its mask grows with their square


@dataclass(frozen=True, slots=True)
class Family:
    """Rows that begin with the same `shared` prompt tokens. A row alone shares all of its prompt with itself."""

    rows: list[Row]
    shared: int

    @property
    def branches(self) -> list[list[int]]:
        """What each row has of its own, its target last."""
        return [row.prompt[self.shared :] + (row.target or []) for row in self.rows]

    @property
    def tokens(self) -> list[int]:
        return self.rows[0].prompt[: self.shared] + [token for branch in self.branches for token in branch]

    @property
    def size(self) -> int:
        """How many tokens are read."""
        return sum(row.total for row in self.rows) - (len(self.rows) - 1) * self.shared

    @property
    def kept(self) -> int:
        """Positions at the end whose logits are needed: those of the branches, and the one before them."""
        return self.size - self.shared + 1


def score(
    pool: Pool, group: Group, model: Callable[[], Any], limits: Limits, device: Any, *, shares: bool
) -> Iterator[Completion]:
    """Score one group's rows from the pool until none of them waits.

    `shares`: the model's every layer is full attention, so that a mask alone says what a token sees.
    """
    families: list[Family] = []
    while True:
        yield from pool.fill()
        _gather(families, pool, group, limits, shares=shares)
        if not families:
            return
        batch = _batch(families, limits, model().config.get_text_config(decoder=True).vocab_size)
        try:
            found = log_likelihoods(model(), batch, device)
        except (RuntimeError, MemoryError):  # too much for the memory, it may be: the others were not in it
            pool.put_back([row for family in families for row in family.rows])
            raise
        for family, of_family in zip(batch, found, strict=True):
            for row, logprobs in zip(family.rows, of_family, strict=True):
                yield scored(row, logprobs)


def _gather(families: list[Family], pool: Pool, group: Group, limits: Limits, *, shares: bool) -> None:
    """Take rows from the pool until enough are at hand; the longest family comes last."""
    held = sum(len(family.rows) for family in families)
    while held < _HELD * limits.rows and pool.longest(group) is not None:
        row = pool.pop_longest(group)
        held += 1
        for index, family in enumerate(families if shares else ()):
            if (grown := _grown(family, row, limits)) is not None:
                families[index] = grown
                break
        else:
            families.append(Family([row], len(row.prompt)))
    families.sort(key=lambda family: family.size)


def _batch(families: list[Family], limits: Limits, vocabulary: int) -> list[Family]:
    """Take the longest: as many as fit, and from `_FULL` tokens on no more than pad little."""
    batch: list[Family] = []
    width = families[-1].size
    used = kept = 0
    while families and len(batch) < limits.rows:
        family = families[-1]
        count, kept = len(batch) + 1, max(kept, family.kept)
        if batch and (count * width > limits.tokens or count * kept * vocabulary > _LOGITS):
            break
        used += family.size
        if count * width > max(_FULL, _PADDED * used):
            break
        batch.append(families.pop())
    return batch


def _grown(family: Family, row: Row, limits: Limits) -> Family | None:
    """The family with the row, if that saves at least half of reading the row and a batch has room for it."""
    first, half = family.rows[0].prompt, -(-row.total // 2)
    if half > min(len(row.prompt), len(first)) or row.prompt[half - 1] != first[half - 1]:  # mostly this tells
        return None
    if row.prompt[:half] != first[:half]:
        return None
    grown = Family([*family.rows, row], min(family.shared, _alike(first, row.prompt)))
    saves = family.size + row.total - grown.size >= half
    return grown if saves and grown.size <= min(limits.tokens, _WIDEST) else None


def _alike(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with."""
    length = min(len(first), len(second))
    return next((index for index in range(length) if first[index] != second[index]), length)


@torch.inference_mode()
def log_likelihoods(model: Any, families: Sequence[Family], device: Any) -> list[list[list[float]]]:
    """For each family's rows the natural logarithm of the probability of each target token, computed in float32."""
    ids, mask, positions = left_pad([family.tokens for family in families], device)
    if any(len(family.rows) > 1 for family in families):
        mask, positions = _apart(families, ids.shape[1])
    keep = max(family.kept for family in families)
    logits = model(
        input_ids=ids,
        attention_mask=mask.to(device),
        position_ids=positions.to(device),
        use_cache=False,
        logits_to_keep=keep,
    ).logits
    return [_of_family(family, own[own.shape[0] - family.kept :]) for family, own in zip(families, logits, strict=True)]


def _of_family(family: Family, logits: Any) -> list[list[float]]:
    """From the logits of the last shared token and of all branches."""
    found: list[list[float]] = []
    start = 1
    for row, branch in zip(family.rows, family.branches, strict=True):
        target = row.target or []
        end = start + len(branch)
        before = [0, *range(start, end - 1)] if branch else []  # the position that foretells each token of the branch
        own = logits[before[len(branch) - len(target) :]].float()
        wanted = own.gather(-1, torch.tensor(target, dtype=torch.long, device=own.device)[:, None]).squeeze(-1)
        found.append((wanted - own.logsumexp(-1)).tolist())
        start = end
    return found


def _apart(families: Sequence[Family], width: int) -> tuple[Any, Any]:
    """Mask [families, 1, width, width], True where a token sees another, and positions [families, width].

    Padding sees itself: a softmax over nothing would be no number, and 0 times that is none either.
    """
    mask = torch.eye(width, dtype=torch.bool).repeat(len(families), 1, 1, 1)
    positions = torch.zeros((len(families), width), dtype=torch.long)
    for number, family in enumerate(families):
        begin = width - len(family.tokens)
        start = begin + family.shared
        mask[number, 0, begin:, begin:start] = True
        positions[number, begin:start] = torch.arange(family.shared)
        for branch in family.branches:
            end = start + len(branch)
            mask[number, 0, start:end, start:end] = True
            positions[number, start:end] = torch.arange(family.shared, family.shared + len(branch))
            start = end
        mask[number, 0, begin:, begin:].tril_()
    return mask, positions
