"""Choosing next tokens, vectorised, with a stream of random numbers for each row.

A row draws from its own uniform stream by inverse CDF, so its answer does not depend on the batch around it beyond
float rounding.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ownwords.records import Sampling


def uniform_stream(seed: int, length: int) -> list[float]:
    """`length` numbers in [0, 1) that depend on `seed` alone."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(length, generator=generator, dtype=torch.float64).tolist()


@torch.inference_mode()
def choose(logits: Any, samplings: Sequence[Sampling], uniforms: Sequence[float]) -> Any:
    """One token id a row of `logits` [rows, vocabulary], as a tensor; rows with equal settings are drawn together."""
    if len(set(samplings)) == 1:
        return _choose_alike(logits, samplings[0], uniforms)
    tokens = torch.empty(len(samplings), dtype=torch.long, device=logits.device)
    for sampling in set(samplings):
        rows = [row for row, own in enumerate(samplings) if own == sampling]
        tokens[rows] = _choose_alike(logits[rows], sampling, [uniforms[row] for row in rows])
    return tokens


def _choose_alike(logits: Any, sampling: Sampling, uniforms: Sequence[float]) -> Any:
    if sampling.temperature == 0:
        return logits.max(-1).indices  # the first of equal ones, as argmax, which is four times slower in bfloat16
    scores, ids = logits, None  # without a cut the draw runs in the order of the vocabulary
    if sampling.top_k:
        scores, ids = logits.topk(min(sampling.top_k, logits.shape[-1]))
    elif sampling.top_p < 1:
        scores, ids = logits.sort(dim=-1, descending=True)
    mass = (scores.float() / sampling.temperature).softmax(-1).double()
    if sampling.top_p < 1:
        before = mass.cumsum(-1) - mass  # a token stays while those ahead of it have less than top_p
        mass = mass.masked_fill(before >= sampling.top_p, 0)
    upto = mass.cumsum(-1)
    drawn = torch.tensor(uniforms, dtype=torch.float64, device=upto.device)[:, None] * upto[:, -1:]
    place = torch.searchsorted(upto, drawn, right=True).clamp(max=upto.shape[-1] - 1)
    return (place if ids is None else ids.gather(-1, place)).squeeze(-1)
