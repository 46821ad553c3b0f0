"""An adapter added into its model's weights, saved, loaded again and compared: for what serves whole models only.

The merged model reads the adapter's greedy answers and must choose the same tokens. Rounding to 16 bits may turn a
token where two were equally likely; more than that is a fault.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ownwords.errors import StageError

LEAST_AGREEMENT = 0.98


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of `tokens` that the adapter chose greedily after `prompts` prompts, `same` are the merged model's too."""

    prompts: int
    tokens: int
    same: int


def merge_into(
    folder: Path,
    adapted: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    *,
    dtype: Any,
    answer_tokens: int,
    load: Callable[[Path], Any],
) -> Agreement:
    """Save PEFT's model `adapted` as a whole one, with the tokenizer and its chat template, in weights of `dtype`.

    `load` reads it again; `prompts` are token ids. `adapted` is used up.

    Raises:
        StageError: the merged model does not answer as the adapter does.
    """
    answers = [_answer(adapted, prompt, tokenizer, answer_tokens) for prompt in prompts]
    adapted.merge_and_unload(safe_merge=True).to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    del adapted
    again = load(folder)
    facts = Agreement(
        prompts=len(prompts),
        tokens=sum(len(answer) for answer in answers),
        same=sum(_agreement(again, p, a) for p, a in zip(prompts, answers, strict=True)),
    )
    if facts.same < LEAST_AGREEMENT * facts.tokens:
        raise StageError(
            f"merging would change its answers: the merged model chooses only {facts.same} of {facts.tokens} tokens "
            "of the adapter's. Nothing is written."
        )
    return facts


def _answer(network: Any, prompt: Sequence[int], tokenizer: Any, tokens: int) -> list[int]:
    """The greedy answer, at least one token."""
    import torch

    ids = torch.tensor([list(prompt)], device=network.device)
    with torch.no_grad():
        whole = network.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=tokens,
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
