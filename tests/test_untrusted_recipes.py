"""Recipes from strangers: whatever is in them, only our own errors come out, and soon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ownwords.errors import RecipeError
from ownwords.recipe import Recipe, build_recipe, load_recipe

SMALL = """\
model: {name_or_path: m}
data: {train: {path: rows.jsonl, limit: 3}}
tune:
  learning_rate: 1e-4
  arms: [vanilla]
evaluate:
  benchmarks: [gsm8k, {arc_easy: {limit: 2}}]
output_dir: runs/x
"""

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
)

#: (name, text of the recipe, a part of the message)
RECIPES: list[tuple[str, bytes, str]] = [
    ("empty", b"", "must hold keys"),
    ("a_list", b"- a\n- b\n", "must hold keys"),
    ("tabs", b"model:\n\tname_or_path: m\n", "never with tabs"),
    ("not_closed", b"model: {name_or_path: m\n", "not valid YAML"),
    ("utf_16", SMALL.encode("utf-16"), "not UTF-8"),
    ("latin_1", SMALL.replace("runs/x", "runs/é").encode("latin-1"), "not UTF-8"),
    ("nul", SMALL.replace("runs/x", "runs\0").encode(), "not valid YAML"),
    ("python_tag", b"model: !!python/object/apply:os.system [ls]\n", "not valid YAML"),
    ("unknown_alias", b"model: *m\n", "undefined alias"),
    ("alias_bomb", f"{SMALL}{BOMB}\n".encode(), "stands for"),
    ("alias_bomb_in_an_open_section", f"{SMALL}rewrite: {{checks: [{{x: {{a: &b [1], c: *b}}}}]}}\n".encode(), ""),
    ("value_that_holds_itself", f"{SMALL}rewrite: &r {{checks: [*r]}}\n".encode(), "holds itself"),
    ("nested_too_deeply", b"model: " + b"[" * 5000 + b"]" * 5000, ""),
    ("key_twice", f"{SMALL}seed: 1\nseed: 2\n".encode(), "stands twice"),
    ("number_for_a_name", SMALL.replace("name_or_path: m", "name_or_path: 7").encode(), "name_or_path"),
    ("words_for_a_number", SMALL.replace("limit: 3", "limit: three").encode(), "data.train.limit"),
    ("date_for_a_name", SMALL.replace("runs/x", "2026-11-24").encode(), "output_dir"),
    ("yes_for_a_number", f"{SMALL}seed: [yes]\n".encode(), "seed"),
    ("no_model", b"output_dir: x\ndata: {train: {path: a}}\n", "model: this key is required"),
    ("two_sources", SMALL.replace("limit: 3", "generator: products").encode(), "exactly one of"),
    ("number_as_a_key", f"{SMALL}7: 8\n".encode(), "7"),
    ("null_section", SMALL.replace("{train: {path: rows.jsonl, limit: 3}}", "null").encode(), "data"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("content", "message"), [r[1:] for r in RECIPES], ids=[r[0] for r in RECIPES])
def test_a_wrong_recipe_is_one_message(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(content)
    try:
        load_recipe(path)
    except RecipeError as error:
        assert message in str(error)
    else:
        assert not message, "this recipe is wrong"


def test_numbers_that_yaml_reads_as_text_and_anchors_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"{SMALL}rewrite:\n  sampling: &s {{max_tokens: 9}}\n", encoding="utf-8")
    assert load_recipe(path).tune.learning_rate == 1e-4
    assert load_recipe(path, ["tune.weight_decay=1e-2"]).tune.weight_decay == 0.01


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3), max_leaves=6
)
KEYS = st.sampled_from(
    [
        *(f"{section}" for section in Recipe.model_fields),
        *("model.name_or_path", "data.train", "data.train.columns", "data.heldout", "data.train.generator_params"),
        *("rewrite.checks", "rewrite.sampling", "rewrite.sampling.top_p", "rewrite.max_attempts", "tune.arms"),
        *("tune.lora", "tune.lora.target_modules", "tune.early_stopping", "evaluate.benchmarks", "runtime.scripted"),
    ]
)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=3))
def test_any_values_give_a_recipe_or_our_own_error(changes: list[tuple[str, Any]]) -> None:
    values: dict[str, Any] = {
        "model": {"name_or_path": "m"},
        "data": {"train": {"path": "rows.jsonl"}},
        "output_dir": "runs/x",
    }
    for key, value in changes:
        *parents, last = key.split(".")
        node = values
        for parent in parents:
            inner = node.get(parent)
            node[parent] = inner = inner if isinstance(inner, dict) else {}
            node = inner
        node[last] = value
    try:
        assert isinstance(build_recipe(values), Recipe)
    except RecipeError as error:
        assert str(error)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(st.integers(0, len(SMALL)), st.integers(0, 12), st.text("abm0-:{}[],&*!|>'\"#%@ \n\t1e.é\0", max_size=6))
def test_any_change_to_a_recipe_file_gives_a_recipe_or_our_own_error(
    tmp_path_factory: pytest.TempPathFactory, start: int, cut: int, put: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "recipe.yaml"
    path.write_text(SMALL[:start] + put + SMALL[start + cut :], encoding="utf-8")
    try:
        assert isinstance(load_recipe(path), Recipe)
    except RecipeError as error:
        assert str(error)
