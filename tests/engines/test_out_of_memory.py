"""When memory runs out the transformers engine goes on with half of the batch: same answers, none lost, none twice."""

# pyright: basic
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.tiny import make_tiny_model

from ownwords import models
from ownwords.engines.base import open_engine
from ownwords.engines.transformers import TransformersEngine
from ownwords.errors import EngineError
from ownwords.recipe import ModelSection, RuntimeSection
from ownwords.records import Completion, Message, Request, Sampling

PROMPTS = [f"prompt {number} " * (1 + number % 5) for number in range(20)]
SAMPLED = Sampling(temperature=0.95, top_p=0.7, top_k=50, max_tokens=24)

#: How torch, and Python itself, say it.
SHORTAGES: dict[str, Exception] = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB."),
    "cpu": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 9663676416 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GiB, other allocations: 0 bytes)"),
    "python": MemoryError(),
}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> models.Model:
    folder = make_tiny_model(tmp_path_factory.mktemp("llama") / "model")
    return models.resolve(ModelSection(name_or_path=str(folder)))


@pytest.fixture(scope="module")
def mistral(llama: models.Model, tmp_path_factory: pytest.TempPathFactory) -> models.Model:
    """Sliding windows: a model that keeps its own cache."""
    from transformers import AutoConfig, AutoTokenizer, MistralConfig, MistralForCausalLM

    folder = tmp_path_factory.mktemp("mistral") / "model"
    given = AutoConfig.from_pretrained(llama.path).to_dict()
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    more = ("num_key_value_heads", "max_position_embeddings", "initializer_range", "eos_token_id", "pad_token_id")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        MistralForCausalLM(
            MistralConfig(**{name: given[name] for name in names + more}, sliding_window=16)
        ).save_pretrained(folder)
    AutoTokenizer.from_pretrained(llama.path).save_pretrained(folder)
    return models.resolve(ModelSection(name_or_path=str(folder)))


@pytest.fixture(params=["llama", "mistral"])
def model(request: pytest.FixtureRequest) -> models.Model:
    return request.getfixturevalue(request.param)


def open_with(model: models.Model, **runtime: Any) -> TransformersEngine:
    settings = {"dtype": "float32", "device": "cpu", "batch_size": 8, "max_batch_tokens": 24576, **runtime}
    engine = open_engine("transformers", model, RuntimeSection(**settings))
    assert isinstance(engine, TransformersEngine)
    return engine


