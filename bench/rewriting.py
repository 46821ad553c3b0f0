"""Rewriting GSM8K: an engine against the plain way, one `generate` a row; same prompts, same sampling.

`python -m bench.rewriting [ENGINE ...]` needs the bundled model (`make setup`) and $OWNWORDS_DATA/gsm8k_train.json
(`make data`). An engine rewrites 200 different training rows, evenly spread over the lengths, with the prompt chat/math
and the paper's sampling; once, because asked again it would know the prompts. 40 of the rows, spread likewise, go
through the loop, in parts of every length that take turns with the engines: loop, engine, loop, engine, loop. The ratio
is of the engine's rows per second to the median of the parts'. An answer ends at its stop token or after MAX_TOKENS.
The loop computes in the dtype that the hardware has instructions for, an engine in its own `auto`. What is not
measured: loading and start-up, checks, files (`bench.stage`).
"""

# pyright: basic
from __future__ import annotations

import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data_files import data_file
from ownwords import models, rendering
from ownwords.engines.base import Engine, open_engine
from ownwords.recipe import ModelSection, RuntimeSection, build_recipe
from ownwords.records import Request
from ownwords.stages import rewrite
from ownwords.stages.context import Context

MODEL = "bundled:smollm2-135m-instruct"
ENGINES = {"transformers": ("4 ×", "8 ×"), "vllm": ("8 ×", "15 ×")}  # at least, aim
ROWS = 200
LOOP_ROWS = 40
DTYPES = ("bfloat16", "float32")  # an engine's `auto` is one of them
MAX_TOKENS = 160
MATRIX_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Rate:
    """What a run did a second, the share of its answers that MAX_TOKENS cut, and the prompt tokens it read a second."""

    rows: float
    tokens: float
    cut: float
    read: float = 0.0


def gsm8k(folder: str) -> Context:
    """A recipe that rewrites GSM8K's training rows, at work below a folder."""
    columns = {"prompt": "question", "response": "answer"}
    path = data_file("gsm8k_train.json")
    recipe = {
        "model": {"name_or_path": MODEL},
        "data": {"train": {"path": str(path), "columns": columns}},
        "rewrite": {"prompt": "chat/math", "sampling": {"max_tokens": MAX_TOKENS}},
        "output_dir": str(Path(folder) / "run"),
    }
    return Context(build_recipe(recipe))


def rewriting_requests() -> list[Request]:
    """What the stage asks for every GSM8K training row, the shortest prompt first."""
    with tempfile.TemporaryDirectory() as folder:
        context = gsm8k(folder)
        requests = [rewrite.build_request(context, example, 0) for example in context.train]
        context.close()
    return sorted(requests, key=lambda request: sum(len(turn.content) for turn in request.messages or ()))


def spread(items: Sequence[Any], count: int) -> list[Any]:
    """`count` of them, at the middle of equal shares."""
    return [items[int((place + 0.5) * len(items) / count)] for place in range(count)]


def one_row_loop(model: Any, tokenizer: Any, requests: Sequence[Request]) -> Rate:
    """`generate` on one prompt after the other, as a short script would."""
    import torch

    from ownwords.engines._codec import stop_ids

    stops = stop_ids(tokenizer, model.generation_config)
    torch.manual_seed(0)
    tokens = cut = 0
    clock = time.perf_counter()
    for request in requests:
        sampling = request.sampling
        drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
        ids = torch.tensor([rendering.prompt_ids(tokenizer, request.messages or ())], device=model.device)
        output = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=sampling.temperature > 0,
            **(drawn if sampling.temperature else {}),
            max_new_tokens=sampling.max_tokens,
            eos_token_id=sorted(stops),
            pad_token_id=tokenizer.pad_token_id,
        )[0, ids.shape[1] :].tolist()
        tokens += len(output)
        cut += output[-1] not in stops
    seconds = time.perf_counter() - clock
    return Rate(len(requests) / seconds, tokens / seconds, cut / len(requests))


def engine_run(engine: Engine, requests: Sequence[Request]) -> Rate:
    """The requests through an engine."""
    clock = time.perf_counter()
    done = list(engine.stream(requests))
    seconds = time.perf_counter() - clock
    cut = sum(completion.finish_reason == "length" for completion in done)
    written, read = (sum(getattr(c, f"{kind}_tokens") for c in done) for kind in ("completion", "prompt"))
    return Rate(len(done) / seconds, written / seconds, cut / len(done), read / seconds)


