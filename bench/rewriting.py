"""Rewriting GSM8K: the transformers engine against a plain loop of one-row `generate`, same prompts, same settings.

`python -m bench.rewriting` needs the bundled model (`make setup`) and $OWNWORDS_DATA/gsm8k_train.json (`make data`).
40 prompts lie evenly over the length quantiles. Each of three repeats takes a third of them, again spread evenly: the
loop answers each once, then the engine answers each several times with different seeds, because a batch of 13 rows is
not what it is made for. The ratio is of rows per second; answers end at the same stop tokens or at MAX_TOKENS.
It does not measure loading.
"""

# pyright: basic
from __future__ import annotations

import json
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from ownwords import models, rendering
from ownwords.engines.base import open_engine
from ownwords.engines.transformers import TransformersEngine
from ownwords.recipe import ModelSection, RuntimeSection
from ownwords.records import Message, Request, Sampling

MODEL = "bundled:smollm2-135m-instruct"
ROWS = 40
COPIES = 6
REPEATS = 3
MAX_TOKENS = int(os.environ.get("OWNWORDS_BENCH_TOKENS", "64"))
SAMPLING = Sampling(temperature=0.95, top_p=0.7, top_k=50, max_tokens=MAX_TOKENS)
INSTRUCTION = "Below are a math question and its solution. Write your own step by step solution with the same answer."


@dataclass(frozen=True, slots=True)
class Rate:
    """What one run did a second."""

    rows: float
    tokens: float


def rewriting_messages() -> list[tuple[Message, ...]]:
    """A rewriting prompt for every GSM8K training row."""
    rows = json.loads(Path(os.environ["OWNWORDS_DATA"], "gsm8k_train.json").read_text(encoding="utf-8"))
    return [(Message("user", f"{INSTRUCTION}\n\n{row['question']}\n\n{row['answer']}"),) for row in rows]


def over_quantiles(tokenizer, messages: list[tuple[Message, ...]]) -> list[tuple[Message, ...]]:
    """ROWS of them, at the middle of equal shares of the length distribution."""
    by_length = sorted(messages, key=lambda turns: len(rendering.prompt_ids(tokenizer, turns)))
    return [by_length[int((place + 0.5) * len(by_length) / ROWS)] for place in range(ROWS)]


def one_row_loop(model, tokenizer, stop_ids: frozenset[int], prompts: list[tuple[Message, ...]]) -> Rate:
    """`generate` on one prompt after the other, as a short script would."""
    import torch

    torch.manual_seed(0)
    tokens = 0
    clock = time.perf_counter()
    for messages in prompts:
        ids = torch.tensor([rendering.prompt_ids(tokenizer, messages)], device=model.device)
        output = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=SAMPLING.temperature,
            top_p=SAMPLING.top_p,
            top_k=SAMPLING.top_k,
            max_new_tokens=MAX_TOKENS,
            eos_token_id=sorted(stop_ids),
            pad_token_id=tokenizer.pad_token_id,
        )
        tokens += output.shape[1] - ids.shape[1]
    seconds = time.perf_counter() - clock
    return Rate(len(prompts) / seconds, tokens / seconds)


def engine_run(engine: TransformersEngine, prompts: list[tuple[Message, ...]]) -> Rate:
    """The same prompts through the engine, COPIES times with different seeds."""
    requests = [
        Request(id=f"{copy}-{place}", messages=messages, sampling=SAMPLING, seed=copy * ROWS + place)
        for copy in range(COPIES)
        for place, messages in enumerate(prompts)
    ]
    clock = time.perf_counter()
    done = list(engine.stream(requests))
    seconds = time.perf_counter() - clock
    return Rate(len(done) / seconds, sum(completion.completion_tokens for completion in done) / seconds)


def compare() -> list[tuple[Rate, Rate]]:
    """(loop, engine) for each repeat."""
    model = models.resolve(ModelSection(name_or_path=MODEL))
    engine = open_engine("transformers", model, RuntimeSection(engine="transformers"))
    assert isinstance(engine, TransformersEngine)
    device = models.choose_device("auto")
    plain = models.load_weights(model, models.choose_dtype("auto", device), device)
    prompts = over_quantiles(engine.codec.tokenizer, rewriting_messages())
    one_row_loop(plain, engine.codec.tokenizer, engine.codec.stop_ids, prompts[:1])  # first calls pay for set-up
    pairs: list[tuple[Rate, Rate]] = []
    for repeat in range(REPEATS):
        share = prompts[repeat::REPEATS]
        pairs.append(
            (one_row_loop(plain, engine.codec.tokenizer, engine.codec.stop_ids, share), engine_run(engine, share))
        )
    return pairs


def main() -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table."""
    pairs = compare()
    ratio = statistics.median(ours.rows / loop.rows for loop, ours in pairs)
    loop, ours = (
        Rate(statistics.median(p[side].rows for p in pairs), statistics.median(p[side].tokens for p in pairs))
        for side in (0, 1)
    )
    detail = f"{ours.rows:.2f} against {loop.rows:.2f} rows/s, {ours.tokens:.0f} against {loop.tokens:.0f} tokens/s"
    what = f"transformers engine against one-row `generate`, GSM8K rewrites of up to {MAX_TOKENS} tokens"
    return [(what, "3 ×", f"{ratio:.1f} × ({detail})")]


if __name__ == "__main__":
    print(main())
