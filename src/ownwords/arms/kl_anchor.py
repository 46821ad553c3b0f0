"""An anchor: references, and on their tokens a pull back to what the seed model would have said there.

The anchor of ASFT without its other half, the weights of DFT: `sft+kl` in the authors' code, KL(seed ‖ tuned) with
their weight of 0.1. `{kl_anchor: {loss: dft}}` is ASFT itself.
"""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import KlSection, Method

ARM = Arm(
    name="kl_anchor",
    summary="references, cross-entropy + 0.1 × KL to the seed on the target's tokens",
    paper="the anchor of ASFT without DFT, Zhu et al., arXiv 2509.23753",
    method=Method(sources=["reference"], kl=KlSection(on="target", weight=0.1)),
)
