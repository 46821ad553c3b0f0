"""The recipe itself."""

from __future__ import annotations

from pydantic import Field

from ownwords.recipe.base import Section
from ownwords.recipe.data import DataSection, ModelSection
from ownwords.recipe.rewrite import RewriteSection
from ownwords.recipe.runtime import RuntimeSection
from ownwords.recipe.tune import EvaluateSection, TuneSection


class Recipe(Section):
    model: ModelSection
    data: DataSection
    rewrite: RewriteSection = Field(default_factory=RewriteSection)
    tune: TuneSection = Field(default_factory=TuneSection)
    evaluate: EvaluateSection = Field(default_factory=EvaluateSection)
    runtime: RuntimeSection = Field(default_factory=RuntimeSection)
    seed: int = Field(default=42, ge=0, lt=2**32, description="Seeds rewriting, training order and dropout")
    output_dir: str = Field(min_length=1)
