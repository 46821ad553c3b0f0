"""Training with our defaults against the paper's set-up, KL objectives against plain ones, masks against rewriting.

`python -m bench.arms` needs the bundled model (`make setup`) and $OWNWORDS_DATA/gsm8k_train.json (`make data`), and
takes about a quarter of an hour on two cores. Every training is one epoch over the same ROWS rows of GSM8K, spread over
the lengths; trainings take turns, REPEATS times, and a ratio is the median of the rounds' ratios. Tokens are those of
the rows, without padding; loading the model, and reading the seed's likeliest tokens, are not timed (the latter is
told). The paper's set-up is TRL's trainer as it comes, in float32, with batches of 2 × 4 in random order.

The share of the limit is of the rate at which this machine multiplies matrices of the model's own shapes, as many rows
at a time as a batch has tokens. The work counted is what training needs at least: a product forward and one backward a
weight (frozen weights have no gradient), the head's for targets alone; attention's own products are left out.
"""

# pyright: basic
from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.rewriting import DTYPES, engine_run, gsm8k, matrix_rate, spread
from ownwords import models
from ownwords.arms.base import find_arm
from ownwords.engines.base import open_engine
from ownwords.models import Model
from ownwords.recipe import ArmSection, RuntimeSection, TuneSection
from ownwords.stages import rewrite
from ownwords.stages.likelihoods import Scored
from ownwords.stages.supervision import IGNORED, reference_rows, supervise
from ownwords.stages.trainer import train
from ownwords.variants import Training

ROWS = 32
REPEATS = 3
SLOW_FLOPS = 1e10  # a bfloat16 rate below is one of emulation: it is measured on a small product alone


class Data:
    """Rows of GSM8K, shortest first, as a recipe reads, renders and asks about them."""

    def __init__(self, count: int) -> None:
        with tempfile.TemporaryDirectory() as folder, closing(gsm8k(folder)) as context:
            self.model: Model = context.model
            self.tokenizer = context.tokenizer(None)
            by_length = sorted(context.train, key=lambda example: len(example.prompt) + len(example.reference))
            examples = spread(by_length, count)
            self.supervision = supervise(self.tokenizer, reference_rows(examples), 1024, "error")
            self.scoring = [Scored(e, e.reference).request(context) for e in examples]
            self.rewriting = [rewrite.build_request(context, e, 0) for e in examples]

    @property
    def tokens(self) -> int:
        return sum(len(row["input_ids"]) for row in self.supervision.rows)

    @property
    def targets(self) -> int:
        return sum(label != IGNORED for row in self.supervision.rows for label in row["labels"])


def ours(data: Data, arm: str, **changes: Any) -> float:
    """Seconds of one epoch as `ownwords tune` trains it."""
    section = ArmSection.model_validate({"name": arm, **changes})
    training = Training(find_arm(section), TuneSection(num_train_epochs=1), 42)
    with tempfile.TemporaryDirectory() as work:
        trainer = train(
            training,
            data.model,
            RuntimeSection(),
            data.supervision,
            data.tokenizer,
            work=Path(work),
            checkpoints=False,
        )
    return float(trainer.state.log_history[-1]["train_runtime"])


def papers(data: Data) -> float:
    """Seconds of one epoch in the paper's set-up: TRL's trainer on the same tokens, with nothing of ours."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    device = models.choose_device("auto")
    rows = [{name: row[name] for name in ("input_ids", "labels")} for row in data.supervision.rows]
    with tempfile.TemporaryDirectory() as work:
        arguments = SFTConfig(
            output_dir=work,
            num_train_epochs=1,
            learning_rate=1e-4,
            lr_scheduler_type="cosine",
            per_device_train_batch_size=2,
            gradient_accumulation_steps=4,
            max_length=None,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=device == "cpu",
            dataloader_pin_memory=device == "cuda",
            save_strategy="no",
            logging_steps=1,
            report_to="none",
            disable_tqdm=True,
        )
        trainer = SFTTrainer(
            model=models.load_weights(data.model, torch.float32, device),
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=data.tokenizer,
            peft_config=LoraConfig(
                task_type="CAUSAL_LM", r=8, lora_alpha=16, lora_dropout=0.1, target_modules=["q_proj", "v_proj"]
            ),
        )
        return float(trainer.train().metrics["train_runtime"])


def reading_seed(data: Data) -> float:
    """Seconds to read the seed's likeliest tokens at every target token."""
    import torch

    from ownwords.stages.objective import expose_hidden_states, head_of
    from ownwords.stages.seed_cache import read_seed

    device = models.choose_device("auto")
    network = models.load_weights(data.model, models.choose_dtype("auto", device), device)
    expose_hidden_states(network)
    kl = find_arm(ArmSection(name="kl_anchor")).method.kl
    assert kl is not None
    clock = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        read_seed(network, head_of(network), data.supervision.rows, kl, folder=Path(folder) / "seed", weights="any")
    return time.perf_counter() - clock


def work(data: Data, network: Any) -> float:
    """FLOPs that an epoch needs: two a weight and token forward, two backward."""
    body, head = sizes(network)
    return 4 * body * data.tokens + 4 * head * data.targets


def sizes(network: Any) -> tuple[int, int]:
    """Weights of the linear layers, and of the head."""
    head = network.get_output_embeddings()
    body = sum(m.weight.numel() for m in network.modules() if type(m).__name__ == "Linear" and m is not head)
    return body, head.weight.numel()


