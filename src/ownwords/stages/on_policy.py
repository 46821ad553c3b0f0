"""On-policy self-distillation, the other method called SDFT: TRL's experimental trainer on prompts of our rendering.

Prompts come to the trainer as token ids (`demonstrations`), so that it renders and cuts nothing. How its defaults
differ from the authors' is said in `arms/on_policy.py`.

Needs no server: the model writes with `generate`, on a CPU too. An adapter's training is resumed with its teacher; of a
training of every parameter there are no checkpoints, as the teacher would not be in them: that one starts again.
Nothing here stops early.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ownwords import models
from ownwords.errors import StageError
from ownwords.models import Model
from ownwords.progress import Progress
from ownwords.recipe import OnPolicySection, RuntimeSection
from ownwords.stages.supervision import Supervision
from ownwords.stages.trainer import (
    CHECKPOINTS_KEPT,
    _lora,
    _progress_callback,
    _quiet,
    _steps,
    last_whole_checkpoint,
)
from ownwords.variants import Training

#: The first tokens of an answer carry no loss: there the teacher speaks of its example (section 5 of the paper).
TOKENS_WITHOUT_LOSS = 3
TEACHER = "teacher"  # TRL's name of the adapter that follows the student's


def train(
    training: Training,
    model: Model,
    runtime: RuntimeSection,
    supervision: Supervision,
    tokenizer: Any,
    *,
    work: Path,
    checkpoints: bool = True,
    callbacks: Sequence[Any] = (),
) -> Any:
    """Train the arm and return TRL's trainer; `supervision` then knows how many tokens the student has written.

    `work` holds the checkpoints of an adapter's training; a whole one there is resumed from. `callbacks` are the
    trainer's.

    Raises:
        StageError: the loss is not a number; the message names the rows.
    """
    import torch
    from transformers import PrinterCallback, set_seed

    section, tune = training.arm.method.on_policy, training.tune
    if section is None:
        raise ValueError(f"the arm {training.arm.name} is not on-policy")
    device = models.choose_device(runtime.device)
    dtype = models.choose_dtype(runtime.dtype, device)
    set_seed(training.seed)
    network = models.load_weights(model, torch.float32 if tune.lora is None else dtype, device)
    resumable = checkpoints and tune.lora is not None
    with _quiet():
        trainer = _trainer_class()(
            supervision.rows,
            model=network,
            args=_arguments(training, section, work, device, dtype == torch.bfloat16, checkpoints=resumable),
            train_dataset=_dataset(supervision.rows),
            processing_class=tokenizer,
            peft_config=None if tune.lora is None else _lora(tune.lora),
        )
    checkpoint = last_whole_checkpoint(work) if resumable else None
    done = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    steps = _steps(tune, len(supervision.rows))
    with Progress(f"training {training.label}", steps, done=done, unit="steps") as progress:
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(_progress_callback(progress))
        for callback in callbacks:
            trainer.add_callback(callback)
        with _quiet():
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if TEACHER in getattr(trainer.model, "peft_config", {}):
        trainer.model.delete_adapter(TEACHER)  # the student is what is saved
    supervision.supervised_tokens = written_tokens(trainer)
    return trainer


def written_tokens(trainer: Any) -> int:
    """The tokens that the student has written in training, resumed steps included."""
    means = [row["completions/mean_length"] for row in trainer.state.log_history if "completions/mean_length" in row]
    return round(sum(means) * trainer.args.generation_batch_size)


def _arguments(
    training: Training, section: OnPolicySection, work: Path, device: str, bf16: bool, *, checkpoints: bool
) -> Any:
    from trl.experimental.sdft import SDFTConfig

    tune = training.tune
    return SDFTConfig(
        output_dir=str(work),
        distillation_mode="full_logits",
        distillation_alpha=section.alpha,
        num_loss_tokens_to_skip=TOKENS_WITHOUT_LOSS,
        teacher_model_kind="ema" if section.teacher_update_rate else "base",
        teacher_update_rate=section.teacher_update_rate,
        max_prompt_length=None,  # TRL would cut the question off the teacher's prompt
        num_generations=1,
        max_completion_length=section.max_completion_length,
        temperature=section.temperature,
        learning_rate=tune.learning_rate,
        num_train_epochs=tune.num_train_epochs,
        per_device_train_batch_size=tune.per_device_train_batch_size,
        gradient_accumulation_steps=tune.gradient_accumulation_steps,
        lr_scheduler_type=tune.lr_scheduler_type,
        warmup_steps=tune.warmup_steps,
        weight_decay=tune.weight_decay,
        max_grad_norm=tune.max_grad_norm,
        gradient_checkpointing=tune.gradient_checkpointing,
        seed=training.seed,
        data_seed=training.seed,
        bf16=bf16,
        use_cpu=device == "cpu",
        dataloader_pin_memory=device == "cuda",
        save_strategy="steps" if checkpoints else "no",
        save_steps=tune.save_steps,
        save_total_limit=CHECKPOINTS_KEPT,
        logging_steps=1,
        report_to=tune.report_to,
        disable_tqdm=True,
    )


def _dataset(rows: Sequence[Mapping[str, Any]]) -> Any:
    """TRL's two columns, of token ids instead of text."""
    from datasets import Dataset

    return Dataset.from_list([{"prompt": row["input_ids"], "privileged_context": row["teacher_ids"]} for row in rows])


