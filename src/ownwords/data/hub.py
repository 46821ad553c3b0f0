"""Rows that the `datasets` library finds: a dataset of the Hugging Face Hub, or a folder laid out like one.

Rows are streamed: files are fetched as rows are asked for, and nothing is kept. A dataset's commit is asked for once a
process, so that rows and fingerprint are of the same one. Where the Hub cannot be reached, what the `datasets` library
has prepared in its own cache (`datasets.load_dataset(name)`) is read instead. No code of a dataset is ever run.

Not covered: slices of splits ("train[:10%]"; `limit` takes the first rows), columns that hold images or sound.
"""

# pyright: basic
from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ownwords.data.files import Row
from ownwords.errors import DataError, MissingFileError, RecipeError, unknown_name
from ownwords.recipe import SourceSection

#: How the library says that a dataset has code where others have data; the code's file stands behind it.
_HAS_CODE = re.compile(r"Dataset scripts are no longer supported, but found (\S+)")

_HUB_TIMEOUT = 10.0  # seconds; without an answer by then the local cache decides


def hub_rows(name: str, source: SourceSection, likely_split: str | None) -> Iterator[Row]:
    """The rows of a dataset of the Hub, streamed, each with its origin ("openai/gsm8k train row 3"). `likely_split` is
    what the message proposes where `split` is missing.

    Raises:
        MissingFileError: there is no such dataset, it cannot be accessed or reached, or only its own code makes rows.
        DataError: while iterating, where a file is damaged.
        RecipeError: `revision`, `config` or `split` is wrong, or missing where there are several.
    """
    commit, trouble = _commit(name, source.revision)
    builder = _cached_builder(name, source, trouble) if commit is None else _builder(name, source.config, commit)
    return _rows(name, name, builder, source.split, likely_split)


def describe_hub(name: str, source: SourceSection) -> dict[str, Any]:
    """What fixes the rows of a dataset of the Hub: its commit, and which part of it is read.

    Raises:
        MissingFileError: there is no such dataset, or it can neither be reached nor is in the local cache.
        RecipeError: there is no such `revision`, or the cache has another `config`.
    """
    commit, trouble = _commit(name, source.revision)
    if commit is None:
        commit = _cached_builder(name, source, trouble).hash
    return {"commit": commit, "config": source.config, "split": source.split}


def folder_rows(folder: Path, source: SourceSection, likely_split: str | None) -> Iterator[Row]:
    """The rows of one split of a folder laid out like a dataset of the Hub: README.md or file names say which is which.

    Raises:
        DataError: it holds no data, or, while iterating, a file is damaged.
        RecipeError: `config` or `split` is wrong, or missing where there are several.
    """
    path = folder.resolve()
    return _rows(str(folder), path.name, _builder(str(path), source.config, None), source.split, likely_split)


@cache
def _commit(name: str, revision: str | None) -> tuple[str | None, str]:
    """The commit that a dataset is at; where the Hub cannot be reached None, and the reason."""
    from datasets import config
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        HTTPError,  # pyright: ignore[reportPrivateImportUsage] - httpx's or httpx2's, as its version has it
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
        if config.HF_HUB_OFFLINE:
            return None, "offline mode"
        return HfApi().dataset_info(name, revision=revision, timeout=_HUB_TIMEOUT).sha, ""
    except HFValidationError as error:
        raise MissingFileError(
            f"path {name}: there is no file or folder of that name, nor can it be a dataset of the Hugging Face Hub "
            "(owner/name)."
        ) from error
    except GatedRepoError as error:
        raise MissingFileError(_gated(name)) from error
    except RepositoryNotFoundError as error:
        raise MissingFileError(
            f"path {name}: there is no file or folder of that name, and the Hugging Face Hub has no such dataset, "
            "or it is private (`hf auth login`)."
        ) from error
    except RevisionNotFoundError as error:
        raise RecipeError(f"dataset {name}: it has no revision {revision!r}.") from error
    except (OfflineModeIsEnabled, HTTPError, OSError) as error:
        return None, type(error).__name__


def _gated(name: str) -> str:
    return (
        f"dataset {name}: access is gated. Accept its terms on https://huggingface.co/datasets/{name}, "
        "then `hf auth login`."
    )


