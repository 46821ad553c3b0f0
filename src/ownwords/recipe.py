"""The recipe: one YAML file describes a whole run. Pure data, unknown keys refused.

Precedence: defaults < file < command line (`rewrite.sampling.temperature=0.7`). Names follow the Hugging Face stack.
It knows no check, benchmark or arm by name: the stages that use a name say when it does not exist.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ownwords.errors import RecipeError, unknown_name
from ownwords.paths import given_path


class Section(BaseModel):
    """A part of the recipe: unknown keys refused, nothing changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


def _named(value: Any) -> Any:
    """`gsm8k` → {name: gsm8k}; `{gsm8k: {limit: 9}}` → {name: gsm8k, limit: 9}; `{any: [a, b]}` → {name: any, of: …}."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if len(mapping) == 1 and "name" not in mapping:
            name, settings = next(iter(mapping.items()))
            if isinstance(settings, list):
                return {"name": name, "of": settings}
            if settings is None or isinstance(settings, dict):
                return {"name": name, **cast("dict[str, Any]", settings or {})}
        return mapping
    return value


def _unique(names: Sequence[str]) -> None:
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is named twice")


class ModelSection(Section):
    name_or_path: str = Field(
        description="Hub id, local folder, local .gguf file, or bundled:smollm2-135m-instruct", min_length=1
    )
    revision: str | None = Field(default=None, description="Hub revision (branch, tag or commit)")
    trust_remote_code: bool = Field(default=False, description="Run Python code that the model's repository ships")


class SourceSection(Section):
    """Where rows come from: files or a Hub dataset (`path`), or a seeded reasoning-gym task (`generator`)."""

    path: str | None = Field(
        default=None,
        description="JSON, JSONL, CSV (also .gz, .zst) or Parquet file, a folder of them, or a Hugging Face dataset "
        "(owner/name); $VARIABLES are expanded",
        min_length=1,
    )
    split: str | None = Field(
        default=None, description="Split of a Hub dataset, or of a folder laid out like one", min_length=1
    )
    config: str | None = Field(
        default=None,
        description="Configuration (subset) of a Hub dataset, or of a folder laid out like one",
        min_length=1,
    )
    revision: str | None = Field(
        default=None, description="Revision of a Hub dataset (branch, tag or commit)", min_length=1
    )
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


class CheckSection(BaseModel):
    """`final_answer` or `{length_ratio: {maximum: 3}}`; `{any: [a, b]}` and `{all: [a, b]}` of others; also
    `path/to/file.py:function`, with --allow-code."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def params(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


CheckEntry = Annotated[CheckSection, BeforeValidator(_named)]


class SamplingSection(Section):
    temperature: float = Field(default=0.0, ge=0, le=5, description="0 is greedy")
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0, description="0 switches the cut off")
    max_tokens: int = Field(default=512, gt=0)


class PaperSampling(SamplingSection):
    """The paper's settings, for rewriting (section 4.1)."""

    temperature: float = Field(default=0.95, ge=0, le=5)
    top_p: float = Field(default=0.7, gt=0, le=1)
    top_k: int = Field(default=50, ge=0)


def _default_checks() -> list[CheckSection]:
    return [CheckSection(name=name) for name in ("not_empty", "finished", "no_prompt_leak")]


class RewriteSection(Section):
    prompt: str = Field(
        default="chat/general", description="A preset (`ownwords ls prompts`) or the path of a Jinja file"
    )
    turns: Literal["all", "last"] = Field(
        default="all", description="last: only a conversation's last target is rewritten; earlier ones stay references"
    )
    checks: list[CheckEntry] = Field(default_factory=_default_checks)
    sampling: PaperSampling = Field(default_factory=PaperSampling)
    on_failure: Literal["fallback", "drop", "retry"] = Field(
        default="fallback",
        description="fallback: keep the reference; drop: leave the row out; retry: new attempts, then fall back",
    )
    max_attempts: int = Field(default=3, gt=0, le=100, description="With on_failure: retry, attempts in all")
    chat_template: str | None = Field(
        default=None, description="Layout for rewriting: a preset such as paper/alpaca, or a file"
    )
    max_error_rate: float = Field(
        default=0.2, ge=0, le=1, description="Stop when more rows than this have no completion"
    )


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


