"""A key-value cache of slots: each row owns one, new keys are written in place, rows come and go without a copy.

transformers' own dynamic cache copies everything at every step (`torch.cat`) and pads all rows to one end, so that a
row cannot join later. Here a row starts at column 0 of its slot and ends at its own length. Only for models whose
every layer is full attention; `_decoding` keeps the model's own cache for the others.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "ownwords_grouped"
_BLOCK = 128  # columns by which the room grows


def grouped_attention(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **kwargs: Any) -> Any:
    """Scaled dot-product attention that, for one new token, reads grouped keys without expanding them.

    The query heads that share a key head become the rows of one small matrix: [rows, key heads, group, head size].
    """
    rows, heads, length, size = query.shape
    if length != 1 or kwargs.get("position_bias") is not None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    grouped = query.reshape(rows, key.shape[1], heads // key.shape[1], size)
    mixed = torch.nn.functional.scaled_dot_product_attention(
        grouped, key, value, attn_mask=attention_mask, scale=kwargs.get("scaling")
    )
    return mixed.reshape(rows, 1, heads, value.shape[-1]), None


def use_slots(model: Any) -> bool:
    """Switch the model to the grouped attention if its every layer is full attention; say whether it was."""
    layers = DynamicCache(config=model.config).layers
    fits = (
        model._supports_attention_backend
        and model.config._attn_implementation == "sdpa"
        and len(layers) == model.config.get_text_config(decoder=True).num_hidden_layers
        and all(type(layer) is DynamicLayer for layer in layers)
    )
    if fits:
        AttentionInterface.register(ATTENTION, grouped_attention)
        AttentionMaskInterface.register(ATTENTION, sdpa_mask)
        model.set_attn_implementation(ATTENTION)
    return fits


class _Step:
    """Where the tokens of the current step go; one object that all layers read."""

    rows: Any
    columns: Any
    width: int


class _SlotLayer(CacheLayerMixin):
    """Keys and values of one layer: [slots, heads, room, head size]."""

    is_sliding = False
    keys: Any
    values: Any

    def __init__(self, step: _Step, keys: Any, values: Any) -> None:
        super().__init__()
        self.step = step
        self.keys, self.values = keys, values
        self.is_initialized = True

    def lazy_initialization(self, key_states: Any, value_states: Any) -> None:
        """Nothing to do: the room is made before the first step."""

    def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        step, rows = self.step, key_states.shape[0]
        self.keys[step.rows, :, step.columns] = key_states[:, :, 0]
        self.values[step.rows, :, step.columns] = value_states[:, :, 0]
        return self.keys[:rows, :, : step.width], self.values[:rows, :, : step.width]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.step.width, 0

    def get_seq_length(self) -> int:
        return self.step.width - 1

    def get_max_length(self) -> int:
        return -1

    def grow(self, slots: int, room: int, used: tuple[int, int]) -> None:
        """Move the used rows and columns to a new allocation."""
        rows, columns = used
        self.keys = _moved(self.keys, slots, room, rows, columns)
        self.values = _moved(self.values, slots, room, rows, columns)


def _moved(old: Any, slots: int, room: int, rows: int, columns: int) -> Any:
    # Zeros, not empty: a masked column still enters the product with weight 0, and 0 * NaN is NaN.
    new = old.new_zeros((slots, old.shape[1], room, old.shape[3]))
    new[:rows, :, :columns] = old[:rows, :, :columns]
    return new


class SlotCache:
    """The slots of a running batch. Rows are dense: row i lies in slot i, `lengths[i]` tokens long.

    Slots × room stays within `max_tokens`, or within what the rows that are there need.
    """

    def __init__(self, max_rows: int, max_tokens: int) -> None:
        self.lengths: list[int] = []
        self._max_rows = max_rows
        self._max_tokens = max_tokens
        self._step = _Step()
        self._layers: list[_SlotLayer] = []

    def add(self, prefilled: Any, lengths: Sequence[int]) -> None:
        """Take over rows from a prefill in which they begin together: the first `lengths` tokens of each."""
        first = len(self.lengths)
        if not self._layers:
            self._layers = [
                _SlotLayer(self._step, layer.keys[:0, :, :0], layer.values[:0, :, :0]) for layer in prefilled.layers
            ]
        self._reserve(first + len(lengths), max([*lengths, *self.lengths]) + 1)
        for slots, layer in zip(self._layers, prefilled.layers, strict=True):
            for row, length in enumerate(lengths):
                slots.keys[first + row, :, :length] = layer.keys[row, :, :length]
                slots.values[first + row, :, :length] = layer.values[row, :, :length]
        self.lengths.extend(lengths)

    def keep(self, order: Sequence[int]) -> None:
        """Row i becomes what row `order[i]` was; rows left out are forgotten. Holes are filled from the end."""
        for row, source in enumerate(order):
            if row != source:
                for slots in self._layers:
                    slots.keys[row] = slots.keys[source]
                    slots.values[row] = slots.values[source]
        self.lengths = [self.lengths[source] for source in order]

    def begin_step(self, device: Any) -> tuple[Cache, Any, Any]:
        """Make room for one token a row: the cache for the model, its mask [rows, 1, 1, width], its positions."""
        rows, width = len(self.lengths), max(self.lengths) + 1
        self._reserve(rows, width)
        columns = torch.tensor(self.lengths, device=device)
        self._step.rows, self._step.columns, self._step.width = torch.arange(rows, device=device), columns, width
        mask = torch.arange(width, device=device)[None, :] <= columns[:, None]
        self.lengths = [length + 1 for length in self.lengths]
        return Cache(layers=list(self._layers)), mask[:, None, None, :], columns[:, None]

    def _reserve(self, rows: int, width: int) -> None:
        slots, room = self._layers[0].keys.shape[0], self._layers[0].keys.shape[2]
        if rows <= slots and width <= room:
            return
        room = -(-width // _BLOCK) * _BLOCK
        slots = max(rows, min(self._max_rows, self._max_tokens // room))
        used = (len(self.lengths), max(self.lengths, default=0))
        for layer in self._layers:
            layer.grow(slots, room, used)
