"""A run's arm as a model: what it names, what it is made of, and every way in which it is not there."""

# pyright: basic
from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ownwords import lineage, models
from ownwords.errors import ModelError
from ownwords.recipe import ModelSection, build_recipe, dump_recipe
from tests.tiny import make_tiny_adapter, make_tiny_model

LAYOUT = "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}{% endfor %}"


@pytest.fixture(scope="module")
def seed(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("seed") / "tiny")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OWNWORDS_CACHE", str(tmp_path / "cache"))


def make_run(folder: Path, model: str, *, base: Path | None = None, number: int = 1, chain=(), **tune) -> Path:
    """A finished run as tuning leaves it, without its data: one arm, sdft. `base` is the folder of the model's weights
    where the name is not that folder."""
    recipe = build_recipe(
        {
            "model": {"name_or_path": model},
            "data": {"train": {"path": "rows.jsonl"}},
            "tune": {"arms": ["sdft"], **tune},
            "output_dir": str(folder),
        }
    )
    arm = folder / "arms" / "sdft" / "seed42"
    resolved = models.resolve(ModelSection(name_or_path=model))
    if tune.get("lora", {}) is None:
        make_tiny_model(arm, seed=number)
    else:
        make_tiny_adapter(base or Path(model), arm, seed=number)
        models.load_tokenizer(resolved).save_pretrained(arm)
    facts = {"arm": "sdft", "label": "sdft", "model": model, "weights_hash": resolved.weights_hash}
    (arm / "training.json").write_text(json.dumps(facts), encoding="utf-8")
    (folder / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    stages = {"tune/sdft": {"status": "done", "fingerprint": "x"}}
    record = {"ownwords": "1", "created": "now", "stages": stages, "chain": list(chain)}
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def go_on(folder: Path, parent: Path, **rest) -> Path:
    """A run whose model is another run's arm."""
    name = f"run:{parent}#sdft"
    resolved = models.resolve(ModelSection(name_or_path=name))
    link = lineage.find_link(ModelSection(name_or_path=name))
    folder.mkdir()
    chain = [each.record(folder) for each in link.chain()]
    return make_run(folder, name, base=Path(resolved.path), chain=chain, **rest)


def named(run: Path, label: str = "#sdft") -> models.Model:
    return models.resolve(ModelSection(name_or_path=f"run:{run}{label}"))


def logits(network):
    import torch

    with torch.no_grad():
        return network(input_ids=torch.tensor([[72, 101, 108, 108, 111, 10, 77]])).logits[0].double()


def weights_of(folder: Path) -> dict:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def edit(path: Path, **changes) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")


# --- what it is --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_adapter_becomes_a_whole_model_that_computes_the_same(seed, tmp_path):
    import torch

    run = make_run(tmp_path / "r1", str(seed))
    model = named(run)
    merged = models.load_weights(model, torch.float32, "cpu")
    base = models.resolve(ModelSection(name_or_path=str(seed)))
    adapted = models.load_adapted(base, str(run / "arms/sdft/seed42"), torch.float32, "cpu")
    assert (logits(merged) - logits(adapted)).abs().max() < 1e-4
    assert (logits(merged) - logits(models.load_weights(base, torch.float32, "cpu"))).abs().max() > 0.1
    assert model.kind == "run"


@pytest.mark.slow
def test_merging_adds_scaled_products_to_the_seed(seed, tmp_path):
    """Against the formula W + alpha/r · B A, written out."""
    import torch
    from safetensors.torch import load_file

    run = make_run(tmp_path / "r1", str(seed))
    before, after = weights_of(seed), weights_of(Path(named(run).path))
    adapter = load_file(run / "arms/sdft/seed42/adapter_model.safetensors")
    moved = 0
    for name, weight in before.items():
        prefix = f"base_model.model.{name.removesuffix('.weight')}"
        expected = weight.double()
        if f"{prefix}.lora_A.weight" in adapter:
            a, b = (adapter[f"{prefix}.lora_{part}.weight"].double() for part in "AB")
            expected = expected + 8 / 4 * b @ a
            moved += 1
        assert after[name].dtype == torch.float32
        torch.testing.assert_close(after[name].double(), expected, rtol=1e-5, atol=1e-6)
    assert moved == 4


@pytest.mark.slow
def test_a_chain_of_three_adds_up_every_adapter(seed, tmp_path):
    first = make_run(tmp_path / "r1", str(seed))
    second = go_on(tmp_path / "r2", first, number=2)
    third = go_on(tmp_path / "r3", second, number=3)
    link = lineage.find_link(ModelSection(name_or_path=f"run:{third}#sdft"))
    assert [each.run.name for each in link.chain()] == ["r1", "r2", "r3"]
    assert [each.seed for each in link.chain()][1:] == [each.weights for each in link.chain()][:-1]
    assert link.chain()[0].seed == models.resolve(ModelSection(name_or_path=str(seed))).weights_hash
    assert named(third).weights_hash == link.weights
    assert len({named(run).weights_hash for run in (first, second, third)}) == 3


@pytest.mark.slow
def test_the_merged_model_is_made_once(seed, tmp_path, monkeypatch):
    run = make_run(tmp_path / "r1", str(seed))
    path = named(run).path
    monkeypatch.setattr(models, "merge_into", None)
    assert named(run).path == path


@pytest.mark.slow
def test_a_merged_model_is_known_by_its_content_and_runs_may_move_together(seed, tmp_path):
    first = make_run(tmp_path / "here" / "r1", str(seed))
    second = go_on(tmp_path / "here" / "r2", first, number=2)
    before = named(second).weights_hash
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert named(tmp_path / "there" / "r2").weights_hash == before


def test_an_arm_of_every_parameter_is_its_own_folder(seed, tmp_path):
    run = make_run(tmp_path / "r1", str(seed), lora=None, number=5)
    model = named(run)
    assert model.path == str(run / "arms/sdft/seed42")
    assert model.weights_hash != models.resolve(ModelSection(name_or_path=str(seed))).weights_hash


def test_the_layout_that_an_arm_was_trained_in_goes_with_it(seed, tmp_path):
    run = make_run(tmp_path / "r1", str(seed))
    (run / "arms/sdft/seed42/chat_template.jinja").write_text(LAYOUT, encoding="utf-8")
    assert models.load_tokenizer(named(run)).chat_template == LAYOUT


# --- what it is not ----------------------------------------------------------------------------------------------


def broken(name: str, seed: Path, tmp: Path) -> str:
    """A model's name that is wrong in one way."""
    run = make_run(tmp / "r1", str(seed))
    match name:
        case "no arm":
            return f"run:{run}"
        case "no folder":
            return "run:#sdft"
        case "no run":
            return f"run:{tmp / 'r0'}#sdft"
        case "no recipe":
            (tmp / "empty").mkdir()
            return f"run:{tmp / 'empty'}#sdft"
        case "unknown arm":
            return f"run:{run}#sdtf"
        case "seed":
            return f"run:{run}#seed"
        case "unfinished":
            edit(run / "run.json", stages={"tune/sdft": {"status": "interrupted"}})
        case "untrained":
            edit(run / "run.json", stages={})
        case "damaged":
            (run / "run.json").write_text("{", encoding="utf-8")
        case "lost weights":
            (run / "arms/sdft/seed42/adapter_model.safetensors").unlink()
        case "other seed":
            edit(run / "arms/sdft/seed42/training.json", weights_hash="0" * 64)
        case "no record":
            second = go_on(tmp / "r2", run)
            edit(second / "run.json", chain=[])
            return f"run:{second}#sdft"
        case "damaged record":
            second = go_on(tmp / "r2", run)
            edit(second / "run.json", chain=[{"run": "../r1"}])
            return f"run:{second}#sdft"
        case "record of no path" | "record of a long path":
            second = go_on(tmp / "r2", run)
            place = "r1\0" if name == "record of no path" else "x" * 5000
            edit(
                second / "run.json", chain=[{"run": place, "label": "sdft", "weights": "w", "seed": "s", "model": "m"}]
            )
            return f"run:{second}#sdft"
        case "damaged adapter":
            (run / "arms/sdft/seed42/adapter_model.safetensors").write_bytes(b"no tensors")
        case "damaged adapter's settings":
            (run / "arms/sdft/seed42/adapter_config.json").write_text("[]", encoding="utf-8")
        case "parent trained again":
            second = go_on(tmp / "r2", run)
            make_tiny_adapter(seed, run / "arms/sdft/seed42", seed=9)
            return f"run:{second}#sdft"
        case "circle":
            second = go_on(tmp / "r2", run)
            recipe = (run / "recipe.yaml").read_text(encoding="utf-8").replace(str(seed), f"run:{second}#sdft")
            (run / "recipe.yaml").write_text(recipe, encoding="utf-8")
            record = {"run": "../r2", "label": "sdft", "weights": "w", "seed": "s", "model": "m"}
            edit(run / "run.json", chain=[record])
    return f"run:{run}#sdft"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no arm", r"say which arm of the run, e\.g\. run:.*#sdft\. It has sdft"),
        ("no folder", "write run:FOLDER#ARM"),
        ("no run", "there is no run directory"),
        ("no recipe", "holds no run"),
        ("unknown arm", "no arm named 'sdtf'. Did you mean 'sdft'"),
        ("seed", "seed is the untouched model; name it itself"),
        ("unfinished", "its training is interrupted. Go on: `ownwords run"),
        ("untrained", "it is not trained. Go on"),
        ("damaged", "run.json cannot be read"),
        ("lost weights", "has lost its weights. Train it again"),
        ("other seed", "holds other weights now"),
        ("no record", "has not noted which run its model is from"),
        ("damaged record", "`chain` is not what ownwords writes"),
        ("record of no path", "`chain` is not what ownwords writes"),
        ("record of a long path", "`chain` is not what ownwords writes"),
        ("damaged adapter", "its adapter cannot be used: its files are damaged"),
        ("damaged adapter's settings", "its adapter cannot be used: its files are damaged"),
        ("parent trained again", "it was trained again since"),
        ("circle", "goes in a circle: .*r1 from .*r2 from .*r1"),
    ],
)
def test_a_model_that_is_not_there_is_one_message(name, message, seed, tmp_path):
    model = broken(name, seed, tmp_path)
    with pytest.raises(ModelError, match=message) as error:
        models.resolve(ModelSection(name_or_path=model))
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_folder_may_have_the_sign_in_its_name(seed, tmp_path, monkeypatch):
    (tmp_path / "c#").mkdir()
    monkeypatch.chdir(tmp_path / "c#")
    first = make_run(tmp_path / "c#" / "r1", str(seed))
    assert named(Path("r1")).weights_hash == named(first).weights_hash
    second = named(go_on(tmp_path / "c#" / "r2", first))
    assert [link.run.name for link in lineage.find_link(ModelSection(name_or_path=second.name)).chain()] == ["r1", "r2"]
    with pytest.raises(ModelError, match="say which arm of the run"):
        named(first, "")


def test_places_on_the_way_are_not_offered_as_models(seed, tmp_path):
    run = make_run(tmp_path / "r1", str(seed), checkpoints=1)
    for label in ("", "#sft"):
        with pytest.raises(ModelError) as error:
            named(run, label)
        assert "sdft" in str(error.value)
        assert "@part" not in str(error.value)


def test_a_revision_is_for_models_of_the_hub(seed, tmp_path):
    run = make_run(tmp_path / "r1", str(seed))
    with pytest.raises(ModelError, match=r"model\.revision is for models of the Hub"):
        models.resolve(ModelSection(name_or_path=f"run:{run}#sdft", revision="main"))


def test_an_adapter_that_was_only_pickled_is_never_read(seed, tmp_path):
    run = make_run(tmp_path / "r1", str(seed))
    arm = run / "arms/sdft/seed42"
    (arm / "adapter_model.safetensors").rename(arm / "adapter_model.bin")
    with pytest.raises(ModelError, match="has lost its weights"):
        named(run)
