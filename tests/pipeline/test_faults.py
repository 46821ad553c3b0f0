"""Wrong input: one clear message, exit 2, nothing written."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from ownwords import run as run_module
from ownwords.cli import main
from tests.pipeline.conftest import Project
from tests.tiny import make_tiny_model

#: (name, overrides, a part of the message)
FAULTS: list[tuple[str, list[str], str]] = [
    ("missing_data_file", ["data.train.path=none.jsonl"], "none.jsonl"),
    ("unknown_key", ["rewrite.promt=x"], "Did you mean 'prompt'"),
    ("unknown_prompt", ["rewrite.prompt=chat/meth"], "Did you mean 'chat/math'"),
    ("unknown_check", ["rewrite.checks=[final_anser]"], "Did you mean 'final_answer'"),
    ("unknown_check_parameter", ["rewrite.checks=[{length_ratio: {maximun: 2}}]"], "Did you mean 'maximum'"),
    ("check_named_twice", ["rewrite.checks=[finished, finished]"], "names the check finished twice"),
    ("unknown_benchmark", ["evaluate.benchmarks=[gsm9k]"], "Did you mean 'gsm8k'"),
    ("unknown_arm", ["tune.arms=[sdf]"], "Did you mean 'sdft'"),
    ("unknown_engine", ["runtime.engine=transformer"], "Did you mean 'transformers'"),
    ("unknown_layout", ["tune.chat_template=paper/alpacca"], "Did you mean 'paper/alpaca'"),
    ("check_parameter_of_another_type", ["rewrite.checks=[{length_ratio: {maximum: '3'}}]"], "must be float, not '3'"),
    ("benchmark_named_twice", ["evaluate.benchmarks=[heldout_nll, heldout_nll]"], "heldout_nll is named twice"),
    ("arm_named_twice", ["tune.arms=[sdft, sdft]"], "sdft is named twice"),
    ("unknown_scheduler", ["tune.lr_scheduler_type=cosin"], "Did you mean 'cosine'"),
    ("unknown_tracker", ["tune.report_to=foo"], "tune.report_to"),
    ("tracker_that_is_not_installed", ["tune.report_to=tensorboard"], "tune.report_to"),
    ("infinite_epochs", ["tune.num_train_epochs=.inf"], "tune.num_train_epochs"),
    ("infinite_learning_rate", ["tune.learning_rate=.inf"], "tune.learning_rate"),
    ("no_lora_module", ["tune.lora.target_modules=[]"], "tune.lora.target_modules"),
    ("lora_on_a_norm", ["tune.lora.target_modules=[input_layernorm]"], "linear layer"),
    ("seed_out_of_range", ["seed=5000000000"], "less than 4294967296"),
    ("limit_out_of_range", ["data.train.limit=99999999999999999999"], "data.train.limit"),
    ("date_that_is_none", ["seed=2020-13-45"], "not valid YAML"),
    ("missing_script", ["runtime.scripted.answers=none.jsonl"], "none.jsonl"),
    ("unknown_bundled_model", ["model.name_or_path=bundled:smollm"], "smollm2-135m-instruct"),
    ("missing_model_folder", ["model.name_or_path=./no-model-here"], "no-model-here"),
    ("row_longer_than_allowed", ["tune.max_length=16"], "Raise tune.max_length"),
    ("column_that_is_not_there", ["data.train.columns={prompt: questoin, response: answer}"], "question"),
    ("missing_benchmark_file", ["evaluate.benchmarks=[{gsm8k: {path: none.jsonl}}]"], "none.jsonl"),
    ("unknown_lora_module", ["tune.lora.target_modules=[q_prj]"], "Did you mean 'q_proj'"),
    ("generator_benchmark_without_generator", ["evaluate.benchmarks=[generated]"], "generator"),
    ("layout_that_shows_nothing", ["tune.chat_template=empty.jinja"], "leaves the user's message out"),
    (
        "benchmark_layout_that_shows_nothing",
        ["evaluate.benchmarks=[{heldout_nll: {chat_template: empty.jinja}}]"],
        "leaves the user's message out",
    ),
    ("no_unseen_rows", ["data.train.limit=100"], "unseen"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("overrides", "message"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_is_one_message_and_nothing_is_written(
    project: Project, capsys: pytest.CaptureFixture[str], overrides: list[str], message: str
) -> None:
    (project.folder / "empty.jinja").write_text("{# nothing #}", encoding="utf-8")
    overrides = [text.replace("empty.jinja", f"{project.folder}/empty.jinja") for text in overrides]
    assert project.ownwords("run", *overrides) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not project.output.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no rows"),
        ('{"question": "a", "answer": "b"}\n{"question": "c", "ans', "line 2"),
        ('{"question": "a", "answer": "b"}\n{"question": "c", "answer": ""}\n', "line 2"),
        ('{"question": "a", "answer": null}\n', "line 1"),
    ],
    ids=["empty", "torn", "empty_answer", "null_answer"],
)
def test_bad_data_names_its_line_and_nothing_is_written(
    project: Project, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    path = project.folder / "bad.jsonl"
    path.write_text(content, encoding="utf-8")
    assert project.ownwords("rewrite", f"data.train.path={path}") == 2
    said = capsys.readouterr().err
    assert "bad.jsonl" in said
    assert message in said
    assert not project.output.exists()


@pytest.mark.slow
def test_a_base_model_without_chat_template_is_refused(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = make_tiny_model(tmp_path / "base", chat_template=None)
    assert project.ownwords("run", f"model.name_or_path={base}", "runtime.engine=transformers") == 2
    assert "chat template" in capsys.readouterr().err
    assert not project.output.exists()


@pytest.mark.slow
def test_a_prompt_longer_than_the_context_is_refused_before_anything_is_asked(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project.folder / "long.jsonl"
    path.write_text('{"question": "' + "word " * 200 + '", "answer": "The answer is 1."}\n', encoding="utf-8")
    assert project.ownwords("rewrite", f"data.train.path={path}", "runtime.engine=transformers") == 2
    said = capsys.readouterr().err
    assert "tokens and leaves no room for an answer in a context of 512" in said
    assert not project.output.exists()


@pytest.mark.parametrize("verb", ["gap", "tune", "evaluate"])
def test_a_stage_without_the_one_before_it_says_which_to_run(
    project: Project, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert project.ownwords(verb) == 2
    assert "first" in capsys.readouterr().err
    assert not project.output.exists()


@pytest.mark.parametrize("verb", ["status", "report"])
def test_a_run_that_is_not_there_is_said_to_be_missing(
    project: Project, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert project.ownwords(verb) == 2
    assert "there is no run" in capsys.readouterr().err


def test_an_output_dir_that_is_a_file_is_refused(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.output.write_text("mine", encoding="utf-8")
    assert project.ownwords("rewrite") == 2
    assert "is a file, not a folder" in capsys.readouterr().err
    assert project.output.read_text(encoding="utf-8") == "mine"


def test_a_folder_with_other_files_is_left_alone(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.output.mkdir()
    (project.output / "thesis.tex").write_text("mine", encoding="utf-8")
    assert project.ownwords("rewrite") == 2
    assert "holds other files" in capsys.readouterr().err
    assert [path.name for path in project.output.iterdir()] == ["thesis.tex"]


def test_an_output_dir_that_is_a_link_to_nothing_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.output.symlink_to(project.folder / "nothing")
    assert project.ownwords("rewrite") == 2
    assert "is a link to nothing" in capsys.readouterr().err
    assert not (project.folder / "nothing").exists()


@pytest.mark.parametrize("path", ["x" * 300, "~nobody-of-that-name/x", "LOOP/x"])
@pytest.mark.parametrize(
    "override",
    [
        "data.train.path=PATH.jsonl",
        "rewrite.prompt=PATH.jinja",
        "tune.chat_template=PATH.jinja",
        "runtime.scripted.answers=PATH",
        "rewrite.checks=['PATH.py:f']",
        "evaluate.benchmarks=[{gsm8k: {path: PATH.json}}]",
        "model.name_or_path=PATH.gguf",
    ],
)
def test_an_odd_path_is_one_message(
    project: Project, capsys: pytest.CaptureFixture[str], override: str, path: str
) -> None:
    (project.folder / "LOOP").symlink_to("LOOP")
    path = path.replace("LOOP", str(project.folder / "LOOP"))
    assert project.ownwords("run", "--allow-code", override.replace("PATH", path)) == 2
    said = capsys.readouterr().err
    assert said.startswith("ownwords: ")
    assert "Traceback" not in said
    assert not project.output.exists()


def test_a_script_that_answers_an_id_twice_is_refused(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    answers = project.folder / "answers.jsonl"
    answers.write_text('{"id": "a", "text": "1"}\n\n{"id": "a", "text": "2"}\n', encoding="utf-8")
    assert project.ownwords("rewrite", f"runtime.scripted.answers={answers}") == 2
    assert "answers.jsonl line 3 answers the id a a second time" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["x" * 300, "a\\0b"])
def test_an_output_dir_that_no_system_can_hold_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    assert project.ownwords("rewrite", f'output_dir="{path}"') == 2
    assert "is not a path that this system can hold" in capsys.readouterr().err


def test_an_unwritable_directory_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Permission bits do not stop root, so the system's answer is given directly.
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert project.ownwords("rewrite") == 2
    assert "is not writable" in capsys.readouterr().err
    assert not project.output.exists()


def test_a_full_disk_is_seen_before_anything_is_written(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(project.folder)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert project.ownwords("rewrite") == 2
    assert "disk is full" in capsys.readouterr().err
    assert not project.output.exists()


def test_a_disk_that_fills_up_midway_is_one_message_and_the_run_can_go_on(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("ownwords.data.export.atomic", full)
        assert project.ownwords("rewrite") == 2
    said = capsys.readouterr().err
    assert "is full. Free some space and run the same command again." in said
    assert "Traceback" not in said
    assert not list(project.output.rglob("*.tmp"))
    assert project.ownwords("rewrite") == 0


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    def half(temporary: Path) -> None:
        temporary.write_text("half", encoding="utf-8")
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "x").write_text("old", encoding="utf-8")
    with pytest.raises(OSError, match="No space"):
        run_module.write_atomic(tmp_path / "x", half)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text(encoding="utf-8") == "old"


def test_init_does_not_overwrite_a_file_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.yaml"
    assert main(["init", "--preset", "chat", "-o", str(path)]) == 0
    path.write_text("mine", encoding="utf-8")
    assert main(["init", "--preset", "chat", "-o", str(path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "mine"
    assert main(["init", "--preset", "chta"]) == 2
    assert "Did you mean 'chat'" in capsys.readouterr().err


def test_a_key_that_stands_twice_is_refused(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    with project.recipe.open("a", encoding="utf-8") as file:
        file.write("\nseed: 1\nseed: 2\n")
    assert project.ownwords("rewrite") == 2
    assert "the key 'seed' stands twice" in capsys.readouterr().err
    assert not project.output.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["my #2", "2026-11-24", "20261124", "true", "a: b", "[x]"])
def test_a_run_directory_may_have_any_name(project: Project, name: str) -> None:
    assert project.ownwords("rewrite") == 0
    moved = project.folder / name
    project.output.rename(moved)
    assert main(["rewrite", str(moved)]) == 0
    assert not project.output.exists()


def test_a_damaged_journal_is_one_message_that_names_it(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.ownwords("rewrite") == 0
    journal = project.output / "journal.sqlite"
    journal.write_bytes(b"this is no database, whatever its name says" * 100)
    for verb in ("status", "gap"):
        assert project.ownwords(verb) == 1
        said = capsys.readouterr().err
        assert "journal.sqlite cannot be used" in said
        assert "Traceback" not in said


@pytest.mark.parametrize("content", ["[]", "7", '{"stages": []}', '{"stages": {"rewrite": 1}}', '{"stages": null}'])
def test_a_run_json_of_another_shape_is_one_message_that_names_it(
    project: Project, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    assert project.ownwords("rewrite") == 0
    (project.output / "run.json").write_text(content, encoding="utf-8")
    for verb in ("status", "rewrite", "report"):
        capsys.readouterr()
        assert project.ownwords(verb) == 1
        assert "run.json is not what ownwords writes there" in capsys.readouterr().err


def test_a_lost_product_is_made_again_from_the_journal(project: Project) -> None:
    assert project.ownwords("rewrite") == 0
    (project.output / "rewrite.json").unlink()
    assert project.ownwords("rewrite", "runtime.scripted.fail_share=1") == 0  # nothing is asked
    assert (project.output / "rewrite.json").is_file()


def test_a_run_that_lost_its_run_json_goes_on(project: Project) -> None:
    assert project.ownwords("rewrite") == 0
    (project.output / "run.json").unlink()
    assert project.ownwords("rewrite", "runtime.scripted.fail_share=1") == 0  # nothing is asked


def test_too_many_rows_without_an_answer_are_no_success_however_few_they_are(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ownwords("rewrite", "data.train.limit=6", "runtime.scripted.fail_share=1") == 1
    assert "6 of 6 rows have no answer" in capsys.readouterr().err


@pytest.mark.slow
def test_half_a_surrogate_pair_in_an_answer_or_a_verdict_does_no_harm(project: Project) -> None:
    code = project.folder / "odd.py"
    code.write_text(
        "from ownwords.records import Verdict\n"
        "def answer(request):\n    return 'a\\ud800b'\n"
        "def check(example, candidate):\n    return Verdict(False, 'r\\ud800', 'd\\ud800')\n",
        encoding="utf-8",
    )
    flags = ["--allow-code", f"runtime.scripted.function={code}:answer", f"rewrite.checks=['{code}:check']"]
    assert project.ownwords("rewrite", *flags) == 0
    assert project.ownwords("rewrite", *flags) == 0
