"""What the statistics of a large table take: one benchmark of 100,000 items, the seed and two variants.

`python -m bench statistics` needs no model and takes seconds. Timed are score files to `summary.json`'s numbers:
intervals of every mean, every paired difference with its test, and Holm's correction; once for 0/1 scores, once for
others. The files are read as a run reads them.
"""

# pyright: basic
from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from ownwords.stages import scores, summarise
from ownwords.stats import mean_interval

ITEMS = 100_000
LIMIT = 10.0  # seconds
LABELS = ("seed", "vanilla", "sdft")


def main() -> list[tuple[str, str, str]]:
    return [(f"statistics of {ITEMS:,} items, seed and 2 variants", f"under {LIMIT:.0f} s", f"{seconds(ITEMS):.1f} s")]


def seconds(items: int) -> float:
    """Of a benchmark with 0/1 scores and of one with others together."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("shares", "nats"):
            _write(Path(folder), name, items)
        clock = time.perf_counter()
        summary: dict[str, list[object]] = {"scores": [], "differences": [], "over_seeds": []}
        for name in ("shares", "nats"):
            found = {label: scores.read_table(Path(folder, f"{name}-{label}.parquet"))[0] for label in LABELS}
            for label, values in found.items():
                mean_interval(list(values.values()), share=name == "shares")
                summary["scores"].append({"benchmark": name, "variant": label, "usable": True})
            against = {"vanilla": None, "sdft": "vanilla"}
            summary["differences"] += summarise.differences(name, found, against, share=name == "shares")
        summarise.correct(summary, {})
        return time.perf_counter() - clock


def _write(folder: Path, name: str, items: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    generator = np.random.default_rng(len(name))
    skill = generator.normal(size=items)
    for label in LABELS:
        values = np.exp(0.5 * (skill + generator.normal(size=items)))
        column = (values > 1).astype(float) if name == "shares" else values
        table = pa.table({"item_id": [f"{number:016x}" for number in range(items)], "score": column})
        pq.write_table(table, folder / f"{name}-{label}.parquet")
