"""Ways to train: every parameter, other adapters, less memory, a stop at the right time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow

VANILLA = "tune.arms=[vanilla]"
#: What follows from rounding differs between processors that compute in bfloat16 and those that do not.
FLOAT32 = "runtime.dtype=float32"


def tune(project: Project, *keys: str, output: str = "run") -> Path:
    """Rewrite and tune with these keys, and give vanilla's folder."""
    place = f"output_dir={project.folder / output}"
    assert project.ownwords("rewrite", *keys, place) == 0
    assert project.ownwords("tune", *keys, place) == 0
    return project.folder / output / "arms" / "vanilla" / "seed42"


def facts(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "training.json").read_text(encoding="utf-8"))


def held_out_loss(project: Project, keys: list[str], folder: Path) -> float:
    """Of the saved adapter on the rows that were held out, in nats per supervised token."""
    import torch
    from peft import PeftModel

    from ownwords import models
    from ownwords.pipeline import open_recipe
    from ownwords.stages.context import Context
    from ownwords.stages.tune import prepare

    context = Context(open_recipe(project.recipe, keys))
    rows = prepare(context, context.trainings[0])[1].heldout
    model = PeftModel.from_pretrained(models.load_weights(context.model, torch.float32, "cpu"), str(folder))
    total, tokens = 0.0, 0
    with torch.no_grad():
        for row in rows:
            ids, labels = torch.tensor([row["input_ids"]]), torch.tensor([row["labels"]])
            count = int((labels != -100).sum())
            total += float(model(input_ids=ids, labels=labels).loss) * count
            tokens += count
    return total / tokens


def test_every_parameter_can_be_trained_and_what_was_saved_is_evaluated(project: Project, tiny_model: Path) -> None:
    assert project.ownwords("run", "tune.lora=null", "tune.learning_rate=0.01") == 0
    folder = project.output / "arms" / "vanilla" / "seed42"
    seed, trained = load_file(tiny_model / "model.safetensors"), load_file(folder / "model.safetensors")
    assert trained.keys() == seed.keys()
    assert all((trained[name] != seed[name]).any() for name in seed), "every parameter has moved"
    assert not [path for path in folder.rglob("*") if path.suffix in {".bin", ".pt", ".pth", ".pkl"}]
    assert (folder / "chat_template.jinja").is_file()
    summary = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    nll = {s["arm"]: s["mean"] for s in summary["scores"] if s["benchmark"] == "heldout_nll"}
    assert nll["vanilla"] < nll["seed"]
    assert "every parameter" in (project.output / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["tune.lora.target_modules=all-linear"], {"use_dora": False, "use_rslora": False}),
        (["tune.lora.use_rslora=true"], {"use_rslora": True}),
        (["tune.lora.use_dora=true"], {"use_dora": True}),
    ],
)
def test_an_adapter_of_another_kind_is_what_was_asked_for_and_moves_the_scores(
    project: Project, keys: list[str], expected: dict[str, bool]
) -> None:
    assert project.ownwords("run", VANILLA, "tune.learning_rate=0.01", *keys) == 0
    folder = project.output / "arms" / "vanilla" / "seed42"
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert {key: config[key] for key in expected} == expected
    targets = {name.split(".")[-3] for name in load_file(folder / "adapter_model.safetensors") if "lora_A" in name}
    everything = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert targets == (everything if "all-linear" in keys[0] else {"q_proj", "v_proj"})
    summary = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    nll = {s["arm"]: s["mean"] for s in summary["scores"] if s["benchmark"] == "heldout_nll"}
    assert nll["vanilla"] < nll["seed"]


def test_gradient_checkpointing_changes_the_memory_not_the_weights(project: Project) -> None:
    plain = load_file(tune(project, VANILLA, "tune.lora.dropout=0") / "adapter_model.safetensors")
    folder = tune(project, VANILLA, "tune.lora.dropout=0", "tune.gradient_checkpointing=true", output="less")
    for name, tensor in load_file(folder / "adapter_model.safetensors").items():
        assert np.abs(tensor - plain[name]).max() < 1e-6, name


def test_training_stops_when_held_out_rows_get_worse_and_keeps_the_best(project: Project) -> None:
    stopping = "tune.early_stopping={share: 0.25, eval_steps: 1, patience: 2}"
    one_batch = "tune.per_device_train_batch_size=4"
    keys = [VANILLA, FLOAT32, stopping, one_batch, "tune.learning_rate=0.3", "tune.num_train_epochs=40"]
    folder = tune(project, *keys)
    found = facts(folder)
    curve = [point["loss"] for point in found["heldout_loss"]]
    best = curve.index(min(curve))
    assert len(curve) == best + 1 + 2, "two looks without a lower loss end it"
    assert found["steps"] == len(curve) < 80
    assert held_out_loss(project, keys, folder) == pytest.approx(min(curve), abs=1e-4)


def test_held_out_rows_are_the_same_for_every_arm_and_none_of_them_is_trained_on(project: Project) -> None:
    from ownwords.stages.supervision import held_out_ids, read_training_rows

    stopping = "tune.early_stopping={share: 0.25, eval_steps: 1, patience: 5}"
    tune(project, stopping, "runtime.scripted.fail_share=0.2", "rewrite.max_error_rate=1")
    kept = {arm: facts(project.output / "arms" / arm / "seed42") for arm in ("vanilla", "sdft")}
    assert {arm: (f["rows"], f["heldout_rows"]) for arm, f in kept.items()} == {"vanilla": (9, 3), "sdft": (9, 3)}
    assert kept["vanilla"]["order"] == kept["sdft"]["order"]
    ids = {arm: [r["id"] for r in read_training_rows(project.output / "data" / arm / "train.parquet")] for arm in kept}
    assert held_out_ids(ids["vanilla"], 0.25, 42) == held_out_ids(ids["sdft"][::-1], 0.25, 42)


def test_a_share_that_leaves_no_row_to_train_on_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("run", "tune.early_stopping={share: 0.99}") == 2
    assert "leaves none of the 12 rows" in capsys.readouterr().err
    assert not project.output.exists()


def test_a_loss_that_is_not_a_number_stops_the_training_and_names_the_rows(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("rewrite", VANILLA) == 0
    keys = [VANILLA, FLOAT32, "tune.learning_rate=1.0e+30", "tune.max_grad_norm=1e30", "tune.num_train_epochs=4"]
    assert project.ownwords("tune", *keys) == 1
    said = capsys.readouterr().err
    ids = pq.read_table(project.output / "data" / "vanilla" / "train.parquet")["id"].to_pylist()
    assert "the loss is nan at step " in said
    named = said.partition("on the rows ")[2].partition(":")[0].split(", ")
    assert named
    assert set(named) <= set(ids)
    assert not (project.output / "arms" / "vanilla" / "seed42").exists()
