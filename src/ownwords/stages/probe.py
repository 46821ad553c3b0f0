"""A short trial of rewriting: a few examples of every length, timed, to say how long all of them would take."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

from ownwords.progress import Progress
from ownwords.records import Completion, Example
from ownwords.stages import rewrite
from ownwords.stages.context import Context


def probe(context: Context, lengths: Sequence[int], count: int) -> dict[str, Any]:
    """Rewrite `count` examples with the recipe's engine and give rates, time for all rows once, and peak memory.

    `lengths` are tokens of the examples' rewriting prompts. Starting the engine is timed apart. Fewer rows than a batch
    holds are slower per row than many, so `hours` is rather too long than too short; retries are not in it.
    """
    chosen = spread(context.asked, lengths, count)
    clock = time.monotonic()
    engine = context.engine()
    started = time.monotonic()
    answers: list[Completion] = []
    with Progress("probing", len(chosen)) as progress:
        for answer in engine.stream(rewrite.build_request(context, example, 0) for example in chosen):
            answers.append(answer)
            progress.advance(tokens=answer.completion_tokens)
    seconds = max(time.monotonic() - started, 1e-9)
    errors = [answer.error.message for answer in answers if answer.error is not None]
    tokens = sum(answer.completion_tokens for answer in answers)
    return {
        "engine": engine.provenance.as_dict(),
        "rows": len(answers),
        "ids": [example.id for example in chosen],
        "errors": len(errors),
        "first_error": next(iter(errors), None),
        "startup_seconds": round(started - clock, 3),
        "seconds": round(seconds, 3),
        "rows_per_second": len(answers) / seconds,
        "tokens_per_second": tokens / seconds,
        "hours": len(context.asked) * seconds / len(answers) / 3600,
        "peak_resident_gib": _peak_resident_gib(),
        "peak_device_gib": _peak_device_gib(engine.provenance.device),
    }


def spread(examples: Sequence[Example], lengths: Sequence[int], count: int) -> list[Example]:
    """At most `count` examples from the middles of as many equal parts of the length-sorted rows."""
    order = sorted(range(len(examples)), key=lambda index: lengths[index])
    count = min(count, len(order))
    return [examples[order[(2 * part + 1) * len(order) // (2 * count)]] for part in range(count)]


def _peak_resident_gib() -> float | None:
    """The most memory that this process has held so far; None where the system does not tell."""
    if sys.platform == "win32":
        return None  # it has no getrusage
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30, 3)


def _peak_device_gib(device: str) -> float | None:
    """The most memory that torch has held on a CUDA device; None on any other."""
    if not device.startswith("cuda"):
        return None
    import torch

    return round(torch.cuda.max_memory_allocated() / 2**30, 3)
