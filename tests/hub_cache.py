"""Datasets of the Hub for tests: what the `datasets` library would have prepared in its cache, without a network."""

# pyright: basic
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets.naming import camelcase_to_snakecase

from ownwords.data import hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def offline(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of the library, no network, and no commit remembered from another test."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    hub._commit.cache_clear()
    yield cache
    hub._commit.cache_clear()


def prepare(cache: Path, source: Path, name: str, commit: str, config: str | None = None) -> None:
    """What `datasets.load_dataset(name)` leaves in its cache, made from a local folder."""
    builder = datasets.load_dataset_builder(str(source), name=config)
    owner, _, short = name.partition("/")
    builder.dataset_name = camelcase_to_snakecase(short)
    builder.download_and_prepare(
        str(cache / f"{owner}___{builder.dataset_name}" / builder.config.name / "0.0.0" / commit)
    )


def publish(
    cache: Path,
    folder: Path,
    name: str,
    splits: Mapping[str, Sequence[Mapping[str, Any]]],
    config: str | None = None,
    features: datasets.Features | None = None,
) -> None:
    """A dataset of that name in the cache with these rows, in Parquet files as the Hub has them."""
    lines = [f"configs:\n- config_name: {config or 'default'}\n  data_files:\n"]
    folder.mkdir(parents=True)
    for split, rows in splits.items():
        made = datasets.Dataset.from_list([dict(row) for row in rows], features=features)
        made.to_parquet(str(folder / f"{split}.parquet"))
        lines.append(f"  - {{split: {split}, path: {split}.parquet}}\n")
    (folder / "README.md").write_text(f"---\n{''.join(lines)}---\n", encoding="utf-8")
    prepare(cache, folder, name, COMMIT, config)
