"""The transformers engine on a tiny model: answers equal plain `generate`, whatever the batch around them."""

# pyright: basic
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tiny import CHATML, CONTEXT, make_tiny_adapter, make_tiny_model

from ownwords import models, rendering
from ownwords.engines._decoding import fill_holes
from ownwords.engines._sampling import choose, uniform_stream
from ownwords.engines.base import open_engine
from ownwords.engines.transformers import WINDOW
from ownwords.errors import EngineError, InputError, ModelError
from ownwords.recipe import ModelSection, RuntimeSection
from ownwords.records import Message, Request, Sampling, Weights

GREEDY = Sampling(max_tokens=24)
SAMPLED = Sampling(temperature=0.95, top_p=0.7, top_k=50, max_tokens=24)
PROMPTS = ["hi", "what?", "a longer question, " * 4, "b", "c", "d e f", "long " * 60, "é ü", "one two", "x" * 90]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Tiny matrices are slower on several threads, far slower when other processes want the cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def resolved(folder) -> models.Model:
    return models.resolve(ModelSection(name_or_path=str(folder)))


@pytest.fixture(scope="module")
def plain(folder):
    """The same model as transformers loads it, as the reference."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def engine(resolved):
    return open_with(resolved)


@pytest.fixture(scope="module")
def adapter(folder, tmp_path_factory) -> Path:
    """A LoRA adapter that changes the answers."""
    return make_tiny_adapter(folder, tmp_path_factory.mktemp("tiny") / "adapter", target_modules=["q_proj", "v_proj"])


def open_with(resolved, **runtime):
    settings = {"dtype": "float32", "device": "cpu", "batch_size": 4, **runtime}
    return open_engine("transformers", resolved, RuntimeSection(engine="transformers", **settings))


def ask(text: str, name: str = "", **fields) -> Request:
    return Request(id=name or text, messages=(Message("user", text),), **{"sampling": GREEDY, **fields})


def texts(engine, requests) -> dict[str, str]:
    return {done.request_id: done.text for done in engine.stream(requests)}


def generate(plain, text: str, max_tokens: int = GREEDY.max_tokens) -> str:
    model, tokenizer = plain
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    output = model.generate(**ids, max_new_tokens=max_tokens, do_sample=False)
    return tokenizer.decode(output[0][ids["input_ids"].shape[1] :], skip_special_tokens=True)


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_greedy_answers_equal_generate_at_any_batch_size(resolved, plain, batch_size):
    answers = texts(open_with(resolved, batch_size=batch_size), [ask(prompt) for prompt in PROMPTS])
    assert answers == {prompt: generate(plain, prompt) for prompt in PROMPTS}


@pytest.mark.slow
def test_a_small_token_budget_changes_no_answer(resolved, plain):
    answers = texts(open_with(resolved, batch_size=16, max_batch_tokens=200), [ask(prompt) for prompt in PROMPTS])
    assert answers == {prompt: generate(plain, prompt) for prompt in PROMPTS}


@pytest.mark.slow
def test_cache_grows_past_its_first_block(resolved, plain):
    requests = [ask(prompt, sampling=Sampling(max_tokens=200)) for prompt in PROMPTS[:6]]
    assert texts(open_with(resolved), requests) == {p: generate(plain, p, 200) for p in PROMPTS[:6]}


@pytest.mark.slow
def test_sliding_window_model_keeps_its_own_cache_and_answers_like_generate(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer, MistralConfig, MistralForCausalLM

    path = make_tiny_model(tmp_path / "model")
    llama = AutoModelForCausalLM.from_pretrained(path)
    keys = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"]
    keys += ["num_key_value_heads", "max_position_embeddings", "eos_token_id", "pad_token_id", "bos_token_id"]
    config = MistralConfig(**{key: getattr(llama.config, key) for key in keys}, sliding_window=16)
    mistral = MistralForCausalLM(config)
    mistral.load_state_dict(llama.state_dict())
    mistral.save_pretrained(path)
    engine = open_with(models.resolve(ModelSection(name_or_path=str(path))))
    assert engine._weights.takes_slots(Weights()) is False
    reference = (AutoModelForCausalLM.from_pretrained(path).eval(), AutoTokenizer.from_pretrained(path))
    assert texts(engine, [ask(prompt) for prompt in PROMPTS]) == {p: generate(reference, p) for p in PROMPTS}


def test_tiny_model_runs_in_slots(engine):
    assert engine._weights.takes_slots(Weights()) is True


def test_sampled_answer_is_the_same_alone_and_in_a_batch(engine):
    requests = [ask(prompt, sampling=SAMPLED, seed=number) for number, prompt in enumerate(PROMPTS)]
    together = texts(engine, requests)
    assert together == {request.id: texts(engine, [request])[request.id] for request in requests}
    assert len(set(together.values())) > 1


def test_seeds_give_different_answers(engine):
    answers = texts(engine, [ask("hi", name=str(seed), sampling=SAMPLED, seed=seed) for seed in range(6)])
    assert len(set(answers.values())) > 3


def test_prefill_is_part_of_the_prompt_and_not_of_the_text(engine, plain):
    model, tokenizer = plain
    [done] = engine.stream([ask("hi", prefill="Great! ")])
    prompt = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nGreat! "
    ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
    output = model.generate(**ids, max_new_tokens=GREEDY.max_tokens, do_sample=False)[0][ids["input_ids"].shape[1] :]
    assert done.text == tokenizer.decode(output, skip_special_tokens=True)
    assert done.prompt_tokens == ids["input_ids"].shape[1]
    assert done.completion_tokens == len(output)


def test_raw_text_goes_to_the_model_without_a_template(engine, plain):
    model, tokenizer = plain
    [done] = engine.stream([Request(id="raw", text="once upon", sampling=GREEDY)])
    ids = tokenizer("once upon", return_tensors="pt")
    output = model.generate(**ids, max_new_tokens=GREEDY.max_tokens, do_sample=False)[0][ids["input_ids"].shape[1] :]
    assert done.text == tokenizer.decode(output, skip_special_tokens=True)


def test_finish_reason_and_token_counts(engine):
    done = {c.request_id: c for c in engine.stream([ask(p, sampling=Sampling(max_tokens=60)) for p in PROMPTS])}
    assert {c.finish_reason for c in done.values()} == {"stop", "length"}
    for completion in done.values():
        limit_reached = completion.completion_tokens == 60
        assert limit_reached or completion.finish_reason == "stop"


requests_strategy = st.lists(
    st.tuples(
        st.integers(0, 700),
        st.integers(1, 12),
        st.sampled_from([0.0, 1.0]),
        st.sampled_from([None, "", "a target"]),
        st.sampled_from(["messages", "text"]),
    ),
    max_size=14,
)


@pytest.mark.slow
@given(rows=requests_strategy)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_request_gets_exactly_one_completion(engine, rows):
    requests = [
        Request(
            id=str(number),
            messages=(Message("user", "q" * length),) if kind == "messages" else None,
            text="q" * length if kind == "text" else None,
            target=target,
            seed=number,
            sampling=Sampling(temperature=temperature, max_tokens=tokens),
        )
        for number, (length, tokens, temperature, target, kind) in enumerate(rows)
    ]
    done = list(engine.stream(requests))
    assert sorted(c.request_id for c in done) == sorted(r.id for r in requests)
    by_id = {c.request_id: c for c in done}
    for request in requests:
        completion = by_id[request.id]
        fits = completion.finish_reason != "error"
        assert fits == (completion.error is None)
        assert (completion.logprobs is not None) == (fits and request.target is not None)
        assert completion.completion_tokens <= max(request.sampling.max_tokens, len(completion.logprobs or ()))


@pytest.mark.slow
def test_requests_are_pulled_within_a_bounded_window(resolved):
    engine = open_with(resolved, batch_size=2)
    pulled = 0

    def requests():
        nonlocal pulled
        for number in range(200):
            pulled += 1
            yield ask("hi", name=str(number), sampling=Sampling(max_tokens=2))

    for answered, _ in enumerate(engine.stream(requests()), start=1):
        assert pulled - answered <= (WINDOW + 1) * 2
    assert pulled == 200


def test_closing_cancels(engine):
    pulled = 0

    def requests():
        nonlocal pulled
        for number in range(10_000):
            pulled += 1
            yield ask("hi", name=str(number))

    stream = engine.stream(requests())
    next(stream)
    stream.close()
    assert pulled <= (WINDOW + 1) * 4
    assert texts(engine, [ask("hi")]) == texts(engine, [ask("hi")])


def test_log_likelihoods_of_a_turn_equal_a_plain_forward(engine, plain):
    import torch

    model, tokenizer = plain
    targets = {"a": "yes", "b": "a much longer answer than that", "c": ""}
    done = {c.request_id: c for c in engine.stream([ask("q" * 9, name=n, target=t) for n, t in targets.items()])}
    for name, target in targets.items():
        prompt, ids = rendering.target_ids(tokenizer, [Message("user", "q" * 9)], target)
        with torch.no_grad():
            logits = model(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1].double()
        expected = logits.log_softmax(-1).gather(-1, torch.tensor(ids)[:, None]).squeeze(-1).tolist()
        assert done[name].logprobs == pytest.approx(expected, abs=1e-4)
        assert done[name].finish_reason == "scored"
        assert done[name].completion_tokens == len(ids)
        assert tokenizer.decode(ids) == f"{target}<|im_end|>\n"


def test_log_likelihoods_of_raw_text_cover_the_bare_target(engine):
    [done] = engine.stream([Request(id="raw", text="2 + 2 =", target=" 4")])
    assert done.logprobs is not None
    assert len(done.logprobs) == done.completion_tokens == len(" 4")


@pytest.mark.slow
def test_adapter_answers_differ_and_scale_zero_equals_the_seed(engine, adapter):
    tuned = Weights("adapter", "tuned", str(adapter))
    requests = [
        ask(prompt, name=f"{prompt}/{label}", weights=weights)
        for prompt in PROMPTS
        for label, weights in (("seed", Weights()), ("tuned", tuned), ("off", replace(tuned, scale=0.0)))
    ]
    answers = texts(engine, requests)
    assert [answers[f"{p}/off"] for p in PROMPTS] == [answers[f"{p}/seed"] for p in PROMPTS]
    assert [answers[f"{p}/tuned"] for p in PROMPTS] != [answers[f"{p}/seed"] for p in PROMPTS]


@pytest.mark.slow
def test_adapter_answers_equal_those_of_the_merged_model(engine, adapter, folder, plain):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), adapter).merge_and_unload()
    weights = Weights("adapter", "tuned", str(adapter))
    answers = texts(engine, [ask(prompt, weights=weights) for prompt in PROMPTS])
    assert answers == {prompt: generate((merged.eval(), plain[1]), prompt) for prompt in PROMPTS}


def test_model_folder_answers_in_place_of_the_seed(engine, tmp_path):
    other = make_tiny_model(tmp_path / "other", seed=7)
    alone = open_with(models.resolve(ModelSection(name_or_path=str(other))))
    weights = Weights("model", "other", str(other))
    mixed = texts(engine, [ask("hi", weights=weights), ask("hi", name="seed")])
    assert mixed["hi"] == texts(alone, [ask("hi")])["hi"] != mixed["seed"]


def test_missing_adapter_folder_stops_the_stream(engine, tmp_path):
    weights = Weights("adapter", "gone", str(tmp_path / "gone"))
    with pytest.raises(EngineError, match="there is no folder"):
        list(engine.stream([ask("hi", weights=weights)]))


def test_too_long_prompt_is_an_error_completion_beside_good_ones(engine):
    done = {c.request_id: c for c in engine.stream([ask("q" * CONTEXT, name="long"), ask("hi")])}
    error = done["long"].error
    assert error is not None
    assert error.kind == "prompt_too_long"
    assert str(CONTEXT) in error.message
    assert done["hi"].error is None


def test_answer_is_cut_where_the_context_ends(engine, plain):
    frame = len(plain[1]("<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n")["input_ids"])
    fits, full = ask("q" * (CONTEXT - frame - 1), name="one"), ask("q" * (CONTEXT - frame), name="none")
    done = {c.request_id: c for c in engine.stream([fits, full])}
    assert done["one"].completion_tokens == 1
    assert done["one"].prompt_tokens == CONTEXT - 1
    assert done["none"].finish_reason == "error"


def test_preflight_names_the_request_that_cannot_fit(engine):
    engine.preflight([ask("hi")])
    with pytest.raises(InputError, match=f"request big: .*{CONTEXT}"):
        engine.preflight([ask("hi"), ask("q" * CONTEXT, name="big")])


def test_failing_template_is_an_error_of_the_row(tmp_path):
    template = "{% if messages[0].content == 'bad' %}{{ raise_exception('not this') }}{% endif %}" + CHATML
    path = make_tiny_model(tmp_path / "model", chat_template=template)
    engine = open_with(models.resolve(ModelSection(name_or_path=str(path))))
    done = {c.request_id: c for c in engine.stream([ask("bad"), ask("good")])}
    assert done["bad"].error is not None
    assert done["bad"].error.kind == "chat_template"
    assert done["good"].error is None


def test_engine_without_model_is_refused():
    with pytest.raises(ModelError, match="needs a model"):
        open_engine("transformers", None, RuntimeSection())


def test_provenance_says_what_answered(engine, resolved):
    import transformers

    assert engine.provenance.as_dict() == {
        "kind": "transformers",
        "version": transformers.__version__,
        "dtype": "float32",
        "device": "cpu",
        "model": resolved.name,
        "weights_hash": resolved.weights_hash,
    }


def test_stop_tokens_are_eos_and_end_of_turn_markers(engine, plain):
    assert engine.codec.stop_ids == {plain[1].convert_tokens_to_ids("<|im_end|>")}


@pytest.mark.parametrize("sampling", [SAMPLED, Sampling(temperature=1.3, top_p=0.5), Sampling(temperature=0.7)])
def test_draws_follow_the_distribution_that_transformers_samples_from(sampling):
    import torch
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    logits = torch.tensor([[3.0, 2.5, 1.0, 0.9, -1.0, 2.9, -4.0, 0.0]])
    warpers = LogitsProcessorList([TemperatureLogitsWarper(sampling.temperature)])
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    expected = warpers(torch.zeros(1, 1, dtype=torch.long), logits).softmax(-1)[0]
    grid = [(number + 0.5) / 20_000 for number in range(20_000)]
    drawn = choose(logits.expand(len(grid), -1), [sampling] * len(grid), grid)
    assert torch.allclose(drawn.bincount(minlength=8) / len(grid), expected, atol=2e-4)


def test_rows_with_different_settings_share_a_batch():
    import torch

    logits = torch.tensor([[0.0, 5.0, 1.0], [5.0, 0.0, 1.0], [0.0, 1.0, 5.0]])
    samplings = [Sampling(), Sampling(temperature=1.0, top_k=1), Sampling()]
    assert choose(logits, samplings, [0.1, 0.9, 0.5]).tolist() == [1, 0, 2]


def test_uniform_stream_depends_on_the_seed_alone():
    assert uniform_stream(3, 5) == uniform_stream(3, 8)[:5]
    assert uniform_stream(3, 5) != uniform_stream(4, 5)


@given(count=st.integers(0, 20), data=st.data())
def test_closing_ranks_keeps_every_other_row_once(count, data):
    leaving = data.draw(st.sets(st.integers(0, count - 1))) if count else set()
    order = fill_holes(count, sorted(leaving))
    assert sorted(order) == sorted(set(range(count)) - leaving)
    assert all(source == row for row, source in enumerate(order) if row not in leaving)


# --- adapters of other models ---------------------------------------------------------------------------------------


def _other_model(folder: Path, **changes: int) -> Path:
    """The tiny model with other numbers in its config."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig.from_pretrained(make_tiny_model(folder.with_name("like")))
    config.update(changes)
    with torch.random.fork_rng(devices=[]):
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 64, "head_dim": 12}, r"layers\.0\.self_attn\.q_proj has 48 × 48 weights there, and 64 × 48"),
        (
            {"num_hidden_layers": 3},
            r"2 of its 6 layers are not in the model, model\.layers\.2\.self_attn\.q_proj first",
        ),
        ({"num_hidden_layers": 1}, r"nothing for 2 layers of the model .* model\.layers\.1\.self_attn\.q_proj first"),
    ],
)
def test_an_adapter_of_another_model_is_refused_and_the_seed_stays_whole(resolved, tmp_path, changes, message):
    other = _other_model(tmp_path / "other", **changes)
    wrong = make_tiny_adapter(other, tmp_path / "wrong", target_modules=["q_proj", "v_proj"])
    own = open_with(resolved)
    asked = Request("r", messages=(Message("user", "hi"),), sampling=GREEDY)
    before = [completion.text for completion in own.stream([asked])]
    with pytest.raises(EngineError, match=message) as caught:
        list(own.stream([replace(asked, weights=Weights("adapter", "wrong", str(wrong)))]))
    assert "does not fit" in str(caught.value)
    assert "was trained on another model" in str(caught.value)
    assert len(str(caught.value)) < 700
    assert [completion.text for completion in own.stream([asked])] == before


def test_an_adapter_of_some_layers_is_served(folder, resolved, tmp_path):
    some = make_tiny_adapter(folder, tmp_path / "some", target_modules=["q_proj"], layers_to_transform=[1])
    request = Request(
        "r", messages=(Message("user", "hi"),), sampling=GREEDY, weights=Weights("adapter", "some", str(some))
    )
    assert len(list(open_with(resolved).stream([request]))) == 1
