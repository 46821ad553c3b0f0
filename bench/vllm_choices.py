"""The choices that the vllm engine makes on a CPU, measured: LoRA requests or merged adapters, n-grams, dtype.

`python -m bench vllm_choices` needs vLLM (`make setup-vllm`), the bundled model and $OWNWORDS_DATA/gsm8k_train.json.
It is not part of `make bench`, because it informs defaults and has no target. Each setting starts a vLLM of its own,
whose start-up is shown apart; rates are medians of three runs over the same requests in that vLLM, after one that is
not counted. The adapters hold small random weights: they cost what trained ones cost.
"""

# pyright: basic
from __future__ import annotations

import importlib.util
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.data_files import data_file
from bench.evaluating import random_adapters
from ownwords import models
from ownwords.engines.base import open_engine
from ownwords.prompts.render import load_prompt
from ownwords.recipe import ModelSection, RuntimeSection
from ownwords.records import Example, Message, Request, Sampling, Weights

MODEL = "bundled:smollm2-135m-instruct"
ROWS = 16
REPEATS = 3
MAX_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds to be ready, seconds for the requests, and tokens that these generated."""

    startup: float
    seconds: float
    tokens: int


def main() -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table."""
    if importlib.util.find_spec("vllm") is None:
        return [("choices of the vllm engine", "", "skipped: vLLM is not installed (make setup-vllm)")]
    model = models.resolve(ModelSection(name_or_path=MODEL))
    requests = rewriting_requests()
    plain = measure(model, requests)
    guessing = measure(model, requests, ngram_tokens=3)
    full = measure(model, requests, dtype="float32")
    with tempfile.TemporaryDirectory() as folder:
        arms = [Weights(), *(Weights("adapter", path, path) for path in random_adapters(Path(folder)))]
        answers = [
            replace(request, id=f"{request.id}-{arm.identity}", weights=arm) for arm in arms for request in requests
        ]
        switched = measure(model, answers, adapters="lora")
        merged = [measure(model, [r for r in answers if r.weights == arm], adapters="merged") for arm in arms]
    merged_seconds = sum(each.seconds for each in merged)
    merged_startup = sum(each.startup for each in merged)
    return [
        (f"n-gram guessing (3 tokens) against none, {ROWS} rewrites", "", _against(guessing, plain)),
        (f"float32 against bfloat16, {ROWS} rewrites", "", _against(full, plain)),
        (
            f"seed and two adapters, {ROWS} prompts each: merged, one vLLM after the other, against LoRA requests",
            "",
            f"{switched.seconds / merged_seconds:.2f} × as fast once started ({merged_seconds:.1f} against "
            f"{switched.seconds:.1f} s); starting takes {merged_startup:.0f} against {switched.startup:.0f} s",
        ),
    ]


def measure(model: models.Model, requests: Sequence[Request], dtype: str = "bfloat16", **settings: object) -> Measured:
    runtime = RuntimeSection.model_validate({"engine": "vllm", "dtype": dtype, "vllm": settings})
    engine = open_engine("vllm", model, runtime)
    try:
        engine.warm_up(list(dict.fromkeys(request.weights for request in requests)))
        list(engine.stream(requests))
        runs: list[tuple[float, int]] = []
        for _ in range(REPEATS):
            clock = time.perf_counter()
            tokens = sum(done.completion_tokens for done in engine.stream(requests))
            runs.append((time.perf_counter() - clock, tokens))
        return Measured(engine.startup_seconds, statistics.median(s for s, _ in runs), runs[0][1])
    finally:
        engine.close()


def rewriting_requests() -> list[Request]:
    rows = json.loads(data_file("gsm8k_train.json").read_text(encoding="utf-8"))[:ROWS]
    prompt = load_prompt("chat/math")
    sampling = Sampling(max_tokens=MAX_TOKENS)
    requests: list[Request] = []
    for number, row in enumerate(rows):
        rendered = prompt.render(Example(str(number), (Message("user", row["question"]),), row["answer"]))
        requests.append(Request(str(number), rendered.messages, prefill=rendered.prefill, sampling=sampling))
    return requests


def _against(this: Measured, other: Measured) -> str:
    here, there = this.tokens / this.seconds, other.tokens / other.seconds
    starts = f"starting takes {this.startup:.0f} against {other.startup:.0f} s"
    return f"{here / there:.2f} × ({here:.0f} against {there:.0f} tokens/s; {starts})"


if __name__ == "__main__":
    print(main())
