"""The engine that runs a model with transformers, on CPU, CUDA or MPS: generation and log-likelihoods.

Requests wait in a bounded window sorted by length, longest first, so that batches hold rows of one length and memory
trouble shows early. Answers come from a running batch that finished rows leave and waiting rows join. It does not
cover several devices or beam search.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ownwords import models
from ownwords.engines.base import Engine, Provenance
from ownwords.errors import EngineError, InputError, ModelError
from ownwords.recipe import RuntimeSection
from ownwords.records import Completion, Request

if TYPE_CHECKING:
    from ownwords.engines._rows import Group, Pool

WINDOW = 16  # batches that wait, sorted by length: bounds the memory, and how far answers come out of order


def create(model: models.Model | None, runtime: RuntimeSection, *, allow_code: bool = False) -> Engine:
    """Load tokenizer and weights.

    Raises:
        ModelError: the model cannot be used as a chat model here.
        EngineError: it does not fit into memory.
    """
    if model is None:
        raise ModelError("the transformers engine needs a model: set model.name_or_path.")
    return TransformersEngine(model, runtime)


class TransformersEngine(Engine):
    """See the module docstring. One engine has one tokenizer; `weights` of a request share it."""

    capabilities = frozenset({"logprobs", "prefill", "tools", "weights"})

    def __init__(self, model: models.Model, runtime: RuntimeSection) -> None:
        import transformers

        from ownwords.engines._codec import Codec, stop_ids
        from ownwords.engines._decoding import Limits
        from ownwords.engines._weights import WeightSet

        device = models.choose_device(runtime.device)
        dtype = models.choose_dtype(runtime.dtype, device)
        tokenizer = models.load_tokenizer(model)
        with _memory_advice():
            self._weights = WeightSet(model, dtype, device)
        self._device = device
        self._limits = Limits(runtime.batch_size, runtime.max_batch_tokens)
        self.codec = Codec(
            tokenizer,
            models.context_length(tokenizer, self._weights.config),
            stop_ids(tokenizer, self._weights.generation_config),
        )
        self._provenance = Provenance(
            kind="transformers",
            version=transformers.__version__,
            dtype=str(dtype).removeprefix("torch."),
            device=device,
            model=model.name,
            weights_hash=model.weights_hash,
        )

    @property
    def provenance(self) -> Provenance:
        return self._provenance

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        from ownwords.engines._rows import Pool

        pool = Pool(iter(requests), self.codec.encode, WINDOW * self._limits.rows)
        yield from pool.fill()
        while (group := pool.next_group()) is not None:
            with _memory_advice():
                with self.starting():
                    self._weights.model(group.weights)
                yield from self._answer(pool, group)

    def preflight(self, requests: Iterable[Request]) -> None:
        for request in requests:
            row = self.codec.encode(request)
            if isinstance(row, Completion) and row.error is not None:
                raise InputError(f"request {request.id}: {row.error.message}")

    def _answer(self, pool: Pool, group: Group) -> Iterator[Completion]:
        from ownwords.engines._decoding import Decoder, OwnCacheBatch, SlotBatch
        from ownwords.engines._scoring import score

        def model() -> Any:  # asked for at every step: another stream may have switched adapters meanwhile
            return self._weights.model(group.weights)

        if group.scored:
            return score(pool, group, model, self._limits, self._device)
        if self._weights.takes_slots(group.weights):
            batch = SlotBatch(model, self._device, self._limits.rows, self._limits.tokens)
        else:
            batch = OwnCacheBatch(model, self._device)
        return Decoder(batch, self._limits, self.codec).run(pool, group)


@contextmanager
def _memory_advice() -> Iterator[None]:
    """Say what to do when memory runs out; torch raises a plain RuntimeError for that on the CPU."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise EngineError(_OUT_OF_MEMORY.format(error)) from error
    except RuntimeError as error:
        if "allocate memory" not in str(error):
            raise
        raise EngineError(_OUT_OF_MEMORY.format(error)) from error


_OUT_OF_MEMORY = "out of memory. Lower runtime.batch_size or runtime.max_batch_tokens, or take a smaller model. ({})"
