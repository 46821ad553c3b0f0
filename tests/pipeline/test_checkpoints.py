"""Places on the way of a training are what the training was there, wherever it was interrupted."""

# pyright: basic
from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from ownwords.pipeline import open_recipe
from ownwords.stages.checkpoints import KEPT_TIMES, distance, nearest_step, shares
from ownwords.stages.context import Context
from ownwords.stages.trainer import train
from ownwords.stages.tune import prepare
from tests.pipeline.conftest import Project
from tests.pipeline.test_kill import start, stop_when

ONE = "tune.arms=[vanilla]"
EIGHT_STEPS = "tune.num_train_epochs=4"  # twelve rows, two batches of two times four an epoch
THREE = "tune.checkpoints=3"


@given(st.integers(1, 20), st.integers(1, 5000))
def test_planned_places_are_steps_of_the_training_in_order(count: int, steps: int) -> None:
    places = [nearest_step(part, steps) for part in shares(count)]
    assert places == sorted(places)
    assert places[0] >= 1
    assert places[-1] <= steps
    if steps >= 2 * (count + 1):
        assert len(set(places)) == count
    assert all(abs(place - part * steps) <= 1 for place, part in zip(places, shares(count), strict=True))


@given(st.integers(1, 8), st.integers(1, 2000))
def test_places_of_a_training_that_may_stop_are_few_and_near_every_share(count: int, steps: int) -> None:
    kept: set[int] = set()
    for step in range(1, steps + 1):
        if step % distance(step, count) == 0:
            kept.add(step)
        kept = {old for old in kept if old % distance(step, count) == 0}
    assert 1 <= len(kept) <= KEPT_TIMES * (count + 1)
    apart = steps / (count + 1)
    for part in shares(count):
        off = min(abs(step - nearest_step(part, steps)) for step in kept)
        assert off <= max(0, apart / KEPT_TIMES + 1)


def tuned(project: Project, *keys: str) -> Path:
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 0
    return project.output / "arms" / "vanilla"


def steps_of(folder: Path) -> list[int]:
    facts = json.loads((folder / "seed42" / "training.json").read_text(encoding="utf-8"))
    return [place["step"] for place in facts["places"]]


@pytest.mark.slow
def test_places_hold_the_weights_of_their_steps_and_all_that_evaluation_needs(project: Project) -> None:
    keys = [ONE, EIGHT_STEPS, THREE, "runtime.dtype=float32"]
    folder = tuned(project, *keys)
    assert steps_of(folder) == [2, 4, 6]
    names = {"seed42", "seed42-part0.25", "seed42-part0.5", "seed42-part0.75"}
    assert {path.name for path in folder.iterdir()} == names
    for name in names:
        files = {path.name for path in (folder / name).iterdir()}
        assert {"adapter_model.safetensors", "adapter_config.json", "chat_template.jinja", "tokenizer.json"} <= files
        assert not {file for file in files if Path(file).suffix in {".bin", ".pt", ".pth", ".pkl"}}
    watched = watch(project, keys)
    for step, name in zip((2, 4, 6), sorted(names - {"seed42"}), strict=True):
        saved = load_file(folder / name / "adapter_model.safetensors")
        assert saved.keys() == watched[step].keys()
        assert all(np.array_equal(saved[key], watched[step][key]) for key in saved), name


def watch(project: Project, keys: list[str]) -> dict[int, dict[str, np.ndarray]]:
    """The adapter after every step of the same training, read off the network."""
    from peft import get_peft_model_state_dict
    from transformers import TrainerCallback

    seen: dict[int, dict[str, np.ndarray]] = {}

    class Watch(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
            seen[state.global_step] = {key: tensor.detach().clone().numpy() for key, tensor in tensors.items()}

    context = Context(open_recipe(project.recipe, keys))
    training = context.trainings[0]
    tokenizer, rows = prepare(context, training)
    work = project.folder / "watched"
    runtime = context.recipe.runtime
    train(training, context.model, runtime, rows, tokenizer, work=work, checkpoints=False, callbacks=[Watch()])
    return seen


@pytest.mark.slow
def test_places_do_not_change_the_end(project: Project) -> None:
    plain = tuned(project, ONE, EIGHT_STEPS) / "seed42" / "adapter_model.safetensors"
    before = plain.read_bytes()
    assert project.ownwords("tune", ONE, EIGHT_STEPS, THREE) == 2, "finished work would be done again"
    assert project.ownwords("tune", ONE, EIGHT_STEPS, THREE, "--yes") == 0
    assert plain.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["tune.lora=null"]], ids=["lora", "every_parameter"])