class TuneSection(Section):
    arms: list[str] = Field(default_factory=lambda: ["vanilla", "sdft"], min_length=1)
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
    )
    lora: LoraSection | None = Field(
        default_factory=LoraSection, description="The adapter; null trains every parameter of the model instead"
    )
    gradient_checkpointing: bool = Field(default=False, description="Less memory, more time: recompute activations")
    early_stopping: EarlyStoppingSection | None = None
    save_steps: int = Field(default=50, gt=0, description="Steps between checkpoints")
    report_to: str = "none"

    @model_validator(mode="after")
    def _unique_arms(self) -> TuneSection:
        _unique(self.arms)
        return self


class BenchmarkSection(Section):
    """`gsm8k` or `{gsm8k: {limit: 100}}`."""

    name: str
    path: str | None = Field(default=None, description="Another file of the same layout; $VARIABLES are expanded")
    optional: bool = Field(default=False, description="Skip it, visibly, where its file is not there")
    limit: int | None = Field(default=None, gt=0, lt=2**31, description="Use only the first N items")
    prompt: Literal["default", "paper"] = Field(default="default", description="The careful prompt, or the paper's")
    chat_template: str | None = Field(default=None, description="Layout for this benchmark instead of tune's")
    max_tokens: int | None = Field(default=None, gt=0, description="Instead of evaluate.sampling.max_tokens")


class EvaluateSection(Section):
    benchmarks: list[Annotated[BenchmarkSection, BeforeValidator(_named)]] = Field(
        default_factory=lambda: [BenchmarkSection(name="heldout_nll")]
    )
    sampling: SamplingSection = Field(default_factory=SamplingSection)

    @model_validator(mode="after")
    def _unique_benchmarks(self) -> EvaluateSection:
        _unique([benchmark.name for benchmark in self.benchmarks])
        return self


class ScriptedSection(Section):
    answers: str | None = Field(default=None, description="JSONL of {id, text}: the answer by example or item id")
    function: str | None = Field(
        default=None, description="file.py:function, given the Request, gives the text; --allow-code"
    )
    delay_ms: float = Field(default=0.0, ge=0, le=60_000)
    fail_share: float = Field(
        default=0.0, ge=0, le=1, description="Share of requests that get an error, chosen by their hash"
    )


_SECRET_KEY = r"(\w+[-_])?(api[-_]?key|authorization|password|secret|access[-_]?token)"  # noqa: S105


class OpenAISection(Section):
    """A server with OpenAI's API: vLLM, SGLang, llama.cpp, Ollama, TGI, or a hosted one."""

    base_url: str | None = Field(
        default=None,
        description="By default $OPENAI_BASE_URL, which may hold user:password@, else https://api.openai.com/v1",
    )
    api_key_env: str = Field(
        default="OPENAI_API_KEY", description="Environment variable that holds the key; the key itself is never stored"
    )
    model: str | None = Field(
        default=None, description="The server's name for the model; by default model.name_or_path"
    )
    max_concurrency: int = Field(default=64, gt=0, le=4096, description="Requests at once at most")
    timeout: float = Field(default=120, gt=0, description="Seconds for one whole answer")
    max_attempts: int = Field(default=5, gt=0, description="Attempts at a row before it has an error")
    patience: float = Field(
        default=300,
        gt=0,
        description="Seconds without any answer after which a server that is away or busy ends the stage",
    )
    prefill: Literal["auto", "yes", "no"] = Field(
        default="auto", description="Whether the server goes on with a half-written answer (continue_final_message)"
    )
    send_seed: bool = True
    send_top_k: bool = Field(default=True, description="Some hosted servers refuse top_k")
    token_limit_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # noqa: S105
    extra_body: dict[str, Any] = Field(default_factory=dict, description="Further keys of every request, as they are")
    token_budget: int | None = Field(
        default=None,
        gt=0,
        description="Tokens that one start of a command may use; it then stops",
    )
    cost_budget: float | None = Field(
        default=None,
        gt=0,
        description="Money that one start of a command may spend; it then stops",
    )
    prompt_price: float = Field(default=0.0, ge=0, description="Price of a million prompt tokens")
    completion_price: float = Field(default=0.0, ge=0, description="Price of a million completion tokens")

    @model_validator(mode="after")
    def _no_secrets(self) -> OpenAISection:
        """Not a ValueError: its message would show the value."""
        named = "environment, by the name that runtime.openai.api_key_env gives: a recipe is copied into the run."
        if "@" in (self.base_url or ""):
            raise RecipeError(
                "runtime.openai.base_url holds a user's name or password. Put the address into the environment, as "
                "OPENAI_BASE_URL, and leave base_url out: a recipe is copied into the run."
            )
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", self.api_key_env):
            raise RecipeError(
                "runtime.openai.api_key_env is the name of an environment variable (capitals, digits, _), not the key. "
                f"Keys stand in the {named}"
            )
        secret = next((key for key in self.extra_body if re.fullmatch(_SECRET_KEY, key, re.IGNORECASE)), None)
        if secret:
            raise RecipeError(f"runtime.openai.extra_body holds {secret!r}. Keys stand in the {named}")
        return self

    @model_validator(mode="after")
    def _priced(self) -> OpenAISection:
        if self.cost_budget is not None and not (self.prompt_price or self.completion_price):
            raise ValueError("cost_budget needs prompt_price or completion_price")
        return self


