"""An arm's method, as plain data: which targets, which objective, which weights. Files of `arms/` fill it in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ownwords.recipe.base import SamplingSection, Section, unique
from ownwords.recipe.data import SourceSection

SourceName = Literal["own", "rewrite", "reference"]


class MaskSection(Section):
    """Target tokens that are read and not trained on."""

    perplexity_above: float = Field(
        default=2.5, ge=1, description="Leave out target tokens whose perplexity under the seed model is higher"
    )


class KlSection(Section):
    """A pull back to the seed model: KL(seed ‖ tuned), the mean over tokens, times `weight`, beside the loss."""

    on: Literal["prompt", "target"] = Field(description="The tokens that predict the prompt, or those of the target")
    weight: float = Field(gt=0)
    seed_from: Literal["auto", "live", "cached"] = Field(
        default="auto",
        description="live: one more forward pass with the adapter off; cached: the seed's likeliest tokens, read once "
        "before training; auto: live with an adapter, cached without",
    )
    top: int = Field(default=64, gt=0, le=1024, description="Likeliest tokens that are cached for every place")


class ReplaySection(Section):
    """General rows among the task's: what the model should not forget."""

    share: float = Field(default=0.2, gt=0, lt=1, description="Their share of all rows that are trained on")
    data: SourceSection | None = Field(default=None, description="General rows; only with prompts: data")
    prompts: Literal["data", "self"] = Field(default="self", description="self: the seed model writes the prompts too")
    answers: Literal["data", "self"] = Field(default="self", description="self: the seed model answers the prompts")
    sampling: SamplingSection = Field(
        default_factory=lambda: SamplingSection(temperature=1.0), description="How the seed model is sampled"
    )

    @model_validator(mode="after")
    def _one_origin(self) -> ReplaySection:
        if self.prompts == "data" and self.data is None:
            raise ValueError("`prompts: data` needs `data`: name the general rows, e.g. data: {path: general.jsonl}")
        if self.prompts == "self" and self.data is not None:
            raise ValueError("`data` goes with `prompts: data`: add that, or leave `data` out")
        if self.prompts == "self" and self.answers == "data":
            raise ValueError("`answers: data` goes with `prompts: data`: nobody has answered what the model asks")
        if self.prompts == "self" and self.sampling.temperature == 0:
            raise ValueError("with `prompts: self` a temperature of 0 writes one prompt again and again: raise it")
        return self


class OnPolicySection(Section):
    """Self-distillation on the model's own samples: the other method called SDFT (arXiv 2601.19897)."""

    max_completion_length: int = Field(default=256, gt=0, description="Tokens that the student writes for a prompt")
    temperature: float = Field(default=1.0, gt=0, le=5)
    alpha: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="0: KL(teacher ‖ student), which the authors' code and results have; 1: KL(student ‖ teacher), the "
        "paper's equation; between: both, against their mixture",
    )
    teacher_update_rate: float = Field(
        default=0.01, ge=0, le=1, description="How far the teacher follows the student after every step; 0: it stays"
    )


class Method(Section):
    """Targets × objective × weights. The defaults are those of `sdft`."""

    sources: Annotated[list[SourceName], Field(min_length=1)] = Field(
        default_factory=lambda: ["rewrite", "reference"],
        description="Where a target comes from: the first that passes the checks. own: the seed's answer without the "
        "reference; rewrite: with it; reference: the dataset's",
    )
    rewriter: Literal["seed", "other"] = Field(
        default="seed", description="other: rewrites by rewrite.model instead of the seed"
    )
    mix: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of the rows that take what `sources` give; the others keep their reference",
    )
    loss: Literal["nll", "dft"] = Field(
        default="nll", description="nll: cross-entropy; dft: each token's loss times its probability"
    )
    mask: MaskSection | None = None
    kl: KlSection | None = None
    replay: ReplaySection | None = None
    on_policy: OnPolicySection | None = None
    trained_as: str | None = Field(
        default=None, description="Takes the trained weights of this arm of the recipe instead of training its own"
    )
    scale: float = Field(
        default=1.0, ge=0, le=2, description="Between the seed's weights (0) and the trained ones (1), in evaluation"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Method:
        unique(self.sources)
        if self.sources[-1] != "reference":
            raise ValueError("the last of `sources` is `reference`: it is there for every row")
        if self.on_policy is not None and (self.kl or self.mask or self.replay or self.loss != "nll"):
            raise ValueError("`on_policy` has an objective of its own: leave out loss, mask, kl and replay")
        if self.trained_as is not None and self.objective_changed:
            raise ValueError("`trained_as` takes another arm's training: leave out loss, mask, kl, replay, on_policy")
        return self

    @property
    def objective_changed(self) -> bool:
        return bool(self.mask or self.kl or self.replay or self.on_policy or self.loss != "nll")

    @property
    def generated(self) -> list[SourceName]:
        """The sources that a model is asked for; none where no row takes them."""
        return [source for source in self.sources if source != "reference"] if self.mix > 0 else []


class SweepSection(Section):
    """Every arm is trained at every combination of these; a key that is left out keeps the recipe's value."""

    learning_rate: list[Annotated[float, Field(gt=0)]] = Field(default_factory=list[float])
    num_train_epochs: list[Annotated[float, Field(gt=0)]] = Field(default_factory=list[float])
    lora_r: list[Annotated[int, Field(gt=0)]] = Field(
        default_factory=list[int], description="Ranks of the adapter; its alpha changes in proportion"
    )
    seed: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field(
        default_factory=list[int], description="Seeds of training (order, dropout, the adapter's start); data are one"
    )
    scale: list[Annotated[float, Field(ge=0, le=2)]] = Field(
        default_factory=list[float], description="Of arms with `trained_as`: no training is needed for these"
    )


class ArmSection(BaseModel):
    """`vanilla`, or `{kl_anchor: {kl: {weight: 0.5}}}`: another setting of its method; or, under a name of one's own,
    `{half: {of: sdft, mix: 0.5}}`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    of: str | None = Field(default=None, description="The arm whose method it has, where the name is another")
    sweep: SweepSection = Field(
        default_factory=SweepSection, description="Of this arm: what is given here stands in for tune.sweep's"
    )

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from the method of the arm's file."""
        return dict(self.model_extra or {})

    @model_validator(mode="after")
    def _not_the_seed(self) -> ArmSection:
        if self.name == "seed":
            raise ValueError("`seed` is the untouched model, which is always evaluated: it is no arm")
        return self
