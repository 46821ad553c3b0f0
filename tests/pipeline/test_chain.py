"""Runs that go on from runs: tuned, evaluated, reported and told apart by their weights."""

# pyright: basic
from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ownwords.cli import main
from ownwords.report.chain import Kept
from ownwords.stages.chain import mean_of_tasks
from tests.pipeline.conftest import Project, make_project, question, write_rows

#: Rounding of 16 bits would show at every link.
KEYS = ["runtime.dtype=float32", "tune.learning_rate=0.02", "tune.arms=[sdft]"]


def test_the_mean_of_tasks_has_the_interval_of_independent_parts() -> None:
    tasks = [Kept(1, 3, 50, -0.2, -0.5, 0.1, 0.1, False), Kept(2, 3, 50, 0.1, -0.3, 0.5, 0.5, False)]
    mean, low, high = mean_of_tasks(tasks)
    assert mean == pytest.approx(-0.05)
    assert (mean - (low or 0), (high or 0) - mean) == pytest.approx((0.25, 0.25))
    rng = np.random.default_rng(0)
    draws = rng.normal([-0.2, 0.1], [0.3 / 1.96, 0.4 / 1.96], (200_000, 2)).mean(axis=1)
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([low, high], abs=0.01)


def test_one_task_alone_keeps_its_own_interval_and_one_without_gives_none() -> None:
    task = Kept(1, 2, 50, -0.2, -0.6, 0.1, 0.1, False)
    assert mean_of_tasks([task]) == pytest.approx((-0.2, -0.6, 0.1))
    assert mean_of_tasks([task, Kept(1, 2, 1, 0.4, None, None, None, False)]) == (pytest.approx(0.1), None, None)


