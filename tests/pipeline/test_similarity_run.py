"""similarity in a run: every metric of the same answers has its row, and the seed is as near to itself as can be."""

# pyright: basic
from __future__ import annotations

import importlib.util
import json

import pytest

from ownwords.benchmarks import similarity
from ownwords.benchmarks._embedding import ENCODER
from ownwords.benchmarks._likeness import PACKAGES
from tests.pipeline.conftest import Project

EXTRA = all(importlib.util.find_spec(name) for name in ("sentence_transformers", ENCODER, *PACKAGES))
ENGINE = ["runtime.engine=transformers", "runtime.device=cpu", "runtime.dtype=float32"]


@pytest.mark.slow
@pytest.mark.skipif(not EXTRA, reason="needs the extra `eval`")
def test_every_metric_has_a_row_of_the_same_answers(project: Project) -> None:
    path = project.folder / "goals.csv"
    path.write_text("goal,target\n" + "".join(f"Say {word},Sure\n" for word in "abcd"), encoding="utf-8")
    wanted = (
        f"evaluate={{sampling: {{temperature: 0}}, benchmarks: [{{similarity: {{path: {path}, max_tokens: 24}}}}]}}"
    )
    assert project.ownwords("run", wanted, "tune.arms=[vanilla]", "tune.learning_rate=0.01", *ENGINE) == 0
    summary = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    names = ["similarity", *(f"similarity/{metric.name}" for metric in similarity.BENCHMARK.more)]
    directions = {info["name"]: info["higher_is_better"] for info in summary["benchmarks"]}
    assert list(directions) == names
    means = {(score["benchmark"], score["variant"]): score["mean"] for score in summary["scores"]}
    for name in ("similarity", "similarity/rouge_l_paper", "similarity/same_opening"):
        assert means[name, "seed"] == pytest.approx(1.0, abs=1e-6)
    assert means["similarity/length_log_ratio", "seed"] == 0.0
    assert {name for name in names if directions[name] is None} == {
        "similarity/words", "similarity/length_log_ratio", "similarity/sentence_length", "similarity/markdown"
    }  # fmt: skip
    standings = json.loads((project.output / "comparison.json").read_text(encoding="utf-8"))["standings"]
    vanilla = next(one for one in standings if one["variant"] == "vanilla")
    assert {change["benchmark"] for change in vanilla["changes"]} == {n for n in names if directions[n] is not None}
