"""A model that is asked for its opinion."""

from __future__ import annotations

from pydantic import Field

from ownwords.recipe.base import SamplingSection, Section
from ownwords.recipe.data import ModelSection
from ownwords.recipe.runtime import RuntimeSection


class AskedSection(Section):
    """Who is asked, and how."""

    sampling: SamplingSection = Field(default_factory=lambda: SamplingSection(max_tokens=256))
    model: ModelSection | None = Field(default=None, description="Another model than the seed")
    runtime: RuntimeSection | None = Field(default=None, description="Another engine than the recipe's")
