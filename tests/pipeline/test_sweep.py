"""A sweep: each point has its place and its scores, is trained once, and fails alone."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from ownwords.cli import main
from ownwords.stages import trainer
from tests.pipeline.conftest import Project, script
from tests.pipeline.test_kill import start, stop_when

pytestmark = pytest.mark.slow

SWEEP = "tune.sweep={learning_rate: [0.0001, 0.01], seed: [42, 43]}"
ONE = "tune.arms=[vanilla]"
FLOAT32 = "runtime.dtype=float32"
#: The second learning rate makes the loss no number.
DIVERGES = [
    FLOAT32,
    "tune.num_train_epochs=3",
    "tune.sweep={learning_rate: [0.0001, 1.0e+30]}",
    "tune.max_grad_norm=1e30",
]
BAD = "vanilla@lr1e+30"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def adapters(project: Project, arm: str = "vanilla") -> dict[str, bytes]:
    folders = (project.output / "arms" / arm).iterdir()
    return {folder.name: (folder / "adapter_model.safetensors").read_bytes() for folder in folders}


def test_every_point_is_trained_into_a_folder_of_its_own_and_scored(project: Project) -> None:
    assert project.ownwords("run", SWEEP) == 0
    folders = {"seed42", "seed43", "lr0.01-seed42", "lr0.01-seed43"}
    for arm in ("vanilla", "sdft"):
        found = adapters(project, arm)
        assert found.keys() == folders
        assert len(set(found.values())) == 4
    labels = {
        "seed",
        *(f"{arm}{p}" for arm in ("vanilla", "sdft") for p in ("", "@seed43", "@lr0.01", "@lr0.01-seed43")),
    }
    summary = read(project.output / "scores" / "summary.json")
    assert {score["variant"] for score in summary["scores"]} == labels
    pairs = {(d["variant"], d["baseline"]) for d in summary["differences"]}
    assert ("sdft@lr0.01-seed43", "vanilla@lr0.01-seed43") in pairs
    assert ("sdft@lr0.01", "vanilla") not in pairs
    spread = read(project.output / "comparison.json")["seeds"]
    assert {(s["arm"], s["point"], s["seeds"]) for s in spread} == {
        (arm, point, 2) for arm in ("vanilla", "sdft") for point in ("", "lr0.01")
    }
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert "6 other variants" in page
    assert "Over seeds" in page


def test_a_point_that_joins_later_is_the_only_one_that_is_trained(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("run", ONE) == 0
    before, stages = adapters(project), project.stages()
    capsys.readouterr()
    assert project.ownwords("run", ONE, "tune.sweep={learning_rate: [0.0001, 0.01]}") == 0
    assert "tune/vanilla: done before" in capsys.readouterr().err
    after = adapters(project)
    assert after.keys() - before.keys() == {"lr0.01-seed42"}
    assert before.items() <= after.items()
    assert {name: state for name, state in project.stages().items() if name in stages} == stages


def test_a_killed_sweep_goes_on_with_the_point_that_it_was_at(project: Project) -> None:
    keys = [ONE, "tune.num_train_epochs=6", "tune.sweep={seed: [42, 43]}"]
    assert project.ownwords("rewrite", *keys) == 0
    process = start(project, "tune", *keys)
    second = project.output / "arms" / "vanilla" / "seed43.checkpoints"
    stop_when(process, lambda: any(second.glob("checkpoint-*/trainer_state.json")), signal.SIGKILL)
    done = project.stages()["tune/vanilla"]
    assert done["status"] == "done"
    assert project.ownwords("tune", *keys) == 0
    assert project.stages()["tune/vanilla"] == done
    assert project.stages()["tune/vanilla@seed43"]["status"] == "done"
    assert {folder.name for folder in (project.output / "arms" / "vanilla").iterdir()} == {"seed42", "seed43"}


def test_a_training_that_fails_ends_neither_the_others_nor_the_run(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("run", *DIVERGES) == 1
    said = capsys.readouterr().err
    summary = said.partition("ownwords: ")[2]
    assert "2 of the variants failed" in summary
    assert f"tune/{BAD}: the loss is nan at step" in summary
    assert "tune/sdft@lr1e+30: the loss is nan at step" in summary
    scores = read(project.output / "scores" / "summary.json")["scores"]
    assert {score["variant"] for score in scores} == {"seed", "vanilla", "sdft"}
    assert (project.output / "report.html").is_file()
    stages = project.stages()
    assert stages[f"tune/{BAD}"]["status"] == "failed"
    assert not [name for name in stages if name.startswith("evaluate") and name.endswith("1e+30")]
    assert main(["status", str(project.output)]) == 0
    assert f"failed: tune/{BAD}, tune/sdft@lr1e+30" in capsys.readouterr().out
    standings = read(project.output / "comparison.json")["standings"]
    assert {s["variant"]: s["acquisition"] is None for s in standings}[BAD]


def test_the_single_verbs_go_on_without_a_training_that_fails(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [ONE, *DIVERGES]
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 1
    assert f"tune/{BAD}: the loss is nan" in capsys.readouterr().err
    assert project.stages()["tune/vanilla"]["status"] == "done"
    assert project.ownwords("evaluate", *keys) == 1
    assert f"tune/{BAD}: it failed before" in capsys.readouterr().err
    scores = read(project.output / "scores" / "summary.json")["scores"]
    assert {score["variant"] for score in scores} == {"seed", "vanilla"}


def test_a_training_that_does_not_fit_into_memory_fails_alone(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [ONE, "tune.sweep={lora_r: [64, 8]}"]
    train = trainer.train

    def small_only(training: Any, *rest: Any, **named: Any) -> Any:
        if training.tune.lora.r == 64:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")
        return train(training, *rest, **named)

    monkeypatch.setattr(trainer, "train", small_only)
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 1
    assert "tune/vanilla@r64: out of memory: lower tune.per_device_train_batch_size" in capsys.readouterr().err
    assert project.stages()["tune/vanilla"]["status"] == "done"


def test_targets_that_do_not_fit_fail_their_arm_alone(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """References are looked at before anything is written; what a model writes is as long as it is."""
    longer = script(project, "return request.example.reference + ' Indeed.' * 30 if request.example else '1'")
    keys = [*longer, "rewrite.checks=[not_empty]", "tune.max_length=128"]
    assert project.ownwords("run", *keys) == 1
    said = capsys.readouterr().err
    assert "tune/sdft: 12 rows are longer than tune.max_length=128 tokens" in said
    assert "sdft training failed" in said
    assert "training failed</td>" in (project.output / "report.html").read_text(encoding="utf-8")
    scores = read(project.output / "scores" / "summary.json")["scores"]
    assert {score["variant"] for score in scores} == {"seed", "vanilla"}


def test_where_every_row_is_dropped_that_is_said(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.ownwords("run", "rewrite.on_failure=drop", *script(project, "return 'nothing'")) == 1
    assert "rewrite.on_failure=drop has dropped all of 12 examples" in capsys.readouterr().err


def test_evaluation_still_wants_every_training_to_have_been_tried(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("rewrite", ONE) == 0
    assert project.ownwords("tune", ONE) == 0
    assert project.ownwords("evaluate", ONE, "tune.sweep={seed: [42, 43]}") == 2
    assert "vanilla@seed43 is not trained for this recipe" in capsys.readouterr().err


def test_scores_of_weights_that_failed_since_are_not_shown(project: Project) -> None:
    assert project.ownwords("run", ONE, FLOAT32) == 0
    broken = [ONE, FLOAT32, "tune.learning_rate=1.0e+30", "tune.max_grad_norm=1e30", "--yes"]
    assert project.ownwords("run", *broken) == 1
    scores = read(project.output / "scores" / "summary.json")["scores"]
    assert {score["variant"] for score in scores} == {"seed"}


def test_what_is_wrong_with_the_input_still_ends_the_run_at_once(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("run", "evaluate.acquisition=gsm9k") == 2
    assert "gsm9k is not there" in capsys.readouterr().err
    assert not project.output.exists()


def test_seeds_change_the_adapter_and_nothing_of_the_data(project: Project) -> None:
    keys = [ONE, "tune.sweep={seed: [42, 43]}"]
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 0
    folders = [project.output / "arms" / "vanilla" / f"seed{seed}" for seed in (42, 43)]
    orders = [read(folder / "training.json")["order"] for folder in folders]
    assert orders[0] == orders[1]
    first, second = (load_file(folder / "adapter_model.safetensors") for folder in folders)
    assert any((first[name] != second[name]).any() for name in first)