class VllmSection(Section):
    """vLLM in processes of this program's own."""

    tensor_parallel_size: int = Field(default=1, gt=0, description="GPUs that share the model")
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1, description="Share of each GPU's memory to take")
    kv_cache_gib: float | None = Field(
        default=None, gt=0, description="Memory for keys and values; on a CPU by default a quarter of what is free, ≤ 2"
    )
    max_model_len: int | None = Field(default=None, gt=8, description="Tokens of prompt and answer; the model's own")
    max_num_seqs: int | None = Field(default=None, gt=0, description="Rows at once: 256 on GPUs, 128 on a CPU")
    enable_prefix_caching: bool = True
    enforce_eager: bool | None = Field(
        default=None, description="Do not compile the model: starts faster, runs slower; by default so on a CPU"
    )
    adapters: Literal["auto", "lora", "merged"] = Field(
        default="auto",
        description="Arms as LoRA requests, all at once, or merged, one after the other (on a CPU)",
    )
    ngram_tokens: int = Field(
        default=0, ge=0, le=32, description="Tokens to guess from the prompt at each step; 0 guesses none"
    )
    engine_args: dict[str, Any] = Field(
        default_factory=dict,
        description="Further arguments of vLLM's EngineArgs; --allow-code for those that may name code",
    )


class RuntimeSection(Section):
    engine: str = Field(default="auto", description="`ownwords ls engines`; auto takes the best that is installed")
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(default=64, gt=0, description="Rows in flight at most")
    max_batch_tokens: int = Field(default=49152, gt=0, description="Tokens held in flight at most: bounds the memory")
    scripted: ScriptedSection = Field(default_factory=ScriptedSection)
    openai: OpenAISection = Field(default_factory=OpenAISection)
    vllm: VllmSection = Field(default_factory=VllmSection)


class Recipe(Section):
    model: ModelSection
    data: DataSection
    rewrite: RewriteSection = Field(default_factory=RewriteSection)
    tune: TuneSection = Field(default_factory=TuneSection)
    evaluate: EvaluateSection = Field(default_factory=EvaluateSection)
    runtime: RuntimeSection = Field(default_factory=RuntimeSection)
    seed: int = Field(default=42, ge=0, lt=2**32, description="Seeds rewriting, training order and dropout")
    output_dir: str = Field(min_length=1)


