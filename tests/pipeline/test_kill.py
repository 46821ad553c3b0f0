"""`kill -9` in the middle of every stage, then the same command: nothing lost, nothing repeated."""

# pyright: basic
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from ownwords.journal import Journal, read_only
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 120


def start(project: Project, verb: str, *rest: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ownwords.cli", verb, str(project.recipe), *rest],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # A job that a shell put in the background ignores Ctrl-C, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )


def stop_when(process: subprocess.Popen[str], happened: Callable[[], bool], sign: int) -> str:
    """Send the signal as soon as `happened` is true, and give what the process said on standard error."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert process.poll() is None, f"it ended too early: {process.communicate()[1]}"
        assert time.monotonic() < deadline, "it never came so far"
    os.kill(process.pid, sign)
    return process.communicate()[1]


def committed(project: Project, prefix: str) -> int:
    counts = read_only(project.output / "journal.sqlite")
    return sum(count for stage, count in counts.items() if stage.startswith(prefix))


def slow_script(project: Project) -> list[str]:
    """Overrides for a scripted engine that takes its time and logs every question."""
    code = project.folder / "script.py"
    code.write_text(
        "from pathlib import Path\n"
        "def answer(request):\n"
        f"    with Path({str(project.folder / 'asked.log')!r}).open('a') as log:\n"
        "        log.write(request.id + '\\n')\n"
        "    return request.example.reference if request.example else '1'\n",
        encoding="utf-8",
    )
    return ["--allow-code", f"runtime.scripted.function={code}:answer", "runtime.scripted.delay_ms=250"]


def test_kill_9_in_mid_rewriting(project: Project) -> None:
    flags = slow_script(project)
    process = start(project, "rewrite", *flags)
    stop_when(process, lambda: committed(project, "rewrite") >= 4, signal.SIGKILL)
    before = committed(project, "rewrite")
    assert 4 <= before < 12
    with Journal(project.output / "journal.sqlite") as journal:
        first = {key: completion for key, completion, _ in journal.completions("rewrite")}
    asked_before = (project.folder / "asked.log").read_text(encoding="utf-8").split()
    assert project.ownwords("rewrite", *flags) == 0
    asked_after = (project.folder / "asked.log").read_text(encoding="utf-8").split()[len(asked_before) :]
    assert not {key.example_id for key in first} & set(asked_after)
    assert len(asked_after) == 12 - before
    with Journal(project.output / "journal.sqlite") as journal:
        last = {key: completion for key, completion, _ in journal.completions("rewrite")}
    assert len(last) == 12
    assert first.items() <= last.items()
    assert json.loads((project.output / "rewrite.json").read_text(encoding="utf-8"))["accepted"] == 12


def test_kill_9_when_nothing_is_left_to_ask(project: Project) -> None:
    """All answers are there but the products are not: the stage only has to write them."""
    flags = slow_script(project)
    process = start(project, "rewrite", *flags)
    stop_when(process, lambda: committed(project, "rewrite") == 12, signal.SIGKILL)
    assert project.ownwords("rewrite", *flags) == 0
    assert len((project.folder / "asked.log").read_text(encoding="utf-8").split()) == 12
    assert (project.output / "data" / "sdft" / "train.parquet").is_file()


STOPPING = "tune.early_stopping={share: 0.2, eval_steps: 1, patience: 30}"


@pytest.mark.parametrize(
    ("more", "name"),
    [([], "adapter_model"), (["tune.lora=null"], "model"), ([STOPPING], "adapter_model")],
    ids=["lora", "every_parameter", "early_stopping"],
)
def test_kill_9_in_mid_tuning_gives_the_weights_of_an_uninterrupted_training(
    project: Project, more: list[str], name: str
) -> None:
    keys = ["tune.arms=[vanilla]", "tune.num_train_epochs=12", *more]
    assert project.ownwords("rewrite", *keys) == 0
    process = start(project, "tune", *keys)
    checkpoint = project.output / "arms" / "vanilla" / "seed42.checkpoints"
    stop_when(process, lambda: any(checkpoint.glob("checkpoint-*/trainer_state.json")), signal.SIGKILL)
    assert not (project.output / "arms" / "vanilla" / "seed42").exists()
    assert any(checkpoint.glob("checkpoint-*"))
    assert project.ownwords("tune", *keys) == 0
    assert not checkpoint.exists()
    whole = project.folder / "whole"
    assert project.ownwords("rewrite", *keys, f"output_dir={whole}") == 0
    assert project.ownwords("tune", *keys, f"output_dir={whole}") == 0
    resumed, uninterrupted = (
        load_file(folder / "arms" / "vanilla" / "seed42" / f"{name}.safetensors") for folder in (project.output, whole)
    )
    assert resumed.keys() == uninterrupted.keys()
    for name, tensor in resumed.items():
        assert abs(tensor - uninterrupted[name]).max() < 1e-6, name
    facts = json.loads((project.output / "arms" / "vanilla" / "seed42" / "training.json").read_text(encoding="utf-8"))
    assert [point["step"] for point in facts["loss"]] == list(range(1, 25))


def test_a_training_goes_on_in_the_midst_of_a_later_epoch_with_the_rows_that_are_left(project: Project) -> None:
    """Twelve rows are a step of eight and one of four: the third step is the second epoch's first."""
    keys = ["tune.arms=[vanilla]", "tune.num_train_epochs=2", "runtime.dtype=float32"]
    whole, cut = ([*keys, f"output_dir={project.folder / name}"] for name in ("whole", "cut"))
    for recipe in (whole, cut):
        assert project.ownwords("rewrite", *recipe) == 0
    assert project.ownwords("tune", *whole) == 0
    checkpoints = project.folder / "cut" / "arms" / "vanilla" / "seed42.checkpoints"
    stop_after(project, cut, checkpoints / "checkpoint-3" / "trainer_state.json")
    assert not (checkpoints / "checkpoint-4").exists()
    assert project.ownwords("tune", *cut) == 0
    curves = [
        json.loads((project.folder / name / "arms/vanilla/seed42/training.json").read_text(encoding="utf-8"))["loss"]
        for name in ("whole", "cut")
    ]
    assert curves[0] == curves[1]


def stop_after(project: Project, recipe: list[str], checkpoint: Path) -> None:
    """Tune until that checkpoint is written, and be interrupted there."""
    from transformers import TrainerCallback

    from ownwords.stages import tune

    class Stop(TrainerCallback):
        def on_save(self, *arguments: object, **named: object) -> None:
            if checkpoint.is_file():
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tune, "_callbacks", lambda *arguments: [Stop()])
        assert project.ownwords("tune", *recipe) == 130