def _builder(path: str, config: str | None, commit: str | None) -> Any:
    """The library's builder of a dataset at a commit, or of a local folder (no commit)."""
    from datasets import load_dataset_builder
    from datasets.exceptions import DatasetNotFoundError

    try:
        builder = load_dataset_builder(path, name=config, revision=commit)
    except DatasetNotFoundError as error:  # its commit was found, so its files are refused
        raise MissingFileError(_gated(path)) from error
    except ValueError as error:
        _require_config(path, config, commit)
        raise DataError(_unreadable(path, error)) from error
    except Exception as error:  # the boundary to a library that lets through whatever a dataset's files cause
        code = _HAS_CODE.search(str(error))
        if code is not None:
            raise MissingFileError(_only_by_code(path, code.group(1))) from error
        raise DataError(_unreadable(path, error)) from error
    if commit is not None and builder.hash != commit:  # the library falls back to whatever its cache has
        raise DataError(f"dataset {path}: the Hub stopped answering before commit {commit} was found. Try again.")
    return builder


def _only_by_code(name: str, code: str) -> str:
    return (
        f"dataset {name}: its rows are made by code of its own ({code}), and no code of a dataset is ever run. Take "
        f"its data file: `hf download {name} --repo-type dataset --local-dir FOLDER`, and give that file."
    )


def _require_config(path: str, config: str | None, commit: str | None) -> None:
    """Raise if it is the config that is wrong or missing."""
    from datasets import get_dataset_config_names

    try:
        known = get_dataset_config_names(path, revision=commit)
    except Exception:  # noqa: BLE001 - the dataset itself is unreadable; the caller has the reason
        return
    if config is None and len(known) > 1:
        raise RecipeError(f"dataset {path} has several configs: {', '.join(known)}. Say which one with `config`.")
    if config is not None and config not in known:
        raise RecipeError(f"dataset {path}: {unknown_name('config', config, known)}")


def _cached_builder(name: str, source: SourceSection, trouble: str) -> Any:
    """The library's builder of what it has prepared in its cache before, which asks no network."""
    from datasets.packaged_modules.cache.cache import Cache

    try:
        builder = Cache(
            dataset_name=name.rpartition("/")[2], repo_id=name, config_name=source.config, version="auto", hash="auto"
        )
    except (ValueError, OSError) as error:
        raise MissingFileError(
            f"path {name}: there is no file or folder of that name, the Hugging Face Hub cannot be reached ({trouble}) "
            f"and the cache of the `datasets` library does not have it"
            f"{f' with config {source.config!r}' if source.config else ''}. Connect, or run `hf download {name} "
            "--repo-type dataset --local-dir FOLDER` where there is a network and give that folder with a `split`."
        ) from error
    if source.revision is not None and builder.hash != source.revision:
        raise RecipeError(
            f"dataset {name}: the Hugging Face Hub cannot be reached ({trouble}), and the local cache has commit "
            f"{builder.hash}, not surely revision {source.revision!r}. Set `revision` to that commit, or connect."
        )
    return builder


def _rows(name: str, short_name: str, builder: Any, split: str | None, likely_split: str | None) -> Iterator[Row]:
    try:
        splits = builder.as_streaming_dataset()
    except Exception as error:  # the boundary: the library looks into the first file here
        raise DataError(_unreadable(name, error)) from error
    chosen = _chosen_split(name, [str(known) for known in splits], split, likely_split)
    number = 0
    try:
        for number, row in enumerate(splits[chosen], 1):
            yield f"{short_name} {chosen} row {number}", row
    except Exception as error:  # the boundary again, to files of any kind and to the network
        raise DataError(f"{_unreadable(name, error)} (after {chosen} row {number})") from error
    if number == 0:
        raise DataError(f"dataset {name}: its split {chosen} holds no rows.")


def _chosen_split(name: str, known: list[str], split: str | None, likely: str | None) -> str:
    if split is not None and split not in known:
        raise RecipeError(f"dataset {name}: {unknown_name('split', split, known)} `limit` takes its first rows.")
    if split is None and len(known) > 1:
        example = f" Most likely split: {likely}." if likely in known else ""
        raise RecipeError(
            f"dataset {name} has several splits: {', '.join(known)}. Say which one with `split`.{example}"
        )
    return split or known[0]


def _unreadable(name: str, error: Exception) -> str:
    reason = (str(error).splitlines() or [""])[0][:200]
    return f"dataset {name}: the `datasets` library cannot read it: {type(error).__name__}: {reason}"
