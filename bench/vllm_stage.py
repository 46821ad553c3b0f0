"""The whole rewriting stage on vLLM against the same vLLM driven bare: what codec, journal, checks and files cost.

`python -m bench vllm_stage` needs vLLM (`make setup-vllm`), the bundled model and $OWNWORDS_DATA/gsm8k_train.json.
Both sides ask one running vLLM for the same token ids with the same sampling and decode the answers; start-up is
outside. A first run of each, not counted, imports what the stage needs and fills the prefix cache for both: so the
pairs are about generating, in many short steps, where a row's own cost shows most. Each ratio is of one pair; the bound
is Student's, two-sided, over five pairs.
"""

# pyright: basic
from __future__ import annotations

import importlib.util
import statistics
import tempfile
import time
from pathlib import Path

from scipy import stats

from bench.stage import recipe, whole
from ownwords.engines._rows import Group, Row
from ownwords.engines.vllm import VllmEngine
from ownwords.recipe import build_recipe
from ownwords.records import Weights
from ownwords.stages import rewrite
from ownwords.stages.context import Context

ROWS = 64
PAIRS = 5
MAX_TOKENS = 64
TARGET = "0.93, lower bound (aim 0.97)"


def bare(context: Context, engine: VllmEngine) -> float:
    """Rows a second of a plain loop around vLLM's own engine."""
    server = engine._weights.server(Group(Weights(), scored=False))
    rows: dict[str, Row] = {}
    for number, example in enumerate(context.train):
        row = engine.codec.encode(rewrite.build_request(context, example, 0))
        assert isinstance(row, Row)
        rows[f"bare-{number}"] = row
    clock = time.perf_counter()
    for name, row in rows.items():
        prompt = {"prompt_token_ids": row.prompt}
        server._engine.add_request(name, prompt, server._parameters(row, engine.codec.stop_ids))
    texts: list[str] = []
    while len(texts) < len(rows):
        for output in server._engine.step():
            if output.finished:
                texts.append(engine.codec.tokenizer.decode(output.outputs[0].token_ids, skip_special_tokens=True))
    return len(texts) / (time.perf_counter() - clock)


def main() -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table; skipped, visibly, without vLLM."""
    what = f"whole rewriting stage on vLLM against the same vLLM driven bare, {ROWS} rows, {PAIRS} pairs"
    if importlib.util.find_spec("vllm") is None:
        return [(what, TARGET, "skipped: vLLM is not installed (make setup-vllm)")]
    ratios: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        values = recipe(Path(folder) / "bare").model_dump(mode="json")
        values["data"]["train"]["limit"] = ROWS
        values["rewrite"]["sampling"]["max_tokens"] = MAX_TOKENS
        values["runtime"]["engine"] = "vllm"
        context = Context(build_recipe(values))
        engine = context.engine()
        assert isinstance(engine, VllmEngine)
        bare(context, engine)
        whole(context, Path(folder) / "first")
        for pair in range(PAIRS):
            alone = bare(context, engine)
            ratios.append(whole(context, Path(folder) / str(pair)) / alone)
        context.close()
    half = stats.t.ppf(0.975, PAIRS - 1) * statistics.stdev(ratios) / PAIRS**0.5
    mean = statistics.mean(ratios)
    return [(what, TARGET, f"{mean:.3f}, lower bound {mean - half:.3f} ({', '.join(f'{r:.3f}' for r in ratios)})")]


if __name__ == "__main__":
    print(main())
