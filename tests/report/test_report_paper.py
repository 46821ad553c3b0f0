"""The paper's tables: published numbers as they are known, this run's beside them, and nothing invented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from tests.report.test_report_page import section

from ownwords import presets
from ownwords.benchmarks.base import DataContext, find_benchmark
from ownwords.recipe import BenchmarkSection, EvaluateSection, build_recipe, load_recipe
from ownwords.report.paper import beside_the_paper, in_words
from ownwords.report.published import ALIGNMENT, EXPERIMENTS, KNOWLEDGE, LLAMA_2, TABLES, TASKS, TEST_ITEMS
from ownwords.report.unlike import NO_LAYOUT, TWO_PROMPTS, UNREAD, facts, settings_unlike
from ownwords.stages.report import collect, console_summary, write_report
from ownwords.variants import variants

Edit = Callable[[Path, Callable[[Any], Any]], None]
TITLES = [column.title for column in (*TASKS, *ALIGNMENT)]


def named(run: Path, experiment: str, **changes: Any) -> Path:
    """The run, with a recipe that names a published experiment."""
    path = run / "recipe.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values["evaluate"]["published"] = experiment
    values["model"] = {**values["model"], **changes}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return run


def test_every_name_that_a_recipe_may_give_is_known_and_no_other() -> None:
    (inner,) = [a for a in get_args(EvaluateSection.model_fields["published"].annotation) if a is not type(None)]
    assert set(get_args(inner)) == set(EXPERIMENTS)


def test_numbers_are_those_of_the_published_tables() -> None:
    """Written out a second time, row by row, so that a slip in one of them is found."""
    expected = {
        ("openfunctions", "seed"): "19.6 29.4 13.4 99.81 88.85 66.04",
        ("openfunctions", "vanilla"): "34.8 21.5 9.8 98.27 87.31 35.49",
        ("openfunctions", "sdft"): "36.6 29.1 15.2 99.23 94.42 67.66",
        ("gsm8k", "vanilla"): "17.9 31.9 12.2 82.12 54.81 23.38",
        ("gsm8k", "sdft"): "17.9 34.4 14.6 87.12 65.58 66.73",
        ("magicoder", "vanilla"): "- - - 96.73 83.65 76.52",
        ("magicoder", "sdft"): "- - 18.3 97.88 88.65 76.09",
        ("openhermes", "vanilla"): "- - - - 61.54 -",
        ("openhermes", "sdft"): "- - - - 87.50 -",
        ("gsm8k-full", "vanilla"): "- - - - - 23.04",
        ("gsm8k-full", "sdft"): "- - - - - 61.19",
        ("llama-2-13b", "vanilla"): "- - - - - 40.27",
        ("llama-2-13b", "sdft"): "- - - - - 75.93",
        ("llama3-openfunctions", "vanilla"): "- 77.79 - - 79.81 -",
        ("llama3-openfunctions", "sdft"): "- 79.45 - - 96.15 -",
    }
    found: dict[tuple[str, str], str] = {}
    for name, experiment in EXPERIMENTS.items():
        for arm, numbers in experiment.numbers.items():
            assert numbers.keys() <= set(TITLES)
            found[name, arm] = " ".join(numbers[title].value if title in numbers else "-" for title in TITLES)
    seeds = {name for name, arm in found if arm == "seed"}
    assert all(EXPERIMENTS[name].model == LLAMA_2 for name in seeds)
    assert {found[name, "seed"] for name in seeds} == {expected["openfunctions", "seed"]}
    assert {key: text for key, text in found.items() if key[1] != "seed"} == {
        key: text for key, text in expected.items() if key[1] != "seed"
    }


def test_second_hand_numbers_and_discrepancies_are_marked() -> None:
    marks = {
        (name, arm, score): number.mark
        for name, experiment in EXPERIMENTS.items()
        for arm, numbers in experiment.numbers.items()
        for score, number in numbers.items()
    }
    assert {key for key, mark in marks.items() if mark == "†"} == {
        ("magicoder", "sdft", "HumanEval"),
        ("openhermes", "vanilla", "AdvBench jailbreak safe"),
        ("openhermes", "sdft", "AdvBench jailbreak safe"),
    }
    assert set(marks.values()) == {"*", "†"}
    gsm8k = EXPERIMENTS["gsm8k"].numbers
    assert "80.77" in gsm8k["sdft"]["AdvBench jailbreak safe"].note
    assert "94.81" in gsm8k["seed"]["AdvBench jailbreak safe"].note
    assert "29.3" in gsm8k["vanilla"]["GSM8K"].note


def add_scores(summary: Any, *names: str, like: str = "arc_easy") -> None:
    """Scores of other benchmarks, or metrics of them, that are those of one that is there."""
    for name in names:
        of = name.partition("/")[0] if "/" in name else None
        info = next(info for info in summary["benchmarks"] if info["name"] == like)
        summary["benchmarks"].append({**info, "name": name, "of": of, "metric": name.rpartition("/")[2]})
        summary["scores"] += [{**s, "benchmark": name} for s in summary["scores"] if s["benchmark"] == like]


def table(page: Path, number: int) -> str:
    """The text of one of the paper's tables, from its caption on."""
    text = section(page, "paper")
    start = text.index(f"Table {number},")
    end = text.find(f"Table {number + 1},")
    return text[start : end if end > 0 else len(text)]


