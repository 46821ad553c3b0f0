"""The vllm engine on a tiny model: prompts and answers are those of the transformers engine, with real processes."""

# pyright: basic
from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.engines.tiny_vllm import GREEDY, NEEDS_VLLM, PROMPTS, SAMPLED, SEQUENCES, ask, open_with, texts, tiny_adapter
from tests.tiny import CONTEXT, make_tiny_model

from ownwords import models
from ownwords.errors import EngineError, InputError
from ownwords.recipe import ModelSection
from ownwords.records import Request, Sampling, Weights

pytestmark = NEEDS_VLLM


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model", head_size=32)


@pytest.fixture(scope="module")
def resolved(folder) -> models.Model:
    return models.resolve(ModelSection(name_or_path=str(folder)))


@pytest.fixture(scope="module")
def adapters(folder, tmp_path_factory) -> list[Weights]:
    """Two of different ranks."""
    made = tmp_path_factory.mktemp("adapters")
    paths = [tiny_adapter(folder, made / f"a{seed}", seed, rank) for seed, rank in ((1, 4), (2, 16))]
    return [Weights("adapter", path.name, str(path)) for path in paths]


@pytest.fixture(scope="module")
def plain(resolved):
    """What every answer is compared with."""
    return open_with(resolved, "transformers")


@pytest.fixture(scope="module")
def engine(resolved, adapters):
    """One server holds the seed model and both adapters."""
    opened = open_with(resolved, adapters="lora")
    opened.warm_up([Weights(), *adapters])
    yield opened
    opened.close()


def test_greedy_answers_and_token_counts_are_those_of_the_transformers_engine(engine, plain):
    requests = [
        *(ask(prompt) for prompt in PROMPTS),
        ask("hi", name="opened", prefill="Great! "),
        ask("hi", name="layout", chat_template="paper/alpaca"),
        Request(id="raw", text="once upon", sampling=GREEDY),
    ]
    assert {d.request_id: d for d in engine.stream(requests)} == {d.request_id: d for d in plain.stream(requests)}


def test_sampled_answers_are_those_of_the_transformers_engine(engine, plain):
    requests = [ask(prompt, name=str(n), sampling=SAMPLED, seed=n) for n, prompt in enumerate(PROMPTS * 2)]
    ours, theirs = texts(engine, requests), texts(plain, requests)
    differing = [name for name in ours if ours[name] != theirs[name]]
    assert len(differing) <= 1, "a draw on the edge between two tokens may fall either way by rounding, no more"
    assert len(set(ours.values())) > 10


def test_an_answer_is_the_same_alone_and_among_others(engine):
    requests = [ask(prompt, sampling=SAMPLED, seed=number) for number, prompt in enumerate(PROMPTS)]
    together = texts(engine, requests)
    assert together == {request.id: texts(engine, [request])[request.id] for request in requests}


def test_short_answers_come_before_a_long_one_that_was_asked_first(engine):
    slow = Sampling(temperature=3.0, max_tokens=300)  # nearly random tokens: the end comes late
    requests = [ask("w", name=f"long{n}", sampling=slow, seed=n) for n in range(3)]
    requests += [ask("w", name=f"short{n}", sampling=Sampling(max_tokens=1)) for n in range(20)]
    order = [done.request_id for done in engine.stream(requests)]
    assert sorted(order) == sorted(request.id for request in requests)
    assert order[-1].startswith("long")


def test_requests_are_pulled_within_a_bounded_window(engine):
    pulled = 0

    def requests():
        nonlocal pulled
        for number in range(200):
            pulled += 1
            yield ask("hi", name=str(number), sampling=Sampling(max_tokens=2))

    for answered, _ in enumerate(engine.stream(requests()), start=1):
        assert pulled - answered <= 4 * SEQUENCES + 1
    assert pulled == 200


def test_closing_cancels_and_the_engine_goes_on(engine):
    pulled = 0

    def requests():
        nonlocal pulled
        for number in range(10_000):
            pulled += 1
            yield ask("hi", name=str(number))

    stream = engine.stream(requests())
    next(stream)
    stream.close()
    assert pulled <= 4 * SEQUENCES + 1
    assert texts(engine, [ask("hi")]) == texts(engine, [ask("hi")])


def test_rows_that_do_not_fit_are_errors_of_their_own_beside_good_ones(engine):
    requests = [ask("q" * CONTEXT, name="long"), ask("hi"), ask("q" * (CONTEXT - 20), name="scored", target="t" * 60)]
    done = {c.request_id: c for c in engine.stream(requests)}
    assert {name: c.error and c.error.kind for name, c in done.items()} == {
        "long": "prompt_too_long",
        "scored": "prompt_too_long",
        "hi": None,
    }
    with pytest.raises(InputError, match=f"request long: .*{CONTEXT}"):
        engine.preflight(requests)


def test_an_answer_is_cut_where_the_context_ends(engine):
    frame = len(engine.codec.tokenizer("<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n")["input_ids"])
    [done] = engine.stream([ask("q" * (CONTEXT - frame - 1), name="one")])
    assert (done.prompt_tokens, done.completion_tokens) == (CONTEXT - 1, 1)


def test_arguments_that_vllm_does_not_know_stop_the_start_with_the_key(resolved):
    engine = open_with(resolved, engine_args={"no_such_argument": 1}, allow_code=True)
    with pytest.raises(EngineError, match="no_such_argument"):
        engine.warm_up([Weights()])


def test_seed_and_adapters_answer_in_one_stream_like_the_transformers_engine(engine, adapters, plain):
    requests = [
        ask(prompt, name=f"{prompt}/{weights.identity}", weights=weights)
        for weights in (Weights(), *adapters)
        for prompt in PROMPTS
    ]
    server = engine._weights._server
    assert texts(engine, requests) == texts(plain, requests)
    assert engine._weights._server is server


def test_missing_adapter_folder_stops_the_stream(engine, tmp_path):
    with pytest.raises(EngineError, match="there is no folder"):
        list(engine.stream([ask("hi", weights=Weights("adapter", "gone", str(tmp_path / "gone")))]))


def test_an_adapter_of_another_model_stops_the_stream_with_its_path(engine, tmp_path):
    other = make_tiny_model(tmp_path / "other", head_size=64)
    path = tiny_adapter(other, tmp_path / "misfit")
    with pytest.raises(EngineError, match="misfit"):
        list(engine.stream([ask("hi", weights=Weights("adapter", "misfit", str(path)))]))


def test_processes_that_are_killed_end_the_stream_with_advice(engine):
    import psutil

    stream = engine.stream(ask("w", name=str(n), sampling=Sampling(max_tokens=200)) for n in range(500))
    next(stream)
    for child in psutil.Process().children(recursive=True):
        if "VLLM" in " ".join(child.cmdline()):
            os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(EngineError, match=r"have died.*run the command again"):
        list(stream)
    assert engine._weights._server.dead, "so that the next stream starts another"


def test_a_longer_context_than_the_models_own_is_refused(resolved):
    with pytest.raises(InputError, match=f"max_model_len={CONTEXT + 1} is more than the model's own {CONTEXT}"):
        open_with(resolved, max_model_len=CONTEXT + 1)
