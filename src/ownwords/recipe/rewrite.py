"""How rows are rewritten and what rewrites are checked by."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ownwords.recipe.asked import AskedSection
from ownwords.recipe.base import SamplingSection, Section, named
from ownwords.recipe.data import ModelSection
from ownwords.recipe.runtime import RuntimeSection


class CheckSection(BaseModel):
    """`final_answer` or `{length_ratio: {maximum: 3}}`; `{any: [a, b]}` and `{all: [a, b]}` of others; also
    `path/to/file.py:function`, with --allow-code."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def params(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


CheckEntry = Annotated[CheckSection, BeforeValidator(named)]


class PaperSampling(SamplingSection):
    """The paper's settings, for rewriting (section 4.1)."""

    temperature: float = Field(default=0.95, ge=0, le=5)
    top_p: float = Field(default=0.7, gt=0, le=1)
    top_k: int = Field(default=50, ge=0)


def _default_checks() -> list[CheckSection]:
    return [CheckSection(name=name) for name in ("not_empty", "finished", "no_prompt_leak")]


class JudgeSection(AskedSection):
    """Who is asked by the check `judge`, and how. It has no effect without that check."""

    prompt: str = Field(default="judge/faithful", description="A judge's prompt, or the path of a Jinja file")


class OnlySection(Section):
    """Which rows a model is asked about. The others keep their reference."""

    gap_above: float = Field(
        ge=0, description="Nats per token: rows whose reference lies farther from the seed model than this"
    )


class RewriteSection(Section):
    prompt: str = Field(
        default="chat/general", description="A preset (`ownwords ls prompts`) or the path of a Jinja file"
    )
    turns: Literal["all", "last"] = Field(
        default="all", description="last: only a conversation's last target is rewritten; earlier ones stay references"
    )
    checks: list[CheckEntry] = Field(default_factory=_default_checks)
    judge: JudgeSection = Field(default_factory=JudgeSection)
    sampling: PaperSampling = Field(default_factory=PaperSampling)
    on_failure: Literal["fallback", "drop", "retry"] = Field(
        default="fallback",
        description="fallback: keep the reference; drop: leave the row out; retry: new attempts, then fall back",
    )
    max_attempts: int = Field(default=3, gt=0, le=100, description="With on_failure: retry, attempts in all")
    samples: int = Field(default=1, gt=0, le=100, description="Answers of each source for a row")
    select: Literal["first", "shortest", "most_likely"] = Field(
        default="first",
        description="Of the samples that pass: the first (later ones are not drawn), the one of the fewest tokens, or "
        "the one of the highest mean log-likelihood per token under the seed model",
    )
    only: OnlySection | None = Field(default=None, description="Ask about some rows only")
    model: ModelSection | None = Field(
        default=None, description="Another model than the seed, which rewrites for arms with `rewriter: other`"
    )
    runtime: RuntimeSection | None = Field(default=None, description="Another engine than the recipe's, for that model")
    chat_template: str | None = Field(
        default=None, description="Layout for rewriting: a preset such as paper/alpaca, or a file", min_length=1
    )
    max_error_rate: float = Field(
        default=0.2, ge=0, le=1, description="Stop when more rows than this have no completion"
    )

    @model_validator(mode="after")
    def _consistent(self) -> RewriteSection:
        if self.select != "first" and self.samples == 1:
            raise ValueError(f"select: {self.select} chooses among several samples: set rewrite.samples")
        if self.runtime is not None and self.model is None:
            raise ValueError("rewrite.runtime is the engine of rewrite.model, and there is none")
        return self