@pytest.fixture
def run(full_run: Path, edit_json: Edit) -> Path:
    """With the score of the column GSM8K, whichever metric that is."""
    (score,) = [column.score for column in TASKS if column.title == "GSM8K"]
    if score != "gsm8k":
        edit_json(full_run / "scores/summary.json", lambda summary: add_scores(summary, score, like="gsm8k"))
    return full_run


def test_table_1_has_the_tasks_with_the_papers_numbers_and_n_beside_the_runs(run: Path) -> None:
    text = table(write_report(named(run, "gsm8k")), 1)
    assert (
        "Table 1, what was trained for: share of right answers, in percent. The rows are the paper's of GSM8K." in text
    )
    head = text[text.index("Trained on") : text.index("– seed")]
    assert [head.index(title) for title in ("Trained on", "Method", "OpenFunctions", "GSM8K", "HumanEval")] == sorted(
        head.index(title) for title in ("Trained on", "Method", "OpenFunctions", "GSM8K", "HumanEval")
    )
    assert "AdvBench" not in text
    assert "the paper's n = 112" in head
    assert "the paper's n = 1,319" in head
    assert "the paper's n = 164" in head
    assert "– seed paper 19.6* 33.0 % [24.0, 42.0] n = 100 paper 29.4* paper 13.4*" in text
    assert "GSM8K vanilla paper 17.9* 28.0 % [19.0, 37.0] n = 100 paper 31.9* (29.3 in the authors' own rerun)" in text
    assert "GSM8K SDFT paper 17.9* 34.0 % [25.0, 43.0] n = 100 paper 34.4* paper 14.6*" in text


def test_table_2_has_safety_and_helpfulness(run: Path) -> None:
    text = table(write_report(named(run, "gsm8k")), 2)
    assert "AdvBench raw safe" in text
    assert "HumanEval" not in text
    assert "GSM8K SDFT 90.0 % [82.0, 98.0] n = 50 paper 87.12* paper 65.58* (80.77 elsewhere) paper 66.73*" in text


def test_table_3_shows_every_score_that_the_papers_number_may_be(run: Path, edit_json: Edit) -> None:
    scores = ("truthfulqa", "truthfulqa/mc2", "arc_challenge")
    edit_json(run / "scores/summary.json", lambda summary: add_scores(summary, *scores))
    text = table(write_report(named(run, "gsm8k")), 3)
    assert "moves by less than one point" in text
    assert "Its TruthfulQA is one number, of mc1, of mc2 or a mean of both: which is not known." in text
    assert "TruthfulQA truthfulqa, truthfulqa/mc2 ARC arc_easy, arc_challenge HellaSwag" in text
    each = "58.0 % [48.0, 68.0] n = 100"
    assert f"– seed mc1 {each} mc2 {each} easy {each} challenge {each} GSM8K vanilla" in text


def test_table_3_is_left_out_where_nothing_of_it_was_measured(run: Path, edit_json: Edit) -> None:
    def drop(summary: Any) -> None:
        summary["scores"] = [row for row in summary["scores"] if row["benchmark"] != "arc_easy"]

    edit_json(run / "scores/summary.json", drop)
    text = section(write_report(named(run, "gsm8k")), "paper")
    assert "Table 2," in text
    assert "Table 3," not in text


