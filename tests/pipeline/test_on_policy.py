"""The other method called SDFT: prompts as in evaluation, nothing cut, the loss that its authors have, resumable."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from ownwords import models
from ownwords.arms.base import find_arm
from ownwords.errors import DataError, StageError
from ownwords.models import Model
from ownwords.recipe import ArmSection, ModelSection, OnPolicySection, RuntimeSection, TuneSection
from ownwords.records import Message
from ownwords.rendering import prompt_ids
from ownwords.stages import demonstrations, on_policy
from ownwords.variants import Training
from tests.pipeline.conftest import Project, question

ROWS = [
    {
        "id": f"row-{number}",
        "prompt": [{"role": "user", "content": question(number)["question"]}],
        "completion": [{"role": "assistant", "content": question(number)["answer"]}],
        "reference": question(number)["answer"],
    }
    for number in range(6)
]
SHORT = OnPolicySection(max_completion_length=8)
TUNE = TuneSection(max_length=512, num_train_epochs=1, learning_rate=0.01)


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Model:
    return models.resolve(ModelSection(name_or_path=str(tiny_model)))


@pytest.fixture(scope="module")
def tokenizer(model: Model) -> Any:
    return models.load_tokenizer(model)


def test_the_student_is_asked_as_in_evaluation_and_the_teacher_sees_the_target_too(tokenizer: Any) -> None:
    prompts = demonstrations.supervise(tokenizer, ROWS, SHORT, TUNE)
    messages = (Message("user", ROWS[0]["prompt"][0]["content"]),)
    assert prompts.rows[0]["input_ids"] == prompt_ids(tokenizer, messages)
    teacher = tokenizer.decode(prompts.rows[0]["teacher_ids"])
    assert messages[0].content in teacher
    assert f"This is an example for a response to the question:\n{ROWS[0]['reference']}\n" in teacher
    assert teacher.endswith("<|im_start|>assistant\n")
    assert "6 prompts" in prompts.describe()


def test_the_demonstration_stands_in_the_last_user_turn_and_the_other_turns_stay() -> None:
    turns = (
        Message("system", "Be brief."),
        Message("user", "One?"),
        Message("assistant", "1"),
        Message("user", "Two?"),
    )
    shown = demonstrations.demonstrated(turns, "{2} is two.")
    assert shown[:3] == turns[:3]
    assert shown[3].content.startswith("Two?\n\n")
    assert "{2} is two." in shown[3].content
    called = (*turns, Message("assistant", "call"), Message("tool", "result"))
    assert demonstrations.demonstrated(called, "2")[4:] == called[4:]


def test_a_prompt_that_does_not_fit_is_refused_or_dropped_and_never_cut(tokenizer: Any) -> None:
    long = {**ROWS[0], "id": "long", "completion": [{"role": "assistant", "content": "word " * 80}]}
    with pytest.raises(DataError, match=r"1 rows are longer .*long \(\d+\)"):
        demonstrations.supervise(tokenizer, [*ROWS, long], SHORT, TUNE)
    with pytest.raises(DataError, match="nothing is truncated"):
        demonstrations.supervise(tokenizer, [*ROWS, long], SHORT, TUNE.model_copy(update={"on_too_long": "truncate"}))
    dropping = TUNE.model_copy(update={"on_too_long": "drop"})
    kept = demonstrations.supervise(tokenizer, [*ROWS, long], SHORT, dropping)
    assert (len(kept.rows), kept.dropped_rows) == (6, 1)
    assert kept.rows == demonstrations.supervise(tokenizer, ROWS, SHORT, TUNE).rows
    with pytest.raises(StageError, match="no prompt fits"):
        demonstrations.supervise(tokenizer, [long], SHORT, dropping)


def test_a_place_for_the_prompt_is_needed(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.ownwords("run", "tune.arms=[on_policy]", "tune.max_length=256") == 2
    assert "leaves no room for a prompt" in capsys.readouterr().err
    assert not project.output.exists()


@pytest.mark.parametrize("rows", [3, 8, 13])
def test_every_row_is_in_every_epoch_and_every_batch_comes_as_often_as_it_is_read(rows: int) -> None:
    sampler = on_policy._whole_batches(rows, 4, 3, seed=1)
    epochs: list[list[int]] = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
        assert list(sampler) == epochs[-1]
    assert epochs[0] != epochs[1]
    for places in epochs:
        assert len(places) == len(sampler) == -(-rows // 4) * 4 * 3
        assert set(places) == set(range(rows))
        for start in range(0, len(places), 12):
            batch = places[start : start + 12]
            assert batch[:4] == batch[4:8] == batch[8:]


def training(changes: dict[str, Any], **tune: Any) -> Training:
    section = ArmSection.model_validate({"name": "on_policy", "on_policy": {"max_completion_length": 8, **changes}})
    return Training(find_arm(section), TUNE.model_copy(update=tune), seed=42)


def trained(own: Training, model: Model, tokenizer: Any, work: Path) -> Any:
    rows = demonstrations.supervise(tokenizer, ROWS, own.arm.method.on_policy or SHORT, own.tune)
    return on_policy.train(own, model, RuntimeSection(dtype="float32", device="cpu"), rows, tokenizer, work=work)


def weights(trainer: Any, folder: Path) -> dict[str, np.ndarray]:
    trainer.model.save_pretrained(folder)
    assert not (folder / "teacher").exists(), "only the student is saved"
    return load_file(folder / "adapter_model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_loss_is_the_divergence_of_full_distributions_in_the_direction_that_is_said(
    alpha: float, model: Model, tokenizer: Any, tmp_path: Path
) -> None:
    """Each answer's mean over its tokens from the fourth on; computed anew in float64, row by row, without padding."""
    import torch

    own = training({"alpha": alpha, "temperature": 0.7}, num_train_epochs=2, learning_rate=0.1)
    trainer = trained(own, model, tokenizer, tmp_path)  # an adapter that changes something
    trainer.args.teacher_model_kind = "base"
    trainer.model.train()
    rows = list(trainer.train_dataset)[:2]
    torch.manual_seed(0)
    batch = trainer._prepare_training_batch(rows)
    trainer.current_gradient_accumulation_steps = 1
    loss = float(trainer.compute_loss(trainer.model, batch).detach())

    def log_probabilities(prompt: list[int], answer: list[int]) -> np.ndarray:
        with torch.no_grad():
            logits = trainer.model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        scaled = logits.double().numpy() / 0.7
        return scaled - np.log(np.exp(scaled).sum(-1, keepdims=True))

    expected: list[float] = []
    for number, row in enumerate(rows):
        length = int(batch["completion_mask"][number].sum())
        answer = batch["completion_ids"][number][:length].tolist()
        student = log_probabilities(row["prompt"], answer)
        with trainer.model.disable_adapter():
            teacher = log_probabilities(row["privileged_context"], answer)
        first, second = (teacher, student) if alpha == 0 else (student, teacher)
        divergence = (np.exp(first) * (first - second)).sum(-1)[3:]
        expected.append(float(divergence.sum() / max(len(divergence), 1)))
    assert loss > 1e-3
    assert loss == pytest.approx(np.mean(expected), rel=1e-4)


