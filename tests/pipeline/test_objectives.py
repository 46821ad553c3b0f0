"""Objectives at work in the trainer: DFT and KL to the seed, against whole logits of models loaded apart."""

# pyright: basic
from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.numpy import load_file
from trl.trainer.sft_trainer import SFTTrainer

from ownwords import models
from ownwords.arms.base import Arm
from ownwords.models import Model
from ownwords.recipe import Method, ModelSection, RuntimeSection, TuneSection
from ownwords.stages import seed_cache
from ownwords.stages.objective_trainer import RowOrder
from ownwords.stages.supervision import Supervision, supervise
from ownwords.stages.trainer import loss_curve, train
from ownwords.variants import Training
from tests.pipeline.conftest import Project
from tests.pipeline.test_kill import start, stop_when

pytestmark = pytest.mark.slow

WEIGHT = 0.7
NO_DROPOUT = {"dropout": 0.0}


def test_the_order_of_rows_follows_from_seed_and_epoch_whatever_else_draws_at_random() -> None:
    """Dropout draws more where targets are longer: arms would part from the second epoch on."""
    lengths = [(7 * number) % 31 for number in range(40)]
    orders: list[list[int]] = []
    for seed, epoch in ((42, 0), (42, 0), (42, 1), (43, 0)):
        torch.rand(3)
        orders.append(list(RowOrder(lengths, 8, seed, iter([epoch]).__next__)))
        assert sorted(orders[-1]) == list(range(40))
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) == 3


def method(**changes: Any) -> Method:
    return Method.model_validate({"sources": ["reference"], **changes})


def kl(on: str, **more: Any) -> Method:
    return method(kl={"on": on, "weight": WEIGHT, **more})


PLAIN = method()
OBJECTIVES = {
    "nll": PLAIN,
    "dft": method(loss="dft"),
    "prompt": kl("prompt"),
    "target": kl("target"),
    "both": method(loss="dft", kl={"on": "target", "weight": WEIGHT}),
    "cached": kl("target", seed_from="cached", top=260),
    "cached prompt": kl("prompt", seed_from="cached", top=260),
}


@pytest.fixture(scope="module")
def seed_model(tiny_model: Path) -> Model:
    return models.resolve(ModelSection(name_or_path=str(tiny_model)))


@pytest.fixture(scope="module")
def supervision(seed_model: Model) -> Supervision:
    """Eight rows of unlike lengths."""
    texts = [("Why?" * (1 + number % 3), "Because. " * (1 + number)) for number in range(8)]
    rows = [
        {
            "id": str(number),
            "prompt": [{"role": "user", "content": question}],
            "completion": [{"role": "assistant", "content": answer}],
            "reference": answer,
        }
        for number, (question, answer) in enumerate(texts)
    ]
    return supervise(models.load_tokenizer(seed_model), rows, 512, "error")


def trained(model: Model, rows: Supervision, how: Method, work: Path, **tune: Any) -> Any:
    settings = {"learning_rate": 0.02, "num_train_epochs": 3, "lora": NO_DROPOUT, **tune}
    training = Training(Arm("one", "", "", how), TuneSection.model_validate(settings), 7)
    runtime = RuntimeSection(dtype="float32", device="cpu")
    return train(training, model, runtime, rows, models.load_tokenizer(model), work=work)


def batches(trainer: Any) -> list[Any]:
    """All rows, three at a time."""
    rows = [{name: row[name] for name in ("input_ids", "labels")} for row in trainer.train_dataset]
    return [trainer.data_collator(rows[start : start + 3]) for start in range(0, len(rows), 3)]


def own_loss(trainer: Any) -> Any:
    """The trainer's loss of all rows, as three accumulated batches."""
    samples, items = trainer.get_batch_samples(iter(batches(trainer)), 3, torch.device("cpu"))
    trainer.current_gradient_accumulation_steps = len(samples)
    trainer.model.train()
    return sum(trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=items) for batch in samples)


def plain_loss(network: Any, seed: Any, rows: Supervision, how: Method) -> Any:
    """The same from whole logits, row by row, with torch's own functions."""
    losses, pulls = [], []
    for row in rows.rows:
        ids = torch.tensor([row["input_ids"]])
        first = row["labels"].count(-100)
        logits = network(input_ids=ids).logits[0, :-1]
        losses.append(torch.nn.functional.cross_entropy(logits[first - 1 :], ids[0, first:], reduction="none"))
        if how.loss == "dft":
            losses[-1] = losses[-1] * torch.exp(-losses[-1]).detach()
        if how.kl is not None:
            with torch.no_grad():
                theirs = seed(input_ids=ids).logits[0, :-1]
            part = slice(first - 1) if how.kl.on == "prompt" else slice(first - 1, None)
            tuned, target = logits[part].log_softmax(-1), theirs[part].softmax(-1)
            pulls.append(torch.nn.functional.kl_div(tuned, target, reduction="none").sum(-1))
    return torch.cat(losses).mean() + (WEIGHT * torch.cat(pulls).mean() if pulls else 0)