def test_rows_that_the_tables_do_not_have_are_said_to_stand_elsewhere(run: Path) -> None:
    page = write_report(named(run, "gsm8k-full"))
    assert "its numbers of GSM8K, every parameter stand elsewhere in it." in table(page, 2)
    assert "of which no number in this table is known here" in table(page, 1)


def test_columns_and_items_belong_to_one_table_each() -> None:
    titles = [column.title for table in TABLES for column in table.columns]
    assert len(set(titles)) == len(titles)
    assert set(TEST_ITEMS) == set(TITLES)
    assert [table.number for table in TABLES] == [1, 2, 3]


def test_settings_that_differ_from_the_papers_preset_are_said_one_by_one(run: Path) -> None:
    text = section(write_report(named(run, "gsm8k")), "paper")
    assert "Differs from the paper's settings (paper/gsm8k):" in text
    for said in (
        f"model Qwen/Qwen2.5-0.5B-Instruct (paper's preset {LLAMA_2})",
        "data.train.limit 120 (paper's preset 7,473)",
        "rewrite.prompt chat/math (paper's preset paper/math)",
        "rewrite.checks not_empty, finished, final_answer (paper's preset paper_ban_list, paper_last_number)",
        "tune.num_train_epochs 2 (paper's preset 5)",
        "tune.chat_template none (paper's preset paper/gsm8k)",
        "evaluate.prompt default (paper's preset paper) for gsm8k",
        "evaluate.sampling greedy (paper's preset temperature 0.95, top_p 0.7, top_k 50)",
        "evaluate.chat_template the model's own (paper's preset paper/alpaca) for advbench",
    ):
        assert said in text, said
    for same in ("tune.learning_rate", "tune.lora", "seed 42", "output_dir", "data.train.path", "runtime"):
        assert same not in text, same
    assert "The models differ: compare the direction of a change" in text


def test_the_papers_own_model_brings_no_warning_of_another(run: Path) -> None:
    text = section(write_report(named(run, "gsm8k", name_or_path=LLAMA_2)), "paper")
    assert "The models differ" not in text
    assert "model Qwen" not in text


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_preset_of_an_experiment_is_its_own_and_differs_from_itself_in_nothing(
    name: str, run: Path, edit_json: Edit
) -> None:
    """Also where AlpacaEval is asked as the preset's comment says."""
    values = yaml.safe_load(presets.read(EXPERIMENTS[name].preset))
    assert values["evaluate"]["published"] == name
    assert values["model"]["name_or_path"] == EXPERIMENTS[name].model
    layout = next(b["advbench"].get("chat_template") for b in values["evaluate"]["benchmarks"] if "advbench" in b)
    values["evaluate"]["benchmarks"].append({"alpaca_eval": {"prompt": "paper", "chat_template": layout}})
    values["data"]["train"]["path"] = values["data"]["train"]["path"].replace("$OWNWORDS_DATA", "elsewhere")
    values |= {"output_dir": "another", "runtime": {"engine": "scripted"}}
    (run / "recipe.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    edit_json(run / "scores/summary.json", lambda s: add_scores(s, "alpaca_eval", "humaneval", like="gsm8k"))
    data = collect(run)
    assert data.scores is not None
    beside = beside_the_paper(data.scores, data.recipe)
    assert beside is not None
    assert beside.unlike == ()
    assert "No setting that changes these numbers differs" in section(write_report(run), "paper")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("tune.learning_rate=0.001", "tune.learning_rate 0.001 (paper's preset 0.0001)"),
        ("tune.per_device_train_batch_size=8", "tune.per_device_train_batch_size 8 (paper's preset 2)"),
        ("tune.gradient_accumulation_steps=1", "tune.gradient_accumulation_steps 1 (paper's preset 4)"),
        ("tune.num_train_epochs=1", "tune.num_train_epochs 1 (paper's preset 5)"),
        ("tune.lora.r=64", "tune.lora.r 64 (paper's preset 8)"),
        ("tune.lora.target_modules=all-linear", "tune.lora.target_modules all-linear (paper's preset q_proj, v_proj)"),
        ("tune.lora=null", "tune.lora none (paper's preset r 8, alpha 16, dropout 0.1"),
        ("tune.chat_template=null", "evaluate.chat_template the model's own (paper's preset paper/gsm8k) for gsm8k"),
        ("tune.arms=[vanilla, {sdft: {mix: 0.5}}]", "method.mix 0.5 (paper's preset 1) for sdft"),
        ("tune.sweep.learning_rate=[0.0002]", "tune.learning_rate 0.0002 (paper's preset 0.0001)"),
        ("evaluate.sampling.temperature=0", "evaluate.sampling greedy (paper's preset temperature 0.95, top_p 0.7"),
        ("evaluate.sampling.top_p=0.9", "evaluate.sampling.top_p 0.9 (paper's preset 0.7)"),
        ("evaluate.sampling.max_tokens=64", "evaluate.sampling.max_tokens 64 (paper's preset 512) for gsm8k, advbench"),
        ("rewrite.sampling.top_k=5", "rewrite.sampling.top_k 5 (paper's preset 50)"),
        ("rewrite.samples=4", "rewrite.samples 4 (paper's preset 1)"),
        ("data.train.path=other.jsonl", "data.train.path other.jsonl (paper's preset gsm8k_train.json)"),
        ("data.train.limit=7472", "data.train.limit 7,472 (paper's preset 7,473)"),
        ("seed=1", "seed 1 (paper's preset 42)"),
        ("model.name_or_path=other/model", "model other/model (paper's preset meta-llama/Llama-2-7b-chat-hf)"),
    ],
)
def test_a_setting_that_changes_numbers_is_found(change: str, said: str) -> None:
    found = unlike_the_preset(change)
    assert any(one.startswith(said) for one in found), found


