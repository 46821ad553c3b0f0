"""The straight path with a tiny real model: trained by TRL, evaluated by the transformers engine, reported."""

# pyright: basic
from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.pipeline.conftest import Project, contents, make_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Project:
    made = make_project(tmp_path_factory.mktemp("finished"), tiny_model)
    assert made.ownwords("run") == 0
    return made


@pytest.fixture
def finished(finished_once: Project, tmp_path: Path) -> Project:
    """A copy of a finished run, to do with as a test likes."""
    output = tmp_path / "run"
    shutil.copytree(finished_once.output, output)
    recipe = tmp_path / "recipe.yaml"
    values = yaml.safe_load(finished_once.recipe.read_text(encoding="utf-8"))
    recipe.write_text(yaml.safe_dump({**values, "output_dir": str(output)}), encoding="utf-8")
    return Project(finished_once.folder, recipe, output)


def test_everything_the_run_directory_promises_is_there(finished: Project) -> None:
    promised = [
        "recipe.yaml",
        "run.json",
        "journal.sqlite",
        "rewrite.json",
        "gap.json",
        "data/sdft/train.parquet",
        "data/sdft/README.md",
        "data/logprobs/gap.parquet",
        "arms/vanilla/seed42/adapter_model.safetensors",
        "arms/sdft/seed42/chat_template.jinja",
        "arms/sdft/seed42/tokenizer.json",
        "arms/sdft/seed42/training.json",
        "scores/gsm8k/seed.parquet",
        "scores/heldout_nll/sdft.parquet",
        "scores/summary.json",
        "report.html",
    ]
    assert [name for name in promised if not (finished.output / name).is_file()] == []
    assert {stage["status"] for stage in finished.stages().values()} == {"done"}


def test_no_pickle_and_nothing_temporary_is_left(finished: Project) -> None:
    names = [path.name for path in finished.output.rglob("*")]
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl", ".tmp"))]
    assert not [name for name in names if "checkpoint" in name]


def test_arms_differ_in_nothing_but_their_targets(finished: Project) -> None:
    """The scripted engine repeats references: both arms have equal targets, and so must end as equal adapters."""
    adapters = [
        (finished.output / "arms" / arm / "seed42" / "adapter_model.safetensors").read_bytes()
        for arm in ("vanilla", "sdft")
    ]
    assert adapters[0] == adapters[1]


def test_training_moved_the_model_and_the_scores_come_from_the_saved_arm(finished: Project) -> None:
    summary = json.loads((finished.output / "scores" / "summary.json").read_text(encoding="utf-8"))
    means = {(s["benchmark"], s["arm"]): s["mean"] for s in summary["scores"]}
    assert means["heldout_nll", "vanilla"] != means["heldout_nll", "seed"]
    assert {s["n"] for s in summary["scores"] if s["benchmark"] == "heldout_nll"} == {6}
    assert all(s["low"] <= s["mean"] <= s["high"] for s in summary["scores"])


def test_heldout_rows_are_never_training_rows(finished: Project) -> None:
    trained = set(pq.read_table(finished.output / "data" / "vanilla" / "train.parquet")["id"].to_pylist())
    tested = set(pq.read_table(finished.output / "scores" / "heldout_nll" / "seed.parquet")["item_id"].to_pylist())
    assert len(tested) == 6
    assert not trained & tested


def test_running_again_does_nothing(finished: Project) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.output.rglob("*.parquet")}
    stages = finished.stages()
    assert finished.ownwords("run") == 0
    assert {path: path.stat().st_mtime_ns for path in finished.output.rglob("*.parquet")} == before
    assert finished.stages() == stages


def test_another_benchmark_touches_neither_rewrites_nor_arms(finished: Project) -> None:
    stages = finished.stages()
    test_file = finished.folder / "test.jsonl"
    benchmarks = f"evaluate.benchmarks=[{{gsm8k: {{path: {test_file}}}}}, {{heldout_nll: {{limit: 6}}}}, generated]"
    assert finished.ownwords("run", benchmarks) == 2  # `generated` needs a generator, told before anything is done
    benchmarks = f"evaluate.benchmarks=[{{gsm8k: {{path: {test_file}, limit: 2}}}}, {{heldout_nll: {{limit: 6}}}}]"
    assert finished.ownwords("run", benchmarks, "--yes") == 0
    after = finished.stages()
    changed = {name for name in after if after[name] != stages.get(name)}
    assert changed == {"evaluate/gsm8k/seed", "evaluate/gsm8k/vanilla", "evaluate/gsm8k/sdft"}