def gradients(network: Any) -> dict[str, Any]:
    found = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad(set_to_none=True)
    return found


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("lora", [True, False], ids=["adapter", "every parameter"])
def test_the_loss_and_its_gradient_are_those_of_whole_logits(
    seed_model: Model, supervision: Supervision, tmp_path: Path, name: str, lora: bool
) -> None:
    how = OBJECTIVES[name]
    if not lora and how.kl is not None:
        how = kl(how.kl.on, top=260)
    more = {} if lora else {"lora": None, "learning_rate": 1e-3}
    trainer = trained(seed_model, supervision, how, tmp_path, **more)
    loose = how.kl is not None and (how.kl.seed_from == "cached" or not lora)  # 16 bits a number
    seed = models.load_weights(seed_model, torch.float32, "cpu")
    gradients(trainer.model)
    ours = own_loss(trainer)
    ours.backward()
    found = gradients(trainer.model)
    theirs = plain_loss(trainer.model, seed, supervision, how)
    theirs.backward()
    expected = gradients(trainer.model)
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-3 if loose else 1e-5)
    assert found.keys() == expected.keys()
    largest = max(float(tensor.abs().max()) for tensor in expected.values())
    for key, tensor in expected.items():
        assert (found[key] - tensor).abs().max() < (5e-3 if loose else 1e-4) * largest, key


def test_without_its_adapter_the_model_is_the_seed_bit_for_bit(
    seed_model: Model, supervision: Supervision, tmp_path: Path
) -> None:
    trainer = trained(seed_model, supervision, kl("target"), tmp_path, lora={"dropout": 0.5})
    seed = models.load_weights(seed_model, torch.float32, "cpu")
    ids = torch.tensor([supervision.rows[0]["input_ids"]])
    trainer.model.train()
    with trainer._as_seed():
        found = trainer.model(input_ids=ids).logits
    with torch.no_grad():
        assert torch.equal(found, seed(input_ids=ids).logits)
        assert trainer.model.training
        assert not torch.allclose(trainer.model(input_ids=ids).logits, found, atol=1e-2), "it is switched on again"
    assert all(p.requires_grad == ("lora_" in name) for name, p in trainer.model.named_parameters())


@pytest.mark.parametrize("how", [PLAIN, method(loss="dft")], ids=["nll", "dft"])
def test_the_loss_is_the_librarys_own(seed_model: Model, supervision: Supervision, tmp_path: Path, how: Method) -> None:
    trainer = trained(seed_model, supervision, how, tmp_path)
    for batch in batches(trainer):
        items = torch.tensor(50)
        trainer.model.train()
        found = trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=items)
        theirs = SFTTrainer.compute_loss(trainer, trainer.model, dict(batch), num_items_in_batch=items)
        assert float(found.detach()) == pytest.approx(float(theirs.detach()), rel=1e-5)


@pytest.mark.parametrize("how", [kl("target"), kl("prompt"), method(loss="dft")], ids=["target", "prompt", "dft"])
def test_held_out_rows_are_measured_by_plain_cross_entropy(
    seed_model: Model, supervision: Supervision, tmp_path: Path, how: Method
) -> None:
    trainer = trained(seed_model, supervision, how, tmp_path)
    trainer.model.eval()
    with torch.no_grad():
        for batch in batches(trainer):
            logits = trainer.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            expected = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten())
            assert float(trainer.compute_loss(trainer.model, dict(batch))) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("name", ["nll", "prompt", "target"])
def test_four_batches_of_two_are_one_of_eight(
    seed_model: Model, supervision: Supervision, tmp_path: Path, name: str
) -> None:
    curves = []
    for size, steps in ((2, 4), (8, 1)):
        accumulated = {"per_device_train_batch_size": size, "gradient_accumulation_steps": steps}
        trainer = trained(seed_model, supervision, OBJECTIVES[name], tmp_path / str(size), **accumulated)
        curves.append(loss_curve(trainer))
    assert len(curves[0]) == len(curves[1]) == 3
    for apart, together in zip(*curves, strict=True):
        assert apart == pytest.approx(together, rel=1e-3, abs=1e-6)


