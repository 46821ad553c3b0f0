"""Verified rewrites by another model: the control for the claim that the model's *own* words matter."""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import Method

ARM = Arm(
    name="other_rewriter",
    summary="rewrites by rewrite.model with fallback to references, cross-entropy",
    paper="the control for Yang et al., arXiv 2402.13669: as verified, but in another model's words",
    method=Method(rewriter="other"),
)
