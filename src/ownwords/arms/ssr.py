"""Selective self-rehearsal: the model's own answer where it is right, else the reference; nothing is rewritten."""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import Method

ARM = Arm(
    name="ssr",
    summary="the seed's own answers where they pass the checks, else references, cross-entropy",
    paper="Gupta et al., Selective Self-Rehearsal, arXiv 2409.04787",
    method=Method(sources=["own", "reference"]),
)
