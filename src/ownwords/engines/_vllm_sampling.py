"""Sampling inside vLLM with each request's own seed, by the same draw as the transformers engine's (`_sampling`).

vLLM's own per-request seeds crash its CPU build and slow its GPU sampler down, and its order of top-k and top-p sorts
the whole vocabulary on a CPU. A logits processor is vLLM's door for such things: this one draws the token and leaves
it as the only one possible, so that vLLM, asked for greedy decoding, takes it.
"""

# pyright: basic, reportMissingImports=false
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vllm import SamplingParams
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

from ownwords.engines._sampling import choose, uniform_stream
from ownwords.records import Sampling

KEY = "ownwords"
"""The entry of `SamplingParams.extra_args` that holds temperature, top_p, top_k and seed."""


@dataclass(slots=True)
class _Draws:
    """One request's settings and random numbers. `written` is vLLM's own list of its tokens so far."""

    sampling: Sampling
    uniforms: list[float]
    written: list[int]


class SeededSampling(LogitsProcessor):
    """See the module docstring. Greedy requests pass through untouched."""

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        self._rows: dict[int, _Draws] = {}

    def is_argmax_invariant(self) -> bool:
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        process_dict_updates(self._rows, batch_update, _draws)

    def apply(self, logits: Any) -> Any:
        if not self._rows:
            return logits
        rows = list(self._rows)
        draws = list(self._rows.values())
        # A prompt that is read in pieces is sampled at each, and the token thrown away: hence by place, not by count.
        uniforms = [draw.uniforms[min(len(draw.written), len(draw.uniforms) - 1)] for draw in draws]
        chosen = choose(logits[rows], [draw.sampling for draw in draws], uniforms)
        logits[rows] = float("-inf")
        logits[rows, chosen] = 0.0
        return logits


def _draws(params: SamplingParams, prompt: list[int] | None, written: list[int]) -> _Draws | None:
    settings = (params.extra_args or {}).get(KEY)
    if settings is None:
        return None
    sampling = Sampling(settings["temperature"], settings["top_p"], settings["top_k"])
    return _Draws(sampling, uniform_stream(settings["seed"], params.max_tokens or 1), written)
