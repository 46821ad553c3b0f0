"""Self-Distillation Fine-Tuning: verified rewrites, else references (section 3 of the paper)."""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import Method

ARM = Arm(
    name="sdft",
    summary="rewrites with fallback to references, cross-entropy, weights as trained",
    paper="Yang et al., arXiv 2402.13669",
    method=Method(),
)
