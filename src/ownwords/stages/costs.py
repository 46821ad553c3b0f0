"""What each arm cost: the preparation of its candidates and its trainings, as run.json, the journal and training.json
have it. Nothing is measured again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ownwords.arms.base import Arm
from ownwords.errors import StageError
from ownwords.journal import read_tokens
from ownwords.report.compared import Cost, Preparation
from ownwords.run import read_object
from ownwords.stages import judge, likelihoods, rewrite, tune
from ownwords.stages.context import Context
from ownwords.variants import Training

OWN, OTHER, REPLAY = "own", f"{rewrite.STAGE}/other", "replay"


def costs(context: Context) -> tuple[Cost, ...]:
    """One for each arm of the recipe, in its order."""
    context.run.journal.commit()
    stages: Mapping[str, Mapping[str, Any]] = context.run.facts().get("stages", {})
    named = [*(name for name in stages if not name.startswith(("evaluate/", "tune/"))), judge.STAGE]
    tokens = read_tokens(context.run.journal_path, named)
    arms = {variant.arm.name: variant.arm for variant in context.variants.values()}
    found: list[Cost] = []
    for arm in arms.values():
        read = [name for name in dict.fromkeys(named) if _reads(arm, name, judged=context.is_judged)]
        preparation = [_preparation(name, stages, tokens) for name in read if name in stages or name in tokens]
        own = [training for training in context.trainings if training.arm.name == arm.name]
        done = [training for training in own if tune.is_done(context, training)]
        facts = [_training(context, training) for training in done]
        found.append(
            Cost(
                arm=arm.name,
                trained_as=arm.method.trained_as,
                preparation=tuple(preparation),
                trainings=len(facts),
                seconds=round(sum(seconds for seconds, _ in facts), 1),
                tokens=sum(tokens for _, tokens in facts),
            )
        )
    return tuple(found)


def _reads(arm: Arm, stage: str, *, judged: bool) -> bool:
    """Whether an arm reads what a stage has asked models for."""
    method = arm.method
    wanted = {OWN} if "own" in method.generated else set[str]()
    if "rewrite" in method.generated:
        wanted.add(OTHER if method.rewriter == "other" else rewrite.STAGE)
    if method.generated and judged:
        wanted.add(judge.STAGE)
    if method.mask is not None:
        wanted.add(likelihoods.STAGE)
    return stage in wanted or (method.replay is not None and stage.partition("/")[0] == REPLAY)


def _preparation(
    name: str, stages: Mapping[str, Mapping[str, Any]], tokens: Mapping[str, tuple[int, int]]
) -> Preparation:
    read, written = tokens.get(name, (None, None))
    return Preparation(name, stages.get(name, {}).get("seconds"), read, written)


def _training(context: Context, training: Training) -> tuple[float, int]:
    """Seconds and supervised tokens of a finished training, every epoch that it went through."""
    folder = tune.folder_of(context, training)
    facts = read_object(folder / "training.json")
    try:
        curve: Sequence[Mapping[str, float]] = facts["loss"]
        epochs = curve[-1]["epoch"] if curve else facts["epochs"]
        return facts["seconds"] or 0.0, round(facts["supervised_tokens"] * epochs)
    except (KeyError, TypeError) as error:
        raise StageError(
            f"{folder / 'training.json'} is not what training wrote: put it back, or remove {folder} and run "
            "`ownwords tune`, which makes it anew."
        ) from error
