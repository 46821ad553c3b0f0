"""A folder of files of one kind is one dataset: its files in the order of their names.

What is no data is passed over: hidden files, README.md, LICENSE, text files, metadata of the `datasets` library. Data
of a kind that is not read is an error rather than rows lost without a word, and so are files of several splits.

Not covered: folders inside the folder, and a README.md that says which file is which split (`split` reads those).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ownwords.data.files import READABLE, Row, extension_of, is_readable, read_rows
from ownwords.errors import DataError

_METADATA = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
_UNREAD_DATA = (".arrow", ".avro", ".bz2", ".feather", ".gz", ".lz4", ".orc", ".tar", ".tsv", ".xz", ".zip", ".zst")

#: The words in file names by which the `datasets` library knows a split.
_SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}


def shards_of(folder: Path) -> list[Path]:
    """The data files of a folder by name; never an empty list.

    Raises:
        DataError: there is none, or they are of several kinds or splits, or of a kind that is not read.
    """
    try:
        files = sorted((file for file in folder.iterdir() if _may_be_data(file)), key=lambda file: file.name)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}.") from error
    unread = next((file for file in files if not is_readable(file)), None)
    if unread is not None:
        raise DataError(
            f"{folder} holds {unread.name}, which is not read ({READABLE} are). Convert or unpack it, or take it out."
        )
    if not files:
        raise DataError(
            f"{folder} holds no data file ({READABLE}). Files in folders inside it are read only with `split`."
        )
    _require_one_kind(folder, files)
    _require_one_split(folder, files)
    return files


def read_shards(shards: Sequence[Path]) -> Iterator[Row]:
    """The rows of all files, each with its origin ("part-2.jsonl line 3"); no file is opened before its turn.

    Raises:
        DataError: while iterating, where a file is not what its extension says, or holds no rows.
    """
    for shard in shards:
        for place, row in read_rows(shard):
            yield f"{shard.name} {place}", row


def _may_be_data(file: Path) -> bool:
    if file.name.startswith(".") or file.name in _METADATA or not file.is_file():
        return False
    return is_readable(file) or file.suffix.lower() in _UNREAD_DATA


def _require_one_kind(folder: Path, files: Sequence[Path]) -> None:
    first = files[0]
    other = next((file for file in files if extension_of(file) != extension_of(first)), None)
    if other is not None:
        raise DataError(
            f"{folder} mixes {extension_of(first)} ({first.name}) and {extension_of(other)} ({other.name}). "
            "Name one file, or leave files of one kind in the folder."
        )


def _require_one_split(folder: Path, files: Sequence[Path]) -> None:
    """Files named train and test beside each other would otherwise all become training rows."""
    found = {split for file in files if (split := _split_in_name(file)) is not None}
    if len(found) > 1:
        raise DataError(
            f"{folder} holds files of several splits ({', '.join(sorted(found))}). Say which one with `split`, "
            f"e.g. split: {'train' if 'train' in found else min(found)}, or name one file."
        )


def _split_in_name(file: Path) -> str | None:
    """The split that a file's name tells, None where it tells none or several."""
    words = set(re.split(r"[^a-z]+", file.name.lower()))
    found = [split for split, known in _SPLIT_WORDS.items() if words.intersection(known)]
    return found[0] if len(found) == 1 else None
