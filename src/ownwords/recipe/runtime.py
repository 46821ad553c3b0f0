"""What answers requests, and how: engines and their settings."""

from __future__ import annotations

import re
from typing import Any, Literal, cast

from pydantic import Field, model_validator

from ownwords.errors import RecipeError
from ownwords.recipe.base import Section


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


def _secret_in(body: dict[str, Any]) -> str | None:
    """A key whose name says that its value is a secret, at any depth; what holds an object says nothing itself, such as
    a property of a schema."""
    waiting: list[Any] = [body]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            members = cast("dict[Any, Any]", value)
            for key, inner in members.items():
                if re.fullmatch(_SECRET_KEY, str(key), re.IGNORECASE) and not isinstance(inner, dict):
                    return str(key)
            waiting.extend(members.values())
        elif isinstance(value, list):
            waiting.extend(cast("list[Any]", value))
    return None


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
        secret = _secret_in(self.extra_body)
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
