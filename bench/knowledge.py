"""General knowledge by likelihood: how long four benchmarks take for three arms, and against lm-evaluation-harness.

`python -m bench knowledge` needs the bundled model (`make setup`) and $OWNWORDS_DATA/general (`make data`). The seed
and two adapters read ITEMS items each of ARC-Easy, ARC-Challenge, HellaSwag and WinoGrande in one process of the
engine; starting up is not timed. Then SAMPLE items of each, for the seed alone, three ways in turn, REPEATS times: the
engine as it is, the engine with every choice as a row of its own, and the harness's own model class with the same
model, requests and number of rows in a batch. A ratio is the median of the rounds' ratios.
"""

# pyright: basic
from __future__ import annotations

import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.data_files import data_file
from bench.evaluating import random_adapters
from bench.rewriting import MODEL
from ownwords import models
from ownwords.benchmarks.base import DataContext, find_benchmark
from ownwords.engines import _scoring
from ownwords.engines.base import Engine, open_engine
from ownwords.recipe import BenchmarkSection, ModelSection, RuntimeSection
from ownwords.records import Request, Weights

BENCHMARKS = ("arc_easy", "arc_challenge", "hellaswag", "winogrande")
ITEMS, SAMPLE, REPEATS = 400, 25, 3
LIMIT = 35  # minutes


def asked(limit: int) -> list[Request]:
    """What the benchmarks ask."""
    context = DataContext([], lambda _: [], generated=False)
    found: list[Request] = []
    for name in BENCHMARKS:
        benchmark, settings = find_benchmark(name), BenchmarkSection(name=name, limit=limit)
        for item in benchmark.load(settings, context):
            for number, ask in enumerate(benchmark.prompt(item, settings)):
                found.append(Request(f"{name}/{item.id}/{number}", text=ask.text, target=ask.target))
    return found


def seconds_of(engine: Engine, requests: Sequence[Request]) -> float:
    clock = time.perf_counter()
    answered = sum(1 for _ in engine.stream(requests))
    assert answered == len(requests)
    return time.perf_counter() - clock


@contextmanager
def every_choice_alone() -> Iterator[None]:
    grown = _scoring._grown
    _scoring._grown = lambda *_: None
    try:
        yield
    finally:
        _scoring._grown = grown


def harness(rows: int) -> Callable[[Sequence[Request]], float]:
    """How long the harness's own model class takes for requests."""
    instance: Any = importlib.import_module("lm_eval.api.instance")
    huggingface: Any = importlib.import_module("lm_eval.models.huggingface")

    model = models.resolve(ModelSection(name_or_path=MODEL))
    device = models.choose_device("auto")
    loaded = models.load_weights(model, models.choose_dtype("auto", device), device)
    judge = huggingface.HFLM(pretrained=loaded, tokenizer=models.load_tokenizer(model), batch_size=rows)

    def seconds(requests: Sequence[Request]) -> float:
        instances = [
            instance.Instance("loglikelihood", {}, (request.text, request.target), number)
            for number, request in enumerate(requests)
        ]
        clock = time.perf_counter()
        assert len(judge.loglikelihood(instances, disable_tqdm=True)) == len(requests)
        return time.perf_counter() - clock

    return seconds


def main() -> list[tuple[str, str, str]]:
    for name in BENCHMARKS:
        data_file(f"general/{name}.jsonl")
    runtime = RuntimeSection()
    engine = open_engine("transformers", models.resolve(ModelSection(name_or_path=MODEL)), runtime)
    requests, sample = asked(ITEMS), asked(SAMPLE)
    with tempfile.TemporaryDirectory() as folder:
        arms = [Weights(), *(Weights("adapter", path, path) for path in random_adapters(Path(folder)))]
        engine.warm_up(arms)
        whole = [
            replace(request, id=f"{arm.identity}/{request.id}", weights=arm) for arm in arms for request in requests
        ]
        minutes = seconds_of(engine, whole) / 60
    of_harness = harness(runtime.batch_size)
    rounds: list[tuple[float, float, float]] = []
    for _ in range(REPEATS):
        own = seconds_of(engine, sample)
        with every_choice_alone():
            alone = seconds_of(engine, sample)
        rounds.append((own, alone, of_harness(sample)))
    alone, theirs = (statistics.median(times[side] / times[0] for times in rounds) for side in (1, 2))
    what = f"{len(BENCHMARKS)} benchmarks of general knowledge × {ITEMS} items × {len(arms)} arms"
    return [
        (what, f"under {LIMIT} min", f"{minutes:.1f} min, {len(whole) / minutes / 60:.1f} likelihoods/s"),
        ("the same for the seed, choices read together against each alone", "", f"{alone:.2f} ×"),
        ("the same, against lm-evaluation-harness's own model class", "", f"{theirs:.2f} ×"),
    ]
