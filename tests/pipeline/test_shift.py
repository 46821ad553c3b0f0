"""How far weights have moved, against differences that PEFT and numpy work out in full."""

# pyright: basic
from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ownwords import models
from ownwords.errors import StageError
from ownwords.models import Model
from ownwords.recipe import ModelSection
from ownwords.records import Weights
from ownwords.stages import shift
from ownwords.stages.shift import Moved, NoNumbersError, moved_tensors, norm_of, place_of, product_squares
from ownwords.stages.tensors import Tensors
from tests.pipeline.conftest import Project
from tests.tiny import make_tiny_adapter, make_tiny_model

TARGETS = ["q_proj", "v_proj", "down_proj"]


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = make_tiny_model(tmp_path_factory.mktemp("shift") / "seed")
    return models.resolve(ModelSection(name_or_path=str(folder)))


@pytest.fixture
def of_seed(seed: Model) -> Iterator[Tensors]:
    with contextlib.ExitStack() as stack:
        yield Tensors(lambda: models.weights_folder(seed), stack)


def merged(seed: Model, folder: Path, scale: float = 1.0) -> dict[str, torch.Tensor]:
    """The weights of the seed with the adapter in them, as PEFT adds it."""
    adapted = models.load_adapted(seed, str(folder), torch.float32, "cpu", scale=scale)
    return adapted.merge_and_unload().state_dict()


def adapter(folder: Path, scale: float = 1.0) -> Weights:
    return Weights("adapter", "a", str(folder), scale)


def assert_same_as(moved: list[Moved], seed: Model, tuned: dict[str, torch.Tensor], *, changed: int) -> None:
    own = load_file(Path(seed.path) / "model.safetensors")
    assert len(moved) == changed
    for one in moved:
        name = one.name if one.name in own else f"{one.name}.weight"
        assert math.sqrt(one.change) == pytest.approx(float((tuned[name] - own[name]).norm()), rel=2e-4, abs=1e-6)
        assert one.seed == pytest.approx(float(own[name].norm()) ** 2, rel=1e-5)


# --- the formulas ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "rank", "columns"), [(5, 1, 7), (12, 4, 3), (3, 8, 4)])
def test_the_norm_of_a_product_needs_no_product(rows: int, rank: int, columns: int) -> None:
    generator = np.random.default_rng(rows)
    up, down = generator.normal(size=(rows, rank)), generator.normal(size=(rank, columns))
    expected = np.linalg.norm(up @ down, "fro") ** 2
    assert product_squares(torch.tensor(up), torch.tensor(down)) == pytest.approx(expected, rel=1e-12)
    assert product_squares(torch.zeros(rows, rank), torch.tensor(down).float()) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("settings", [{}, {"use_rslora": True}], ids=["lora", "rslora"])
def test_the_change_of_an_adapter_is_what_merging_it_changes(
    seed: Model, of_seed: Tensors, tmp_path: Path, settings: dict[str, Any], scale: float
) -> None:
    folder = make_tiny_adapter(Path(seed.path), tmp_path / "adapter", target_modules=TARGETS, **settings)
    moved = moved_tensors(adapter(folder, scale), of_seed)
    assert_same_as(moved, seed, merged(seed, folder, scale), changed=6)
    assert all((one.change == 0) == (scale == 0) for one in moved)


def test_the_change_of_dora_is_what_merging_it_changes(
    seed: Model, of_seed: Tensors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_tiny_adapter(Path(seed.path), tmp_path / "adapter", target_modules=TARGETS, use_dora=True)
    path = folder / "adapter_model.safetensors"
    tensors = {  # longer rows than the seed's, as if they had been learnt
        name: tensor * 1.5 if "magnitude" in name else tensor for name, tensor in load_file(path).items()
    }
    save_file(tensors, path)
    monkeypatch.setattr("ownwords.stages.tensors.CHUNK", 100)  # in several pieces
    moved = moved_tensors(adapter(folder), of_seed)
    assert_same_as(moved, seed, merged(seed, folder), changed=6)
    plain = [product_squares(tensors[f"{p}.lora_B.weight"], tensors[f"{p}.lora_A.weight"]) for p in _adapted(tensors)]
    assert sum(one.change for one in moved) > 1.1 * 4 * sum(plain)  # what LoRA's formula would give


def _adapted(tensors: dict[str, torch.Tensor]) -> list[str]:
    return [name.removesuffix(".lora_A.weight") for name in tensors if name.endswith("lora_A.weight")]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_change_of_a_whole_model_is_the_difference_of_its_tensors(
    seed: Model, of_seed: Tensors, tmp_path: Path, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = load_file(Path(seed.path) / "model.safetensors")
    torch.manual_seed(0)
    tuned = {name: (tensor + 0.01 * torch.randn_like(tensor)).to(dtype) for name, tensor in own.items()}
    save_file(tuned, tmp_path / "model.safetensors")
    whole = {name: tensor.float() for name, tensor in tuned.items()}
    found = moved_tensors(Weights("model", "m", str(tmp_path)), of_seed)
    assert_same_as(found, seed, whole, changed=len(own))
    monkeypatch.setattr("ownwords.stages.tensors.CHUNK", 64)
    again = moved_tensors(Weights("model", "m", str(tmp_path)), of_seed)
    assert [one.change for one in again] == pytest.approx([one.change for one in found])


def test_together_squares_add_up() -> None:
    both = norm_of("both", [Moved("a", 9.0, 100.0), Moved("b", 16.0, 300.0)])
    assert (both.absolute, both.relative) == (5.0, 5.0 / 20.0)
    assert norm_of("one", [Moved("a", 9.0, 100.0), Moved("b", 16.0, None)]).relative is None
    assert norm_of("zero", [Moved("a", 9.0, 0.0)]).relative is None


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("model.layers.3.mlp.up_proj.weight", (3, "up_proj")),
        ("model.layers.12.self_attn.q_proj", (12, "q_proj")),
        ("model.layers.0.mlp.experts.7.w1.weight", (0, "w1")),
        ("transformer.h.5.attn.c_attn.bias", (5, "c_attn")),
        ("model.embed_tokens.weight", (None, "embed_tokens")),
        ("weight", (None, "weight")),
    ],
)
def test_a_tensor_has_its_place(name: str, place: tuple[int | None, str]) -> None:
    assert place_of(name) == place


