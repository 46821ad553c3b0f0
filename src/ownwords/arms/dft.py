"""Dynamic fine-tuning: each token's loss is weighted by the probability that the model gives it at that moment.

The weight is a number, not a way for the gradient: -p·log p with p held fixed. There is no setting.
"""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import Method

ARM = Arm(
    name="dft",
    summary="references, each token's cross-entropy times its probability",
    paper="Wu et al., arXiv 2508.05629",
    method=Method(sources=["reference"], loss="dft"),
)
