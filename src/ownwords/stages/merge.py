"""Merging: an arm's adapter added into the seed model's weights, for programs that serve whole models only (see
`_merging` for how that is verified)."""

# pyright: basic
from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from ownwords import models
from ownwords._merging import merge_into
from ownwords.errors import InputError, StageError
from ownwords.models import Model
from ownwords.rendering import prompt_ids
from ownwords.run import write_json
from ownwords.stages import tune
from ownwords.stages.context import Context

PROMPTS = 8
ANSWER_TOKENS = 48


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
        StageError: the adapter is damaged, or the merged model does not answer as it does; nothing is left behind.
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
    try:
        adapted = models.load_adapted(context.model, str(weights.path), dtype, device, scale=weights.scale)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise StageError(f"{arm}: the adapter {weights.path} cannot be used: {error}. Train the arm again.") from error
    prompts = [prompt_ids(tokenizer, e.messages, given=context.given(e)) for e in context.train[:PROMPTS]]
    saved_as: torch.dtype = models.load_config(context.model).dtype or dtype
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        try:
            agreement = merge_into(
                temporary,
                adapted,
                tokenizer,
                prompts,
                dtype=saved_as,
                answer_tokens=ANSWER_TOKENS,
                load=lambda saved: models.load_weights(_saved(saved), dtype, device),
            )
        except StageError as error:
            raise StageError(f"{arm}: {error} Serve the adapter in {weights.path} instead.") from error
        facts = Merged(arm, str(folder), str(saved_as).removeprefix("torch."), **asdict(agreement))
        write_json(temporary / "merge.json", asdict(facts))
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return facts


def _saved(folder: Path) -> Model:
    return Model(str(folder), str(folder), "folder", None, "")