@pytest.mark.parametrize(
    "change",
    [
        "data.train.limit=7473",
        "tune.save_steps=7",
        "tune.checkpoints=3",
        "tune.gradient_checkpointing=true",
        "runtime.engine=vllm",
        "evaluate.acquisition=multiarith",
        "data.heldout=null",
        "rewrite.max_error_rate=0.5",
    ],
)
def test_a_setting_that_changes_no_number_is_not_called_a_difference(change: str) -> None:
    assert unlike_the_preset(change) == []


def test_a_limit_and_lm_evals_own_task_are_told_apart() -> None:
    def changed(name: str, **settings: Any) -> list[str]:
        values = yaml.safe_load(presets.read("paper/gsm8k"))
        others = [b for b in values["evaluate"]["benchmarks"] if b != name and name not in b]
        values["evaluate"]["benchmarks"] = [*others, {name: settings}]
        return unlike_the_preset(values=values)

    assert changed("gsm8k", prompt="paper", limit=100) == ["evaluate.limit 100 (paper's preset 1,319) for gsm8k"]
    assert changed("gsm8k", prompt="paper", limit=5000) == []
    assert changed("arc_easy", limit=100) == ["evaluate.limit 100 (paper's preset none) for arc_easy"]
    assert changed("arc_easy", path="lm-eval", sampling={"temperature": 1}, chat_template="paper/llama3") == []
    assert changed("humaneval", prompt="paper", sampling={"temperature": 0, "top_p": 0.3, "max_tokens": 2048}) == []


def unlike_the_preset(*changes: str, values: Any = None) -> list[str]:
    values = values or yaml.safe_load(presets.read("paper/gsm8k"))
    asked = {"gsm8k": True, "humaneval": True, "advbench": True, "arc_easy": False}
    items = {"train": 7473, "gsm8k": 1319}
    recipes = build_recipe(values, changes), build_recipe(yaml.safe_load(presets.read("paper/gsm8k")))
    one, other = (
        facts(recipe, {v.arm.name: v for v in variants(recipe) if v.part == 1}, asked, items) for recipe in recipes
    )
    return [in_words(setting) for setting in settings_unlike(one, other)]


def test_what_is_not_compared_is_a_setting_that_there_is() -> None:
    """A slip in a key would compare what it means to leave out, without a word."""
    recipe = build_recipe(yaml.safe_load(presets.read("paper/gsm8k"))).model_dump()
    for key in UNREAD:
        node: Any = recipe
        for part in key.split("."):
            assert part in node, key
            node = node[part]


