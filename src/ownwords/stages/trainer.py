"""One training: TRL's SFTTrainer on tokenised rows, of a PEFT LoRA or of every parameter.

It can be resumed from its last whole checkpoint, stops where held-out rows say so, and at a loss that is no number.
"""

# pyright: basic
from __future__ import annotations

import contextlib
import json
import shutil
import warnings
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ownwords import models
from ownwords.errors import StageError
from ownwords.models import Model
from ownwords.progress import Progress
from ownwords.recipe import KlSection, LoraSection, RuntimeSection, TuneSection
from ownwords.stages.supervision import Supervision
from ownwords.variants import Training

CHECKPOINTS_KEPT = 2


def train(
    training: Training,
    model: Model,
    runtime: RuntimeSection,
    supervision: Supervision,
    tokenizer: Any,
    *,
    work: Path,
    seed_cache: Path | None = None,
    checkpoints: bool = True,
    callbacks: Sequence[Any] = (),
) -> Any:
    """Train one arm and return TRL's trainer. `work` holds its checkpoints, if there are to be any; a whole one there
    is resumed from. `seed_cache` is the folder for what a KL objective reads of the seed, by default in `work`.
    `callbacks` are the trainer's, called before it writes a checkpoint.

    Raises:
        StageError: the loss is not a number; the message names the rows.
    """
    from transformers import EarlyStoppingCallback

    from ownwords.stages.objective import expose_hidden_states
    from ownwords.stages.objective_trainer import Trainer

    tune = training.tune
    lora = tune.lora
    network, device, bf16 = load_seed(training, model, runtime)
    expose_hidden_states(network)
    kl = training.arm.method.kl
    cache = None
    if kl is not None and seed_from(kl, lora) == "cached":
        cache = _read_seed(network, supervision, kl, seed_cache or work / "seed", model)
    with quiet():
        trainer = Trainer(
            supervision.rows,
            kl=kl,
            cache=cache,
            model=network,
            args=_arguments(training, work, device, bf16, checkpoints=checkpoints),
            train_dataset=_dataset(supervision.rows),
            eval_dataset=_dataset(supervision.heldout) if supervision.heldout else None,
            processing_class=tokenizer,
            peft_config=None if lora is None else lora_config(lora),
        )
    stopping = tune.early_stopping
    if stopping is not None:
        trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=stopping.patience))
    carry_out(trainer, training, len(supervision.rows), last_whole_checkpoint(work), callbacks)
    return trainer


def load_seed(training: Training, model: Model, runtime: RuntimeSection) -> tuple[Any, str, bool]:
    """The model to train, its device, and whether it is to compute in bfloat16; all that is random is seeded."""
    import torch
    from transformers import set_seed

    device = models.choose_device(runtime.device)
    dtype = models.choose_dtype(runtime.dtype, device)
    set_seed(training.seed)  # the adapter's random start is drawn before the trainer seeds anything
    # An update of a trained parameter may be smaller than 16 bits can tell, so those are held in 32.
    held = torch.float32 if training.tune.lora is None else dtype
    return models.load_weights(model, held, device), device, dtype == torch.bfloat16


def carry_out(
    trainer: Any, training: Training, rows: int, checkpoint: Path | None, callbacks: Sequence[Any] = ()
) -> None:
    """Train, from a checkpoint if there is one, with our progress line in place of the library's."""
    from transformers import PrinterCallback

    done = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    with Progress(
        f"training {training.label}", optimizer_steps(training.tune, rows), done=done, unit="steps"
    ) as progress:
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(_progress_callback(progress))
        for callback in callbacks:
            trainer.add_callback(callback)
        with quiet():
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def loss_curve(trainer: Any) -> list[dict[str, float]]:
    """step, epoch, loss (nats per supervised token) and learning rate of every logged step, resumed ones included.

    With a KL objective also `kl`: the mean KL to the seed in nats per token, which the loss has times its weight.
    """
    keys = ("step", "epoch", "loss", "learning_rate", "kl")
    return [{key: row[key] for key in keys if key in row} for row in trainer.state.log_history if "loss" in row]


def heldout_curve(trainer: Any) -> list[dict[str, float]]:
    """step and loss of every look at the held-out rows: nats per supervised token of a batch, weighted by its rows."""
    history = trainer.state.log_history
    return [{"step": row["step"], "loss": row["eval_loss"]} for row in history if "eval_loss" in row]


def kept_step(trainer: Any) -> int:
    """The optimizer step whose weights the trainer holds at the end: the best one, where it stops early."""
    best = trainer.state.best_global_step if trainer.args.load_best_model_at_end else None
    return best or trainer.state.global_step