def test_another_learning_rate_trains_and_evaluates_again_but_keeps_the_rewrites(
    finished: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = finished.stages()
    assert finished.ownwords("run", "tune.learning_rate=0.01") == 2
    assert "tune.learning_rate: 0.0001 → 0.01" in capsys.readouterr().err
    assert finished.stages() == stages
    assert finished.ownwords("run", "tune.learning_rate=0.01", "--yes") == 0
    after = finished.stages()
    assert after["rewrite"] == stages["rewrite"]
    assert after["targets"] == stages["targets"]
    assert after["gap"] == stages["gap"]
    assert after["tune/sdft"]["fingerprint"] != stages["tune/sdft"]["fingerprint"]


def test_the_gap_of_targets_equal_to_references_is_the_same(finished: Project) -> None:
    gap = json.loads((finished.output / "gap.json").read_text(encoding="utf-8"))
    groups = {group["name"]: group for group in gap["groups"]}
    assert groups["references"]["mean_nll"] == groups["final targets"]["mean_nll"] > 0
    assert gap["difference"]["mean"] == 0


def test_training_counts_what_it_supervises(finished: Project) -> None:
    facts = json.loads((finished.output / "arms" / "sdft" / "seed42" / "training.json").read_text(encoding="utf-8"))
    rows = pq.read_table(finished.output / "data" / "sdft" / "train.parquet").to_pylist()
    tail = "<|im_end|>\n"  # one token and one byte
    expected = sum(len(row["completion"][0]["content"].encode()) + 1 + len("\n") for row in rows)
    assert tail.endswith("\n")
    assert facts["supervised_tokens"] == expected
    assert facts["truncated_rows"] == facts["dropped_rows"] == 0
    assert facts["steps"] == len(facts["loss"]) == 2


def test_a_run_with_other_benchmarks_reports_those_although_nothing_is_to_do(
    finished: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    only = "evaluate.benchmarks=[{heldout_nll: {limit: 6}}]"
    capsys.readouterr()
    assert finished.ownwords("run", only) == 0
    assert "gsm8k" not in capsys.readouterr().out
    assert "gsm8k" not in (finished.output / "recipe.yaml").read_text(encoding="utf-8")
    assert '"gsm8k"' not in (finished.output / "scores" / "summary.json").read_text(encoding="utf-8")
    assert finished.ownwords("run") == 0
    assert "gsm8k" in capsys.readouterr().out


def test_status_says_which_keys_differ_from_the_runs(finished: Project, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert finished.ownwords("status", "tune.learning_rate=2e-4") == 0
    said = capsys.readouterr().out
    assert "tune.learning_rate: 0.0001 → 0.0002" in said
    assert "everything is done" not in said


def test_cards_say_where_the_targets_come_from(finished: Project) -> None:
    data = finished.output / "data"
    vanilla, sdft = ((data / arm / "README.md").read_text(encoding="utf-8") for arm in ("vanilla", "sdft"))
    assert "Targets of these rows: 12 from reference. The arm trains on the references" in vanilla
    assert "self-distillation" not in vanilla.partition("# Training rows")[0]
    assert "Targets of these rows: 12 from rewrite.\n" in sdft
    assert "self-distillation" in sdft.partition("# Training rows")[0]


def test_a_saved_adapter_names_its_model_as_the_recipe_does(finished: Project) -> None:
    name = yaml.safe_load(finished.recipe.read_text(encoding="utf-8"))["model"]["name_or_path"]
    path = finished.output / "arms" / "sdft" / "seed42" / "adapter_config.json"
    assert json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"] == name


@pytest.mark.parametrize(("prompt", "tokens"), [(" ", "4"), ("Hello", "0")])
def test_a_question_that_cannot_be_answered_is_refused(finished: Project, prompt: str, tokens: str) -> None:
    from ownwords.cli import main

    assert main(["ask", str(finished.output), prompt, "--max-tokens", tokens]) == 2


def test_ask_lets_every_arm_answer(finished: Project, capsys: pytest.CaptureFixture[str]) -> None:
    from ownwords.cli import main

    capsys.readouterr()
    assert main(["ask", str(finished.output), "What is 1 plus 1?", "--json", "--max-tokens", "4"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["seed", "vanilla", "sdft"]


def test_status_names_optional_benchmarks_that_nobody_was_asked(
    finished: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """What they need may be missing, which a run says once; or their turn comes yet."""
    assert finished.ownwords("status", "evaluate.benchmarks=[gsm8k, {arc_easy: {optional: true}}]") == 0
    assert "optional, evaluated where what they need is here: arc_easy\n" in capsys.readouterr().out
    assert finished.ownwords("status") == 0
    assert "optional," not in capsys.readouterr().out


def test_neither_a_recipe_nor_a_run_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ownwords.cli import main

    for verb, *rest in (["status"], ["explain", "3"]):
        assert main([verb, str(tmp_path / "none"), *rest]) == 2
        assert f"there is neither a recipe nor a run in {tmp_path / 'none'}" in capsys.readouterr().err


def test_status_says_that_everything_is_done(finished: Project, capsys: pytest.CaptureFixture[str]) -> None:
    from ownwords.cli import main

    capsys.readouterr()
    assert main(["status", str(finished.output)]) == 0
    text = capsys.readouterr().out
    assert "everything is done" in text
    assert "accepted" in text


def test_a_run_directory_can_be_moved(finished: Project) -> None:
    from ownwords.cli import main

    moved = finished.output.parent / "elsewhere"
    finished.output.rename(moved)
    assert main(["run", str(moved)]) == 0
    assert not finished.output.exists()


def test_ids_and_labels_equal_those_trl_makes_of_the_published_rows(project: Project, tmp_path: Path) -> None:
    from datasets import load_dataset
    from transformers import AutoTokenizer
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from ownwords.stages.supervision import read_training_rows, supervise

    assert project.ownwords("rewrite") == 0
    folder = project.output / "data" / "sdft"
    name = yaml.safe_load(project.recipe.read_text(encoding="utf-8"))["model"]["name_or_path"]
    tokenizer = AutoTokenizer.from_pretrained(name)
    ours = supervise(tokenizer, read_training_rows(folder / "train.parquet"), 512, "error").rows
    data = load_dataset("parquet", data_dir=str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    arguments = SFTConfig(output_dir=str(tmp_path / "trl"), use_cpu=True, bf16=False, report_to="none", max_length=512)
    trainer = SFTTrainer(model=name, args=arguments, train_dataset=data, processing_class=tokenizer)
    theirs = list(trainer.train_dataset)
    assert [row["input_ids"] for row in ours] == [row["input_ids"] for row in theirs]
    assert [row["labels"] for row in ours] == [row["labels"] for row in theirs]


def test_another_rewriting_prompt_keeps_vanilla_unless_rows_are_dropped(finished: Project) -> None:
    stages = finished.stages()
    assert finished.ownwords("run", "rewrite.prompt=chat/general", "--yes") == 0
    after = finished.stages()
    changed = {name for name in after if after[name] != stages[name]}
    assert changed == {"rewrite", "targets", "gap", "tune/sdft", "evaluate/gsm8k/sdft", "evaluate/heldout_nll/sdft"}
    assert finished.ownwords("run", "rewrite.prompt=chat/general", "rewrite.on_failure=drop") == 2


def test_two_uninterrupted_runs_of_the_real_engine_give_the_same_data(project: Project) -> None:
    keys = ["runtime.engine=transformers", "rewrite.sampling.max_tokens=24", "rewrite.checks=[not_empty]"]
    other = project.folder / "other"
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("rewrite", *keys, f"output_dir={other}") == 0
    first, second = (folder / "data" / "sdft" / "train.parquet" for folder in (project.output, other))
    assert first.read_bytes() == second.read_bytes()
    targets = [row["completion"][0]["content"] for row in pq.read_table(first).to_pylist()]
    assert len(set(targets)) > 6  # the tiny model's own nonsense, not the references


def made_by(project: Project, label: str, **changed: str) -> None:
    """As if another engine had made a variant's scores."""
    facts = project.output / "scores" / "gsm8k" / f"{label}.json"
    values = json.loads(facts.read_text(encoding="utf-8"))
    values["engine"] |= changed
    facts.write_text(json.dumps(values), encoding="utf-8")


def test_one_score_table_never_mixes_engines(finished: Project, capsys: pytest.CaptureFixture[str]) -> None:
    made_by(finished, "vanilla", dtype="float16")
    (finished.output / "scores" / "gsm8k" / "sdft.parquet").unlink()
    assert finished.ownwords("evaluate") == 2
    said = capsys.readouterr().err
    assert "the scores of vanilla on gsm8k come from another engine (dtype float16)" in said


def test_scores_that_are_all_made_anew_may_come_from_another_engine(finished: Project) -> None:
    made_by(finished, "vanilla", dtype="float16")
    keys = [f"evaluate.benchmarks=[{{gsm8k: {{path: {finished.folder / 'test.jsonl'}, limit: 3}}}}]", "--yes"]
    assert finished.ownwords("evaluate", *keys) == 0


def test_another_kind_of_engine_is_refused_before_anything_is_done_again(
    finished: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other targets, so other trainings and scores; those of the seed would stay."""
    made_by(finished, "seed", kind="vllm")
    before = contents(finished.output)
    assert finished.ownwords("run", "rewrite.sampling.max_tokens=23", "--yes") == 2
    assert "the scores of seed on gsm8k come from another engine (kind vllm)" in capsys.readouterr().err
    assert contents(finished.output) == before
    shutil.rmtree(finished.output / "scores" / "gsm8k")
    assert finished.ownwords("run", "rewrite.sampling.max_tokens=23", "--yes") == 0


@pytest.mark.parametrize("name", ["vanilla.json", "sdft.parquet"])
def test_a_damaged_score_file_is_one_message_that_names_it(
    finished: Project, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = finished.output / "scores" / "gsm8k"
    (folder / "seed.parquet").unlink()  # so that there is something to do
    damaged = folder / name
    whole = damaged.read_bytes()
    damaged.write_bytes(b"[]")
    assert finished.ownwords("evaluate", "--yes") == 1
    assert f"{name} is not what ownwords writes there" in capsys.readouterr().err
    damaged.write_bytes(whole)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("arms/sdft/seed42/training.json", content) for content in ("null", "[]", "{}", "5", '"x"', "[" * 100_000)),
        *(("scores/gsm8k/seed.json", content) for content in ("5", "{}", "[" * 100_000)),
        ("rewrite.json", "5"),
        ("rewrite.json", "[" * 100_000),
    ],
)
def test_a_file_of_a_run_that_was_damaged_by_hand_is_one_message(
    finished: Project, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    (finished.output / name).write_text(content, encoding="utf-8")
    verb = "status" if name == "rewrite.json" else "evaluate"
    assert finished.ownwords(verb) == 1
    told = capsys.readouterr().err
    assert Path(name).name in told
    assert "Traceback" not in told


@pytest.mark.parametrize("sanity", [5, {"x": 1}, [1]])
def test_shares_that_are_none_are_one_message(
    finished: Project, capsys: pytest.CaptureFixture[str], sanity: object
) -> None:
    path = finished.output / "scores/gsm8k/sdft.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**facts, "sanity": sanity}), encoding="utf-8")
    assert finished.ownwords("evaluate") == 1
    assert "sdft.json is not what ownwords writes there" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [float("inf"), float("nan"), "x", [1.0]])
def test_scores_that_are_no_numbers_are_one_message(
    finished: Project, capsys: pytest.CaptureFixture[str], wrong: object
) -> None:
    path = finished.output / "scores/gsm8k/sdft.parquet"
    table = pq.read_table(path)
    place = table.column_names.index("score")
    pq.write_table(table.set_column(place, "score", pa.array([wrong] * table.num_rows)), path)
    assert finished.ownwords("evaluate") == 1
    assert "sdft.parquet is not what ownwords writes there" in capsys.readouterr().err


def test_a_recipe_of_the_run_that_is_no_text_is_one_message(
    finished: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (finished.output / "recipe.yaml").write_bytes(b"\xff\xfe\x00")
    assert finished.ownwords("evaluate") == 1
    assert "recipe.yaml is not UTF-8 text" in capsys.readouterr().err
