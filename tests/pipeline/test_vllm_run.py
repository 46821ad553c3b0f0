"""A whole run on vLLM: rewriting, gap, training and the evaluation of all arms in one pass."""

# pyright: basic
from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.engines.tiny_vllm import NEEDS_VLLM
from tests.pipeline.conftest import Project, make_project
from tests.tiny import make_tiny_model

pytestmark = NEEDS_VLLM

SETTINGS = ["runtime.dtype=float32", "runtime.device=cpu"]
VLLM = ["runtime.engine=vllm", "runtime.vllm={kv_cache_gib: 0.25, max_num_seqs: 8, adapters: lora}"]


def answers(project: Project) -> dict[str, list[str]]:
    """What was answered to the benchmark's questions, by arm."""
    files = sorted(project.output.glob("scores/gsm8k/*.parquet"))
    return {file.stem: pq.read_table(file)["answer"].to_pylist() for file in files}


def candidates(project: Project) -> dict[str, str]:
    samples = json.loads((project.output / "samples.json").read_text(encoding="utf-8"))
    return {sample["id"]: sample["candidate"] for sample in samples}


def gap(project: Project) -> list[float]:
    """Mean negative log-likelihood of references and of targets."""
    found = json.loads((project.output / "gap.json").read_text(encoding="utf-8"))
    return [group["mean_nll"] for group in found["groups"]]


def test_it_answers_like_the_transformers_engine_and_starts_vllm_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_tiny_model(tmp_path / "model", head_size=32)
    for name in ("transformers", "vllm"):
        (tmp_path / name).mkdir()
    theirs, ours = (make_project(tmp_path / name, model) for name in ("transformers", "vllm"))
    benchmark = f"evaluate.benchmarks=[{{gsm8k: {{path: {ours.folder / 'test.jsonl'}}}}}]"
    assert theirs.ownwords("run", *SETTINGS, benchmark, "runtime.engine=transformers") == 0
    capsys.readouterr()
    assert ours.ownwords("run", *SETTINGS, benchmark, *VLLM) == 0
    # Training wants the memory for itself, so the vLLM that rewrote has ended by then. One more serves all arms.
    assert capsys.readouterr().err.count("vLLM is ready") == 2
    assert candidates(ours) == candidates(theirs)
    assert gap(ours) == pytest.approx(gap(theirs), abs=1e-3)
    assert answers(ours) == answers(theirs)
    assert set(answers(ours)) == {"seed", "vanilla", "sdft"}
