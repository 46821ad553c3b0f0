"""The model's own right answer, else its verified rewrite, else the reference.

Of its source this is the data part; the importance weights that the paper adds in training are the objective of `dft`.
"""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import Method

ARM = Arm(
    name="cascade",
    summary="own answers where they pass, else rewrites, else references, cross-entropy",
    paper="Zhao et al., Mind the Gap, arXiv 2509.15157",
    method=Method(sources=["own", "rewrite", "reference"]),
)
