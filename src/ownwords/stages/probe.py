"""Short trials of rewriting and of training, timed, to say how long all rows would take and what memory they need."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ownwords import models
from ownwords.errors import StageError
from ownwords.progress import Progress
from ownwords.records import Completion
from ownwords.stages import rewrite
from ownwords.stages.context import Context
from ownwords.stages.memory import peak_device_gib, peak_resident_gib
from ownwords.stages.supervision import Supervision
from ownwords.stages.trainer import train


def probe(context: Context, lengths: Sequence[int], count: int) -> dict[str, Any]:
    """Rewrite `count` examples with the recipe's engine and give rates, time and tokens for all rows once, and memory.

    `lengths` are tokens of the examples' rewriting prompts. Starting the engine is timed apart. Fewer rows than a batch
    holds are slower per row than many, so `hours` is rather too long than too short; retries are not in it.
    """
    indices = spread(lengths, count)
    chosen = [context.asked[index] for index in indices]
    engine = context.engine()
    engine.warm_up([context.rewriter_weights])
    startup = engine.startup_seconds
    clock = time.monotonic()
    answers: list[Completion] = []
    with Progress("probing", len(chosen), startup=context.startup_seconds) as progress:
        for answer in engine.stream(rewrite.build_request(context, example, 0) for example in chosen):
            answers.append(answer)
            progress.advance(tokens=answer.completion_tokens)
    seconds = max(time.monotonic() - clock - (engine.startup_seconds - startup), 1e-9)
    errors = [answer.error.message for answer in answers if answer.error is not None]
    read = sum(answer.prompt_tokens for answer in answers)
    written = sum(answer.completion_tokens for answer in answers)
    return {
        "engine": engine.provenance.as_dict(),
        "capabilities": sorted(engine.capabilities),
        "rows": len(answers),
        "ids": [example.id for example in chosen],
        "errors": len(errors),
        "first_error": next(iter(errors), None),
        "startup_seconds": round(engine.startup_seconds, 3),
        "seconds": round(seconds, 3),
        "rows_per_second": len(answers) / seconds,
        "prompt_tokens": read,
        "completion_tokens": written,
        "prompt_tokens_per_second": read / seconds,
        "tokens_per_second": written / seconds,
        # The engine's own count, which may be by another tokenizer than the lengths.
        "all_prompt_tokens": round(sum(lengths) * read / sum(lengths[index] for index in indices)) or None,
        "all_completion_tokens": round(len(lengths) * written / len(answers)) or None,
        "hours": len(lengths) * seconds / len(answers) / 3600,
        "peak_resident_gib": peak_resident_gib(),
        "peak_device_gib": peak_device_gib(engine.provenance.device),
    }


def probe_training(context: Context, rows: Supervision) -> dict[str, Any]:
    """Train one batch of the longest rows and one of rows of middle length, and give rates, time for an arm and memory.

    The longest batch is where memory peaks. Loading the model is not timed; the first step is slower than later ones,
    so `hours` is rather too long than too short. Nothing is kept.

    Raises:
        StageError: it does not fit into memory, or the loss is not a number.
    """
    recipe, size = context.recipe, context.recipe.tune.per_device_train_batch_size
    by_length = sorted(rows.rows, key=lambda row: len(row["input_ids"]))
    middle = len(by_length) // 2
    chosen = [*by_length[-size:], *by_length[: -size or None][middle : middle + size]]
    own = context.trainings[0]
    changes = {"num_train_epochs": 1, "gradient_accumulation_steps": 1, "early_stopping": None, "report_to": "none"}
    short = replace(own, tune=recipe.tune.model_copy(update=changes))
    context.close_engines()
    tokenizer = context.tokenizer(recipe.tune.chat_template)
    with tempfile.TemporaryDirectory() as work:
        try:
            trainer = train(
                short,
                context.model,
                recipe.runtime,
                Supervision(rows=chosen),
                tokenizer,
                work=Path(work),
                checkpoints=False,
            )
        except (RuntimeError, MemoryError) as error:
            raise StageError(
                f"training does not run on its longest rows ({len(by_length[-1]['input_ids'])} tokens): "
                f"{str(error).splitlines()[0] if str(error) else 'out of memory'}. Lower "
                "tune.per_device_train_batch_size or tune.max_length, or set tune.gradient_checkpointing."
            ) from error
        seconds = float(trainer.state.log_history[-1]["train_runtime"])
    tried = sum(len(row["input_ids"]) for row in chosen)
    tokens = sum(len(row["input_ids"]) for row in rows.rows)
    return {
        "rows": len(chosen),
        "longest": len(by_length[-1]["input_ids"]),
        "seconds": round(seconds, 3),
        "tokens_per_second": tried / seconds,
        "hours_an_arm": tokens * recipe.tune.num_train_epochs / (tried / seconds) / 3600,
        "peak_resident_gib": peak_resident_gib(),
        "peak_device_gib": peak_device_gib(models.choose_device(recipe.runtime.device)),
    }


def spread(lengths: Sequence[int], count: int) -> list[int]:
    """At most `count` rows, from the middles of as many equal parts of the length-sorted rows."""
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    count = min(count, len(order))
    return [order[(2 * part + 1) * len(order) // (2 * count)] for part in range(count)]