def matrix_rate(dtype: str) -> float:
    """FLOPs a second of a large matrix product here: what no engine that computes in that dtype can exceed.

    The best of those that MATRIX_SECONDS allow, or of a small one: without instructions for it, bfloat16 takes half a
    minute for a large one.
    """
    import torch

    small, large = (torch.randn(size, size, dtype=getattr(torch, dtype)) for size in (512, 2048))
    begin = time.perf_counter()
    best = _product_rate(small)
    while time.perf_counter() - begin < MATRIX_SECONDS and 2 * 2048**3 / best < MATRIX_SECONDS:
        best = max(best, _product_rate(large))
    return best


def _product_rate(matrix: Any) -> float:
    import torch

    clock = time.perf_counter()
    torch.mm(matrix, matrix)
    return 2 * len(matrix) ** 3 / (time.perf_counter() - clock)


def work(rate: Rate, model: Any) -> float:
    """FLOPs a second that the tokens of prompts and answers need: two a weight; the head's for answers alone.

    Attention's own products are left out, so the share of the limit is rather too low.
    """
    head = model.get_output_embeddings()
    body = sum(m.weight.numel() for m in model.modules() if type(m).__name__ == "Linear" and m is not head)
    return 2 * body * (rate.read + rate.tokens) + 2 * head.weight.numel() * rate.tokens


def compare(names: Sequence[str]) -> tuple[list[Rate], dict[str, Rate], dict[str, dict[str, float]]]:
    """The rates of the loop's parts, those of each engine, and each engine's share of the limit in each of DTYPES."""
    known = rewriting_requests()
    chosen = spread(known, ROWS)
    looped = spread(chosen, LOOP_ROWS)
    model = models.resolve(ModelSection(name_or_path=MODEL))
    tokenizer = models.load_tokenizer(model)
    device = models.choose_device("auto")
    plain = models.load_weights(model, models.choose_dtype("auto", device), device)
    loop: list[Rate] = []
    limits: dict[str, list[float]] = {dtype: [] for dtype in DTYPES}
    rates: dict[str, Rate] = {}
    one_row_loop(plain, tokenizer, known[:1])  # first calls pay for set-up
    for place, name in enumerate(["", *names]):
        if name:
            with closing(open_engine(name, model, RuntimeSection(engine=name))) as engine:
                engine_run(engine, known[:1])
                rates[name] = engine_run(engine, chosen)
        loop.append(one_row_loop(plain, tokenizer, looped[place :: len(names) + 1]))
        for dtype, measured in limits.items():
            measured.append(matrix_rate(dtype))
    shares = {
        name: {dtype: work(rate, plain) / statistics.median(measured) for dtype, measured in limits.items()}
        for name, rate in rates.items()
    }
    return loop, rates, shares


def main(names: Sequence[str] = tuple(ENGINES)) -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table; an engine that is not installed is skipped, visibly."""
    here = [name for name in names if importlib.util.find_spec(name) is not None]
    loop, rates, shares = compare(here)
    rows: list[tuple[str, str, str]] = []
    for name in names:
        least, aim = ENGINES[name]
        what = f"engine {name} against one-row `generate`, {ROWS} GSM8K rewrites of up to {MAX_TOKENS} tokens"
        wanted = f"{least} (aim {aim})"
        rows.append((what, wanted, _measured(loop, rates[name]) if name in rates else "skipped: not installed"))
    if "vllm" in shares:
        what = "… share of the machine's limit reached by vllm (FLOPs of its tokens over the bfloat16 matrix rate)"
        told = [
            f"of {dtype} {', '.join(f'{name} {share[dtype]:.2f}' for name, share in shares.items())}"
            for dtype in DTYPES
        ]
        rows.append((what, "0.35 (aim 0.7)", f"{shares['vllm']['bfloat16']:.2f} ({'; '.join(told)})"))
    return rows


def _measured(loop: Sequence[Rate], engine: Rate) -> str:
    rows, tokens, cut = (statistics.median(getattr(part, f) for part in loop) for f in ("rows", "tokens", "cut"))
    ratios = ", ".join(f"{engine.rows / part.rows:.1f}" for part in loop)
    return (
        f"{engine.rows / rows:.1f} × (by the loop's parts {ratios}; {engine.rows:.2f} against {rows:.2f} rows/s, "
        f"{engine.tokens:.0f} against {tokens:.0f} tokens/s; {engine.cut:.0%} and {cut:.0%} cut)"
    )


if __name__ == "__main__":
    for row in main(sys.argv[1:] or tuple(ENGINES)):
        print(row)
