"""Merging: an arm's adapter added into the seed model's weights, for programs that serve whole models only.

What was saved is loaded again and compared: the merged model reads the adapter's greedy answers and must choose the
same tokens. Rounding to 16 bits may turn a token where two were equally likely; more than that is a fault.
"""

# pyright: basic
from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ownwords import models
from ownwords.errors import InputError, StageError
from ownwords.models import Model
from ownwords.rendering import prompt_ids
from ownwords.run import write_json
from ownwords.stages import tune
from ownwords.stages.context import Context

PROMPTS = 8
ANSWER_TOKENS = 48
LEAST_AGREEMENT = 0.98


@dataclass(frozen=True, slots=True)
class Merged:
    """Of `tokens` that the adapter chose greedily after `prompts` prompts, `same` are the merged model's too."""

    arm: str
    folder: str
    dtype: str
    prompts: int
    tokens: int
    same: int

    def describe(self) -> str:
        return (
            f"{self.arm} is merged into {self.folder} ({self.dtype}). Read again, it chooses {self.same} of "
            f"{self.tokens} tokens of the adapter's greedy answers to {self.prompts} prompts."
        )


def merge(context: Context, arm: str, folder: Path, *, force: bool = False) -> Merged:
    """Write the seed model with the arm's adapter in it, its tokenizer, chat template and `merge.json`.

    Raises:
        InputError: the arm is not trained, has no adapter, or the folder is not empty and `force` is not given.
        StageError: the merged model does not answer as the adapter does; nothing is left behind.
    """
    import torch

    if folder.exists() and not force and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists already: add --force to replace it.")
    if arm not in context.variants:
        raise InputError(f"the run has no arm {arm!r}: it has {', '.join(context.variants)}.")
    weights = tune.variant_weights(context, context.variants[arm])
    if weights.kind != "adapter":
        raise InputError(f"arm {arm} is a whole model already, in {weights.path}: there is nothing to merge.")
    device = models.choose_device(context.recipe.runtime.device)
    dtype = models.choose_dtype(context.recipe.runtime.dtype, device)
    tokenizer = context.tokenizer(context.recipe.tune.chat_template)
    adapted = models.load_adapted(context.model, str(weights.path), dtype, device, scale=weights.scale)
    prompts = [prompt_ids(tokenizer, e.messages, given=context.given(e)) for e in context.train[:PROMPTS]]
    answers = [_answer(adapted, prompt, tokenizer) for prompt in prompts]
    saved_as: torch.dtype = models.load_config(context.model).dtype or dtype
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        adapted.merge_and_unload(safe_merge=True).to(saved_as).save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        del adapted
        again = models.load_weights(_saved(temporary), dtype, device)
        facts = Merged(
            arm=arm,
            folder=str(folder),
            dtype=str(saved_as).removeprefix("torch."),
            prompts=len(prompts),
            tokens=sum(len(answer) for answer in answers),
            same=sum(_agreement(again, p, a) for p, a in zip(prompts, answers, strict=True)),
        )
        if facts.same < LEAST_AGREEMENT * facts.tokens:
            raise StageError(
                f"merging {arm} would change its answers: the merged model chooses only {facts.same} of {facts.tokens} "
                f"tokens of the adapter's. Nothing is written; serve the adapter in {weights.path} instead."
            )
        write_json(temporary / "merge.json", asdict(facts))
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return facts


def _answer(network: Any, prompt: Sequence[int], tokenizer: Any) -> list[int]:
    """The greedy answer, at least one token."""
    import torch

    ids = torch.tensor([list(prompt)], device=network.device)
    with torch.no_grad():
        whole = network.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=ANSWER_TOKENS,
            pad_token_id=tokenizer.pad_token_id,
        )
    return whole[0, len(prompt) :].tolist()


def _agreement(network: Any, prompt: Sequence[int], answer: Sequence[int]) -> int:
    """How many of the answer's tokens are this network's first choice at their place."""
    import torch

    ids = torch.tensor([[*prompt, *answer]], device=network.device)
    with torch.no_grad():
        choices = network(input_ids=ids).logits[0, len(prompt) - 1 : -1].argmax(-1)
    return int((choices.cpu() == torch.tensor(list(answer))).sum())


def _saved(folder: Path) -> Model:
    return Model(str(folder), str(folder), "folder", None, "")
