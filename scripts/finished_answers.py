"""What share of the bundled model's answers to general prompts end within so many tokens, greedily and drawn.

    python scripts/finished_answers.py

Behind docs/methods.md: likeness to the seed's answers means something where most of them end. The prompts are those of
the benchmark `similarity` with a limit of 30 ($OWNWORDS_DATA/alpaca_eval.json, `make data`).
"""

from __future__ import annotations

from ownwords.benchmarks._general import load_prompts
from ownwords.engines.base import open_engine
from ownwords.models import resolve
from ownwords.recipe import BenchmarkSection, ModelSection, RuntimeSection
from ownwords.records import Request, Sampling

ITEMS = 30
LIMITS = (192, 320, 384, 512, 640, 768)
SEED = 7
MOST = LIMITS[-1]
SAMPLINGS = {
    "greedy": Sampling(max_tokens=MOST),
    "drawn": Sampling(temperature=0.95, top_p=0.7, top_k=50, max_tokens=MOST),
}


def main() -> None:
    model = resolve(ModelSection(name_or_path="bundled:smollm2-135m-instruct"))
    engine = open_engine("transformers", model, RuntimeSection())
    items = load_prompts(BenchmarkSection(name="similarity", limit=ITEMS))
    for name, sampling in SAMPLINGS.items():
        requests = [Request(item.id, messages=item.messages, sampling=sampling, seed=SEED) for item in items]
        ended = [c.completion_tokens for c in engine.stream(requests) if c.finish_reason == "stop"]
        shares = ", ".join(f"{limit}: {sum(n <= limit for n in ended) / len(items):.0%}" for limit in LIMITS)
        print(f"{name}: of {len(items)} answers end within … tokens: {shares}", flush=True)


if __name__ == "__main__":
    main()
