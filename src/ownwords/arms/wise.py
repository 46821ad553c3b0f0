"""WiSE-FT: weights between the seed's and those of an arm that is trained anyway; a sweep over `scale` draws a curve.

seed + scale · (tuned - seed), for every weight. It costs no training (Wortsman et al., arXiv 2109.01903, section 3, who
recommend 0.5 where nothing is known). `{wise_sdft: {of: wise, trained_as: sdft}}` does the same to another arm.
"""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import Method

ARM = Arm(
    name="wise",
    summary="vanilla's weights, half-way back to the seed's",
    paper="Wortsman et al., CVPR 2022, arXiv 2109.01903",
    method=Method(sources=["reference"], trained_as="vanilla", scale=0.5),
)
