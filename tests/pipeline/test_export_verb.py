"""`ownwords export`: what it writes, what it refuses, and that TRL trains on it."""

# pyright: basic
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ownwords.cli import main
from ownwords.data.load import load_train
from ownwords.data.trainers import TRAINERS
from ownwords.data.writers import WRITERS
from ownwords.recipe import DataSection
from tests.pipeline.conftest import Project, make_project

TWO_TURNS: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "What is 2 plus 2?"},
        {"role": "assistant", "content": "The answer is 4."},
        {"role": "user", "content": "And 3 plus 3?"},
        {"role": "assistant", "content": "The answer is 6."},
    ]
}


@pytest.fixture
def rewritten(project: Project) -> Project:
    assert project.ownwords("rewrite") == 0
    return project


@pytest.fixture
def chat(tmp_path: Path, tiny_model: Path) -> Project:
    """Two conversations of two answers each, rewritten as "own: ..." except where a test says otherwise."""
    project = make_project(tmp_path, tiny_model)
    rows = tmp_path / "chat.jsonl"
    rows.write_text(f"{json.dumps(TWO_TURNS)}\n" * 2, encoding="utf-8")
    (tmp_path / "own.py").write_text("def answer(request):\n    return 'own: ' + request.example.reference\n")
    recipe = yaml.safe_load(project.recipe.read_text(encoding="utf-8"))
    recipe["data"] = {"train": {"path": str(rows)}}
    recipe["runtime"]["scripted"] = {"function": f"{tmp_path / 'own.py'}:answer"}
    project.recipe.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return project


def export(project: Project, *rest: str, name: str = "out") -> tuple[int, Path]:
    folder = project.folder / name
    return main(["export", str(project.output), "-o", str(folder), *rest]), folder


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]


def references(folder: Path, **source: Any) -> list[str]:
    train = {"path": str(folder / "train.jsonl"), **source}
    return [example.reference for example in load_train(DataSection.model_validate({"train": train}))]


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_is_data_for_the_next_run(
    rewritten: Project, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, folder = export(rewritten, "--format", form)
    assert code == 0
    said = capsys.readouterr().out
    assert f"sdft: 12 rows as {form}, 12 targets, in {folder} (train.jsonl, README.md)" in said
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "train.jsonl"]
    assert references(folder) == [f"{n}+{n}. The answer is {2 * n}." for n in range(12)]