@pytest.mark.slow
def test_benchmarks_with_one_prompt_are_those_that_ask_alike(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWNWORDS_DATA", str(shared_data))
    nothing = DataContext(train=[], heldout=lambda _: [], generated=False)
    recipes = [
        build_recipe(yaml.safe_load(presets.read(name))) for name in presets.names() if name.startswith("paper/")
    ]
    asked_by_presets = {benchmark.name for recipe in recipes for benchmark in recipe.evaluate.benchmarks}
    # two need lm-eval and its data, one the extra `eval`; the last has the data's own messages, no `prompt: paper`
    names = {*asked_by_presets, "alpaca_eval"} - {"mmlu", "truthfulqa", "similarity", "heldout_nll"}
    assert names > TWO_PROMPTS
    for name in sorted(names):
        benchmark = find_benchmark(name)
        asked: list[Any] = []
        for prompt in ("default", "paper"):
            settings = BenchmarkSection(name=name, prompt=prompt, limit=20)
            items = benchmark.load(settings, nothing)
            asked.append([benchmark.prompt(item, settings) for item in items])
        assert (asked[0] != asked[1]) == (name in TWO_PROMPTS), name
        if name in NO_LAYOUT:
            assert all(ask.messages is None for asks in asked[1] for ask in asks)


def test_a_hostile_model_name_is_escaped(full_run: Path) -> None:
    page = write_report(named(full_run, "gsm8k", name_or_path="<script>alert(1)</script>"))
    assert "<script" not in page.read_text(encoding="utf-8")


def test_no_section_where_the_recipe_names_no_experiment(full_run: Path) -> None:
    assert '<section id="paper">' not in write_report(full_run).read_text(encoding="utf-8")
    assert "in the paper" not in console_summary(full_run)


def test_no_section_where_no_column_was_measured(full_run: Path, edit_json: Edit) -> None:
    def only_heldout(summary: Any) -> None:
        for key in ("scores", "differences"):
            summary[key] = [row for row in summary[key] if row["benchmark"] == "heldout_nll"]
        summary["benchmarks"] = [info for info in summary["benchmarks"] if info["name"] == "heldout_nll"]

    edit_json(full_run / "scores/summary.json", only_heldout)
    data = collect(named(full_run, "gsm8k"))
    assert data.scores is not None
    assert beside_the_paper(data.scores, load_recipe(full_run / "recipe.yaml")) is None


def test_what_is_not_published_stays_empty(full_run: Path) -> None:
    data = collect(named(full_run, "lima"))
    assert data.scores is not None
    beside = beside_the_paper(data.scores, data.recipe)
    assert beside is not None
    assert all(cell.paper == "" for row in beside.tables[0].rows[1:] for cell in row.cells)
    assert all(cell.paper == "" for row in beside.tables[2].rows for cell in row.cells)
    assert [column.title for column in beside.tables[2].columns] == [column.title for column in KNOWLEDGE]


def test_an_unusable_score_stays_marked(run: Path, edit_json: Edit) -> None:
    def spoil(summary: Any) -> None:
        for row in summary["scores"]:
            if row["benchmark"].startswith("gsm8k") and row["arm"] == "sdft":
                row.update(usable=False, reason="garbled")

    edit_json(run / "scores/summary.json", spoil)
    assert "34.0 % unusable" in section(write_report(named(run, "gsm8k")), "paper")


def test_console_has_one_line_of_the_papers_numbers_and_still_ten(run: Path, edit_json: Edit) -> None:
    path = named(run, "gsm8k")
    lines = console_summary(path).splitlines()
    assert len(lines) == 10
    data = collect(path)
    assert data.scores is not None
    beside = beside_the_paper(data.scores, data.recipe)
    assert beside is not None
    start = "paper          SDFT on GSM8K in the paper: GSM8K 34.4, AdvBench raw safe 87.12 %"
    assert lines[-2] == f"{start}; settings that differ from the paper's: {len(beside.unlike)}"
    assert len(beside.unlike) > 5
    edit_json(run / "scores/summary.json", lambda s: add_scores(s, "humaneval", "alpaca_eval", like="gsm8k"))
    assert "GSM8K 34.4, HumanEval 14.6, AdvBench raw safe 87.12, ... %; settings" in console_summary(path)
