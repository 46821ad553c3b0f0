"""Ordinary supervised fine-tuning on the references as the dataset has them: the baseline of every comparison."""

from __future__ import annotations

from ownwords.arms.base import Arm
from ownwords.recipe import Method

ARM = Arm(
    name="vanilla",
    summary="references, cross-entropy, weights as trained",
    paper="the usual way",
    method=Method(sources=["reference"]),
)
