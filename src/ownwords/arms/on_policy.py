"""On-policy self-distillation: the other method called SDFT, which is not the one this project is named after.

The student answers a prompt; a teacher, the same model with the reference in its prompt as a demonstration, says what
it would have written at each place; the student is moved towards that. Nothing is rewritten beforehand and no target
is trained on. It runs through TRL's `trl.experimental.sdft`, whose defaults are not the authors':

| | authors' code | TRL 1.16 | here |
|---|---|---|---|
| divergence at a token | KL(teacher ‖ student), all tokens | between both (alpha 0.5), 100 tokens | authors' |
| teacher | moving average of the student, 0.01 a step | the seed, fixed | authors', on the adapter |
| teacher's prompt | question, demonstration, an instruction to answer oneself | question, demonstration | authors' |
| prompts that are too long | cut from the left at 1,024 tokens | cut from the left at 512 | never cut |
| samples of a prompt | 1 | 8 | 1 |
| tokens written | up to 1,024 | up to 256 | up to 256 |
| first tokens of an answer without loss | 3 | 0 | 3 |
| prompts in a step | 32 | 1 | the recipe's |
| learning rate, epochs, warm-up | 2e-5, 1, a tenth of the steps | 5e-5, 3, none | the recipe's, as for every arm |
| trained | every parameter | as given | the recipe's adapter |
| dropout | the model's own | off | off: `lora.dropout` means nothing here |

The paper's equation 1 has the divergence the other way round, KL(student ‖ teacher): `alpha: 1`. Its authors say that
all of their results come from `alpha: 0`. TRL averages an adapter's two factors each for itself, from zero, so that
the teacher follows more slowly than the same rate says for whole weights.
"""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import Method, OnPolicySection

ARM = Arm(
    name="on_policy",
    summary="the other method called SDFT: the student's own samples, towards itself with the reference in its prompt",
    paper="Shenfeld et al., arXiv 2601.19897",
    method=Method(sources=["reference"], on_policy=OnPolicySection()),
)
