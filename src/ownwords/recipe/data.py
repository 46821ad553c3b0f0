"""Where model and rows come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ownwords.recipe.base import Section


class ModelSection(Section):
    name_or_path: str = Field(
        description="Hub id, local folder, local .gguf file, bundled:smollm2-135m-instruct, or an arm of another run: "
        "run:runs/first#sdft",
        min_length=1,
    )
    revision: str | None = Field(default=None, description="Hub revision (branch, tag or commit)")
    trust_remote_code: bool = Field(default=False, description="Run Python code that the model's repository ships")


#: Which part of a dataset, of training and of benchmarks alike.
Split = Annotated[
    str | None, Field(description="Split of a Hub dataset, or of a folder laid out like one", min_length=1)
]
Config = Annotated[
    str | None,
    Field(description="Configuration (subset) of a Hub dataset, or of a folder laid out like one", min_length=1),
]
Revision = Annotated[str | None, Field(description="Revision of a Hub dataset (branch, tag or commit)", min_length=1)]


class SourceSection(Section):
    """Where rows come from: files or a Hub dataset (`path`), or a seeded reasoning-gym task (`generator`)."""

    path: str | None = Field(
        default=None,
        description="JSON, JSONL, CSV (also .gz, .zst) or Parquet file, a folder of them, or a Hugging Face dataset "
        "(owner/name); $VARIABLES are expanded",
        min_length=1,
    )
    split: Split = None
    config: Config = None
    revision: Revision = None
    generator: str | None = Field(default=None, description="Name of a reasoning-gym task")
    generator_params: dict[str, Any] = Field(default_factory=dict, description="Settings of the reasoning-gym task")
    seed: int = Field(default=0, description="Seed of the generator")
    format: Literal["auto", "messages", "prompt-completion", "alpaca", "sharegpt", "columns"] = "auto"
    columns: dict[Literal["prompt", "response", "system", "tools"], str] | None = Field(
        default=None, description="Which columns hold prompt, response and (optionally) system and tools"
    )
    template: str | None = Field(
        default=None,
        description="Jinja that makes the prompt of several columns, e.g. '{{ question }} {{ context }}'; `columns` "
        "then names only the response (and system)",
    )
    turns: Literal["all", "last"] = Field(default="all", description="Which assistant turns become targets")
    limit: int | None = Field(
        default=None, gt=0, lt=2**31, description="Use only the first N rows (a generator needs it)"
    )

    @model_validator(mode="after")
    def _one_source(self) -> SourceSection:
        if (self.path is None) == (self.generator is None):
            raise ValueError("give exactly one of `path` and `generator`")
        if self.generator is not None and self.limit is None:
            raise ValueError("a generator makes any number of rows: say how many with `limit`")
        if self.generator is not None and (self.split or self.config or self.revision):
            raise ValueError("`split`, `config` and `revision` are for a `path`: a generator has none")
        return self


class DataSection(Section):
    train: SourceSection
    heldout: SourceSection | None = Field(
        default=None, description="Unseen rows; by default the rows of `train`'s source that training leaves"
    )
    on_bad_row: Literal["error", "skip"] = Field(
        default="error", description="error: a row that is wrong stops the run; skip: leave it out, and list it"
    )
    thinking: Literal["keep", "strip", "forbid"] = Field(
        default="keep",
        description="Reasoning of a thinking model. keep: references and their rewrites have it where the reference "
        "has it; strip: take it out of both; forbid: a row that has it is wrong, the model is told not to think, and a "
        "rewrite that does fails",
    )
