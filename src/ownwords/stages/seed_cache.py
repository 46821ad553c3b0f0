"""The seed's likeliest next tokens at the places of a KL objective, read once before training and kept beside the arm.

One file of PART rows after the other, each whole or not there, so that reading goes on where it was stopped. The
folder's fingerprint holds the weights, the tokens of every row and the places: files of others are thrown away.
"""

# pyright: basic
from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ownwords.progress import Progress
from ownwords.recipe import KlSection
from ownwords.run import read_json, write_atomic, write_json
from ownwords.stages.objective import CachedSeed, Head, likeliest, places_of

PART = 256  # rows in a file
TOKENS = 4096  # in a batch that is read
PLACES = 256  # whose likeliest tokens are looked for together

Rows = Sequence[Mapping[str, Any]]


class SeedCache:
    """Reads the files, a row's places at a time; they are mapped into memory, not loaded."""

    def __init__(self, folder: Path, rows: Rows, kl: KlSection) -> None:
        self._parts: list[Any] = []
        self._where: dict[tuple[int, ...], tuple[int, int, int]] = {}
        for number, some in enumerate(_parts(rows)):
            self._parts.append(np.load(_file(folder, number), mmap_mode="r", allow_pickle=False))
            start = 0
            for row in some:
                count = int(_places([row], kl)[2].sum())
                self._where[tuple(row["input_ids"])] = (number, start, count)
                start += count

    def at(self, rows: Sequence[Sequence[int]], device: Any) -> CachedSeed:
        """Every place of these rows (token ids), one row after the other."""
        found = [self._parts[part][start : start + count] for part, start, count in map(self._row, rows)]
        entries = np.concatenate(found)
        ids, logprobs = (torch.from_numpy(entries[name].copy()).to(device) for name in ("id", "logprob"))
        return CachedSeed(ids, logprobs)

    def _row(self, ids: Sequence[int]) -> tuple[int, int, int]:
        return self._where[tuple(ids)]


def read_seed(network: Any, head: Head, rows: Rows, kl: KlSection, *, folder: Path, weights: str) -> SeedCache:
    """Let the seed read every row whose file is missing, and give the whole. `weights` is the hash of its weights.

    `network` can give hidden states alone (`objective.expose_hidden_states`) and has no adapter.
    """
    owner = {"fingerprint": _fingerprint(rows, kl, weights)}
    if read_json(folder / "owner.json") != owner:
        shutil.rmtree(folder, ignore_errors=True)
        write_json(folder / "owner.json", owner)
    parts = list(enumerate(_parts(rows)))
    done = sum(len(some) for number, some in parts if _file(folder, number).is_file())
    with Progress("reading the seed's likeliest tokens", len(rows), done=done) as progress:
        for number, some in parts:
            if not _file(folder, number).is_file():
                _save(_file(folder, number), _read(network, head, some, kl))
                progress.advance(len(some), sum(len(row["input_ids"]) for row in some))
    return SeedCache(folder, rows, kl)


def _read(network: Any, head: Head, rows: Rows, kl: KlSection) -> Any:
    top = min(kl.top, head.weight.shape[0])
    kind = np.dtype([("id", np.int32, (top,)), ("logprob", np.float16, (top + 1,))])
    found: dict[int, Any] = {}
    for batch in _batches(rows):
        ids, attention, places = (t.to(head.weight.device) for t in _places([rows[i] for i in batch], kl))
        with torch.no_grad():
            hidden = network(input_ids=ids, attention_mask=attention, hidden_states_alone=True)[:, :-1]
            pieces = [likeliest(head.logits(some), top) for some in hidden[places].split(PLACES)]
        entries = np.empty(int(places.sum()), kind)
        if pieces:
            entries["id"], entries["logprob"] = (torch.cat(each).cpu().numpy() for each in zip(*pieces, strict=True))
        ends = places.sum(1).cumsum(0).tolist()
        found.update(zip(batch, np.split(entries, ends[:-1]), strict=True))
    return np.concatenate([found[index] for index in range(len(rows))])


def _parts(rows: Rows) -> list[Rows]:
    """The rows of each file."""
    return [rows[start : start + PART] for start in range(0, len(rows), PART)]


def _batches(rows: Rows) -> Iterator[list[int]]:
    """Rows of like length together, by their positions."""
    batch: list[int] = []
    for index in sorted(range(len(rows)), key=lambda index: -len(rows[index]["input_ids"])):
        if batch and (len(batch) + 1) * len(rows[batch[0]]["input_ids"]) > TOKENS:
            yield batch
            batch = []
        batch.append(index)
    yield batch


def _places(rows: Rows, kl: KlSection) -> tuple[Any, Any, Any]:
    """Token ids and attention mask [rows, longest], padded at the end, and the places of the objective."""

    def padded(values: list[list[int]], padding: int) -> Any:
        return torch.nn.utils.rnn.pad_sequence([torch.tensor(own) for own in values], True, padding)

    ids = padded([row["input_ids"] for row in rows], 0)
    labels = padded([row["labels"] for row in rows], -100)
    attention = padded([[1] * len(row["input_ids"]) for row in rows], 0)
    return ids, attention, places_of(kl.on, labels, attention)


def _fingerprint(rows: Rows, kl: KlSection, weights: str) -> str:
    hashed = hashlib.sha256(f"{weights} {kl.on} {kl.top}".encode())
    for row in rows:
        hashed.update(np.asarray([len(row["labels"]), *row["input_ids"], *row["labels"]], np.int64).tobytes())
    return hashed.hexdigest()


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:05}.npy"


def _save(path: Path, entries: Any) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, entries, allow_pickle=False)

    write_atomic(path, write)
