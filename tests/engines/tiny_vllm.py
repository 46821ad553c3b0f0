"""What tests of the vllm engine share: a tiny engine, its adapters, and what it is asked."""

# pyright: basic
from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ownwords.engines.base import open_engine
from ownwords.recipe import RuntimeSection
from ownwords.records import Message, Request, Sampling

NEEDS_VLLM = [
    pytest.mark.slow,
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed: make setup-vllm"),
    pytest.mark.filterwarnings("default"),  # vLLM and what it imports warn of much that is not ours
]

GREEDY = Sampling(max_tokens=24)
SAMPLED = Sampling(temperature=0.95, top_p=0.7, top_k=50, max_tokens=24)
PROMPTS = ["hi", "what?", "a longer question, " * 4, "b", "c", "d e f", "long " * 60, "é ü", "one two", "x" * 90]
SEQUENCES = 8


def tiny_adapter(folder: Path, path: Path, seed: int = 1, rank: int = 4) -> Path:
    """A LoRA adapter that changes the answers."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder)
    config = LoraConfig(r=rank, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        get_peft_model(base, config).save_pretrained(path)
    return path


def open_with(resolved, engine="vllm", *, allow_code=False, **settings):
    vllm = {"kv_cache_gib": 0.25, "max_num_seqs": SEQUENCES, **settings}
    runtime = RuntimeSection.model_validate({"engine": engine, "dtype": "float32", "device": "cpu", "vllm": vllm})
    return open_engine(engine, resolved, runtime, allow_code=allow_code)


def ask(text: str, name: str = "", **fields) -> Request:
    return Request(id=name or text, messages=(Message("user", text),), **{"sampling": GREEDY, **fields})


def texts(engine, requests) -> dict[str, str]:
    return {done.request_id: done.text for done in engine.stream(requests)}
