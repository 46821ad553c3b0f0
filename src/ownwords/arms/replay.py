"""Replay: general rows among the task's, so that the model goes on practising what it can already do.

By default the seed model makes these rows itself (SA-SFT): it goes on from an empty user turn of its chat template,
which gives a prompt, and answers it. No outside data is needed. With data at hand:

    {replay: {replay: {prompts: data, data: {path: general.jsonl}}}}                  the seed answers their prompts
    {replay: {replay: {prompts: data, answers: data, data: {path: general.jsonl}}}}   their own answers, as ever

`share` counts among all rows that are trained on, so 0.2 adds one general row for every four of the task's. The task's
own targets are the references; `sources: [rewrite, reference]` joins both methods.
"""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import Method, ReplaySection

ARM = Arm(
    name="replay",
    summary="references, and general rows that the seed model wrote itself; cross-entropy, weights as trained",
    paper="SA-SFT, Sun et al., arXiv 2602.20162",
    method=Method(sources=["reference"], replay=ReplaySection()),
)
