"""Weights between the seed's and the trained ones, against weights that are added up here."""

# pyright: basic
from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import load_file

from ownwords import models
from ownwords.cli import main
from ownwords.engines._weights import WeightSet
from ownwords.models import Model
from ownwords.recipe import ModelSection
from ownwords.records import Weights
from ownwords.stages.interpolation import interpolated
from tests.pipeline.conftest import Project
from tests.tiny import make_tiny_adapter, make_tiny_model

IDS = torch.tensor([[5, 17, 99, 200, 31, 8]])
SCALES = "tune.sweep={scale: [0, 0.5, 1]}"
ARMS = "tune.arms=[vanilla, wise]"


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = make_tiny_model(tmp_path_factory.mktemp("scales") / "seed")
    return models.resolve(ModelSection(name_or_path=str(folder)))


def logits(network) -> np.ndarray:
    with torch.no_grad():
        return network(input_ids=IDS).logits[0].float().numpy()


def with_weights(seed: Model, changed: dict[str, np.ndarray]) -> np.ndarray:
    """Logits of the seed model with some of its weights replaced."""
    network = models.load_weights(seed, torch.float32, "cpu")
    own = network.state_dict()
    for name, weight in changed.items():
        own[name].copy_(torch.tensor(weight))
    return logits(network)


def adapted(seed: Model, folder: Path, factor: float) -> dict[str, np.ndarray]:
    """W + factor · B A for every weight that the adapter changes; a DoRA adapter's rows have the learnt lengths."""
    base = load_file(Path(seed.path) / "model.safetensors")
    tensors = load_file(folder / "adapter_model.safetensors")
    changed: dict[str, np.ndarray] = {}
    for name in tensors:
        if "lora_A" not in name:
            continue
        own = name.removeprefix("base_model.model.").replace("lora_A.", "")
        weight = base[own] + factor * tensors[name.replace("lora_A", "lora_B")] @ tensors[name]
        magnitude = tensors.get(name.replace("lora_A.weight", "lora_magnitude_vector"))
        if magnitude is not None:
            weight *= (magnitude / np.linalg.norm(weight, axis=1))[:, None]
        changed[own] = weight
    assert changed
    return changed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "own"), [({}, 8 / 4), ({"use_rslora": True}, 8 / math.sqrt(4))], ids=["lora", "rslora"]
)
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0, 1.5])
def test_a_scaled_adapter_is_the_interpolation_of_the_weights(
    seed: Model, tmp_path: Path, settings: dict[str, bool], own: float, scale: float
) -> None:
    folder = make_tiny_adapter(Path(seed.path), tmp_path / "adapter", target_modules=["q_proj", "v_proj"], **settings)
    expected = with_weights(seed, adapted(seed, folder, scale * own))
    weights = Weights("adapter", "a", str(folder), scale)
    served = WeightSet(seed, torch.float32, "cpu")
    assert np.abs(logits(served.model(weights)) - expected).max() < 1e-4
    merged = models.load_adapted(seed, str(folder), torch.float32, "cpu", scale=scale).merge_and_unload()
    assert np.abs(logits(merged) - expected).max() < 1e-4
    assert np.abs(logits(interpolated(seed, Weights("adapter", "a", str(folder)), scale)) - expected).max() < 1e-4


def test_one_adapter_at_two_scales_and_the_seed_between_do_not_disturb_each_other(seed: Model, tmp_path: Path) -> None:
    folder = make_tiny_adapter(Path(seed.path), tmp_path / "adapter", target_modules=["q_proj", "v_proj"])
    served = WeightSet(seed, torch.float32, "cpu")
    plain = logits(served.model(Weights()))
    order = (1.0, 0.5, 1.0, 0.0)
    found = [logits(served.model(Weights("adapter", "a", str(folder), scale))) for scale in order]
    assert np.array_equal(found[0], found[2])
    assert np.abs(found[0] - found[1]).max() > 1e-2
    assert np.array_equal(found[3], plain)
    assert np.array_equal(logits(served.model(Weights())), plain)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_half_of_a_dora_adapter_lies_half_way_between_the_weights(seed: Model, tmp_path: Path, scale: float) -> None:
    targets = {"target_modules": ["q_proj", "v_proj"], "use_dora": True}
    folder = make_tiny_adapter(Path(seed.path), tmp_path / "dora", **targets)
    base = load_file(Path(seed.path) / "model.safetensors")
    tuned = adapted(seed, folder, 8 / 4)
    between = {name: base[name] + scale * (weight - base[name]) for name, weight in tuned.items()}
    network = interpolated(seed, Weights("adapter", "a", str(folder)), scale)
    assert np.abs(logits(network) - with_weights(seed, between)).max() < 1e-4
    if scale == 0.5:  # PEFT's own factor is another thing
        factor = models.load_adapted(seed, str(folder), torch.float32, "cpu", scale=scale)
        assert np.abs(logits(factor) - logits(network)).max() > 1e-3


