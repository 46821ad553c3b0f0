"""Packed linear layers: the same numbers as plain ones up to the order of additions, and nothing lost in packing."""

# pyright: basic
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.tiny import make_tiny_adapter, make_tiny_model

from ownwords import models
from ownwords.engines import _packed
from ownwords.engines._packed import PackedLinear, pack, unpack
from ownwords.engines._rows import Row
from ownwords.engines.transformers import TransformersEngine
from ownwords.recipe import ModelSection, RuntimeSection
from ownwords.records import Message, Request, Weights

PACKS = pytest.mark.skipif(not _packed._packs_bfloat16(), reason="this CPU has no packed layout for bfloat16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


def load(folder: Path):
    return models.load_weights(models.resolve(ModelSection(name_or_path=str(folder))), torch.bfloat16, "cpu")


@PACKS
@pytest.mark.parametrize("widens", [True, False])
@pytest.mark.parametrize("rows", [1, 7, 300])
@pytest.mark.parametrize("bias", [True, False])
def test_product_is_that_of_a_plain_layer(rows, bias, widens):
    torch.manual_seed(0)
    linear = torch.nn.Linear(48, 100, bias=bias, dtype=torch.bfloat16)
    inputs = torch.randn(rows, 2, 48, dtype=torch.bfloat16)
    exact = torch.nn.functional.linear(
        inputs.double(), linear.weight.double(), None if linear.bias is None else linear.bias.double()
    )
    with torch.inference_mode():
        packed = PackedLinear(linear, tied=False, widens=widens)(inputs)
    assert packed.dtype is torch.bfloat16
    assert torch.allclose(packed.double(), exact, rtol=2**-8, atol=1e-3)


@PACKS
def test_unpacking_gives_the_model_back_bit_for_bit(folder):
    model = load(folder)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    pack(model)
    assert any(isinstance(module, PackedLinear) for module in model.modules())
    assert not any(type(module) is torch.nn.Linear for module in model.modules())
    unpack(model)
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_tied_weights_stay_tied(folder):
    model = load(folder)
    model.lm_head.weight = model.model.embed_tokens.weight
    pack(model)
    unpack(model)
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_other_dtypes_are_left_as_they_are(folder):
    model = load(folder).float()
    pack(model)
    assert not any(isinstance(module, PackedLinear) for module in model.modules())


def test_a_cpu_without_a_packed_layout_for_bfloat16_keeps_plain_layers(folder, monkeypatch):
    monkeypatch.setattr(_packed, "_packs_bfloat16", lambda: False)
    model = load(folder)
    pack(model)
    assert not any(isinstance(module, PackedLinear) for module in model.modules())


LORAS = {
    "plain": {"target_modules": ["q_proj", "v_proj"]},
    "every layer": {"target_modules": "all-linear"},
    "dora": {"target_modules": ["q_proj"], "use_dora": True},
    "head too": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", LORAS)
def test_adapters_go_onto_packed_layers_one_after_the_other(folder, tmp_path, kind):
    adapters = [
        Weights("adapter", str(seed), str(make_tiny_adapter(folder, tmp_path / str(seed), seed=seed, **LORAS[kind])))
        for seed in (1, 2)
    ]
    model = models.resolve(ModelSection(name_or_path=str(folder)))
    engine = TransformersEngine(model, RuntimeSection(dtype="bfloat16", device="cpu"))
    asked = [*adapters, Weights()]
    requests = [Request(w.identity, (Message("user", "hi"),), target="some answer", weights=w) for w in asked]
    scored = {done.request_id: done.logprobs for done in engine.stream(requests)}
    assert scored == {done.request_id: done.logprobs for done in engine.stream(reversed(requests))}
    assert scored["1"] != pytest.approx(scored["2"], abs=0.5)
    row = engine.codec.encode(requests[0])
    assert isinstance(row, Row)
    for weights in asked:
        assert scored[weights.identity] == pytest.approx(plain_log_likelihoods(folder, weights, row), abs=0.12)


def plain_log_likelihoods(folder: Path, weights: Weights, row: Row) -> list[float]:
    """In float32, by PEFT on plain layers."""
    from peft import PeftModel

    model = load(folder).float()
    if weights.path is not None:
        model = PeftModel.from_pretrained(model, weights.path)
    ids = row.prompt + (row.target or [])
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0, len(row.prompt) - 1 : -1]
    return logits.log_softmax(-1).gather(-1, torch.tensor(row.target)[:, None]).squeeze(-1).tolist()