def save_weights(network: Any, tokenizer: Any, folder: Path, name: str) -> None:
    """Adapter or model, tokenizer and chat template, complete or not at all; no pickle. `name` is the seed model's.

    Raises:
        StageError: training has diverged.
    """
    import torch
    from peft import PeftModel

    if not all(torch.isfinite(p).all() for p in network.parameters() if p.requires_grad):
        raise StageError("the trained weights are not finite numbers: lower tune.learning_rate.")
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    config = network.active_peft_config if isinstance(network, PeftModel) else None
    path = None if config is None else config.base_model_name_or_path
    # Embeddings are never trained; told so, PEFT does not look for the seed's own under a name that only we know.
    # What follows an adapter in training, a teacher, is not part of the arm.
    adapter: dict[str, Any] = {}
    if config is not None:
        adapter = {"save_embedding_layers": False, "selected_adapters": [network.active_adapter]}
    if config is not None:
        config.base_model_name_or_path = name  # instead of a path on this machine
    network.save_pretrained(str(temporary), safe_serialization=True, **adapter)
    if config is not None:
        config.base_model_name_or_path = path  # the trainer's own checkpoints, which may follow, look there
    tokenizer.save_pretrained(temporary)
    (temporary / "README.md").unlink(missing_ok=True)  # PEFT's empty card; facts are in training.json
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def last_whole_checkpoint(work: Path) -> Path | None:
    """The newest checkpoint whose state file is complete: it is the last one written. Torn ones are removed."""
    whole: list[Path] = []
    for folder in work.glob("checkpoint-*") if work.is_dir() else ():
        try:
            json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(folder)
        else:
            whole.append(folder)
    return max(whole, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)


def _arguments(training: Training, work: Path, device: str, bf16: bool, *, checkpoints: bool) -> Any:
    from trl.trainer.sft_config import SFTConfig

    tune = training.tune
    stopping = tune.early_stopping
    looking: dict[str, Any] = {"save_strategy": "steps" if checkpoints else "no", "save_steps": tune.save_steps}
    if stopping is not None:  # the best checkpoint can only be taken where there is one for every look
        looking = {
            "save_strategy": "steps",
            "save_steps": stopping.eval_steps,
            "eval_strategy": "steps",
            "eval_steps": stopping.eval_steps,
            "per_device_eval_batch_size": tune.per_device_train_batch_size,
            "prediction_loss_only": True,
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
        }
    return SFTConfig(
        **looking,
        output_dir=str(work),
        learning_rate=tune.learning_rate,
        num_train_epochs=tune.num_train_epochs,
        per_device_train_batch_size=tune.per_device_train_batch_size,
        gradient_accumulation_steps=tune.gradient_accumulation_steps,
        lr_scheduler_type=tune.lr_scheduler_type,
        warmup_steps=tune.warmup_steps,
        weight_decay=tune.weight_decay,
        max_grad_norm=tune.max_grad_norm,
        loss_type=training.arm.method.loss,
        max_length=None,  # rows are cut, or refused, before they come here
        packing=False,
        gradient_checkpointing=tune.gradient_checkpointing,
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        seed=training.seed,
        data_seed=training.seed,
        bf16=bf16,
        use_cpu=device == "cpu",
        dataloader_pin_memory=device == "cuda",
        save_total_limit=CHECKPOINTS_KEPT,
        logging_steps=1,
        report_to=tune.report_to,
        disable_tqdm=True,
    )


def seed_from(kl: KlSection, lora: LoraSection | None) -> Literal["live", "cached"]:
    """Where a KL objective has the seed from, with `auto` resolved."""
    if kl.seed_from != "auto":
        return kl.seed_from
    return "cached" if lora is None else "live"


def _read_seed(network: Any, supervision: Supervision, kl: KlSection, folder: Path, model: Model) -> Any:
    from ownwords.stages.objective import head_of
    from ownwords.stages.seed_cache import read_seed

    return read_seed(network, head_of(network), supervision.rows, kl, folder=folder, weights=model.weights_hash)


def lora_config(lora: LoraSection) -> Any:
    from peft import LoraConfig

    targets = lora.target_modules
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        use_rslora=lora.use_rslora,
        use_dora=lora.use_dora,
    )


def _dataset(rows: Sequence[Mapping[str, Any]]) -> Any:
    from datasets import Dataset

    columns = ("input_ids", "labels", "length")
    return Dataset.from_list([{column: row[column] for column in columns} for row in rows])


def optimizer_steps(tune: TuneSection, rows: int) -> int:
    """Optimizer steps as the trainer counts them: a last, smaller accumulation of an epoch is a step too."""
    batches = -(-rows // tune.per_device_train_batch_size)
    return round(-(-batches // tune.gradient_accumulation_steps) * tune.num_train_epochs)


def _progress_callback(progress: Progress) -> Any:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        """Feeds the progress line."""

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            progress.advance()

    return Watch()


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """Without the libraries' own bars and remarks: our progress line says it."""
    import datasets
    import transformers

    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            transformers.logging.set_verbosity(level)
            datasets.enable_progress_bars()
