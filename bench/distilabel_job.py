"""One rewriting job as a distilabel pipeline, for `bench.distilabel`; runs in distilabel's own environment.

python distilabel_job.py URL MODEL CONCURRENCY ROWS.jsonl OUT.parquet
"""

# pyright: basic, reportMissingImports=false
from __future__ import annotations

import json
import sys
from pathlib import Path

INSTRUCTION = "Write your own step by step solution with the same answer."


def main(url: str, model: str, concurrency: int, rows: Path, out: Path) -> None:
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    lines = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    data = [{"instruction": f"{row['question']}\n\n{row['answer']}\n\n{INSTRUCTION}"} for row in lines]
    sampling = {"temperature": 0.95, "top_p": 0.7, "max_new_tokens": 512}
    with Pipeline(name="bench") as pipeline:
        load = LoadDataFromDicts(data=data, batch_size=concurrency)
        llm = OpenAILLM(model=model, base_url=url, api_key="none", generation_kwargs=sampling)
        _ = load >> TextGeneration(llm=llm, input_batch_size=concurrency)
    made = pipeline.run(use_cache=False)["default"]["train"]
    assert len(made) == len(data)
    assert all(made["generation"])
    made.to_parquet(str(out))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
