"""Configurations for other trainers: their keys exist, and their values are the run's."""

# pyright: basic
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ownwords.data.trainers import TRAINERS, trainer_files
from ownwords.errors import InputError
from ownwords.prompts.render import load_layout
from ownwords.recipe import Recipe, build_recipe

VALUES: dict[str, Any] = {
    "model": {"name_or_path": "org/model", "revision": "abc"},
    "data": {"train": {"path": "rows.jsonl"}},
    "tune": {
        "learning_rate": 3e-5,
        "num_train_epochs": 1.5,
        "per_device_train_batch_size": 3,
        "gradient_accumulation_steps": 5,
        "lr_scheduler_type": "linear",
        "warmup_steps": 7,
        "weight_decay": 0.01,
        "max_grad_norm": 0.5,
        "max_length": 777,
        "on_too_long": "drop",
        "lora": {"r": 4, "alpha": 12, "dropout": 0.2, "target_modules": ["q_proj", "o_proj"]},
    },
    "seed": 11,
    "output_dir": "runs/x",
}


def recipe(*overrides: str) -> Recipe:
    return build_recipe(VALUES, overrides)


def config(trainer: str, file: str, *overrides: str, last_only: bool = False) -> dict[str, Any]:
    return yaml.safe_load(trainer_files(trainer, recipe(*overrides), last_only=last_only)[file])


def trl_arguments(folder: Path, *overrides: str) -> Any:
    """What TRL's own parser makes of the file: (script, training, model, datasets). It fails on unknown keys."""
    from trl.scripts.sft import make_parser

    path = folder / "trl_sft.yaml"
    path.write_text(trainer_files("trl", recipe(*overrides), last_only=False)["trl_sft.yaml"], encoding="utf-8")
    return make_parser().parse_args_and_config(["--config", str(path)])


def test_trl_knows_every_key_and_gets_the_runs_values(tmp_path: Path) -> None:
    _, training, model, mixture = trl_arguments(tmp_path, "runtime.device=cpu")
    tune = recipe().tune
    for key in (
        "learning_rate",
        "num_train_epochs",
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "lr_scheduler_type",
        "warmup_steps",
        "weight_decay",
        "max_grad_norm",
        "max_length",
        "save_steps",
    ):
        assert getattr(training, key) == getattr(tune, key), key
    assert (training.seed, training.data_seed, training.completion_only_loss, training.packing) == (11, 11, True, False)
    assert (training.use_cpu, training.bf16, model.dtype) == (True, False, "float32")
    assert (model.model_name_or_path, model.model_revision, model.use_peft) == ("org/model", "abc", True)
    assert (model.lora_r, model.lora_alpha, model.lora_dropout) == (4, 12, 0.2)
    assert model.lora_target_modules == ["q_proj", "o_proj"]
    assert [(d.path, d.data_files, d.split) for d in mixture.datasets] == [("json", "train.jsonl", "train")]


def test_the_layout_of_a_run_goes_with_its_data() -> None:
    for trainer, file, key in (
        ("trl", "trl_sft.yaml", "chat_template_path"),
        ("axolotl", "axolotl.yaml", "chat_template_jinja"),
    ):
        files = trainer_files(trainer, recipe("tune.chat_template=paper/alpaca"), last_only=False)
        assert files["chat_template.jinja"] == load_layout("paper/alpaca")
        assert yaml.safe_load(files[file])[key] == "chat_template.jinja"
        assert "chat_template.jinja" not in trainer_files(trainer, recipe(), last_only=False)


def test_axolotl_gets_the_runs_values() -> None:
    values = config("axolotl", "axolotl.yaml")
    assert values["datasets"][0]["path"] == "train.jsonl"
    assert values["datasets"][0]["type"] == "chat_template"
    assert values["datasets"][0]["message_field_training"] == "weight"
    expected = {
        "base_model": "org/model",
        "revision_of_model": "abc",
        "adapter": "lora",
        "lora_r": 4,
        "lora_alpha": 12,
        "lora_dropout": 0.2,
        "lora_target_modules": ["q_proj", "o_proj"],
        "sequence_len": 777,
        "excess_length_strategy": "drop",
        "micro_batch_size": 3,
        "gradient_accumulation_steps": 5,
        "num_epochs": 1.5,
        "lr_scheduler": "linear",
        "learning_rate": 3e-5,
        "seed": 11,
        "bf16": True,
    }
    assert {key: values.get(key) for key in expected} == expected
    assert config("axolotl", "axolotl.yaml", "tune.on_too_long=error")["excess_length_strategy"] == "raise"


def test_llamafactory_gets_the_runs_values_and_finds_its_data() -> None:
    values = config("llamafactory", "llamafactory.yaml")
    expected = {
        "model_name_or_path": "org/model",
        "model_revision": "abc",
        "stage": "sft",
        "finetuning_type": "lora",
        "lora_rank": 4,
        "lora_alpha": 12,
        "lora_dropout": 0.2,
        "lora_target": "q_proj,o_proj",
        "cutoff_len": 777,
        "mask_history": False,
        "num_train_epochs": 1.5,
        "seed": 11,
        "bf16": True,
    }
    assert {key: values.get(key) for key in expected} == expected
    info = json.loads(trainer_files("llamafactory", recipe(), last_only=False)["dataset_info.json"])
    assert info[values["dataset"]]["file_name"] == "train.jsonl"
    assert info[values["dataset"]]["formatting"] == "sharegpt"
    assert config("llamafactory", "llamafactory.yaml", last_only=True)["mask_history"] is True


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize("model", ["bundled:smollm2-135m-instruct", "models/some.GGUF"])
def test_no_trainer_is_given_a_gguf_file(trainer: str, model: str) -> None:
    with pytest.raises(InputError, match="is a GGUF file, which no trainer loads"):
        trainer_files(trainer, recipe(f"model.name_or_path={model}"), last_only=False)


def test_llamafactory_is_given_no_layout() -> None:
    with pytest.raises(InputError, match=r"takes no layout from a file.*tune\.chat_template=paper/alpaca"):
        trainer_files("llamafactory", recipe("tune.chat_template=paper/alpaca"), last_only=False)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_model_folder_is_found_from_any_folder(trainer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    files = trainer_files(trainer, recipe("model.name_or_path=model"), last_only=False)
    assert any(str(tmp_path / "model") in text for text in files.values())


def test_no_file_is_written_outside_the_folder_and_every_command_names_one() -> None:
    for name, trainer in TRAINERS.items():
        files = trainer_files(name, recipe(), last_only=False)
        assert all("/" not in file for file in files)
        assert trainer.command.split()[-1] in files
