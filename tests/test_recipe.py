"""The recipe: what it refuses, what it says, what overrides do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ownwords import presets
from ownwords.errors import RecipeError
from ownwords.recipe import Recipe, build_recipe, dump_recipe, load_recipe

MINIMAL: dict[str, Any] = {
    "model": {"name_or_path": "m"},
    "data": {"train": {"path": "rows.jsonl"}},
    "output_dir": "runs/x",
}


def recipe(*overrides: str, **sections: Any) -> Recipe:
    values = {key: dict(value) if isinstance(value, dict) else value for key, value in MINIMAL.items()}
    return build_recipe({**values, **sections}, overrides)


def test_defaults_are_the_papers() -> None:
    made = recipe()
    assert made.tune.lora.model_dump() == {
        "r": 8,
        "alpha": 16,
        "dropout": 0.1,
        "target_modules": ["q_proj", "v_proj"],
        "use_rslora": False,
        "use_dora": False,
    }
    sampling = made.rewrite.sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k, sampling.max_tokens) == (0.95, 0.7, 50, 512)
    assert (made.tune.learning_rate, made.tune.lr_scheduler_type, made.tune.max_length) == (1e-4, "cosine", 1024)
    assert (made.tune.per_device_train_batch_size, made.tune.gradient_accumulation_steps) == (2, 4)
    assert made.evaluate.sampling.temperature == 0
    assert made.seed == 42


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tune.lerning_rate=1", "tune.lerning_rate: there is no key of tune named 'lerning_rate'. Did you mean"),
        ("tune.lora.aplha=1", "Did you mean 'alpha'?"),
        ("modle=1", "there is no key named 'modle'. Did you mean 'model'"),
        ("seed=-1", "seed: Input should be greater than or equal to 0 (got -1)."),
        ("rewrite.on_failure=never", "rewrite.on_failure: Input should be 'fallback', 'drop' or 'retry'"),
        ("data.train.limit=0", "data.train.limit: Input should be greater than 0"),
        ("data.train.generator=chain_sum", "give exactly one of `path` and `generator`"),
        ("tune.lora=3", "tune.lora: Input should be a valid dictionary"),
        ("rewrite.sampling.top_p=0", "rewrite.sampling.top_p"),
        ("evaluate.benchmarks=[{gsm8k: {limt: 3}}]", "Did you mean 'limit'"),
        ("evaluate.benchmarks=[{gsm8k: {path: ''}}]", "benchmarks.0.path: String should have at least 1 character"),
        ("tune.chat_template=''", "tune.chat_template: String should have at least 1 character"),
        ("evaluate.benchmarks=[{gsm8k: {limit: yes}}]", "limit: a number is wanted (got True)"),
        ("tune.learning_rate=off", "tune.learning_rate: a number is wanted (got False)"),
        ("nonsense", "'nonsense' is not of the form key=value"),
        ("=3", "is not of the form key=value"),
        ("tune.arms=[{vanilla: null, sdft: null}]", "tune.arms.0: an entry is a name, or one name with its settings"),
        ("tune.arms=[{half: sdft}]", "tune.arms.0: an entry is a name, or one name with its settings"),
        ("evaluate.benchmarks=[{gsm8k: null, limit: 9}]", "evaluate.benchmarks.0: an entry is a name, or one name"),
        ("tune.learning_rate=[", "is not valid YAML"),
        ("tune.lora={r: 4, r: 8}", "is not valid YAML"),
        ("model.name_or_path.x=3", "cannot set"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_place(override: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe(override)
    assert message in str(caught.value)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        recipe("seed=-1", "tune.lora.r=0", "whatever=1")
    assert str(caught.value).count("\n") == 3


@pytest.mark.parametrize("missing", ["model", "data", "output_dir"])
def test_the_three_required_keys_are_required(missing: str) -> None:
    with pytest.raises(RecipeError, match=f"{missing}: this key is required"):
        build_recipe({key: value for key, value in MINIMAL.items() if key != missing})


def test_on_is_a_key_without_quotes_though_yaml_takes_it_for_true(tmp_path: Path) -> None:
    arms = "[{anchor: {of: vanilla, kl: {on: target, weight: 0.5}}}]"
    path = tmp_path / "r.yaml"
    path.write_text(f"{yaml.safe_dump(MINIMAL)}tune: {{arms: {arms}}}\n", encoding="utf-8")
    for made in (load_recipe(path), recipe(f"tune.arms={arms}")):
        assert made.tune.arms[0].changes == {"kl": {"on": "target", "weight": 0.5}}
        assert load_recipe(written(tmp_path, made)) == made


def written(folder: Path, made: Recipe) -> Path:
    path = folder / "written.yaml"
    path.write_text(dump_recipe(made), encoding="utf-8")
    return path


def test_overrides_win_over_the_file_and_accept_dashes(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({**MINIMAL, "tune": {"learning_rate": 0.5}}), encoding="utf-8")
    made = load_recipe(path, ["tune.learning-rate=1e-4", "rewrite.sampling.temperature=0.7", "tune.arms=[sdft]"])
    assert made.tune.learning_rate == 1e-4
    assert made.rewrite.sampling.temperature == 0.7
    assert made.rewrite.sampling.top_p == 0.7  # the rest of the section keeps its defaults
    assert made.tune.arm_names == ["sdft"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not valid YAML"),
        ("- 1", "must hold keys such as `model:`"),
        ("", "must hold keys"),
        ("!!python/object/apply:os.system ['true']", "is not valid YAML"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RecipeError, match=message):
        load_recipe(path)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="ownwords init"):
        load_recipe(tmp_path / "none.yaml")


def test_checks_and_benchmarks_take_a_name_or_a_name_with_settings() -> None:
    made = recipe(
        rewrite={"checks": ["finished", {"length_ratio": {"maximum": 3}}]},
        evaluate={"benchmarks": ["advbench", {"gsm8k": {"limit": 5}}]},
    )
    assert [(c.name, c.params) for c in made.rewrite.checks] == [("finished", {}), ("length_ratio", {"maximum": 3})]
    assert [(b.name, b.limit) for b in made.evaluate.benchmarks] == [("advbench", None), ("gsm8k", 5)]


@pytest.mark.slow
@pytest.mark.parametrize("name", presets.names())
def test_every_preset_is_a_valid_recipe_and_survives_a_dump(name: str) -> None:
    made = build_recipe(yaml.safe_load(presets.read(name)))
    assert build_recipe(yaml.safe_load(dump_recipe(made))) == made


def test_the_presets_asked_for_are_there() -> None:
    wanted = {"quickstart", "chat", "math", "tools", "paper/gsm8k", "paper/openfunctions", "paper/alpaca"}
    wanted |= {"paper/mixing"}
    assert wanted <= set(presets.names())


@pytest.mark.slow
@given(
    rate=st.floats(1e-8, 1, allow_nan=False),
    temperature=st.floats(0, 5),
    top_k=st.integers(0, 10**6),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_dump_of_any_recipe_loads_to_the_same(rate: float, temperature: float, top_k: int, seed: int) -> None:
    made = recipe(
        f"tune.learning_rate={rate!r}",
        f"rewrite.sampling.temperature={temperature!r}",
        f"rewrite.sampling.top_k={top_k}",
        f"seed={seed}",
    )
    assert made.tune.learning_rate == rate
    assert build_recipe(yaml.safe_load(dump_recipe(made))) == made


def test_the_published_schema_is_the_recipes() -> None:
    """`ownwords init --schema > docs/recipe.schema.json` writes it anew."""
    published = Path(__file__).parent.parent / "docs" / "recipe.schema.json"
    assert published.read_text(encoding="utf-8") == presets.schema()


@pytest.mark.parametrize("path", sorted((Path(__file__).parent.parent / "docs" / "recipes").glob("*.yaml")), ids=str)
def test_every_recipe_of_the_docs_is_valid(path: Path) -> None:
    assert load_recipe(path).output_dir.startswith("runs/")


def test_a_key_of_a_section_around_it_is_named() -> None:
    given = {"model": {"name_or_path": "m"}, "data": {"train": {"path": "d", "on_bad_row": "skip"}}, "output_dir": "o"}
    with pytest.raises(RecipeError, match=r"data\.train\.on_bad_row: there is no key .* There is data\.on_bad_row\.$"):
        build_recipe(given)
