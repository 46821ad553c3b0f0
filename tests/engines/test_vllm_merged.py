"""Adapters that are merged into a copy which vLLM serves, with real processes."""

# pyright: basic
from __future__ import annotations

from dataclasses import replace

import pytest
from tests.engines.tiny_vllm import NEEDS_VLLM, PROMPTS, ask, open_with, texts, tiny_adapter
from tests.tiny import make_tiny_model

from ownwords import models
from ownwords.recipe import ModelSection
from ownwords.records import Request, Weights

pytestmark = NEEDS_VLLM


def test_an_adapter_at_half_scale_is_merged_and_answers_like_the_transformers_engine(tmp_path):
    folder = make_tiny_model(tmp_path / "model", head_size=32)
    resolved = models.resolve(ModelSection(name_or_path=str(folder)))
    plain = open_with(resolved, "transformers")
    half = Weights("adapter", "half", str(tiny_adapter(folder, tmp_path / "half")), scale=0.5)
    requests = [ask(prompt, weights=half) for prompt in PROMPTS]
    targets = ("yes", "a much longer answer than that", "")
    scored = [ask("q" * 9, name=f"turn {target}", target=target, weights=half) for target in targets]
    scored.append(Request(id="raw", text="2 + 2 =", target=" 4", weights=half))
    engine = open_with(resolved, adapters="merged")
    try:
        assert texts(engine, requests) == texts(plain, requests)
        theirs = {done.request_id: done for done in plain.stream(scored)}
        for done in engine.stream(scored):
            expected = theirs[done.request_id]
            assert done.logprobs == pytest.approx(expected.logprobs, abs=1e-3)
            assert replace(done, logprobs=()) == replace(expected, logprobs=())
    finally:
        engine.close()
