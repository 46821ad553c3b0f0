"""The engine that runs a model with transformers, on CPU, CUDA or MPS: generation and log-likelihoods.

Requests wait in a bounded window sorted by length, longest first, so that batches hold rows of one length and memory
trouble shows early. Answers come from a running batch that finished rows leave and waiting rows join. It does not
cover several devices or beam search.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ownwords import models, rendering
from ownwords.engines.base import Engine, Provenance
from ownwords.errors import EngineError, InputError, ModelError
from ownwords.recipe import RuntimeSection
from ownwords.records import Completion, Request, RowError

if TYPE_CHECKING:
    from ownwords.engines._rows import Group, Pool, Row

WINDOW = 16  # batches that wait, sorted by length: bounds the memory, and how far answers come out of order
_END_OF_TURN = frozenset({"<|eot_id|>", "<end_of_turn>", "<|im_end|>"})


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
        from ownwords.engines._weights import WeightSet

        device = models.choose_device(runtime.device)
        dtype = models.choose_dtype(runtime.dtype, device)
        self.tokenizer = models.load_tokenizer(model)
        with _memory_advice():
            self._weights = WeightSet(model, dtype, device)
        self._device = device
        self._limits = Limits(runtime.batch_size, runtime.max_batch_tokens)
        self.context = models.context_length(self.tokenizer, self._weights.config)
        self.stop_ids = stop_ids(self.tokenizer, self._weights.generation_config)
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

        pool = Pool(iter(requests), self._prepare, WINDOW * self._limits.rows)
        yield from pool.fill()
        while (group := pool.next_group()) is not None:
            with _memory_advice():
                yield from self._answer(pool, group)

    def preflight(self, requests: Iterable[Request]) -> None:
        for request in requests:
            row = self._prepare(request)
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
        return Decoder(batch, self._limits, self.stop_ids, self._decode).run(pool, group)

    def _decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def _prepare(self, request: Request) -> Row | Completion:
        """The request as token ids; what is wrong with this one alone is a completion with an error."""
        from ownwords.engines._rows import Row

        try:
            prompt, target = self._tokenise(request)
        except rendering.TemplateError as error:
            return _failed(request, 0, "chat_template", f"the chat template cannot render its messages: {error}")
        room = self.context - len(prompt)
        if target is None and room < 1:
            return _failed(
                request,
                len(prompt),
                "prompt_too_long",
                f"the prompt has {len(prompt)} tokens and leaves no room for an answer in a context of {self.context}.",
            )
        if target is not None and room < len(target):
            return _failed(
                request,
                len(prompt),
                "prompt_too_long",
                f"prompt and target have {len(prompt)} + {len(target)} tokens, the context only {self.context}.",
            )
        opened = request.messages is not None and rendering.ends_in_reasoning(self.tokenizer, prompt)
        return Row(request, prompt, target, min(request.sampling.max_tokens, room), opened)

    def _tokenise(self, request: Request) -> tuple[list[int], list[int] | None]:
        if request.messages is None:
            text = (request.text or "") + request.prefill
            if request.target is not None:
                return rendering.raw_target_ids(self.tokenizer, text, request.target)
            return rendering.raw_target_ids(self.tokenizer, text, "")[0], None
        layout = _layout(request.chat_template) if request.chat_template else None
        given = rendering.Given(layout, request.tools, request.thinking)
        if request.target is not None:
            return rendering.target_ids(self.tokenizer, request.messages, request.target, given, request.prefill)
        return rendering.prompt_ids(self.tokenizer, request.messages, request.prefill, given), None


def stop_ids(tokenizer: Any, generation_config: Any) -> frozenset[int]:
    """Ids that end a turn: those of the generation config, the tokenizer's EOS, and well-known end-of-turn markers."""
    configured = generation_config.eos_token_id
    ids = set(configured if isinstance(configured, list) else [configured])
    ids.add(tokenizer.eos_token_id)
    ids.update(
        index for index, token in tokenizer.added_tokens_decoder.items() if token.special and str(token) in _END_OF_TURN
    )
    return frozenset(index for index in ids if index is not None)


@lru_cache(maxsize=8)
def _layout(name: str) -> str:
    from ownwords.prompts.render import load_layout

    return load_layout(name)


def _failed(request: Request, prompt_tokens: int, kind: str, message: str) -> Completion:
    return Completion(
        request_id=request.id, finish_reason="error", prompt_tokens=prompt_tokens, error=RowError(kind, message)
    )


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