# --- what is not at hand -----------------------------------------------------------------------------------------


def test_without_the_seeds_weights_there_is_no_relative_norm(seed: Model, tmp_path: Path) -> None:
    folder = make_tiny_adapter(Path(seed.path), tmp_path / "lora", target_modules=TARGETS)
    dora = make_tiny_adapter(Path(seed.path), tmp_path / "dora", target_modules=TARGETS, use_dora=True)
    with contextlib.ExitStack() as stack:
        nothing = Tensors(lambda: None, stack)
        moved = moved_tensors(adapter(folder), nothing)
        assert all(one.seed is None and one.change > 0 for one in moved)
        with pytest.raises(NoNumbersError, match=r"DoRA adapter follows from the seed's model.layers.0.+not at hand"):
            moved_tensors(adapter(dora), nothing)
        with pytest.raises(NoNumbersError, match="the seed's files do not hold"):
            moved_tensors(Weights("model", "m", seed.path), nothing)


def test_a_model_of_the_hub_that_is_not_in_the_cache_has_no_folder(seed: Model) -> None:
    elsewhere = Model("nobody/nothing-here", "nobody/nothing-here", "hub", "0" * 40, "h")
    assert models.weights_folder(elsewhere) is None
    assert models.weights_folder(seed) == Path(seed.path)


def test_weights_that_are_no_numbers_have_no_norm(seed: Model, of_seed: Tensors, tmp_path: Path) -> None:
    folder = make_tiny_adapter(Path(seed.path), tmp_path / "adapter", target_modules=TARGETS)
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    tensors[next(iter(tensors))][0, 0] = float("nan")
    save_file(tensors, path)
    with pytest.raises(NoNumbersError, match="not finite"):
        moved_tensors(adapter(folder), of_seed)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json"])
def test_a_damaged_file_is_named(seed: Model, of_seed: Tensors, tmp_path: Path, name: str) -> None:
    folder = make_tiny_adapter(Path(seed.path), tmp_path / "adapter", target_modules=TARGETS)
    (folder / name).write_bytes(b"\xff nothing")
    with pytest.raises(StageError, match=name):
        moved_tensors(adapter(folder), of_seed)


# --- in a run ----------------------------------------------------------------------------------------------------

ENGINE = ["runtime.engine=transformers", "runtime.device=cpu", "runtime.dtype=float32"]


def written(project: Project) -> dict[str, dict[str, Any]]:
    content = json.loads((project.output / shift.FILE).read_text(encoding="utf-8"))
    return {one["variant"]: one for one in content["variants"]}


@pytest.mark.slow
def test_a_run_says_of_every_variant_how_far_it_has_moved(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    arms = ["tune.arms=[vanilla, wise]", "tune.sweep={scale: [0.5]}", "tune.learning_rate=0.01"]
    assert project.ownwords("run", *arms, *ENGINE) == 0
    found = written(project)
    half = next(one for one in found.values() if one["arm"] == "wise")
    whole = found["vanilla"]
    assert half["total"]["absolute"] == pytest.approx(0.5 * whole["total"]["absolute"])
    assert half["total"]["relative"] == pytest.approx(0.5 * whole["total"]["relative"])
    for one in found.values():
        parts = one["modules"]
        assert len(parts) == 4  # q_proj and v_proj of two layers
        for groups in (one["layers"], one["kinds"], parts):
            assert math.hypot(*(group["absolute"] for group in groups)) == pytest.approx(one["total"]["absolute"])
    assert [layer["name"] for layer in whole["layers"]] == ["0", "1"]
    assert [kind["name"] for kind in whole["kinds"]] == ["q_proj", "v_proj"]
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert "How far the weights have moved" in page

    def never(*_: Any) -> None:
        raise AssertionError("known weights are not read again")

    monkeypatch.setattr(shift, "of_variant", never)
    before = (project.output / shift.FILE).read_bytes()
    assert project.ownwords("evaluate", *arms, *ENGINE) == 0
    assert (project.output / shift.FILE).read_bytes() == before


@pytest.mark.slow
def test_every_parameter_of_a_whole_model_is_looked_at(project: Project) -> None:
    arms = ["tune.arms=[vanilla]", "tune.lora=null", "tune.learning_rate=0.01"]
    assert project.ownwords("run", *arms, *ENGINE) == 0
    vanilla = written(project)["vanilla"]
    kinds = {kind["name"] for kind in vanilla["kinds"]}
    assert {"q_proj", "down_proj", "embed_tokens", "input_layernorm", "norm", "lm_head"} <= kinds
    assert 0 < vanilla["total"]["relative"] < 1
    assert vanilla["reason"] == ""