@pytest.mark.slow
def test_a_training_that_was_interrupted_ends_like_one_that_was_not(
    model: Model, tokenizer: Any, tmp_path: Path
) -> None:
    """It is taken up in the middle of the second epoch."""
    steps = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 2, "num_train_epochs": 2, "save_steps": 1}
    own = training({"teacher_update_rate": 0.5}, learning_rate=0.05, **steps)
    whole = trained(own, model, tokenizer, tmp_path / "whole")
    assert whole.state.global_step == 6
    expected = weights(whole, tmp_path / "expected")
    folder = tmp_path / "broken"
    shutil.copytree(tmp_path / "whole" / "checkpoint-5", folder / "checkpoint-5")
    resumed = trained(own, model, tokenizer, folder)
    found = weights(resumed, tmp_path / "found")
    assert found.keys() == expected.keys()
    assert all(np.allclose(found[name], expected[name], atol=1e-6) for name in expected)
    assert [row["loss"] for row in resumed.state.log_history if "loss" in row] == [
        pytest.approx(row["loss"], abs=1e-5) for row in whole.state.log_history if "loss" in row
    ]
    assert on_policy.written_tokens(resumed) == on_policy.written_tokens(whole)


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_stops_the_training_and_names_the_rows(
    model: Model, tokenizer: Any, tmp_path: Path
) -> None:
    own = training({}, learning_rate=1e30, max_grad_norm=1e30, num_train_epochs=6)
    with pytest.raises((StageError, RuntimeError), match=r"row-\d|probability tensor"):
        trained(own, model, tokenizer, tmp_path)


@pytest.mark.slow
def test_every_parameter_can_be_trained_too(model: Model, tokenizer: Any, tmp_path: Path) -> None:
    trainer = trained(training({}, lora=None), model, tokenizer, tmp_path)
    assert trainer.state.global_step == 1
    assert not list(tmp_path.glob("checkpoint-*"))


@pytest.mark.slow
def test_a_run_trains_it_beside_vanilla_and_says_what_was_written(project: Project) -> None:
    keys = ["tune.arms=[vanilla, {on_policy: {on_policy: {max_completion_length: 16}}}]", "tune.learning_rate=0.01"]
    assert project.ownwords("run", *keys) == 0
    folder = project.output / "arms" / "on_policy" / "seed42"
    facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert (facts["rows"], facts["steps"]) == (12, 2)
    assert 12 <= facts["supervised_tokens"] <= 12 * 16 * 2
    assert len(facts["loss"]) == 2
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == []
    adapter, vanilla = (
        load_file(project.output / "arms" / arm / "seed42" / "adapter_model.safetensors")
        for arm in ("on_policy", "vanilla")
    )
    assert adapter.keys() == vanilla.keys()
    assert any((adapter[name] != vanilla[name]).any() for name in adapter)
    summary = json.loads((project.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    assert "on_policy" in {score["arm"] for score in summary["scores"]}