def _trainer_class() -> Any:
    """TRL's trainer, but for five things: prompts are token ids already, no row is left out of an epoch, a resumed
    training has its teacher back, a loss that is not a number stops it before the step, and it reports to nobody."""
    import torch
    from safetensors.torch import load_file
    from trl.experimental.sdft import SDFTTrainer
    from trl.experimental.sdft.sdft_trainer import DemonstrationTeacherContextBuilder

    class Ids(DemonstrationTeacherContextBuilder):
        def _compose_teacher_prompt(self, prompt: Any, privileged_context: Any) -> Any:
            return privileged_context

    class Trainer(SDFTTrainer):
        def __init__(self, rows: Sequence[Mapping[str, Any]], **arguments: Any) -> None:
            super().__init__(**arguments)
            self.teacher_context_builder = Ids(self)
            self._ids = {tuple(row["input_ids"]): row["id"] for row in rows}

        def _tokenize_prompts(self, prompts: list[Any]) -> list[list[int]]:
            return prompts

        def _get_train_sampler(self, dataset: Any = None) -> Any:
            settings: Any = self.args
            trained: Any = self.train_dataset if dataset is None else dataset
            again = settings.num_iterations * settings.steps_per_generation
            return _whole_batches(len(trained), settings.generation_batch_size, again, settings.seed)

        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
            """The library loads the adapters of folders inside, the teacher's, and then not the student's beside."""
            student: Any = self.model
            student.load_adapter(resume_from_checkpoint, student.active_adapter, is_trainable=True)
            teacher = Path(resume_from_checkpoint) / TEACHER / "adapter_model.safetensors"
            if teacher.is_file():
                self.add_callback(_teacher_from(self, load_file(teacher)))

        def compute_loss(self, model: Any, inputs: Any, *arguments: Any, **named: Any) -> Any:
            loss = super().compute_loss(model, inputs, *arguments, **named)
            if not torch.isfinite(loss):
                raise StageError(
                    f"the loss is {loss.item()} at step {self.state.global_step + 1}, on the rows "
                    f"{', '.join(self._names(inputs))}: lower tune.learning_rate, or look at these rows."
                )
            return loss

        def _names(self, inputs: Any) -> list[str]:
            masks = inputs["prompt_mask"].bool()
            rows = (tuple(ids[mask].tolist()) for ids, mask in zip(inputs["prompt_ids"], masks, strict=True))
            return [self._ids[row] for row in rows]

        def _send_telemetry(self) -> None:
            """Nobody is told that somebody trains."""

    return Trainer


def _teacher_from(trainer: Any, weights: dict[str, Any]) -> Any:
    """Gives the teacher its weights of the checkpoint, once TRL has made it anew."""
    from peft import set_peft_model_state_dict
    from transformers import TrainerCallback
    from trl.experimental.sdft.teacher_sync import PEFTAdapterEMACallback

    class Restore(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            average: Any = next(c for c in trainer.callback_handler.callbacks if isinstance(c, PEFTAdapterEMACallback))
            for name, shadow in average.shadow_weights.items():
                shadow.copy_(weights[name])
            set_peft_model_state_dict(trainer.model, average.shadow_weights, adapter_name=TEACHER)

    return Restore()


def _whole_batches(rows: int, batch: int, again: int, seed: int) -> Any:
    """Places of rows in the order in which TRL wants them: every batch `again` times over, as it reads it anew for
    every step. The last batch of an epoch is filled up with the epoch's first rows; TRL's own sampler leaves it out.
    """
    import torch
    from torch.utils.data import Sampler

    class WholeBatches(Sampler):
        def __init__(self) -> None:
            self.epoch = 0

        def set_epoch(self, epoch: int) -> None:
            self.epoch = epoch

        def __len__(self) -> int:
            return -(-rows // batch) * batch * again

        def __iter__(self) -> Iterator[int]:
            order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed + self.epoch)).tolist()
            filled = [order[place % rows] for place in range(-(-rows // batch) * batch)]
            for start in range(0, len(filled), batch):
                yield from filled[start : start + batch] * again

    return WholeBatches()
