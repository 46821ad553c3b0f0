"""SelfAug: references, and on the tokens of the prompt a pull back to what the seed model would have said there.

KL(seed ‖ tuned) times 0.5, as in the authors' code, where it is a constant. Their mean also takes the places of padding
and the last place of the prompt, which predicts the target's first token; ours takes those that predict prompt tokens.
"""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import KlSection, Method

ARM = Arm(
    name="kl_prompt",
    summary="references, cross-entropy + 0.5 × KL to the seed on the prompt's tokens",
    paper="SelfAug, Huang et al., arXiv 2509.03934",
    method=Method(sources=["reference"], kl=KlSection(on="prompt", weight=0.5)),
)
