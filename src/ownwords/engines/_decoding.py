"""Generation with a running batch: finished rows leave it at once, waiting rows join it."""

# pyright: basic
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ownwords.engines._cache import SlotCache
from ownwords.engines._codec import Codec
from ownwords.engines._padding import left_pad, right_pad
from ownwords.engines._rows import Group, Pool, Row
from ownwords.engines._sampling import choose, uniform_stream
from ownwords.errors import EngineError
from ownwords.records import Completion

PREFILL_TOKENS = 4096  # tokens of one prefill at most (or one prompt): bounds its activations


class Batch(ABC):
    """The model's memory of the rows in flight."""

    can_join: bool

    @abstractmethod
    def add(self, prompts: Sequence[list[int]]) -> None:
        """Read new prompts, except the last token of each: that is the first to come with `step`."""

    @abstractmethod
    def step(self, tokens: Sequence[int]) -> Any:
        """Append one token to every row; logits of the next ones: [rows, vocabulary]."""

    @abstractmethod
    def keep(self, order: Sequence[int]) -> None:
        """Row i becomes what row `order[i]` was; the rest is forgotten."""


class SlotBatch(Batch):
    """Rows in slots, for models whose every layer is full attention."""

    can_join = True

    def __init__(self, model: Callable[[], Any], device: Any, max_rows: int, max_tokens: int) -> None:
        self._model = model
        self._device = device
        self._cache = SlotCache(max_rows, max_tokens)

    @torch.inference_mode()
    def add(self, prompts: Sequence[list[int]]) -> None:
        from transformers import DynamicCache

        model = self._model()
        prefilled = DynamicCache(config=model.config)
        # No mask: the padding stands behind each row, where no token of its own looks.
        model(input_ids=right_pad(prompts, self._device), past_key_values=prefilled, use_cache=True, logits_to_keep=1)
        self._cache.add(prefilled, [len(prompt) - 1 for prompt in prompts])

    @torch.inference_mode()
    def step(self, tokens: Sequence[int]) -> Any:
        cache, mask, positions = self._cache.begin_step(self._device)
        output = self._model()(
            input_ids=torch.tensor(tokens, device=self._device)[:, None],
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        )
        return output.logits[:, -1]

    @torch.inference_mode()
    def keep(self, order: Sequence[int]) -> None:
        self._cache.keep(order)


class OwnCacheBatch(Batch):
    """Rows in the model's own cache (sliding windows, recurrent layers): left-padded to one end, so none can join."""

    can_join = False

    def __init__(self, model: Callable[[], Any], device: Any) -> None:
        self._model = model
        self._device = device
        self._unread: Sequence[list[int]] | None = None
        self._cache: Any = None
        self._mask: Any = None

    def add(self, prompts: Sequence[list[int]]) -> None:
        self._unread = prompts

    @torch.inference_mode()
    def step(self, tokens: Sequence[int]) -> Any:
        from transformers import DynamicCache

        model = self._model()
        if self._unread is not None:
            ids, self._mask, positions = left_pad(self._unread, self._device)
            self._unread = None
            self._cache = DynamicCache(config=model.config)
        else:
            ids = torch.tensor(tokens, device=self._device)[:, None]
            positions = self._mask.sum(-1, keepdim=True)
            self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        output = model(
            input_ids=ids,
            attention_mask=self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]

    @torch.inference_mode()
    def keep(self, order: Sequence[int]) -> None:
        index = torch.tensor(order, dtype=torch.long, device=self._device)
        self._mask = self._mask[index]
        self._cache.reorder_cache(index)


@dataclass(slots=True)
class _Active:
    row: Row
    uniforms: list[float]
    tokens: list[int] = field(default_factory=list)

    @property
    def last(self) -> int:
        return self.tokens[-1] if self.tokens else self.row.prompt[-1]


@dataclass(frozen=True, slots=True)
class Limits:
    """Rows, and tokens over all rows, that may be in flight."""

    rows: int
    tokens: int


class Decoder:
    """Answers one group's rows from the pool until none of them waits."""

    def __init__(self, batch: Batch, limits: Limits, codec: Codec) -> None:
        self._batch = batch
        self._limits = limits
        self._codec = codec
        self._active: list[_Active] = []  # in the order of the batch's rows

    def run(self, pool: Pool, group: Group) -> Iterator[Completion]:
        while True:
            yield from pool.fill()
            started = False
            while rows := self._admitted(pool, group):
                self._batch.add([row.prompt for row in rows])
                self._active += [_start(row) for row in rows]
                started = True
                yield from pool.fill()
            if not self._active:
                return
            logits = self._batch.step([active.last for active in self._active])
            if started:
                _require_finite(logits)
            self._append(logits)
            yield from self._finished()

    def _admitted(self, pool: Pool, group: Group) -> list[Row]:
        """The longest waiting rows that fit. They join when an eighth of the batch is free: a prefill a row is dear."""
        free = self._limits.rows - len(self._active)
        if self._active and (not self._batch.can_join or free < max(1, self._limits.rows // 8)):
            return []
        rows: list[Row] = []
        longest = max((active.row.total for active in self._active), default=0)
        while len(rows) < free and (row := pool.longest(group)) is not None:
            longest = max(longest, row.total)
            in_flight = len(self._active) + len(rows)
            if in_flight and (in_flight + 1) * longest > self._limits.tokens:
                break
            if rows and (len(rows) + 1) * len(rows[0].prompt) > PREFILL_TOKENS:
                break
            rows.append(pool.pop_longest(group))
        return rows

    def _append(self, logits: Any) -> None:
        samplings = [active.row.request.sampling for active in self._active]
        uniforms = [active.uniforms[len(active.tokens)] if active.uniforms else 0.0 for active in self._active]
        for active, token in zip(self._active, choose(logits, samplings, uniforms).tolist(), strict=True):
            active.tokens.append(token)

    def _finished(self) -> Iterator[Completion]:
        """Take the rows that are done out of the batch, then give their completions."""
        done = [
            index
            for index, active in enumerate(self._active)
            if active.tokens[-1] in self._codec.stop_ids or len(active.tokens) >= active.row.max_new
        ]
        if not done:
            return
        leaving = [self._active[index] for index in done]
        order = fill_holes(len(self._active), done)
        self._batch.keep(order)
        self._active = [self._active[index] for index in order]
        for active in leaving:
            yield self._codec.decode(active.row, active.tokens)


def _start(row: Row) -> _Active:
    sampled = row.request.sampling.temperature > 0
    return _Active(row, uniform_stream(row.request.seed, row.max_new) if sampled else [])


def _require_finite(logits: Any) -> None:
    if not logits.amax().isfinite():
        raise EngineError(
            f"the model's logits are not finite numbers in {logits.dtype}: set runtime.dtype to bfloat16 or float32."
        )


def fill_holes(count: int, leaving: Sequence[int]) -> list[int]:
    """The order in which the other rows close ranks, moving as few as can be: `fill_holes(5, [1])` is [0, 4, 2, 3]."""
    gone = set(leaving)
    left = count - len(gone)
    movers = [row for row in range(left, count) if row not in gone]
    return [row if row not in gone else movers.pop() for row in range(left)]
