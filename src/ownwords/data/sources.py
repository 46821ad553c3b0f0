"""What a recipe's `path` means, its rows with their origins ("train.jsonl line 17"), and what fixes them.

| path | rows |
|---|---|
| a file | of that file |
| a folder | of its data files in the order of their names |
| a folder, with `split` or `config` | of that part, as the `datasets` library reads the folder |
| owner/name or name that is no path | of that dataset of the Hugging Face Hub |
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ownwords.data.compression import COMPRESSIONS
from ownwords.data.files import READABLE, Row, extension_of, is_readable
from ownwords.data.hub import describe_hub, folder_rows, hub_rows
from ownwords.data.shards import read_shards, shards_of
from ownwords.errors import DataError, MissingFileError, RecipeError
from ownwords.paths import given_path
from ownwords.recipe import SourceSection

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


def path_rows(source: SourceSection, *, likely_split: str | None = "train") -> Iterator[Row]:
    """The rows of a source's `path`, lazily, each with its origin. `likely_split` is what a message that asks for a
    `split` proposes.

    Raises:
        MissingFileError: there is nothing of that name, or it cannot be had here.
        DataError: while iterating, where a file is damaged, empty or of another kind.
        RecipeError: `split`, `config` or `revision` is wrong, or given where it means nothing.
    """
    name = _expanded(source.path or "")
    found = _local(name, source)
    if found is None:
        return hub_rows(name, source, likely_split)
    if _is_laid_out(found, source):
        return folder_rows(found, source, likely_split)
    return read_shards(shards_of(found) if found.is_dir() else [found])


def describe_path(source: SourceSection) -> dict[str, Any]:
    """What fixes the rows of a source's `path`, wherever it lies: hashes of contents, or the commit on the Hub.

    The names of a folder's files count, because they say in which order, and in which split, the rows come.

    Raises:
        DataError, RecipeError: as `path_rows`.
    """
    name = _expanded(source.path or "")
    found = _local(name, source)
    if found is None:
        return describe_hub(name, source)
    if _is_laid_out(found, source):
        return {"sha256": _hash_of(found, _files_below(found)), "config": source.config, "split": source.split}
    return {"sha256": _hash_of(found, shards_of(found)) if found.is_dir() else _sha256(found)}


def _expanded(path: str) -> str:
    """The path with the values of its `$VARIABLES`."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1) or match.group(2)
        if not os.environ.get(name):
            advice = " It names the folder that `make data` fills." if name == "OWNWORDS_DATA" else ""
            raise MissingFileError(f"path {path}: the environment variable {name} is not set.{advice}")
        return os.environ[name]

    return _VARIABLE.sub(value, path)


def _local(name: str, source: SourceSection) -> Path | None:
    """The file or folder of that name, None where it names a dataset of the Hub."""
    path = given_path(name)
    try:
        exists = path.is_file() or path.is_dir()
        on_hub = not exists and not _looks_like_path(name, path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if on_hub:
        return None
    if not exists:
        raise MissingFileError(
            f"there is no file or folder {path}. `path` names a file ({READABLE}), a folder of such files, or a "
            "dataset of the Hugging Face Hub (owner/name)."
        )
    _require_keys_that_mean_something(path, source)
    if not path.is_dir() and not is_readable(path):
        raise DataError(f"{path}: the extension {extension_of(path)!r} is not one that is read: {READABLE}.")
    return path


def _looks_like_path(name: str, path: Path) -> bool:
    """Written like a path or like a data file, or would lie in a folder that exists; the rest are names on the Hub."""
    written_like_one = path.is_absolute() or name.startswith((".", "~")) or name.endswith("/") or name.count("/") > 1
    like_a_file = is_readable(path) or path.suffix.lower() in COMPRESSIONS
    return written_like_one or like_a_file or (path.parent != Path() and path.parent.is_dir())


def _require_keys_that_mean_something(path: Path, source: SourceSection) -> None:
    given = [key for key in ("split", "config", "revision") if getattr(source, key) is not None]
    if given and not path.is_dir():
        raise RecipeError(
            f"`{given[0]}` belongs to a dataset of the Hugging Face Hub or a folder laid out like one, and {path} is a "
            "file. Leave it out."
        )
    if source.revision is not None:
        raise RecipeError(
            f"`revision` belongs to a dataset of the Hugging Face Hub, and {path} is a local folder. Leave it out."
        )


def _is_laid_out(path: Path, source: SourceSection) -> bool:
    return path.is_dir() and (source.split is not None or source.config is not None)


def _files_below(folder: Path) -> list[Path]:
    """All files but hidden ones: which of them a split reads is for the `datasets` library to say."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return [file for file in files if not any(part.startswith(".") for part in file.relative_to(folder).parts)]


def _hash_of(folder: Path, files: list[Path]) -> str:
    """One hash over names and contents."""
    names = sorted((file.relative_to(folder).as_posix(), file) for file in files)
    lines = (f"{_sha256(file)}  {name}\n" for name, file in names)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
