"""The engine that runs a model with transformers, on CPU, CUDA or MPS: generation and log-likelihoods.

Requests wait in a bounded window sorted by length, longest first, so that batches hold rows of one length and memory
trouble shows early: that halves the batch for the rest of the stream, and the rows that were in flight start again.
Answers come from a running batch that finished rows leave and waiting rows join. It does not cover several devices or
beam search.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ownwords import models
from ownwords.engines._codec import Codec, failed, stop_ids
from ownwords.engines.base import Engine, Provenance
from ownwords.errors import EngineError, InputError, ModelError
from ownwords.progress import say
from ownwords.recipe import RuntimeSection
from ownwords.records import Completion, Request

if TYPE_CHECKING:
    from ownwords.engines._decoding import Limits
    from ownwords.engines._rows import Group, Lending, Pool

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

        from ownwords.engines._decoding import Limits
        from ownwords.engines._memory import advising
        from ownwords.engines._weights import WeightSet

        device = models.choose_device(runtime.device)
        dtype = models.choose_dtype(runtime.dtype, device)
        tokenizer = models.load_tokenizer(model)
        with advising():
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
        from ownwords.engines._memory import advising
        from ownwords.engines._rows import Lending

        limits = self._limits
        pool = Lending(iter(requests), self.codec.encode, WINDOW * limits.rows)
        yield from pool.fill()
        while (group := pool.next_group()) is not None:
            with advising(), self.starting():
                self._weights.model(group.weights)
            shortage = yield from self._answer(pool, group, limits)
            if shortage is not None:
                limits = yield from self._make_room(pool, limits, shortage)

    def preflight(self, requests: Iterable[Request]) -> None:
        for request in requests:
            row = self.codec.encode(request)
            if isinstance(row, Completion) and row.error is not None:
                raise InputError(f"request {request.id}: {row.error.message}")

    def _answer(self, pool: Lending, group: Group, limits: Limits) -> Generator[Completion, None, str | None]:
        """Answer the group's rows; if memory runs out, give torch's words for it instead of going on."""
        from ownwords.engines._memory import is_shortage

        try:
            for completion in self._batches(pool, group, limits):
                pool.answered(completion)
                yield completion
        except (RuntimeError, MemoryError) as error:
            if not is_shortage(error):
                raise
            return (str(error).splitlines() or [""])[0]  # the error itself would hold the batch's memory
        return None

    def _make_room(self, pool: Lending, limits: Limits, shortage: str) -> Generator[Completion, None, Limits]:
        """Smaller limits, at which the rows that were in flight start again; an error for one that fits nowhere."""
        import torch

        from ownwords.engines._memory import ADVICE, halved

        if self._device == "cuda":
            torch.cuda.empty_cache()
        rows = pool.take_back()
        if not rows:
            raise EngineError(ADVICE.format(shortage))
        smaller = halved(limits, rows)
        if smaller is None:
            yield failed(rows[0].request, len(rows[0].prompt), "out_of_memory", ADVICE.format(shortage))
            return limits
        pool.put_back(rows)
        say(
            f"out of memory with {len(rows)} rows in flight: from here on at most {smaller.rows:,} rows and "
            f"{smaller.tokens:,} tokens at once, not {limits.rows:,} and {limits.tokens:,}"
        )
        return smaller

    def _batches(self, pool: Pool, group: Group, limits: Limits) -> Iterator[Completion]:
        from ownwords.engines._decoding import Decoder, OwnCacheBatch, SlotBatch
        from ownwords.engines._scoring import score

        def model() -> Any:  # asked for at every step: another stream may have switched adapters meanwhile
            return self._weights.model(group.weights)

        takes_slots = self._weights.takes_slots(group.weights)
        if group.scored:
            return score(pool, group, model, limits, self._device, shares=takes_slots)
        if takes_slots:
            batch = SlotBatch(model, self._device, limits.rows, limits.tokens)
        else:
            batch = OwnCacheBatch(model, self._device)
        return Decoder(batch, limits, self.codec).run(pool, group)
