"""An arm as a whole model that answers as its adapter does, or none at all."""

from __future__ import annotations

import json

import pytest

from ownwords import _merging
from ownwords.cli import main
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow


@pytest.fixture
def trained(project: Project) -> Project:
    # In bfloat16 this random model's close choices fall the other way once the adapter is added into the weights.
    keys = ["tune.learning_rate=0.05", "runtime.engine=transformers", "rewrite.sampling.max_tokens=16"]
    keys.append("runtime.dtype=float32")
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 0
    return project


def test_the_merged_model_answers_as_the_arm_and_is_a_seed_model_of_its_own(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trained.folder / "merged"
    assert main(["merge", str(trained.output), "-o", str(folder)]) == 0
    assert "sdft is merged into" in capsys.readouterr().out
    facts = json.loads((folder / "merge.json").read_text(encoding="utf-8"))
    assert facts["prompts"] == 8
    assert facts["same"] >= 0.98 * facts["tokens"] > 8
    assert main(["ask", str(trained.output), "What is 3 plus 3?", "--max-tokens", "12", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    other = ["runtime.engine=transformers", f"model.name_or_path={folder}", f"output_dir={trained.folder / 'next'}"]
    assert trained.ownwords("rewrite", *other) == 0
    capsys.readouterr()
    next_run = str(trained.folder / "next")
    assert main(["ask", next_run, "What is 3 plus 3?", "--max-tokens", "12", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seed"] == answers["sdft"] != answers["seed"]


def test_a_merge_that_changes_the_answers_is_refused_and_leaves_nothing(
    trained: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_merging, "_agreement", lambda *_: 0)
    assert main(["merge", str(trained.output), "-o", str(trained.folder / "merged")]) == 1
    assert "would change its answers" in capsys.readouterr().err
    assert not [path for path in trained.folder.iterdir() if "merged" in path.name]


@pytest.mark.parametrize(
    ("file", "content"), [("adapter_model.safetensors", "no tensors"), ("adapter_config.json", "[]")]
)
def test_a_damaged_adapter_is_one_message_wherever_it_is_used(
    trained: Project, capsys: pytest.CaptureFixture[str], file: str, content: str
) -> None:
    """Of a training by an earlier version, which did not note what it wrote (see test_changed_weights)."""
    folder = trained.output / "arms" / "sdft" / "seed42"
    (folder / file).write_text(content, encoding="utf-8")
    facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    del facts["saved"]
    (folder / "training.json").write_text(json.dumps(facts), encoding="utf-8")
    assert main(["merge", str(trained.output), "-o", str(trained.folder / "merged")]) == 1
    assert "its files are damaged" in capsys.readouterr().err
    assert main(["ask", str(trained.output), "What is 3 plus 3?", "--max-tokens", "4"]) == 1
    assert "arms/sdft/seed42" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--arm", "sdf"], "no arm 'sdf'"), (["--arm", "vanilla", "-o", "."], "exists already: add --force")],
)
def test_a_wrong_arm_or_folder_is_one_message(
    trained: Project, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["merge", str(trained.output), "-o", str(trained.folder / "merged"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_arm_of_every_parameter_has_nothing_to_merge(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ["tune.lora=null", "tune.arms=[sdft]"]
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 0
    assert main(["merge", str(project.output), "-o", str(project.folder / "merged")]) == 2
    assert "is a whole model already" in capsys.readouterr().err
