"""Evaluating a seed and two adapters on 100 prompts each: one engine against three scripts, everything included.

`python -m bench.evaluating [ENGINE ...]` needs the bundled model (`make setup`) and $OWNWORDS_DATA/gsm8k_test.json
(`make data`). Every side is a process of its own whose whole time counts: imports, loading, answers. A script loads
the model, puts its adapter on it with PEFT if it has one, and calls `generate` row by row; the engine's process answers
all 300 requests. Answers are greedy, of up to MAX_TOKENS tokens, to GSM8K questions spread over the lengths. The
scripts would take half an hour, so each answers SAMPLE of its rows, half of them before the engines run and half after:
its time is start-up + 100 rows at that pace. The adapters hold small random weights: they cost what trained ones cost.
"""

# pyright: basic
from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.data_files import data_file
from bench.rewriting import MODEL, one_row_loop, spread
from ownwords import models
from ownwords.benchmarks.base import DataContext, find_benchmark
from ownwords.engines.base import open_engine
from ownwords.recipe import BenchmarkSection, ModelSection, RuntimeSection
from ownwords.records import Request, Sampling, Weights

ENGINES = {"transformers": ("5 ×", "10 ×")}  # at least, aim
ROWS = 100
SAMPLE = 4
MAX_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of a whole process, and of them the seconds for its answers, with how many these were."""

    whole: float
    answering: float
    rows: int
    tokens: int

    def scaled(self, rows: int) -> float:
        """Seconds for so many rows at the same pace, with the same start-up."""
        return self.whole - self.answering + self.answering / self.rows * rows


def questions() -> list[Request]:
    """ROWS test questions as the benchmark asks them, spread over the lengths."""
    settings = BenchmarkSection(name="gsm8k")
    benchmark = find_benchmark(settings.name)
    items = benchmark.load(settings, DataContext([], lambda _: [], generated=False))
    sampling = Sampling(max_tokens=MAX_TOKENS)
    requests = [
        Request(item.id, messages=benchmark.prompt(item, settings)[0].messages, sampling=sampling) for item in items
    ]
    return spread(sorted(requests, key=lambda request: len(request.messages[0].content)), ROWS)


def script(adapter: str, half: int) -> dict[str, float]:
    """What a short script does for one model: load, answer its sample row by row."""
    model = models.resolve(ModelSection(name_or_path=MODEL))
    tokenizer = models.load_tokenizer(model)
    device = models.choose_device("auto")
    dtype = models.choose_dtype("auto", device)
    if adapter:
        loaded = models.load_adapted(model, adapter, dtype, device)
    else:
        loaded = models.load_weights(model, dtype, device)
    sample = spread(questions(), SAMPLE)[half::2]
    rate = one_row_loop(loaded, tokenizer, sample)
    seconds = len(sample) / rate.rows
    return {"answering": seconds, "rows": len(sample), "tokens": round(rate.tokens * seconds)}


def whole(engine_name: str, adapters: Sequence[str]) -> dict[str, float]:
    """All requests of seed and adapters through one engine."""
    model = models.resolve(ModelSection(name_or_path=MODEL))
    engine = open_engine(engine_name, model, RuntimeSection(engine=engine_name))
    arms = [Weights(), *(Weights("adapter", path, path) for path in adapters)]
    asked = questions()
    requests = [replace(request, id=f"{arm.identity}/{request.id}", weights=arm) for arm in arms for request in asked]
    clock = time.perf_counter()
    done = list(engine.stream(requests))
    seconds = time.perf_counter() - clock
    engine.close()
    return {"answering": seconds, "rows": len(done), "tokens": sum(each.completion_tokens for each in done)}


def timed(side: str, *arguments: object) -> Timed:
    """Run one side in a process of its own."""
    command = [sys.executable, "-m", "bench.evaluating", "--side", side, json.dumps(arguments)]
    clock = time.perf_counter()
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Timed(time.perf_counter() - clock, **json.loads(answer.splitlines()[-1]))


def random_adapters(folder: Path) -> list[str]:
    """Two adapters of the paper's shape (r 8 on q_proj and v_proj)."""
    import torch
    from peft import LoraConfig, get_peft_model

    model = models.resolve(ModelSection(name_or_path=MODEL))
    paths = [folder / "first", folder / "second"]
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        config = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"])
        adapted = get_peft_model(models.load_weights(model, torch.bfloat16, "cpu"), config)
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.002)
        adapted.save_pretrained(str(path))
    return [str(path) for path in paths]


def main(names: Sequence[str] = tuple(ENGINES)) -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table; an engine that is not installed is skipped, visibly."""
    data_file("gsm8k_test.json")  # before processes are started that would each miss it
    here = [name for name in names if importlib.util.find_spec(name) is not None]
    with tempfile.TemporaryDirectory() as folder:
        adapters = random_adapters(Path(folder))
        before = [timed("script", adapter, 0) for adapter in ("", *adapters)]
        engines = {name: timed("engine", name, adapters) for name in here}
        after = [timed("script", adapter, 1) for adapter in ("", *adapters)]
    rows: list[tuple[str, str, str]] = []
    for name in names:
        least, aim = ENGINES[name]
        what = (
            f"seed and two adapters on {ROWS} prompts each, engine {name} against three one-row scripts, all included"
        )
        measured = _measured(before, after, engines[name]) if name in engines else "skipped: not installed"
        rows.append((what, f"{least} (aim {aim})", measured))
    return rows


def _measured(before: Sequence[Timed], after: Sequence[Timed], engine: Timed) -> str:
    halves = [sum(each.scaled(ROWS) for each in half) for half in (before, after)]
    seconds = sum(halves) / 2
    loop = [*before, *after]
    pace = sum(each.tokens for each in loop) / sum(each.answering for each in loop)
    return (
        f"{seconds / engine.whole:.1f} × (by the scripts before {halves[0] / engine.whole:.1f}, after "
        f"{halves[1] / engine.whole:.1f}; {engine.whole:.0f} against {seconds:.0f} s, of which the engine starts for "
        f"{engine.whole - engine.answering:.0f}; {engine.tokens / engine.answering:.0f} against {pace:.0f} tokens/s)"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        sides: dict[str, Any] = {"script": script, "engine": whole}
        print(json.dumps(sides[sys.argv[2]](*json.loads(sys.argv[3]))))
    else:
        for row in main(sys.argv[1:] or tuple(ENGINES)):
            print(row)