@pytest.fixture(scope="module")
def chained_once(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A folder with r1, trained on sums, and r2, which goes on from its sdft on other rows."""
    folder = tmp_path_factory.mktemp("chain")
    project = make_project(folder, tiny_model)
    assert project.ownwords("run", *KEYS, f"output_dir={folder / 'r1'}") == 0
    rows = write_rows(folder / "other.jsonl", [question(number) for number in range(100, 120)])
    second = [*KEYS, "model.name_or_path=run:r1#sdft", f"data.train.path={rows}", f"output_dir={folder / 'r2'}"]
    with contextlib.chdir(folder):
        assert project.ownwords("run", *second) == 0
    return folder


@pytest.fixture
def chained(chained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to do with as a test likes, as the working directory."""
    shutil.copytree(chained_once, tmp_path / "chain")
    monkeypatch.chdir(tmp_path / "chain")
    return tmp_path / "chain"


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def items(run: Path, benchmark: str, label: str) -> dict[str, float]:
    rows = pq.read_table(run / "scores" / benchmark / f"{label}.parquet").to_pylist()
    return {row["item_id"]: row["score"] for row in rows}


@pytest.mark.slow
def test_the_next_run_begins_where_the_arm_ended_and_says_so(chained: Path) -> None:
    first, second = load(chained / "r1" / "run.json"), load(chained / "r2" / "run.json")
    assert "chain" not in first
    (link,) = second["chain"]
    assert (link["run"], link["label"]) == ("../r1", "sdft")
    assert link["seed"] == load(chained / "r1/arms/sdft/seed42/training.json")["weights_hash"]
    assert link["weights"] == load(chained / "r2/arms/sdft/seed42/training.json")["weights_hash"]
    assert link["weights"] == second["stages"]["evaluate/gsm8k/seed"]["inputs"]["model.weights"]


@pytest.mark.slow
def test_the_report_shows_every_stage_and_what_was_forgotten(chained: Path) -> None:
    chain = load(chained / "r2" / "chain.json")
    assert [place["name"] for place in chain["places"]] == ["seed", "after r1: sdft", "after r2: sdft"]
    assert chain["notes"] == []
    rows = {(row["benchmark"]["name"], row["asked_in"]): row for row in chain["rows"]}
    assert rows.keys() == {("gsm8k", "r1"), ("heldout_nll", "r1"), ("heldout_nll", "r2")}
    old = rows["heldout_nll", "r1"]["cells"]
    assert old[0]["mean"] == pytest.approx(np.mean(list(items(chained / "r1", "heldout_nll", "seed").values())))
    assert old[2] is None, "r2 has other held-out rows"
    new = rows["heldout_nll", "r2"]["cells"]
    assert new[0] is None
    assert (new[1]["run"].rpartition("/")[2], new[1]["label"]) == ("r2", "seed")
    html = (chained / "r2" / "report.html").read_text(encoding="utf-8")
    section = re.search(r'<section id="chain">.*?</section>', html, re.DOTALL)
    assert section
    assert "not measured" in section.group()
    assert 'id="chain"' not in (chained / "r1" / "report.html").read_text(encoding="utf-8")
    assert not (chained / "r1" / "chain.json").exists()


@pytest.mark.slow
def test_further_metrics_and_what_is_measured_by_a_runs_own_seed_have_no_row(chained: Path) -> None:
    for run in ("r1", "r2"):
        path = chained / run / "scores" / "summary.json"
        summary = load(path)
        for name, of in (("gsm8k/words", "gsm8k"), ("seed_nll", None), ("kl_to_seed", None)):
            summary["benchmarks"].append({**summary["benchmarks"][0], "name": name, "of": of})
            summary["scores"] += [
                {**score, "benchmark": name} for score in summary["scores"] if score["benchmark"] == "gsm8k"
            ]
        path.write_text(json.dumps(summary), encoding="utf-8")
    assert main(["report", str(chained / "r2")]) == 0
    chain = load(chained / "r2" / "chain.json")
    assert {row["benchmark"]["name"] for row in chain["rows"]} == {"gsm8k", "heldout_nll"}
    assert chain["notes"] == []


@pytest.mark.slow
def test_backward_transfer_is_the_paired_change_since_the_task_was_learnt(chained: Path) -> None:
    """heldout_nll of r1 asked again in r2: its own rows as held-out rows there."""
    rows = write_rows(chained / "unseen.jsonl", [question(number) for number in range(12, 20)])
    keys = [
        f"data.heldout={{path: {rows}, columns: {{prompt: question, response: answer}}}}",
        "evaluate.benchmarks=[{heldout_nll: {limit: 6}}]",
        "--yes",
    ]
    assert main(["evaluate", str(chained / "r1"), *keys]) == 0
    assert main(["evaluate", str(chained / "r2"), *keys]) == 0
    assert main(["report", str(chained / "r2")]) == 0
    chain = load(chained / "r2" / "chain.json")
    (row,) = chain["rows"]
    learnt, again = (items(chained / run, "heldout_nll", label) for run, label in (("r1", "sdft"), ("r2", "seed")))
    assert [learnt[item] for item in learnt] == pytest.approx([again[item] for item in learnt], abs=1e-4)
    learnt, end = items(chained / "r1", "heldout_nll", "sdft"), items(chained / "r2", "heldout_nll", "sdft")
    expected = np.mean([end[item] - learnt[item] for item in learnt])
    (kept,) = row["kept"]
    assert (kept["since"], kept["end"], kept["n"]) == (1, 2, 6)
    assert kept["mean"] == pytest.approx(expected)
    (backward,) = chain["backward"]
    assert backward["mean"] == pytest.approx(expected)
    assert (backward["unit"], backward["higher_is_better"]) == ("nats/token", False)
    assert "Backward transfer after r2: sdft, over 1 earlier task" in (chained / "r2" / "report.html").read_text(
        "utf-8"
    )


@pytest.mark.slow
def test_a_parent_that_is_gone_or_trained_again_is_said_and_its_scores_are_left_out(
    chained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", str(chained / "r2")]) == 0
    assert "everything is done" in capsys.readouterr().out
    aside = chained / "aside"
    (chained / "r1").rename(aside)
    assert main(["report", str(chained / "r2")]) == 0
    chain = load(chained / "r2" / "chain.json")
    assert [note for note in chain["notes"] if "is not there any more" in note]
    assert main(["status", str(chained / "r2")]) == 0
    said = capsys.readouterr().out
    assert "there is no run directory" in said
    assert "everything is done" not in said
    aside.rename(chained / "r1")
    # --yes: a finished arm is trained again, with another result
    assert main(["tune", str(chained / "r1"), "tune.learning_rate=0.05", "--yes"]) == 0
    capsys.readouterr()
    assert main(["status", str(chained / "r2")]) == 0
    assert "model run:r1#sdft was trained again since this run began from it" in capsys.readouterr().out
    assert main(["report", str(chained / "r2")]) == 0
    chain = load(chained / "r2" / "chain.json")
    assert [note for note in chain["notes"] if "was trained again since" in note]
    gsm8k = next(row for row in chain["rows"] if row["benchmark"]["name"] == "gsm8k")
    assert gsm8k["cells"][1]["run"].endswith("r2"), "as the seed of r2, which still is what it was"


@pytest.mark.slow
def test_a_run_is_no_part_of_its_own_chain(chained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (chained / "r1" / "run.json").read_bytes()
    assert main(["run", str(chained / "r1"), f"model.name_or_path=run:{chained / 'r1'}#sdft", "--yes"]) == 2
    assert "this run itself would be in its own chain" in capsys.readouterr().err
    assert main(["run", str(chained / "r1"), f"model.name_or_path=run:{chained / 'r2'}#sdft", "--yes"]) == 2
    assert "this run itself would be in its own chain" in capsys.readouterr().err
    assert (chained / "r1" / "run.json").read_bytes() == before


@pytest.mark.slow
def test_a_parent_that_is_not_there_is_refused_before_anything_is_written(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in ("run", "validate", "preview"):
        assert project.ownwords(verb, f"model.name_or_path=run:{project.folder / 'none'}#sdft") == 2
        assert "there is no run directory" in capsys.readouterr().err
    assert not project.output.exists()