class Memory:
    """Stands in for the memory of the device: `fits` is given the rows and columns of a forward pass."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        engine: TransformersEngine,
        fits: Callable[[int, int], bool],
        error: Exception,
    ) -> None:
        self.passes: list[tuple[int, int]] = []
        self.failed: list[int] = []  # how many passes had been made
        forward = engine._weights._seed.forward

        def limited(*given: Any, **named: Any) -> Any:
            rows, columns = named["input_ids"].shape
            self.passes.append((rows, columns))
            if not fits(rows, columns):
                self.failed.append(len(self.passes))
                raise error
            return forward(*given, **named)

        monkeypatch.setattr(engine._weights._seed, "forward", limited)


def ask(text: str, **more: Any) -> Request:
    return Request(text, (Message("user", text),), **{"sampling": SAMPLED, "seed": len(text), **more})


def answers(engine: TransformersEngine, requests: list[Request]) -> dict[str, Completion]:
    found = list(engine.stream(requests))
    assert len(found) == len({completion.request_id for completion in found}) == len(requests)
    return {completion.request_id: completion for completion in found}


@pytest.mark.slow
@pytest.mark.parametrize("error", SHORTAGES.values(), ids=SHORTAGES)
def test_a_prefill_that_does_not_fit_is_made_in_halves(
    model: models.Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    requests = [ask(text) for text in PROMPTS]
    undisturbed = answers(open_with(model), requests)
    engine = open_with(model)
    memory = Memory(monkeypatch, engine, lambda rows, columns: columns == 1 or rows <= 3, error)
    assert answers(engine, requests) == undisturbed
    assert len(memory.failed) == 2  # eight rows, then four
    assert max(rows for rows, _ in memory.passes[memory.failed[-1] :]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "out of memory with 8 rows in flight: from here on at most 4 rows and 12,288 tokens at once, not 8 and 24,576",
        "out of memory with 4 rows in flight: from here on at most 2 rows and 6,144 tokens at once, not 4 and 12,288",
    ]


@pytest.mark.slow
def test_rows_that_were_half_written_start_again_with_the_same_answer(
    model: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [ask(text) for text in PROMPTS]
    undisturbed = answers(open_with(model), requests)
    engine = open_with(model)
    steps: list[int] = []

    def fits(rows: int, columns: int) -> bool:
        if columns == 1:
            steps.append(rows)
        return columns > 1 or rows <= 4 or len(steps) < 7

    memory = Memory(monkeypatch, engine, fits, SHORTAGES["cuda"])
    assert answers(engine, requests) == undisturbed
    assert len(memory.failed) == 1
    assert max(rows for rows, _ in memory.passes[memory.failed[0] :]) <= 4


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(1, 60, 7))
def test_a_shortage_at_any_moment_loses_no_row_and_repeats_none(
    llama: models.Model, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    requests = [ask(text) for text in PROMPTS] + [ask(f"{text}?", target="scored") for text in PROMPTS]
    undisturbed = answers(open_with(llama), requests)
    engine = open_with(llama)
    memory = Memory(monkeypatch, engine, lambda *_: len(memory.passes) != moment, SHORTAGES["cuda"])
    found = answers(engine, requests)
    assert len(memory.failed) == 1
    assert {name: (done.text, done.error) for name, done in found.items()} == {
        name: (done.text, done.error) for name, done in undisturbed.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("error", SHORTAGES.values(), ids=SHORTAGES)
def test_scoring_goes_on_with_smaller_batches(
    model: models.Model, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    requests = [ask(text, target=text[::-1]) for text in PROMPTS]
    undisturbed = answers(open_with(model), requests)
    engine = open_with(model)
    memory = Memory(monkeypatch, engine, lambda rows, columns: rows <= 2, error)
    found = answers(engine, requests)
    assert max(rows for rows, _ in memory.passes[memory.failed[-1] :]) == 2
    for name, completion in found.items():
        assert completion.logprobs == pytest.approx(undisturbed[name].logprobs, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("target", [None, "scored"])
def test_a_row_that_fits_nowhere_is_an_error_of_its_own(
    model: models.Model, monkeypatch: pytest.MonkeyPatch, target: str | None
) -> None:
    requests = [ask(text, target=target) for text in PROMPTS]
    undisturbed = answers(open_with(model), requests)
    long = ask("much too long " * 25, target=target)
    engine = open_with(model)
    Memory(monkeypatch, engine, lambda rows, columns: columns < 300, SHORTAGES["cuda"])
    found = answers(engine, [*requests[:10], long, *requests[10:]])
    failed = found.pop(long.id)
    assert failed.finish_reason == "error"
    assert failed.error is not None
    assert failed.error.kind == "out_of_memory"
    assert "Lower runtime.batch_size or runtime.max_batch_tokens" in failed.error.message
    assert failed.prompt_tokens > 300
    assert {name: done.text for name, done in found.items()} == {name: done.text for name, done in undisturbed.items()}


@pytest.mark.slow
def test_the_next_stream_begins_with_the_whole_batch(llama: models.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_with(llama)
    memory = Memory(monkeypatch, engine, lambda *_: len(memory.passes) > 1, SHORTAGES["cuda"])
    requests = [ask(text) for text in PROMPTS]
    answers(engine, requests)
    before = len(memory.passes)
    answers(engine, requests)
    assert max(rows for rows, _ in memory.passes[1:before]) == 4
    assert max(rows for rows, _ in memory.passes[before:]) == 8


def test_an_error_that_is_no_shortage_is_not_taken_for_one(
    llama: models.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_with(llama)
    Memory(monkeypatch, engine, lambda *_: False, RuntimeError("expected scalar type Float but found Half"))
    with pytest.raises(RuntimeError, match="expected scalar type"):
        answers(engine, [ask("hi")])


def test_weights_that_do_not_fit_end_the_stream_with_advice(
    llama: models.Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = open_with(llama)

    def no_memory(_: object) -> None:
        raise SHORTAGES["cuda"]

    monkeypatch.setattr(engine._weights, "model", no_memory)
    with pytest.raises(EngineError, match="out of memory"):
        answers(engine, [ask("hi")])
