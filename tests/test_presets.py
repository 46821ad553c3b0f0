"""The paper's presets: every one loads, names the paper's settings, and asks every benchmark in the paper's way."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ownwords import presets
from ownwords.benchmarks.base import find_benchmark
from ownwords.catalog import module_names
from ownwords.cli import main
from ownwords.prompts.render import load_layout, load_prompt
from ownwords.recipe import Recipe, build_recipe
from ownwords.report.unlike import TWO_PROMPTS
from ownwords.stages.evaluate import load_tasks

PAPER = [name for name in presets.names() if name.startswith("paper/") and name != "paper/mixing"]  # a study
EPOCHS = {
    **dict.fromkeys(("openfunctions", "openfunctions-using", "llama3-openfunctions"), 5),
    **dict.fromkeys(("gsm8k", "gsm8k-13b"), 5),
    "gsm8k-full": 1,
    **dict.fromkeys(("alpaca", "dolly", "lima", "magicoder", "openhermes"), 2),
}
ASKED = [
    *("gsm8k", "multiarith", "openfunctions", "humaneval", "advbench", "advbench_jailbreak", "mmlu", "truthfulqa"),
    *("arc_easy", "arc_challenge", "hellaswag", "winogrande", "heldout_nll", "similarity"),
]
#: Rows as the Hub has them, of the data that `make data` does not bring.
ON_THE_HUB: dict[str, Callable[[int], dict[str, str]]] = {
    "paper/magicoder": lambda n: {
        "problem": f"Add {n} to x.",
        "solution": f"```python\ndef add(x):\n    return x + {n}\n```",
    },
    "paper/openhermes": lambda n: {"instruction": f"Say {n}.", "input": "", "output": f"It is {n}."},
}
SMALL = ["model.name_or_path=bundled:smollm2-135m-instruct", "data.train.limit=20"]


def made(name: str) -> Recipe:
    return build_recipe(yaml.safe_load(presets.read(name)))


def test_every_experiment_of_the_paper_has_a_preset() -> None:
    assert {name.removeprefix("paper/") for name in PAPER} == set(EPOCHS)


@pytest.mark.parametrize("name", PAPER)
def test_settings_are_the_papers(name: str) -> None:
    recipe = made(name)
    tune = recipe.tune
    for sampling in (recipe.rewrite.sampling, recipe.evaluate.sampling):
        assert (sampling.temperature, sampling.top_p, sampling.top_k, sampling.max_tokens) == (0.95, 0.7, 50, 512)
    assert tune.num_train_epochs == EPOCHS[name.removeprefix("paper/")]
    full = name == "paper/gsm8k-full"
    assert (tune.learning_rate, tune.lr_scheduler_type, tune.max_length) == (1e-5 if full else 1e-4, "cosine", 1024)
    assert (tune.per_device_train_batch_size, tune.gradient_accumulation_steps) == (2, 8 if full else 4)
    assert tune.arm_names == ["vanilla", "sdft"]
    assert recipe.seed == 42
    if full:
        assert tune.lora is None
    else:
        assert tune.lora is not None
        assert (tune.lora.r, tune.lora.alpha, tune.lora.dropout) == (8, 16, 0.1)
        assert tune.lora.target_modules == ["q_proj", "v_proj"]


@pytest.mark.parametrize("name", PAPER)
def test_every_benchmark_is_asked_in_the_papers_layout(name: str) -> None:
    recipe = made(name)
    asked = {benchmark.name: benchmark for benchmark in recipe.evaluate.benchmarks}
    assert sorted(asked) == sorted(ASKED)
    llama3 = name == "paper/llama3-openfunctions"

    def layout(benchmark: str) -> str | None:
        return asked[benchmark].chat_template or recipe.tune.chat_template

    for benchmark in ("gsm8k", "multiarith"):
        assert layout(benchmark) == ("paper/llama3" if llama3 else "paper/gsm8k")
    for benchmark in ("openfunctions", "advbench", "advbench_jailbreak", "similarity"):
        assert layout(benchmark) == ("paper/llama3" if llama3 else "paper/alpaca")
    for benchmark in ("gsm8k", "multiarith", "openfunctions", "humaneval", "advbench", "advbench_jailbreak"):
        assert asked[benchmark].prompt == "paper"
    sampling = asked["humaneval"].sampling
    assert sampling is not None
    assert (sampling.temperature, sampling.max_tokens) == (0, 2048)


@pytest.mark.parametrize("name", PAPER)
def test_every_name_in_it_is_there(name: str) -> None:
    recipe = made(name)
    load_prompt(recipe.rewrite.prompt)
    layouts = [benchmark.chat_template for benchmark in recipe.evaluate.benchmarks]
    for layout in (recipe.rewrite.chat_template, recipe.tune.chat_template, *layouts):
        if layout is not None:
            load_layout(layout)
    missing = {b.name for b in recipe.evaluate.benchmarks} - set(module_names("ownwords.benchmarks"))
    assert not missing
    for benchmark in recipe.evaluate.benchmarks:
        assert find_benchmark(benchmark.name).name == benchmark.name


@pytest.mark.parametrize("name", PAPER)
def test_the_lines_to_enable_alpaca_eval_are_a_valid_recipe(name: str) -> None:
    """Without the comment sign, and with a judge, it is one more benchmark."""
    text = presets.read(name)
    assert text.count("# - alpaca_eval") == 1
    values: dict[str, Any] = yaml.safe_load(text.replace("# - alpaca_eval", "- alpaca_eval"))
    values["evaluate"]["judge"] = {"model": {"name_or_path": "judge"}}
    recipe = build_recipe(values)
    assert "alpaca_eval" in [benchmark.name for benchmark in recipe.evaluate.benchmarks]


@pytest.mark.parametrize("name", PAPER)
def test_optional_benchmarks_are_skipped_with_a_line_each_where_lm_eval_is_not_there(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", absent)
    recipe = made(name)
    optional = [benchmark for benchmark in recipe.evaluate.benchmarks if benchmark.optional]
    assert [(benchmark.name, benchmark.path) for benchmark in optional] == [
        ("mmlu", "lm-eval"),
        ("truthfulqa", "lm-eval"),
    ]
    evaluation = recipe.evaluate.model_copy(update={"benchmarks": optional})
    context: Any = SimpleNamespace(
        recipe=recipe.model_copy(update={"evaluate": evaluation}), train=(), heldout=lambda limit: []
    )
    assert load_tasks(context) == []
    told = capsys.readouterr().err
    for benchmark in ("mmlu", "truthfulqa"):
        line = f"skipped: benchmark {benchmark} with `path: lm-eval` needs lm-eval: pip install 'ownwords[eval]'"
        assert told.count(line) == 1


def test_the_two_rewriting_prompts_are_all_that_differs_between_the_ablations() -> None:
    one, other = (made(f"paper/{name}").model_dump() for name in ("openfunctions", "openfunctions-using"))
    assert (one["rewrite"].pop("prompt"), other["rewrite"].pop("prompt")) == ("paper/refer", "paper/using")
    assert one.pop("output_dir") != other.pop("output_dir")
    assert one == other


def validate(name: str, folder: Path, *overrides: str) -> int:
    path = folder / "recipe.yaml"
    path.write_text(presets.read(name), encoding="utf-8")
    rest = [*SMALL, f"output_dir={folder / 'run'}", "runtime.engine=transformers", *overrides, "--probe", "0"]
    return main(["validate", "--json", str(path), *rest])


@pytest.mark.parametrize("name", [name for name in presets.names() if name.startswith("paper/")])
@pytest.mark.slow
def test_presets_validate_with_the_bundled_model(
    name: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OWNWORDS_DATA", str(shared_data))
    overrides = []
    if name in ON_THE_HUB:
        rows = tmp_path / "rows.jsonl"
        rows.write_text("".join(json.dumps(ON_THE_HUB[name](n)) + "\n" for n in range(300)), encoding="utf-8")
        overrides = [f"data.train.path={rows}", "data.train.split=null"]
    assert validate(name, tmp_path, *overrides) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["data"]["train"]["rows"] == 20
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ON_THE_HUB)
def test_training_data_that_cannot_be_had_is_one_clear_message(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(name, tmp_path) == 2
    told = capsys.readouterr().err
    assert made(name).data.train.path in told
    assert "the Hugging Face Hub cannot be reached" in told
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", [name for name in presets.names() if name.startswith("paper/")])
def test_what_the_paper_asks_in_its_own_way_is_asked_so(name: str) -> None:
    asked = {one.name: one.prompt for one in made(name).evaluate.benchmarks if one.name in TWO_PROMPTS}
    assert set(asked.values()) == {"paper"}, asked


def test_every_preset_has_a_summary_of_its_own_on_one_line() -> None:
    summaries = [presets.summary(name) for name in presets.names()]
    assert all(20 < len(summary) <= 120 for summary in summaries)
    assert len(set(summaries)) == len(summaries)
