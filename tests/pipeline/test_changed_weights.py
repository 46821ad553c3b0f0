"""Trained weights that are not what training wrote: shuffled, exchanged, scaled, cut. None gets a score."""

# pyright: basic
from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ownwords.cli import main
from tests.pipeline.conftest import Project, contents, make_project

_LAYER = re.compile(r"\.layers\.(\d+)\.")
FILE = "adapter_model.safetensors"
KEYS = ["tune.learning_rate=0.05", "tune.sweep.seed=[42, 43]"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Project:
    """A run with both arms trained, each with two seeds, and evaluated."""
    project = make_project(tmp_path_factory.mktemp("changed"), tiny_model)
    assert project.ownwords("run", *KEYS) == 0
    return project


@pytest.fixture
def run(finished: Project, tmp_path: Path) -> Iterator[Project]:
    """The finished run, put back afterwards."""
    shutil.copytree(finished.output, tmp_path / "kept")
    yield finished
    shutil.rmtree(finished.output)
    shutil.copytree(tmp_path / "kept", finished.output)


def arm(project: Project, name: str) -> Path:
    return project.output / "arms" / name / "seed42"


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def permute(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The entries of every tensor in another order: at the scale that training gave them."""
    order = torch.Generator().manual_seed(0)
    return {
        name: tensor.flatten()[torch.randperm(tensor.numel(), generator=order)].reshape(tensor.shape)
        for name, tensor in tensors.items()
    }


def exchange_layers(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Every layer has another's: they stand in the opposite order."""
    last = max(int(_LAYER.search(name)[1]) for name in tensors)  # type: ignore[index]
    return {_LAYER.sub(lambda found: f".layers.{last - int(found[1])}.", name): t for name, t in tensors.items()}


def shuffled(project: Project) -> str:
    rewrite(arm(project, "sdft") / FILE, permute)
    return FILE


def layers_exchanged(project: Project) -> str:
    rewrite(arm(project, "sdft") / FILE, exchange_layers)
    return FILE


def trainings_exchanged(project: Project) -> str:
    shutil.copy(arm(project, "sdft").with_name("seed43") / FILE, arm(project, "sdft") / FILE)
    return FILE


def cut(project: Project) -> str:
    path = arm(project, "sdft") / FILE
    path.write_bytes(path.read_bytes()[:-100])
    return FILE


def made_stronger(project: Project) -> str:
    path = arm(project, "sdft") / "adapter_config.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**facts, "lora_alpha": 64}), encoding="utf-8")
    return "adapter_config.json"


def folders_exchanged(project: Project) -> str:
    first, second, aside = arm(project, "sdft"), arm(project, "vanilla"), project.output / "aside"
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    return "does not hold the training of"


FAULTS = [shuffled, layers_exchanged, trainings_exchanged, cut, made_stronger, folders_exchanged]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_changed_weights_get_no_score(
    run: Project, capsys: pytest.CaptureFixture[str], fault: Callable[[Project], str]
) -> None:
    named = fault(run)
    before = contents(run.output / "scores")
    prompts = run.folder / "prompts.json"
    prompts.write_text(json.dumps([{"instruction": f"Say {word}."} for word in "abc"]), encoding="utf-8")
    capsys.readouterr()
    another = [f"evaluate.benchmarks=[{{gsm8k: {{path: {run.folder / 'test.jsonl'}, limit: 3}}}}]", "--yes"]
    assert run.ownwords("evaluate", *KEYS, *another) == 1
    (said,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ownwords: ")]
    assert named in said
    assert "remove" in said and "ownwords tune" in said
    assert contents(run.output / "scores") == before


@pytest.mark.slow
def test_removed_as_the_message_says_it_is_trained_again(run: Project) -> None:
    whole = (arm(run, "sdft") / FILE).read_bytes()
    shuffled(run)
    assert run.ownwords("evaluate", *KEYS) == 1  # nothing is missing, and still
    shutil.rmtree(arm(run, "sdft"))
    assert run.ownwords("tune", *KEYS) == 0
    assert (arm(run, "sdft") / FILE).read_bytes() == whole
    assert run.ownwords("evaluate", *KEYS) == 0


@pytest.mark.slow
def test_nothing_else_takes_them_either(run: Project, capsys: pytest.CaptureFixture[str]) -> None:
    shuffled(run)
    assert main(["ask", str(run.output), "What is 3 plus 3?"]) == 1
    assert main(["merge", str(run.output), "-o", str(run.folder / "merged")]) == 1
    next_run = [f"model.name_or_path=run:{run.output}#sdft", f"output_dir={run.folder / 'next'}"]
    assert run.ownwords("rewrite", *next_run) == 2
    assert capsys.readouterr().err.count(f"{FILE} is not what training wrote") == 3
    assert not (run.folder / "merged").exists()
    assert not (run.folder / "next").exists()


@pytest.mark.slow
def test_trainings_of_earlier_versions_are_taken_as_they_are(run: Project) -> None:
    for path in (run.output / "arms").rglob("training.json"):
        facts = json.loads(path.read_text(encoding="utf-8"))
        assert facts.pop("saved").keys() == {path.parent.name}
        path.write_text(json.dumps(facts), encoding="utf-8")
    assert run.ownwords("evaluate", *KEYS) == 0


@pytest.mark.slow
def test_places_on_the_way_and_worked_out_models_are_looked_at_too(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ["tune.lora=null", "tune.checkpoints=1", "tune.arms=[vanilla, wise]", "tune.sweep={scale: [0.5]}"]
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 0
    folders = sorted(path.parent for path in (project.output / "arms").rglob("config.json"))
    assert {folder.name for folder in folders} >= {"seed42", "seed42-part0.5", "seed42-scale0.5"}
    for folder in folders:
        path = folder / "model.safetensors"
        whole = path.read_bytes()
        rewrite(path, permute)
        assert project.ownwords("evaluate", *keys) == 1
        assert f"{folder / 'config.json'}" in capsys.readouterr().err
        path.write_bytes(whole)
    assert project.ownwords("evaluate", *keys) == 0


@pytest.mark.slow
def test_finished_scores_stay_where_their_weights_are_gone_and_status_says_so(
    run: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = run.output / "scores/summary.json"
    before = json.loads(summary.read_text(encoding="utf-8"))
    shutil.rmtree(arm(run, "sdft"))
    assert run.ownwords("evaluate", *KEYS) == 0
    assert json.loads(summary.read_text(encoding="utf-8")) == before
    capsys.readouterr()
    assert main(["status", str(run.output)]) == 0
    said = capsys.readouterr().out
    assert f"lost: arms/sdft/seed42/{FILE}, of tune/sdft" in said
    assert "to do: run the same command to continue" in said
