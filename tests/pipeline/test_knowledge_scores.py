"""General knowledge with a tiny real model: likelihoods of all arms in one pass, scores by the journal's numbers."""

# pyright: basic
from __future__ import annotations

import json
import math
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from ownwords.benchmarks.base import DataContext, find_benchmark
from ownwords.journal import Journal
from ownwords.recipe import BenchmarkSection
from tests.pipeline.conftest import Project, make_project
from tests.tiny import make_tiny_model

pytestmark = pytest.mark.slow

WORDS = ["Ann", "Bo", "Cy", "Di"]
ROWS: dict[str, list[dict[str, Any]]] = {
    "winogrande": [
        {"sentence": f"{n} saw Ann and Bo, but _ was late.", "option1": "Ann", "option2": "Bo", "answer": "12"[n % 2]}
        for n in range(6)
    ],
    "arc_challenge": [
        {"query": f"Question: Who is {n}?\nAnswer:", "choices": WORDS[: 2 + n % 3], "gold": n % 2} for n in range(6)
    ],
    "mmlu": [
        {"question": f"Who is {n}?", "choices": WORDS, "answer": n % 4, "subject": f"people_{n % 2}"} for n in range(6)
    ],
    "truthfulqa": [
        {
            "question": f"Who is {n}?",
            "mc1_targets": {"choices": ["Nobody", "Ann", "Bo"], "labels": [1, 0, 0]},
            "mc2_targets": {"choices": ["Nobody", "Somebody", "Ann", "Bo"], "labels": [1, 1, 0, 0]},
        }
        for n in range(6)
    ],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("knowledge")
    made = make_project(folder, make_tiny_model(folder / "tiny", context=2048))
    benchmarks = []
    for name, rows in ROWS.items():
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        benchmarks.append({name: {"path": str(path), "prompt": "paper"}})
    recipe = yaml.safe_load(made.recipe.read_text(encoding="utf-8"))
    recipe["evaluate"]["benchmarks"] = benchmarks
    made.recipe.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert made.ownwords("run") == 0
    return made


def sums_of(project: Project, stage: str) -> dict[str, list[float]]:
    """Summed log-likelihoods by item, in the order asked."""
    journal = Journal(project.output / "journal.sqlite")
    found: dict[str, dict[int, float]] = {}
    for key, completion, _ in journal.completions(stage):
        assert completion.logprobs
        found.setdefault(key.example_id, {})[key.attempt] = sum(completion.logprobs)
    journal.close()
    return {item: [asked[number] for number in sorted(asked)] for item, asked in found.items()}


def column(project: Project, benchmark: str, label: str, name: str) -> dict[str, float]:
    rows = pq.read_table(project.output / "scores" / benchmark / f"{label}.parquet").to_pylist()
    return {row["item_id"]: row[name] for row in rows}


def test_every_metric_of_every_arm_is_in_the_summary(finished: Project) -> None:
    summary = json.loads((finished.output / "scores/summary.json").read_text(encoding="utf-8"))
    found = {(score["benchmark"], score["arm"]): score["n"] for score in summary["scores"]}
    names = ["winogrande", "arc_challenge", "arc_challenge/acc_norm", "mmlu", "truthfulqa", "truthfulqa/mc2"]
    assert found == {(name, arm): 6 for name in names for arm in ("seed", "vanilla", "sdft")}


@pytest.mark.parametrize("label", ["seed", "sdft"])
def test_scores_are_what_the_journals_likelihoods_say(finished: Project, label: str) -> None:
    for name, rows in ROWS.items():
        if name == "truthfulqa":
            continue
        right = [int(row["answer"]) - 1 if name == "winogrande" else row.get("gold", row.get("answer")) for row in rows]
        sums = sums_of(finished, f"evaluate/{name}/{label}")
        scores = column(finished, name, label, "score")
        found = [scores[item] == float(sums[item].index(max(sums[item])) == right[n]) for n, item in enumerate(scores)]
        assert found == [True] * 6, name
    best, shares = (column(finished, "truthfulqa", label, part) for part in ("score", "more.mc2"))
    for item, (nobody, ann, bo, somebody) in sums_of(finished, f"evaluate/truthfulqa/{label}").items():
        true, false = math.exp(nobody) + math.exp(somebody), math.exp(ann) + math.exp(bo)
        assert best[item] == float(nobody >= max(ann, bo))
        assert shares[item] == pytest.approx(true / (true + false))


def test_the_same_rows_from_lm_eval_ask_nothing_again(finished: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lm_eval")
    import datasets

    from ownwords.engines.transformers import TransformersEngine

    def load_dataset(path: str, name: str, **rest: Any) -> Any:
        rows = datasets.Dataset.from_list(ROWS[{"allenai/winogrande": "winogrande"}.get(path, "truthfulqa")])
        return datasets.DatasetDict({"train": rows, "validation": rows})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(TransformersEngine, "stream", None)
    asked = {name: {"path": "lm-eval", "prompt": "paper"} for name in ("winogrande", "truthfulqa")}
    before = finished.stages()
    assert finished.ownwords("evaluate", f"evaluate.benchmarks={json.dumps([{n: s} for n, s in asked.items()])}") == 0
    assert finished.stages() == before


def test_likelihoods_are_those_of_the_harnesss_own_model(finished: Project) -> None:
    pytest.importorskip("lm_eval")
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    harness = HFLM(pretrained=str(finished.folder / "tiny"), device="cpu", dtype="float32", batch_size=1)
    for name in ROWS:
        benchmark = find_benchmark(name)
        settings = BenchmarkSection(name=name, path=str(finished.folder / f"{name}.jsonl"))
        ours = sums_of(finished, f"evaluate/{name}/seed")
        for item in benchmark.load(settings, DataContext((), lambda limit: [], generated=False)):
            pairs = dict.fromkeys(pair for part in item.gold for pair in part.pairs)
            requests = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
            theirs = [total for total, _ in harness.loglikelihood(requests, disable_tqdm=True)]
            assert ours[item.id] == pytest.approx(theirs, abs=1e-3)