class _UniqueKeys(yaml.SafeLoader):
    """YAML without tags of Python, where a key given twice is an error instead of the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen and name != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} stands twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def load_recipe(path: str | Path, overrides: Sequence[str] = (), *, output_dir: str | None = None) -> Recipe:
    """Read a recipe file and apply `key=value` overrides; `output_dir` replaces the file's.

    Raises:
        RecipeError: the file is missing, not YAML, or has an unknown key or a wrong value.
    """
    path = given_path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RecipeError(
            f"cannot read the recipe {path}: {reason}. `ownwords init --preset quickstart` prints one."
        ) from error
    try:
        loaded: Any = yaml.load(text, _UniqueKeys)  # noqa: S506 - a SafeLoader that also refuses a key given twice
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        advice = " YAML is indented with blanks, never with tabs." if "'\\t'" in str(error) else ""
        raise RecipeError(f"{path} is not valid YAML: {error}{advice}") from error
    if not isinstance(loaded, dict):
        raise RecipeError(f"{path} must hold keys such as `model:` and `data:`, not {type(loaded).__name__}.")
    if output_dir is not None:
        loaded["output_dir"] = output_dir
    return build_recipe(loaded, overrides, where=str(path))  # pyright: ignore[reportUnknownArgumentType]


def build_recipe(values: dict[Any, Any], overrides: Sequence[str] = (), where: str = "the recipe") -> Recipe:
    """Validate a recipe given as nested dictionaries (left as they are), after applying the overrides."""
    values = copy.deepcopy(values)
    for override in overrides:
        _apply_override(values, override)
    _require_size(values, where)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(_explain(error, where)) from error


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as YAML: what a run really used."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)


#: No recipe of a person comes near.
MOST_VALUES = 100_000

_PLAIN_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def _apply_override(values: dict[Any, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise RecipeError(f"{override!r} is not of the form key=value, e.g. rewrite.sampling.temperature=0.7")
    try:
        value: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(
            f"the value of {key!r} is not valid YAML: {text!r}. Text with braces or colons needs quotes of its own: "
            f"{key.strip()}='\"...\"'"
        ) from error
    if isinstance(value, str) and _PLAIN_FLOAT.fullmatch(value):
        value = float(value)  # YAML 1.1 reads 1e-4 as text
    *parents, last = key.strip().replace("-", "_").split(".")
    node: dict[Any, Any] = values
    for parent in parents:
        section: Any = node.get(parent)
        if section is None:
            section = node[parent] = {}
        if not isinstance(section, dict):
            raise RecipeError(f"cannot set {key!r}: {parent!r} holds {section!r}, not a section")
        node = cast("dict[Any, Any]", section)
    node[last] = value


def _require_size(values: Any, where: str) -> None:
    """Refuse what only YAML's aliases can make: a value that holds itself, and a few lines that stand for billions."""
    sizes: dict[int, int] = {}  # of a dictionary or list by its id, with everything in it; 0 while it is being counted

    def size(value: Any) -> int:
        if not isinstance(value, dict | list):
            return 1
        inner = cast("dict[Any, Any] | list[Any]", value)
        if id(inner) not in sizes:
            sizes[id(inner)] = 0
            sizes[id(inner)] = 1 + sum(map(size, inner.values() if isinstance(inner, dict) else inner))
        elif sizes[id(inner)] == 0:
            raise RecipeError(f"{where}: a value holds itself, by way of an alias (*name).")
        return sizes[id(inner)]

    try:
        total = size(values)
    except RecursionError as error:
        raise RecipeError(f"{where} is nested too deeply.") from error
    if total > MOST_VALUES:
        raise RecipeError(f"{where} stands for {total:,} values, by way of aliases (*name): at most {MOST_VALUES:,}.")


def _explain(error: ValidationError, where: str) -> str:
    """Every problem in one message, each with its key; for an unknown key the nearest valid one."""
    lines: list[str] = []
    for problem in error.errors(include_url=False):
        location = [str(part) for part in problem["loc"]]
        key = ".".join(location) or "the top level"
        if problem["type"] == "extra_forbidden":
            siblings = _keys_at(Recipe, location[:-1])
            parent = f" of {'.'.join(location[:-1])}" if len(location) > 1 else ""
            lines.append(f"{key}: {unknown_name(f'key{parent}', location[-1], siblings)}")
        elif problem["type"] == "missing":
            lines.append(f"{key}: this key is required.")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{key}: {message} (got {_shorten(problem['input'])}).")
    return f"{where} is not a valid recipe:\n" + "\n".join(f"  {line}" for line in lines)


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _keys_at(model: type[BaseModel], location: Sequence[str]) -> list[str]:
    """The valid keys of the section at `location`, found by walking the models."""
    for part in location:
        if part.isdigit():
            continue
        field = model.model_fields.get(part)
        inner = None if field is None else _section_in(field.annotation)
        if inner is None:
            break
        model = inner
    return list(model.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _section_in(part))), None)