def test_kill_9_gives_the_places_of_an_uninterrupted_training(project: Project, more: list[str]) -> None:
    keys = [ONE, "tune.num_train_epochs=6", THREE, *more]
    assert project.ownwords("rewrite", *keys) == 0
    process = start(project, "tune", *keys)
    work = project.output / "arms" / "vanilla" / "seed42.checkpoints"
    stop_when(process, (work / "step-3").is_dir, signal.SIGKILL)
    assert not (project.output / "arms" / "vanilla" / "seed42-part0.5").exists()
    assert project.ownwords("tune", *keys) == 0
    assert not work.exists()
    whole = project.folder / "whole"
    assert project.ownwords("rewrite", *keys, f"output_dir={whole}") == 0
    assert project.ownwords("tune", *keys, f"output_dir={whole}") == 0
    file = "model.safetensors" if more else "adapter_model.safetensors"
    for place in ("seed42-part0.25", "seed42-part0.5", "seed42-part0.75", "seed42"):
        first, second = (load_file(run / "arms" / "vanilla" / place / file) for run in (project.output, whole))
        assert all(abs(first[name] - second[name]).max() < 1e-6 for name in second), place


@pytest.mark.slow
def test_a_lost_place_is_made_again(project: Project) -> None:
    folder = tuned(project, ONE, EIGHT_STEPS, THREE)
    lost = folder / "seed42-part0.5" / "adapter_model.safetensors"
    before = lost.read_bytes()
    lost.unlink()
    assert project.ownwords("tune", ONE, EIGHT_STEPS, THREE) == 0
    assert lost.read_bytes() == before


@pytest.mark.slow
def test_where_training_stops_early_places_lie_before_the_weights_that_were_kept(project: Project) -> None:
    stopping = "tune.early_stopping={share: 0.25, eval_steps: 1, patience: 2}"
    keys = [ONE, "runtime.dtype=float32", stopping, "tune.per_device_train_batch_size=4", "tune.learning_rate=0.02"]
    folder = tuned(project, *keys, "tune.num_train_epochs=40", "tune.checkpoints=2")
    facts = json.loads((folder / "seed42" / "training.json").read_text(encoding="utf-8"))
    curve = [point["loss"] for point in facts["heldout_loss"]]
    best = facts["heldout_loss"][curve.index(min(curve))]["step"]
    assert all(place["steps"] == best for place in facts["places"])
    for place in facts["places"]:
        assert abs(place["step"] - place["part"] * best) <= best / 3 / KEPT_TIMES + 1


@pytest.mark.slow
def test_places_are_scored_and_arms_compared_where_they_reach_the_same(project: Project) -> None:
    keys = [EIGHT_STEPS, THREE, "tune.learning_rate=0.01", "evaluate.acquisition=heldout_nll"]
    assert project.ownwords("run", *keys, "tune.arms=[vanilla, sdft, wise]") == 0
    summary = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    scored = {score["variant"] for score in summary["scores"]}
    assert {"vanilla@part0.25", "vanilla@part0.5", "vanilla@part0.75", "sdft@part0.5", "wise"} <= scored
    found = json.loads((project.output / "comparison.json").read_text(encoding="utf-8"))
    means = {s["variant"]: s["acquisition"]["mean"] for s in found["standings"]}
    target = found["target"]
    assert target["ways"] == 6
    best = {arm: max(m for v, m in means.items() if v.partition("@")[0] == arm) for arm in ("vanilla", "sdft", "wise")}
    assert target["target"] == min(best.values())
    for reached in target["reached"]:
        assert means[reached["variant"]] >= target["target"]
    assert "At the same score" in (project.output / "report.html").read_text(encoding="utf-8")
