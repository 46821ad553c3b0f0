"""Which further arguments of vLLM a recipe may give: none that this engine decides, and no code of a stranger's.

vLLM loads classes and plugins by name (`worker_cls`, `scheduler_cls`, connectors in `kv_transfer_config`, …), and new
versions bring more. So what a recipe may set freely is listed, and all else runs only with --allow-code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ownwords.errors import RecipeError

#: Set by other keys of the recipe, or by what answers and journal rely on.
_OWN = {
    "model": "model.name_or_path",
    "model_weights": "model.name_or_path",
    "tokenizer": "model.name_or_path",
    "revision": "model.revision",
    "tokenizer_revision": "model.revision",
    "trust_remote_code": "model.trust_remote_code",
    "dtype": "runtime.dtype",
    "tensor_parallel_size": "runtime.vllm.tensor_parallel_size",
    "gpu_memory_utilization": "runtime.vllm.gpu_memory_utilization",
    "kv_cache_memory_bytes": "runtime.vllm.kv_cache_gib",
    "max_model_len": "runtime.vllm.max_model_len",
    "max_num_seqs": "runtime.vllm.max_num_seqs",
    "enable_prefix_caching": "runtime.vllm.enable_prefix_caching",
    "enforce_eager": "runtime.vllm.enforce_eager",
    "enable_lora": "runtime.vllm.adapters",
    "max_loras": "runtime.vllm.adapters",
    "max_lora_rank": "runtime.vllm.adapters",
    "speculative_config": "runtime.vllm.ngram_tokens",
    "skip_tokenizer_init": "",
    "generation_config": "",
    "override_generation_config": "",
    "logits_processors": "",
    "disable_log_stats": "",
}

#: Numbers, switches and names out of vLLM's own lists.
_FREE = frozenset(
    {
        "async_scheduling",
        "attention_backend",
        "block_size",
        "cpu_offload_gb",
        "data_parallel_size",
        "disable_cascade_attn",
        "disable_custom_all_reduce",
        "disable_sliding_window",
        "enable_chunked_prefill",
        "enable_expert_parallel",
        "fully_sharded_loras",
        "kv_cache_dtype",
        "long_prefill_token_threshold",
        "max_cpu_loras",
        "max_num_batched_tokens",
        "max_parallel_loading_workers",
        "num_gpu_blocks_override",
        "optimization_level",
        "pipeline_parallel_size",
        "quantization",
        "scheduling_policy",
        "seed",
    }
)


def require_harmless(arguments: Mapping[str, Any], *, allow_code: bool) -> None:
    """Refuse arguments that this engine sets itself, and without `allow_code` any that may name code (RecipeError)."""
    for name, value in arguments.items():
        if name in _OWN:
            instead = f"set {_OWN[name]} instead" if _OWN[name] else "leave it out: answers rely on it"
            raise RecipeError(f"runtime.vllm.engine_args: {name} is set by ownwords; {instead}.")
        plain = name in _FREE and isinstance(value, str | int | float | bool | None)
        if not plain and not allow_code:
            raise RecipeError(
                f"runtime.vllm.engine_args: {name} may name code that vLLM loads; it is passed on only with "
                f"--allow-code. Without: {', '.join(sorted(_FREE))}, each with a plain value."
            )
