"""Verified rewrites in 25 % of the rows, references in the others: the mixing study of the paper."""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import Method

ARM = Arm(
    name="mix_25",
    summary="rewrites with fallback in 25 % of the rows, references in the others, cross-entropy",
    paper="Yang et al., arXiv 2402.13669, the study that mixes both kinds of data",
    method=Method(mix=0.25),
)
