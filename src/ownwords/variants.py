"""What a recipe trains and what it evaluates: every arm, at every point of the sweep, at its end and on the way.

A training is an arm at a point. A variant is what is evaluated: a training's end, a place on its way, or its weights
scaled. A label tells one from the others by what differs from the recipe's own values: `vanilla`, `vanilla@lr0.0004`,
`vanilla@lr0.0004-seed43-part0.5`; the labels of variants without such a difference are the arms' names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ownwords.arms.base import Arm, find_arm
from ownwords.errors import RecipeError
from ownwords.recipe import Recipe, SweepSection, TuneSection

SEED = "seed"
#: The arm that the others are compared with.
VANILLA = "vanilla"


@dataclass(frozen=True, slots=True)
class Training:
    """One arm at one point of the sweep. `tune` holds the point's values; `parts` name those that the recipe's own
    section has otherwise."""

    arm: Arm
    tune: TuneSection
    seed: int
    parts: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return _label(self.arm.name, self.parts)

    @property
    def point(self) -> str:
        """What differs from the recipe's values, the seed apart: trainings that differ in nothing else share it."""
        return "-".join(part for part in self.parts if not part.startswith("seed"))

    @property
    def folder(self) -> str:
        """The name of its folder below the arm's; the seed is always in it."""
        return "-".join(part for part in (self.point, f"seed{self.seed}") if part)


@dataclass(frozen=True, slots=True)
class Variant:
    """What is evaluated. `part` is the share of the training that it has behind it; `scale` lies between the seed's
    weights (0) and the trained ones (1)."""

    arm: Arm
    training: Training
    scale: float = 1.0
    part: float = 1.0
    parts: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return _label(self.arm.name, self.parts)


def trainings(recipe: Recipe) -> list[Training]:
    """Every training that the recipe's variants need, each once, arm after arm."""
    unique = {variant.training.label: variant.training for variant in variants(recipe)}
    return list(unique.values())


def variants(recipe: Recipe) -> list[Variant]:
    """Everything that is evaluated, the seed apart, arm after arm; places on the way come before the end.

    Raises:
        RecipeError: an arm is unknown or wrong, or takes the weights of one that is not there; scales that no arm has.
    """
    arms = {section.name: find_arm(section) for section in recipe.tune.arms}
    _require_scaled_arms(recipe, list(arms.values()))
    found: list[Variant] = []
    for arm in arms.values():
        trained = arm if arm.method.trained_as is None else _trained_arm(arm, arms)
        for training in _points(recipe, trained, _sweep(recipe, trained, arm)):
            if trained is arm:
                found += _on_the_way(arm, training)
            found += [
                Variant(arm, training, scale, 1.0, (*training.parts, *part)) for scale, part in _scales(recipe, arm)
            ]
    return found


def baseline(variant: Variant, others: Sequence[Variant]) -> str | None:
    """The label of vanilla at the same point of the sweep, as far along: what the variant is compared with beside the
    seed. None where there is none, or it is that one itself."""
    for other in others:
        same = (other.training.parts, other.part) == (variant.training.parts, variant.part)
        if other.arm.name == VANILLA and same:
            return None if variant.arm.name == VANILLA else other.label
    return None


def _label(arm: str, parts: Sequence[str]) -> str:
    return f"{arm}@{'-'.join(parts)}" if parts else arm


def _trained_arm(arm: Arm, arms: dict[str, Arm]) -> Arm:
    name = str(arm.method.trained_as)
    if name not in arms:
        raise RecipeError(
            f"tune.arms: {arm.name} takes the weights of {name}, which is not among the arms: add it to tune.arms."
        )
    if arms[name].method.trained_as is not None:
        raise RecipeError(f"tune.arms: {arm.name} takes the weights of {name}, which trains none of its own.")
    return arms[name]


def _require_scaled_arms(recipe: Recipe, arms: Sequence[Arm]) -> None:
    """A sweep over scales means an arm that borrows weights: elsewhere it would do nothing."""
    advice = "scales are of arms that take another's trained weights. Add wise to tune.arms, or leave `scale` out."
    for arm in arms:
        if arm.sweep.scale and arm.method.trained_as is None:
            raise RecipeError(f"tune.arms.{arm.name}.sweep.scale: {arm.name} trains its own, and {advice}")
    if recipe.tune.sweep.scale and all(arm.method.trained_as is None for arm in arms):
        raise RecipeError(f"tune.sweep.scale: no arm reads it: {advice}")


def _sweep(recipe: Recipe, *arms: Arm) -> SweepSection:
    """The recipe's sweep with the arms' own values in it, those of the last arm above all."""
    values = recipe.tune.sweep.model_dump()
    for arm in arms:
        values |= {key: own for key, own in arm.sweep.model_dump().items() if own}
    return SweepSection(**values)


def _points(recipe: Recipe, arm: Arm, sweep: SweepSection) -> list[Training]:
    """The arm's trainings, the sweep's last key changing fastest."""
    tune = recipe.tune
    rank = None if tune.lora is None else tune.lora.r
    axes: list[list[tuple[str, Any, str]]] = [
        _axis("learning_rate", "lr", sweep.learning_rate, tune.learning_rate),
        _axis("num_train_epochs", "epochs", sweep.num_train_epochs, tune.num_train_epochs),
        _axis("lora_r", "r", sweep.lora_r, rank),
        _axis("seed", "seed", sweep.seed, recipe.seed),
    ]
    found: list[Training] = []
    for point in product(*axes):
        values = {key: value for key, value, _ in point}
        parts = tuple(part for _, _, part in point if part)
        found.append(Training(arm, _at_point(tune, values), values["seed"], parts))
    return found


def _axis(key: str, short: str, values: Sequence[Any], own: Any) -> list[tuple[str, Any, str]]:
    """(key, value, what a label says of it): nothing where the value is the recipe's own."""
    return [
        (key, value, "" if value == own else f"{short}{written(value)}") for value in dict.fromkeys(values or [own])
    ]


def written(value: float) -> str:
    """A number as labels and folders have it: six digits, or as many as tell it from every other number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _at_point(tune: TuneSection, values: dict[str, Any]) -> TuneSection:
    changed = {key: values[key] for key in ("learning_rate", "num_train_epochs")}
    lora = tune.lora
    if lora is not None and values["lora_r"] != lora.r:
        alpha = max(1, round(lora.alpha * values["lora_r"] / lora.r))
        changed["lora"] = lora.model_copy(update={"r": values["lora_r"], "alpha": alpha})
    return tune.model_copy(update=changed)


def _on_the_way(arm: Arm, training: Training) -> list[Variant]:
    count = training.tune.checkpoints
    shares = [number / (count + 1) for number in range(1, count + 1)]
    return [Variant(arm, training, arm.method.scale, share, (*training.parts, f"part{share:.3g}")) for share in shares]


def _scales(recipe: Recipe, arm: Arm) -> list[tuple[float, tuple[str, ...]]]:
    """The scales of an arm's weights, with what a label says of them."""
    own = arm.method.scale
    wanted = _sweep(recipe, arm).scale if arm.method.trained_as is not None else []
    return [(scale, () if scale == own else (f"scale{written(scale)}",)) for scale in dict.fromkeys(wanted or [own])]