def test_weights_of_two_models_are_interpolated_one_by_one(seed: Model, tmp_path: Path) -> None:
    other = make_tiny_model(tmp_path / "other", seed=3)
    first, second = (load_file(Path(folder) / "model.safetensors") for folder in (seed.path, other))
    between = {name: first[name] + 0.25 * (second[name] - first[name]) for name in first}
    network = interpolated(seed, Weights("model", "m", str(other)), 0.25)
    assert np.abs(logits(network) - with_weights(seed, between)).max() < 1e-5


def item_scores(project: Project, label: str) -> dict[str, float]:
    rows = pq.read_table(project.output / "scores" / "heldout_nll" / f"{label}.parquet").to_pylist()
    return {row["item_id"]: row["score"] for row in rows}


@pytest.mark.slow
def test_a_sweep_over_scales_trains_nothing_and_ends_at_the_seed_and_at_the_arm(project: Project) -> None:
    keys = [ARMS, SCALES, "tune.learning_rate=0.01", "runtime.dtype=float32"]
    assert project.ownwords("run", *keys) == 0
    assert [name for name in project.stages() if name.startswith("tune/")] == ["tune/vanilla"]
    assert not [name for name in project.stages() if name.startswith("weights/")]
    assert item_scores(project, "wise@scale0") == pytest.approx(item_scores(project, "seed"), abs=1e-6)
    assert item_scores(project, "wise@scale1") == pytest.approx(item_scores(project, "vanilla"), abs=1e-6)
    half, end = item_scores(project, "wise"), item_scores(project, "vanilla")
    assert all(abs(half[item] - end[item]) > 1e-6 for item in end)
    costs = {c["arm"]: c for c in json.loads((project.output / "comparison.json").read_text("utf-8"))["costs"]}
    assert (costs["wise"]["trained_as"], costs["wise"]["trainings"], costs["wise"]["seconds"]) == ("vanilla", 0, 0)
    assert "none: vanilla&#39;s" in (project.output / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tune.lora=null", "tune.lora.use_dora=true"])
def test_weights_that_no_engine_can_scale_are_worked_out_once(
    project: Project, tiny_model: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [ARMS, kind, "tune.learning_rate=0.01", "runtime.dtype=float32"]
    assert project.ownwords("run", *keys) == 0
    folder = project.output / "arms" / "wise" / "seed42-scale0.5"
    seed, between = load_file(tiny_model / "model.safetensors"), load_file(folder / "model.safetensors")
    if "null" in kind:
        tuned = load_file(project.output / "arms" / "vanilla" / "seed42" / "model.safetensors")
        assert between.keys() == tuned.keys()
        for name, weight in between.items():
            assert np.abs(weight - (seed[name] + 0.5 * (tuned[name] - seed[name]))).max() < 1e-6, name
            assert weight.dtype == tuned[name].dtype
    assert any((between[name] != seed[name]).any() for name in seed)
    assert (folder / "chat_template.jinja").is_file()
    assert not [path for path in folder.rglob("*") if path.suffix in {".bin", ".pt", ".pth", ".pkl"}]
    before = project.stages()
    assert before["weights/wise"]["status"] == "done"
    assert project.ownwords("run", *keys) == 0
    assert project.stages() == before
    (folder / "config.json").unlink()  # lost: worked out again, and nothing else is done again
    assert project.ownwords("run", *keys) == 0
    assert load_file(folder / "model.safetensors").keys() == between.keys()
    after = project.stages()
    assert {name: state for name, state in after.items() if name != "weights/wise"} == {
        name: state for name, state in before.items() if name != "weights/wise"
    }
    capsys.readouterr()
    assert main(["merge", str(project.output), "--arm", "wise", "-o", str(project.folder / "merged")]) == 2
    assert "is a whole model already" in capsys.readouterr().err


@pytest.mark.slow
def test_merging_a_scaled_arm_adds_so_much_of_its_adapter(project: Project) -> None:
    keys = [ARMS, "tune.learning_rate=0.05", "runtime.dtype=float32", "runtime.engine=transformers"]
    keys.append("rewrite.sampling.max_tokens=16")
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 0
    for arm in ("vanilla", "wise"):
        assert main(["merge", str(project.output), "--arm", arm, "-o", str(project.folder / arm)]) == 0
    base = load_file(Path(project.output.parent / "vanilla") / "model.safetensors")
    half = load_file(project.folder / "wise" / "model.safetensors")
    name = "model.layers.0.self_attn.v_proj.weight"
    seed = load_file(Path(models_folder(project)) / "model.safetensors")
    assert np.abs(half[name] - (seed[name] + base[name]) / 2).max() < 1e-6
    assert (base[name] != seed[name]).any()


def models_folder(project: Project) -> str:
    import yaml

    return yaml.safe_load(project.recipe.read_text(encoding="utf-8"))["model"]["name_or_path"]
