"""The whole rewriting stage against its engine driven bare with the same requests: what journal, checks and files cost.

`python -m bench.stage` needs the bundled model (`make setup`) and $OWNWORDS_DATA/gsm8k_train.json (`make data`). The
engine is loaded once, before any clock starts. The stage's time includes prompts, checks, journal, Parquet and card.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from bench.data_files import data_file
from ownwords.environment import environment
from ownwords.recipe import Recipe, build_recipe, dump_recipe
from ownwords.stages import products, rewrite
from ownwords.stages.context import Context
from ownwords.stages.origins import REWRITE

ROWS = 32
REPEATS = 3
MAX_TOKENS = 48


def recipe(output: Path) -> Recipe:
    columns = {"prompt": "question", "response": "answer"}
    path = data_file("gsm8k_train.json")
    return build_recipe(
        {
            "model": {"name_or_path": "bundled:smollm2-135m-instruct"},
            "data": {"train": {"path": str(path), "columns": columns, "limit": ROWS}},
            "rewrite": {
                "prompt": "chat/math",
                "checks": ["not_empty", "finished", "no_prompt_leak", "final_answer"],
                "sampling": {"max_tokens": MAX_TOKENS},
            },
            "runtime": {"engine": "transformers"},
            "output_dir": str(output),
        }
    )


def bare(context: Context) -> float:
    """Rows a second of the engine alone."""
    requests = [rewrite.build_request(context, example, 0) for example in context.train]
    clock = time.perf_counter()
    done = sum(1 for _ in context.engine().stream(requests))
    return done / (time.perf_counter() - clock)


def whole(context: Context, output: Path) -> float:
    """Rows a second of the same recipe's stage, in a new run directory."""
    fresh = Context(context.recipe.model_copy(update={"output_dir": str(output)}))
    fresh.share_engines(context)
    try:
        clock = time.perf_counter()
        fresh.run.create(dump_recipe(fresh.recipe), environment())
        products.run(fresh, [REWRITE], {REWRITE.name: rewrite.run(fresh)})
        return len(fresh.train) / (time.perf_counter() - clock)
    finally:
        fresh.run.close()


def main() -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table."""
    ratios: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        context = Context(recipe(Path(folder) / "bare"))
        bare(context)  # first calls pay for set-up
        for repeat in range(REPEATS):
            alone = bare(context)
            ratios.append(whole(context, Path(folder) / str(repeat)) / alone)
        context.close()
    return [("whole rewriting stage against its engine driven bare", "0.95", f"{statistics.median(ratios):.3f}")]


if __name__ == "__main__":
    print(main())