def less_work(data: Data, network: Any) -> tuple[float, float, float]:
    """The paper's work by ours, in batches of two: its random order (the mean of 200) pads more, and its head reads
    every token. Then how many tokens each reads for one of the rows."""
    lengths = sorted(len(row["input_ids"]) for row in data.supervision.rows)

    def padded(order: Sequence[int]) -> int:
        return sum(len(pair) * max(pair) for pair in (order[i : i + 2] for i in range(0, len(order), 2)))

    orders = [random.Random(seed).sample(lengths, len(lengths)) for seed in range(200)]
    theirs, ours = statistics.mean(map(padded, orders)), padded(lengths)
    body, head = sizes(network)
    ratio = (body + head) * theirs / (body * ours + head * data.targets)
    return ratio, theirs / data.tokens, ours / data.tokens


def own_rate(network: Any, rows: int, dtype: str) -> float:
    """FLOPs a second of one pass of `rows` tokens through the linear layers of the model's middle block."""
    import torch

    kind = getattr(torch, dtype)
    if matrix_rate(dtype) < SLOW_FLOPS:
        rows = min(rows, 32)
    block = [m for name, m in network.named_modules() if ".layers.0." in name and type(m).__name__ == "Linear"]
    pairs = [(torch.randn(rows, m.in_features, dtype=kind), m.weight.detach().to(kind)) for m in block]
    flops = sum(2 * rows * weight.numel() for _, weight in pairs)
    best = 0.0
    for _ in range(3):
        clock = time.perf_counter()
        for inputs, weight in pairs:
            torch.nn.functional.linear(inputs, weight)
        best = max(best, flops / (time.perf_counter() - clock))
    return best


def masks_against_rewriting(data: Data) -> tuple[list[float], float, float]:
    """For each half of the rows the seconds of their likelihoods by those of rewriting them, and both sums."""
    ratios, scoring, rewriting = [], 0.0, 0.0
    with closing(open_engine("transformers", data.model, RuntimeSection(engine="transformers"))) as engine:
        engine_run(engine, data.scoring[:1])  # first calls pay for set-up
        for half in (slice(0, None, 2), slice(1, None, 2)):
            taken: list[float] = []
            for requests in (data.scoring[half], data.rewriting[half]):
                clock = time.perf_counter()
                engine_run(engine, requests)
                taken.append(time.perf_counter() - clock)
            ratios.append(taken[0] / taken[1])
            scoring, rewriting = scoring + taken[0], rewriting + taken[1]
    return ratios, scoring, rewriting


def _ratios(first: Sequence[float], second: Sequence[float]) -> tuple[float, str]:
    each = [a / b for a, b in zip(first, second, strict=True)]
    return statistics.median(each), ", ".join(f"{ratio:.2f}" for ratio in each)


def main() -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table."""
    import torch

    data = Data(ROWS)
    device = models.choose_device("auto")
    network = models.load_weights(data.model, torch.float32, device)
    batch = round(2 * data.tokens / ROWS)
    trainings: dict[str, Callable[[], float]] = {
        "paper": lambda: papers(data),
        "vanilla": lambda: ours(data, "vanilla"),
        "live": lambda: ours(data, "kl_anchor"),
        "cached": lambda: ours(data, "kl_anchor", kl={"seed_from": "cached"}),
    }
    seconds: dict[str, list[float]] = {name: [] for name in trainings}
    limits: dict[str, list[float]] = {dtype: [] for dtype in DTYPES}
    for _ in range(REPEATS):
        for name, run in trainings.items():
            seconds[name].append(run())
        for dtype, measured in limits.items():
            measured.append(own_rate(network, batch, dtype))
    reading = reading_seed(data)
    halves, scoring, rewriting = masks_against_rewriting(data)
    median = {name: statistics.median(taken) for name, taken in seconds.items()}
    faster, rounds = _ratios(seconds["paper"], seconds["vanilla"])
    rate = work(data, network) / median["vanilla"]
    by_work, theirs, own = less_work(data, network)
    shares = {dtype: rate / statistics.median(measured) for dtype, measured in limits.items()}
    live, live_rounds = _ratios(seconds["live"], seconds["vanilla"])
    cached, cached_rounds = _ratios(seconds["cached"], seconds["vanilla"])
    return [
        (
            f"training, tokens/s without padding, our defaults against the paper's set-up in float32, {ROWS} rows",
            "1.5 ×",
            f"{faster:.2f} × (by rounds {rounds}; {data.tokens / median['vanilla']:.0f} against "
            f"{data.tokens / median['paper']:.0f} tokens/s; by work alone {by_work:.2f} ×: padded to {theirs:.2f} and "
            f"{own:.2f} tokens a token)",
        ),
        (
            "… share of the machine's bfloat16 matrix rate, with the model's own shapes",
            "0.4",
            f"{shares['bfloat16']:.2f} (of float32 {shares['float32']:.2f}; limits "
            f"{', '.join(f'{dtype} {statistics.median(m) / 1e9:.0f} GFLOP/s' for dtype, m in limits.items())})",
        ),
        ("`kl_anchor` against `vanilla`, per step", "≤ 2.0 ×", f"{live:.2f} × (by rounds {live_rounds})"),
        (
            "… with cached top-64",
            "≤ 1.3 ×",
            f"{cached:.2f} × (by rounds {cached_rounds}; reading the seed before takes {reading:.1f} s, "
            f"an epoch of vanilla {median['vanilla']:.1f} s)",
        ),
        (
            f"`stm` preparation against rewriting the same {ROWS} rows with the same engine (transformers)",
            "≤ 0.5 ×",
            f"{scoring / rewriting:.2f} × (by halves {', '.join(f'{ratio:.2f}' for ratio in halves)}; "
            f"{scoring:.1f} against {rewriting:.1f} s)",
        ),
    ]


if __name__ == "__main__":
    for row in main():
        print("| " + " | ".join(row) + " |")