def test_a_torn_checkpoint_is_not_resumed_from(tmp_path: Path) -> None:
    from ownwords.stages.trainer import last_whole_checkpoint

    for step, state in ((1, '{"global_step": 1}'), (2, '{"global_st'), (3, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state, encoding="utf-8")
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-1"
    assert not (tmp_path / "checkpoint-3").exists()


def test_kill_9_in_mid_evaluation(project: Project) -> None:
    keys = ["tune.arms=[vanilla]", "evaluate.sampling.max_tokens=400", "runtime.batch_size=1"]
    keys += ["evaluate.benchmarks=[{heldout_nll: {limit: 8}}]"]
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 0
    flags = slow_script(project)
    test_file = project.folder / "test.jsonl"
    keys[-1] = f"evaluate.benchmarks=[{{gsm8k: {{path: {test_file}}}}}]"
    process = start(project, "evaluate", *keys, *flags)
    stop_when(process, lambda: committed(project, "evaluate") >= 2, signal.SIGKILL)
    before = committed(project, "evaluate")
    asked_before = len((project.folder / "asked.log").read_text(encoding="utf-8").split())
    assert project.ownwords("evaluate", *keys, *flags) == 0
    asked_after = len((project.folder / "asked.log").read_text(encoding="utf-8").split()) - asked_before
    assert asked_after == 8 - before  # four items, two arms
    assert committed(project, "evaluate") == 8


def test_ctrl_c_finishes_the_commit_and_says_how_to_resume(project: Project) -> None:
    flags = slow_script(project)
    process = start(project, "rewrite", *flags)
    said = stop_when(process, lambda: committed(project, "rewrite") >= 2, signal.SIGINT)
    assert process.returncode == 130
    assert "run the same command again to continue" in said
    assert "Traceback" not in said
    asked = (project.folder / "asked.log").read_text(encoding="utf-8").split()
    assert len(asked) - committed(project, "rewrite") <= 1  # the one in flight
    assert project.ownwords("rewrite", *flags) == 0
    assert committed(project, "rewrite") == 12


def test_two_processes_cannot_work_in_one_run(project: Project) -> None:
    flags = slow_script(project)
    process = start(project, "rewrite", *flags)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while committed(project, "rewrite") < 1:
            assert time.monotonic() < deadline
        second = start(project, "rewrite", *flags, "rewrite.sampling.temperature=0.1")
        assert "another ownwords process is working" in second.communicate()[1]
        assert second.returncode == 2
    finally:
        process.kill()
        process.communicate()
