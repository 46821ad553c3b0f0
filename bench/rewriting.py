"""Rewriting GSM8K: an engine against the plain way, one `generate` a row; same prompts, same sampling, same dtype.

`python -m bench.rewriting [ENGINE ...]` needs the bundled model (`make setup`) and $OWNWORDS_DATA/gsm8k_train.json
(`make data`). 200 different training rows, evenly spread over the lengths, are rewritten with the prompt chat/math and
the paper's sampling; 40 of them, spread likewise, go through the loop. Both are cut into three parts of every length,
and the parts take turns: loop, engine, loop, engine, … Each ratio is of one part's rows per second. An answer ends at
its stop token or after MAX_TOKENS. What is not measured: loading and start-up, checks, files (`bench.stage`).
"""

# pyright: basic
from __future__ import annotations

import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
PARTS = 3
MAX_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Rate:
    """What a run did a second, the share of its answers that MAX_TOKENS cut, and the prompt tokens it read a second."""

    rows: float
    tokens: float
    cut: float
    read: float = 0.0


def rewriting_requests() -> list[Request]:
    """What the stage asks for every GSM8K training row, the shortest prompt first."""
    with tempfile.TemporaryDirectory() as folder:
        columns = {"prompt": "question", "response": "answer"}
        recipe = {
            "model": {"name_or_path": MODEL},
            "data": {"train": {"path": "$OWNWORDS_DATA/gsm8k_train.json", "columns": columns}},
            "rewrite": {"prompt": "chat/math", "sampling": {"max_tokens": MAX_TOKENS}},
            "output_dir": str(Path(folder) / "run"),
        }
        context = Context(build_recipe(recipe))
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


def matrix_rate() -> float:
    """FLOPs a second of a large bfloat16 matrix product here: what no engine that computes in bfloat16 can exceed."""
    import torch

    a, b = (torch.randn(2048, 2048, dtype=torch.bfloat16) for _ in range(2))
    best = 0.0
    for _ in range(12):
        clock = time.perf_counter()
        torch.mm(a, b)
        best = max(best, 2 * 2048**3 / (time.perf_counter() - clock))
    return best


def work(rate: Rate, model: Any) -> float:
    """FLOPs a second that the tokens of prompts and answers need: two a weight; the head's for answers alone.

    Attention's own products are left out, so the share of the limit is rather too low.
    """
    head = model.get_output_embeddings()
    body = sum(m.weight.numel() for m in model.modules() if type(m).__name__ == "Linear" and m is not head)
    return 2 * body * (rate.read + rate.tokens) + 2 * head.weight.numel() * rate.tokens


def compare(names: Sequence[str]) -> tuple[dict[str, list[Rate]], dict[str, float]]:
    """The rates of each side, one a part, by name (the loop's under `loop`), and each engine's share of the limit."""
    chosen = spread(rewriting_requests(), ROWS)
    model = models.resolve(ModelSection(name_or_path=MODEL))
    tokenizer = models.load_tokenizer(model)
    device = models.choose_device("auto")
    plain = models.load_weights(model, models.choose_dtype("auto", device), device)
    engines = {name: open_engine(name, model, RuntimeSection(engine=name)) for name in names}
    sides: dict[str, tuple[Callable[[Sequence[Request]], Rate], list[Request]]] = {
        "loop": (lambda part: one_row_loop(plain, tokenizer, part), spread(chosen, LOOP_ROWS))
    }
    for name, engine in engines.items():
        sides[name] = (lambda part, engine=engine: engine_run(engine, part), chosen)
    for run, requests in sides.values():
        run(requests[:1])  # first calls pay for set-up
    rates: dict[str, list[Rate]] = {name: [] for name in sides}
    limits: list[float] = []
    for part in range(PARTS):
        limits.append(matrix_rate())
        for name, (run, requests) in sides.items():
            rates[name].append(run(requests[part::PARTS]))
    for engine in engines.values():
        engine.close()
    limit = statistics.median(limits)
    shares = {name: statistics.median(work(rate, plain) for rate in rates[name]) / limit for name in engines}
    return rates, shares


def main(names: Sequence[str] = tuple(ENGINES)) -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table; an engine that is not installed is skipped, visibly."""
    here = [name for name in names if importlib.util.find_spec(name) is not None]
    rates, shares = compare(here)
    rows: list[tuple[str, str, str]] = []
    for name in names:
        least, aim = ENGINES[name]
        what = f"engine {name} against one-row `generate`, {ROWS} GSM8K rewrites of up to {MAX_TOKENS} tokens"
        wanted = f"{least} (aim {aim})"
        rows.append(
            (what, wanted, _measured(rates["loop"], rates[name]) if name in rates else "skipped: not installed")
        )
    if "vllm" in shares:
        what = "… share of the machine's limit reached by vllm (FLOPs of its tokens over the bfloat16 matrix rate)"
        rows.append((what, "0.35 (aim 0.7)", f"{shares['vllm']:.2f} (transformers: {shares['transformers']:.2f})"))
    return rows


def _measured(loop: Sequence[Rate], ours: Sequence[Rate]) -> str:
    ratios = [mine.rows / plain.rows for plain, mine in zip(loop, ours, strict=True)]
    middle = [
        [statistics.median(getattr(rate, f) for rate in side) for f in ("rows", "tokens")] for side in (ours, loop)
    ]
    (rows, tokens), (loop_rows, loop_tokens) = middle
    cut, loop_cut = (statistics.mean(rate.cut for rate in side) for side in (ours, loop))
    return (
        f"{statistics.median(ratios):.1f} × ({', '.join(f'{ratio:.1f}' for ratio in ratios)}; {rows:.2f} against "
        f"{loop_rows:.2f} rows/s, {tokens:.0f} against {loop_tokens:.0f} tokens/s; {cut:.0%} and {loop_cut:.0%} cut)"
    )


if __name__ == "__main__":
    for row in main(sys.argv[1:] or tuple(ENGINES)):
        print(row)