def test_the_pull_keeps_the_model_nearer_to_the_seed(
    seed_model: Model, supervision: Supervision, tmp_path: Path
) -> None:
    ends = []
    for weight in (1e-9, 10.0):
        how = method(kl={"on": "target", "weight": weight})
        ends.append(loss_curve(trained(seed_model, supervision, how, tmp_path / str(weight), num_train_epochs=8))[-1])
    assert ends[0]["kl"] > 2 * ends[1]["kl"] > 0


def test_a_seed_that_was_read_before_is_not_read_again_and_goes_on_where_it_stopped(
    seed_model: Model, supervision: Supervision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seed_cache, "PART", 3)
    how, folder = kl("target", seed_from="cached"), tmp_path / "seed"
    read: list[int] = []
    reading = seed_cache._read
    monkeypatch.setattr(seed_cache, "_read", lambda n, h, rows, k: read.append(len(rows)) or reading(n, h, rows, k))

    def loss_of_training(how: Method, rows: Supervision = supervision) -> float:
        read.clear()
        training = Training(Arm("one", "", "", how), TuneSection(num_train_epochs=2, learning_rate=0.02), 7)
        work = tmp_path / f"work{len(list(tmp_path.iterdir()))}"
        runtime, tokenizer = RuntimeSection(dtype="float32", device="cpu"), models.load_tokenizer(seed_model)
        trainer = train(training, seed_model, runtime, rows, tokenizer, work=work, seed_cache=folder)
        return loss_curve(trainer)[-1]["loss"]

    first = loss_of_training(how)
    assert read == [3, 3, 2]
    assert loss_of_training(how) == first
    assert read == []
    (folder / "00001.npy").unlink()
    assert loss_of_training(how) == first
    assert read == [3]
    loss_of_training(kl("prompt", seed_from="cached"))
    assert read == [3, 3, 2], "other places"
    loss_of_training(how, Supervision(rows=supervision.rows[:4]))
    assert read == [3, 1], "other rows"
    assert not [path for path in folder.iterdir() if path.suffix not in {".npy", ".json"}]


def test_live_needs_an_adapter_to_switch_off(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ["tune.arms=[{kl_anchor: {kl: {seed_from: live}}}]", "tune.lora=null"]
    assert project.ownwords("run", *keys) == 2
    assert "tune.arms.kl_anchor.kl.seed_from: live means the model without its adapter" in capsys.readouterr().err
    assert not project.output.exists()


@pytest.mark.parametrize("arm", ["kl_anchor", "kl_prompt", "dft"])
def test_an_arm_is_trained_and_says_how_far_it_went(project: Project, arm: str) -> None:
    keys = [f"tune.arms=[{arm}]", "tune.learning_rate=0.01", "runtime.dtype=float32"]
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 0
    facts = json.loads((project.output / "arms" / arm / "seed42" / "training.json").read_text(encoding="utf-8"))
    curve = [point.get("kl") for point in facts["loss"]]
    if arm == "dft":
        assert curve == [None, None]
    else:
        assert curve[0] == pytest.approx(0, abs=1e-5), "before the first step it is the seed"
        assert curve[1] > 1e-4
    assert project.ownwords("report", *keys) == 0
    assert ("KL to the seed" in (project.output / "report.html").read_text(encoding="utf-8")) == (arm != "dft")


def test_kill_9_with_a_cached_seed_gives_the_weights_of_an_uninterrupted_training(project: Project) -> None:
    keys = ["tune.arms=[kl_anchor]", "tune.num_train_epochs=12", "tune.lora=null", "runtime.dtype=float32"]
    assert project.ownwords("rewrite", *keys) == 0
    process = start(project, "tune", *keys)
    arm = project.output / "arms" / "kl_anchor"
    stop_when(process, lambda: any(arm.glob("seed42.checkpoints/checkpoint-*/trainer_state.json")), signal.SIGKILL)
    assert (arm / "seed.cache" / "00000.npy").is_file()
    assert project.ownwords("tune", *keys) == 0
    assert not (arm / "seed.cache").exists()
    whole = project.folder / "whole"
    assert project.ownwords("rewrite", *keys, f"output_dir={whole}") == 0
    assert project.ownwords("tune", *keys, f"output_dir={whole}") == 0
    resumed, uninterrupted = (
        load_file(folder / "arms" / "kl_anchor" / "seed42" / "model.safetensors") for folder in (project.output, whole)
    )
    for name, tensor in resumed.items():
        assert abs(tensor - uninterrupted[name]).max() < 1e-6, name
