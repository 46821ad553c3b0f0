"""How arms are trained, and what they are evaluated on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from ownwords.recipe.arm import ArmSection, SweepSection
from ownwords.recipe.asked import AskedSection
from ownwords.recipe.base import SamplingSection, Section, named, unique
from ownwords.recipe.data import Config, Revision, Split


class LoraSection(Section):
    """The paper's adapter. PEFT's own default alpha is 8, so it is always set."""

    r: int = Field(default=8, gt=0)
    alpha: int = Field(default=16, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    target_modules: Literal["all-linear"] | Annotated[list[str], Field(min_length=1)] = Field(
        default_factory=lambda: ["q_proj", "v_proj"], description="Names of linear layers, or all-linear"
    )
    use_rslora: bool = Field(default=False, description="Scale by alpha/sqrt(r) instead of alpha/r")
    use_dora: bool = Field(default=False, description="Learn a magnitude a weight row beside the low-rank direction")


class EarlyStoppingSection(Section):
    """Stop training where the loss on held-out training rows no longer falls, and keep the best checkpoint.

    The same rows are held out for every arm; no arm trains on them.
    """

    share: float = Field(default=0.1, gt=0, lt=1, description="Share of the training rows that is held out")
    eval_steps: int = Field(default=20, gt=0, description="Optimizer steps between two looks at them")
    patience: int = Field(default=3, gt=0, description="Looks without a lower loss before training stops")


def _default_arms() -> list[ArmSection]:
    return [ArmSection(name=name) for name in ("vanilla", "sdft")]


class TuneSection(Section):
    arms: list[Annotated[ArmSection, BeforeValidator(named)]] = Field(default_factory=_default_arms, min_length=1)
    sweep: SweepSection = Field(default_factory=SweepSection)
    checkpoints: int = Field(
        default=0, ge=0, le=20, description="So many places on the way, evenly spaced, are saved and evaluated too"
    )
    learning_rate: float = Field(default=1e-4, gt=0)
    num_train_epochs: float = Field(default=2, gt=0)
    per_device_train_batch_size: int = Field(default=2, gt=0)
    gradient_accumulation_steps: int = Field(default=4, gt=0)
    lr_scheduler_type: str = "cosine"
    warmup_steps: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    max_length: int = Field(default=1024, gt=8, description="Tokens of prompt and target together")
    on_too_long: Literal["error", "drop", "truncate"] = "error"
    chat_template: str | None = Field(
        default=None,
        description="Layout for training and evaluation of every arm: a preset such as paper/alpaca, or a file",
        min_length=1,
    )
    lora: LoraSection | None = Field(
        default_factory=LoraSection, description="The adapter; null trains every parameter of the model instead"
    )
    gradient_checkpointing: bool = Field(default=False, description="Less memory, more time: recompute activations")
    early_stopping: EarlyStoppingSection | None = None
    save_steps: int = Field(default=50, gt=0, description="Steps between checkpoints")
    report_to: str = "none"

    @property
    def arm_names(self) -> list[str]:
        return [arm.name for arm in self.arms]

    @model_validator(mode="after")
    def _unique_arms(self) -> TuneSection:
        unique(self.arm_names)
        ranks = self.sweep.lora_r or any(arm.sweep.lora_r for arm in self.arms)
        if ranks and self.lora is None:
            raise ValueError("sweep.lora_r needs an adapter, and tune.lora is null")
        return self


#: As a benchmark's `path`: its items are those of a task of lm-evaluation-harness.
LM_EVAL = "lm-eval"


class BenchmarkSection(Section):
    """`gsm8k` or `{gsm8k: {limit: 100}}`."""

    name: str
    path: str | None = Field(
        default=None,
        description="Other rows of the same layout: a file, a folder of files, or a Hugging Face dataset (owner/name); "
        "$VARIABLES are expanded; or `lm-eval`, its own task",
        min_length=1,
    )
    split: Split = None
    config: Config = None
    revision: Revision = None
    optional: bool = Field(default=False, description="Skip it, visibly, where its data are not there")
    limit: int | None = Field(default=None, gt=0, lt=2**31, description="Use only the first N items")
    prompt: Literal["default", "paper"] = Field(default="default", description="The careful prompt, or the paper's")
    chat_template: str | None = Field(
        default=None, description="Layout for this benchmark instead of tune's", min_length=1
    )
    sampling: SamplingSection | None = Field(default=None, description="Instead of evaluate.sampling")
    max_tokens: int | None = Field(default=None, gt=0, description="Instead of that of the sampling")
    samples: int = Field(
        default=1, gt=0, le=1000, description="Answers to an item, where the benchmark takes several (pass@k)"
    )

    @property
    def of_lm_eval(self) -> bool:
        """Whether the items are those of a task of lm-evaluation-harness."""
        return self.path is not None and self.path.partition(":")[0] == LM_EVAL

    @model_validator(mode="after")
    def _parts_of_a_dataset(self) -> BenchmarkSection:
        given = next((key for key in ("split", "config", "revision") if getattr(self, key) is not None), None)
        if given is not None and (self.path is None or self.of_lm_eval):
            raise ValueError(
                f"`{given}` of {self.name} is for a `path` that names a dataset of the Hugging Face Hub (owner/name) "
                "or a folder laid out like one"
            )
        return self


#: The paper's experiments whose published numbers the report knows (`report/published.py`).
Published = Literal[
    "openfunctions",
    "gsm8k",
    "magicoder",
    "alpaca",
    "dolly",
    "lima",
    "openhermes",
    "gsm8k-full",
    "llama-2-13b",
    "llama3-openfunctions",
]


class EvaluateSection(Section):
    benchmarks: list[Annotated[BenchmarkSection, BeforeValidator(named)]] = Field(
        default_factory=lambda: [BenchmarkSection(name="heldout_nll")]
    )
    sampling: SamplingSection = Field(default_factory=SamplingSection)
    judge: AskedSection | None = Field(
        default=None, description="Who is asked by benchmarks that have questions to a judge; by default nobody"
    )
    acquisition: str | None = Field(
        default=None, description="The benchmark that tells what was learnt; default: the first one of the task"
    )
    retention: list[str] | None = Field(
        default=None, description="Those that tell what was kept, as one mean; default: shares of general ability"
    )
    published: Published | None = Field(
        default=None, description="The paper's experiment whose published numbers the report sets beside the run's"
    )

    @model_validator(mode="after")
    def _known_benchmarks(self) -> EvaluateSection:
        names = [benchmark.name for benchmark in self.benchmarks]
        unique(names)
        unique(self.retention or [])
        for name in [*([] if self.acquisition is None else [self.acquisition]), *(self.retention or [])]:
            if name not in names:
                raise ValueError(f"acquisition and retention are chosen among `benchmarks`, and {name} is not there")
        return self

    @model_validator(mode="after")
    def _samples_differ(self) -> EvaluateSection:
        for benchmark in self.benchmarks:
            sampling = benchmark.sampling or self.sampling
            if benchmark.samples > 1 and (sampling.temperature == 0 or sampling.top_k == 1):
                raise ValueError(
                    f"{benchmark.name} asks for {benchmark.samples} samples, and greedy decoding gives the same answer "
                    f"each time: set a temperature above 0, and no top_k of 1, in the sampling of {benchmark.name} or "
                    "in evaluate.sampling, or leave samples out"
                )
        return self
