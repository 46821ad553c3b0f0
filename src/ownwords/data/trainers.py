"""Configurations with which other trainers train on exported data as this run's arm was trained.

Keys are those of `trl sft --config` (a test parses them with TRL 1.16 and trains), and of the schemas of axolotl and
LLaMA-Factory as published in 2026 (read, never run here). Paths are relative to the folder of the export, so that it
can be moved; each file is used from inside that folder. What cannot be taken over: TRL and LLaMA-Factory refuse no row
that is too long, they cut it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ownwords.data.writers import ExportFormat
from ownwords.errors import InputError
from ownwords.lineage import is_run
from ownwords.paths import given_path
from ownwords.prompts.render import load_layout
from ownwords.recipe import LoraSection, ModelSection, Recipe

DATA_FILE = "train.jsonl"
LAYOUT_FILE = "chat_template.jinja"

_OUTPUT = "trained"
_DATASET = "ownwords"  # its name in LLaMA-Factory's list


@dataclass(frozen=True, slots=True)
class Rows:
    """What a trainer has to know of the exported rows: only the last answer of each is a target; they have tools."""

    last_only: bool
    tools: bool


@dataclass(frozen=True, slots=True)
class Trainer:
    """A trainer: the format that suits it, the command that trains in the export's folder, and its files by name.

    `obeys_weight` says whether it leaves out answers that are marked as no targets; one that does not gets a
    conversation for each target, and `files` is asked to have only the last answer trained.
    """

    format: ExportFormat
    command: str
    files: Callable[[Recipe, Rows], dict[str, str]]
    obeys_weight: bool


def trainer_files(name: str, recipe: Recipe, *, last_only: bool, tools: bool = False) -> dict[str, str]:
    """The texts of a trainer's files by their names; a layout of the recipe's own is one of them.

    Raises:
        InputError: the trainer cannot take the recipe's model or layout.
    """
    layout = recipe.tune.chat_template
    if layout is not None and name == "llamafactory":
        raise InputError(
            f"LLaMA-Factory takes no layout from a file, and this run was trained with tune.chat_template={layout}. "
            "Choose --for trl or --for axolotl."
        )
    files = TRAINERS[name].files(recipe, Rows(last_only, tools))
    return files if layout is None else {**files, LAYOUT_FILE: load_layout(layout)}


def _trl(recipe: Recipe, rows: Rows) -> dict[str, str]:
    tune, dtype = recipe.tune, _dtype(recipe)
    values: dict[str, Any] = {
        "model_name_or_path": _model(recipe.model),
        **({"model_revision": recipe.model.revision} if recipe.model.revision else {}),
        "trust_remote_code": recipe.model.trust_remote_code,
        "dtype": dtype,
        "datasets": [{"path": "json", "data_files": DATA_FILE, "split": "train"}],
        **({"chat_template_path": LAYOUT_FILE} if tune.chat_template else {}),
        "completion_only_loss": True,
        "packing": False,
        **_shared(recipe),
        "max_length": tune.max_length,
        "gradient_checkpointing": tune.gradient_checkpointing,
        "train_sampling_strategy": "group_by_length",
        "data_seed": recipe.seed,
        "bf16": dtype == "bfloat16",
        **({"use_cpu": True} if recipe.runtime.device == "cpu" else {}),
        **_trl_adapter(tune.lora),
    }
    return {"trl_sft.yaml": _yaml(values, "trl")}


def _axolotl(recipe: Recipe, rows: Rows) -> dict[str, str]:
    tune, dtype = recipe.tune, _dtype(recipe)
    shared = _shared(recipe)
    renamed = {
        "num_train_epochs": "num_epochs",
        "per_device_train_batch_size": "micro_batch_size",
        "lr_scheduler_type": "lr_scheduler",
    }
    dataset: dict[str, Any] = {
        "path": DATA_FILE,
        "ds_type": "json",
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
        "message_field_training": "weight",
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    }
    values: dict[str, Any] = {
        "base_model": _model(recipe.model),
        **({"revision_of_model": recipe.model.revision} if recipe.model.revision else {}),
        **({"trust_remote_code": True} if recipe.model.trust_remote_code else {}),
        "datasets": [dataset],
        **({"chat_template": "jinja", "chat_template_jinja": LAYOUT_FILE} if tune.chat_template else {}),
        "val_set_size": 0.0,
        "sequence_len": tune.max_length,
        "excess_length_strategy": {"error": "raise"}.get(tune.on_too_long, tune.on_too_long),
        "sample_packing": False,
        **_axolotl_adapter(tune.lora),
        "optimizer": "adamw_torch_fused",
        **{renamed.get(key, key): value for key, value in shared.items() if key != "report_to"},
        "gradient_checkpointing": tune.gradient_checkpointing,
        "bf16": dtype == "bfloat16",
    }
    return {"axolotl.yaml": _yaml(values, "axolotl")}


def _llamafactory(recipe: Recipe, rows: Rows) -> dict[str, str]:
    tune, dtype = recipe.tune, _dtype(recipe)
    values: dict[str, Any] = {
        "model_name_or_path": _model(recipe.model),
        **({"model_revision": recipe.model.revision} if recipe.model.revision else {}),
        "trust_remote_code": recipe.model.trust_remote_code,
        "stage": "sft",
        "do_train": True,
        **_llamafactory_adapter(tune.lora),
        "dataset": _DATASET,
        "dataset_dir": ".",
        "cutoff_len": tune.max_length,
        "mask_history": rows.last_only,
        "packing": False,
        **_shared(recipe),
        "bf16": dtype == "bfloat16",
    }
    columns = {"messages": "conversations", **({"tools": "tools"} if rows.tools else {})}
    info = {_DATASET: {"file_name": DATA_FILE, "formatting": "sharegpt", "columns": columns}}
    note = (
        "# Without `template` LLaMA-Factory takes the tokenizer's own chat template; name one of its own to be sure.\n"
    )
    return {
        "dataset_info.json": json.dumps(info, indent=2) + "\n",
        "llamafactory.yaml": _yaml(values, "llamafactory") + note,
    }


def _trl_adapter(lora: LoraSection | None) -> dict[str, Any]:
    if lora is None:
        return {"use_peft": False}
    return {
        "use_peft": True,
        "lora_r": lora.r,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "lora_target_modules": [lora.target_modules] if lora.target_modules == "all-linear" else lora.target_modules,
        "use_rslora": lora.use_rslora,
        "use_dora": lora.use_dora,
    }


def _axolotl_adapter(lora: LoraSection | None) -> dict[str, Any]:
    if lora is None:
        return {}
    everywhere = lora.target_modules == "all-linear"
    return {
        "adapter": "lora",
        "lora_r": lora.r,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        **({"lora_target_linear": True} if everywhere else {"lora_target_modules": lora.target_modules}),
        "peft_use_rslora": lora.use_rslora,
        "peft_use_dora": lora.use_dora,
    }


def _llamafactory_adapter(lora: LoraSection | None) -> dict[str, Any]:
    if lora is None:
        return {"finetuning_type": "full"}
    targets = "all" if isinstance(lora.target_modules, str) else ",".join(lora.target_modules)
    return {
        "finetuning_type": "lora",
        "lora_rank": lora.r,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "lora_target": targets,
        "use_rslora": lora.use_rslora,
        "use_dora": lora.use_dora,
    }


TRAINERS: Mapping[str, Trainer] = {
    "trl": Trainer("prompt-completion", "trl sft --config trl_sft.yaml", _trl, obeys_weight=True),
    "axolotl": Trainer("messages", "axolotl train axolotl.yaml", _axolotl, obeys_weight=True),
    "llamafactory": Trainer("sharegpt", "llamafactory-cli train llamafactory.yaml", _llamafactory, obeys_weight=False),
}


def _shared(recipe: Recipe) -> dict[str, Any]:
    """What every trainer has, under the names of Hugging Face's."""
    tune = recipe.tune
    return {
        "learning_rate": tune.learning_rate,
        "num_train_epochs": tune.num_train_epochs,
        "per_device_train_batch_size": tune.per_device_train_batch_size,
        "gradient_accumulation_steps": tune.gradient_accumulation_steps,
        "lr_scheduler_type": tune.lr_scheduler_type,
        "warmup_steps": tune.warmup_steps,
        "weight_decay": tune.weight_decay,
        "max_grad_norm": tune.max_grad_norm,
        "save_steps": tune.save_steps,
        "logging_steps": 1,
        "report_to": tune.report_to,
        "seed": recipe.seed,
        "output_dir": _OUTPUT,
    }


def _model(section: ModelSection) -> str:
    """The model as a trainer finds it from any folder: a hub id as it is, a folder by its whole path."""
    name = section.name_or_path
    if name.startswith("bundled:") or name.lower().endswith(".gguf"):
        raise InputError(
            f"{name} is a GGUF file, which no trainer loads. Name the same model by its hub id or folder, e.g. "
            "model.name_or_path=HuggingFaceTB/SmolLM2-135M-Instruct, or export the data alone with --format."
        )
    if is_run(name):
        raise InputError(
            f"{name} is an arm of another run, which no trainer finds. Write it as a model first: `ownwords merge RUN "
            "--arm ARM -o FOLDER`, then model.name_or_path=FOLDER; or export the data alone with --format."
        )
    path = given_path(name)
    return str(path.resolve()) if path.exists() else name


def _dtype(recipe: Recipe) -> str:
    """What `auto` means on the hardware that trainers are made for."""
    dtype = recipe.runtime.dtype
    if dtype != "auto":
        return dtype
    return "float32" if recipe.runtime.device == "cpu" else "bfloat16"


def _yaml(values: Mapping[str, Any], trainer: str) -> str:
    text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=110)
    return f"# Use it in this folder: {TRAINERS[trainer].command}\n{text}"
