"""Selective token masking: references, without the tokens that surprise the seed model.

Every token of the target counts, the end-of-turn marker too: the authors' code masks by perplexity alone. 2.5 is the
default of that code. Masked tokens are still read as context.
"""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import MaskSection, Method

ARM = Arm(
    name="stm",
    summary="references, cross-entropy without the tokens whose perplexity under the seed is above 2.5",
    paper="Wu et al., arXiv 2501.14315",
    method=Method(sources=["reference"], mask=MaskSection(perplexity_above=2.5)),
)