def test_the_card_has_the_facts_of_the_run(rewritten: Project) -> None:
    _, folder = export(rewritten, "--for", "axolotl", "model.name_or_path=org/other")
    card = (folder / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["configs"][0]["data_files"] == [{"split": "train", "path": "train.jsonl"}]
    assert "12 rows, each one conversation; 12 answers are targets." in card
    assert "Outcomes of rewriting, of 12 examples: 12 accepted." in card
    assert "org/other" not in card
    assert "axolotl train axolotl.yaml" in card
    assert yaml.safe_load((folder / "axolotl.yaml").read_text(encoding="utf-8"))["base_model"] == "org/other"


def test_targets_of_one_conversation_stand_in_it_together(chat: Project) -> None:
    assert chat.ownwords("rewrite", "--allow-code") == 0
    _, folder = export(chat, "--format", "messages")
    own = [{**turn, "content": "own: " + turn["content"]} for turn in TWO_TURNS["messages"]]
    expected = [turn if turn["role"] == "user" else own[n] for n, turn in enumerate(TWO_TURNS["messages"])]
    assert rows_of(folder) == [{"messages": expected}] * 2
    _, folder = export(chat, "--format", "messages", "--arm", "vanilla", name="vanilla")
    assert rows_of(folder) == [TWO_TURNS] * 2
    _, folder = export(chat, "--format", "prompt-completion", name="single")
    assert [len(row["prompt"]) for row in rows_of(folder)] == [1, 3, 1, 3]
    assert rows_of(folder)[1]["prompt"] == TWO_TURNS["messages"][:3]


def test_answers_that_are_no_targets_are_marked_or_their_conversations_kept_apart(chat: Project) -> None:
    (chat.folder / "own.py").write_text(
        "def answer(request):\n    return '' if request.example.reference.endswith('4.') else 'own'\n"
    )
    overrides = ("rewrite.on_failure=drop", "rewrite.checks=[not_empty]", "--allow-code")
    assert chat.ownwords("rewrite", *overrides) == 0
    _, folder = export(chat, "--format", "sharegpt")
    assert [turn.get("weight") for turn in rows_of(folder)[0]["conversations"]] == [None, 0, None, 1]
    assert references(folder) == ["own", "own"]
    _, folder = export(chat, "--for", "llamafactory", name="factory")
    assert yaml.safe_load((folder / "llamafactory.yaml").read_text(encoding="utf-8"))["mask_history"] is True
    assert len(rows_of(folder)) == 2
    assert "2 earlier ones are no targets" in (folder / "README.md").read_text(encoding="utf-8")
    _, folder = export(chat, "--format", "alpaca", name="alpaca")
    assert "have the history masked" in (folder / "README.md").read_text(encoding="utf-8")


def test_with_the_last_turn_only_every_row_is_a_conversation(chat: Project) -> None:
    assert chat.ownwords("rewrite", "data.train.turns=last", "--allow-code") == 0
    _, folder = export(chat, "--format", "messages")
    assert [[turn.get("weight") for turn in row["messages"]] for row in rows_of(folder)] == [[None, 0, None, 1]] * 2
    assert references(folder) == ["own: The answer is 6."] * 2


def test_files_that_are_there_stay_without_force(rewritten: Project, capsys: pytest.CaptureFixture[str]) -> None:
    folder = rewritten.folder / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "train.jsonl").write_text("old")
    assert export(rewritten, "--for", "trl") == (2, folder)
    assert f"{folder} holds files already: add --force" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", "train.jsonl"]
    assert export(rewritten, "--for", "trl", "--force")[0] == 0
    assert len(rows_of(folder)) == 12
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (["--format", "alpaca", "--arm", "seed"], "has no rows of the arm 'seed'. It has: sdft, vanilla."),
        (
            ["--for", "trl", "model.name_or_path=bundled:smollm2-135m-instruct"],
            "is a GGUF file, which no trainer loads",
        ),
        (["--for", "trl", "tune.lora.rank=3"], "there is no key of tune.lora named 'rank'"),
        (["--for", "llamafactory", "tune.chat_template=paper/alpaca"], "LLaMA-Factory takes no layout from a file"),
    ],
)
def test_what_cannot_be_exported_is_one_message_and_nothing_written(
    rewritten: Project, capsys: pytest.CaptureFixture[str], rest: list[str], message: str
) -> None:
    code, folder = export(rewritten, *rest)
    assert code == 2
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_an_impossible_folder_is_one_message(rewritten: Project, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("rows.jsonl", "rows.jsonl/inner"):
        assert export(rewritten, "--format", "messages", "--force", name=name)[0] == 2
        assert "rows.jsonl is a file." in capsys.readouterr().err
    (rewritten.folder / "link").symlink_to("nowhere")
    assert export(rewritten, "--format", "messages", name="link")[0] == 2
    assert "is a link to nothing (nowhere)" in capsys.readouterr().err


def test_a_run_that_has_not_rewritten_has_nothing_to_export(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", str(project.recipe), "--format", "messages", "-o", str(project.folder / "out")]
    assert main(arguments) == 2
    assert "there is no run in" in capsys.readouterr().err
    assert project.ownwords("rewrite") == 0
    facts = json.loads((project.output / "run.json").read_text(encoding="utf-8"))
    facts["stages"]["rewrite"]["status"] = "running"
    (project.output / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    assert main(arguments) == 2
    assert "rewriting has not finished" in capsys.readouterr().err


def test_the_command_line_offers_every_format_and_every_trainer(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    offered = capsys.readouterr().out
    assert f"{{{','.join(WRITERS)}}}" in offered
    assert f"{{{','.join(TRAINERS)}}}" in offered


@pytest.mark.slow
def test_exporting_loads_no_model_library(rewritten: Project) -> None:
    arguments = ["export", str(rewritten.output), "--for", "trl", "-o", str(rewritten.folder / "out")]
    program = (
        "import sys\nfrom ownwords.cli import main\n"
        f"assert main({arguments!r}) == 0\n"
        "assert not {'torch', 'transformers', 'trl', 'peft', 'datasets'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_trl_trains_on_the_export_as_its_command_does(rewritten: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`trl sft --config trl_sft.yaml --max_steps 2`, called in this process."""
    from trl.scripts import sft

    code, folder = export(rewritten, "--for", "trl", "runtime.device=cpu", "runtime.dtype=float32")
    assert code == 0
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(rewritten.folder / "cache"))
    arguments = sft.make_parser().parse_args_and_config(["--config", "trl_sft.yaml", "--max_steps", "2"])
    sft.main(*arguments)
    state = json.loads((folder / "trained" / "checkpoint-2" / "trainer_state.json").read_text(encoding="utf-8"))
    assert [row["loss"] > 0 for row in state["log_history"] if "loss" in row] == [True, True]
    adapter = json.loads((folder / "trained" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (adapter["r"], adapter["lora_alpha"], sorted(adapter["target_modules"])) == (8, 16, ["q_proj", "v_proj"])
