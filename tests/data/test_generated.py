"""Generated rows: reproducible, unique, extended consistently; wrong names and settings are recipe errors."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from ownwords.data.load import describe_source, load_heldout, load_train
from ownwords.errors import DataError, InputError, RecipeError
from ownwords.recipe import DataSection

pytest.importorskip("reasoning_gym", reason="the extra `demo` is not installed")


def section(name: str, limit: int, **values: Any) -> DataSection:
    return DataSection.model_validate({"train": {"generator": name, "limit": limit, **values}})


def test_question_is_the_prompt_and_answer_the_reference() -> None:
    (example,) = load_train(section("chain_sum", 1, seed=7))
    assert example.origin == "reasoning-gym chain_sum item 0"
    assert [message.role for message in example.messages] == ["user"]
    expression = example.prompt.removeprefix("State the final answer to the following arithmetic problem: ").rstrip(
        " ="
    )
    assert set(expression) <= set("0123456789 +-")
    assert int(example.reference) == sum(int(part) for part in expression.replace("- ", "-").replace("+ ", "").split())


def test_worked_solution_is_the_reference_where_the_task_has_one() -> None:
    (example,) = load_train(section("gsm_symbolic", 1))
    assert len(example.reference.splitlines()) > 1
    assert example.reference.splitlines()[-1].startswith("#### ")


@pytest.mark.parametrize("name", ["basic_arithmetic", "chain_sum", "gsm_symbolic", "list_functions"])
def test_more_rows_begin_with_the_same_rows(name: str) -> None:
    few, many = load_train(section(name, 15)), load_train(section(name, 40))
    assert [e.id for e in few] == [e.id for e in many[:15]]
    assert len({e.prompt for e in many}) == 40


def test_other_seed_gives_other_rows() -> None:
    first, second = load_train(section("chain_sum", 5)), load_train(section("chain_sum", 5, seed=1000))
    assert not {e.prompt for e in first} & {e.prompt for e in second}


def test_global_random_state_is_left_alone() -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    load_train(section("list_functions", 3))
    assert random.random() == expected


SMALL = {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}


def test_repeated_questions_are_skipped_in_training_and_never_held_out() -> None:
    data = section("chain_sum", 120, generator_params=SMALL)
    train = load_train(data)
    heldout = load_heldout(data, train, 30)
    assert len({e.prompt for e in train}) == 120
    assert len({e.prompt for e in heldout}) == 30
    assert not {e.prompt for e in train} & {e.prompt for e in heldout}
    assert int(train[-1].origin.rsplit(" ", 1)[1]) > 119  # some items were skipped


def test_heldout_without_a_limit_is_as_long_as_training() -> None:
    data = section("chain_sum", 12)
    assert len(load_heldout(data, load_train(data), None)) == 12


def test_task_with_too_few_questions_says_how_many_it_has() -> None:
    with pytest.raises(DataError, match=r"chain_sum has only 200 different questions .* set data\.train\.limit"):
        load_train(section("chain_sum", 500, generator_params=SMALL))


def test_fingerprint_names_task_settings_seed_and_version() -> None:
    facts = describe_source(section("chain_sum", 3, seed=4, generator_params=SMALL).train)
    assert facts.pop("reasoning_gym").startswith("0.1.")
    assert facts == {"generator": "chain_sum", "generator_params": SMALL, "seed": 4}


WRONG: list[tuple[dict[str, Any], type[InputError], str]] = [
    ({"name": "chain_sums"}, RecipeError, "no reasoning-gym task named 'chain_sums'. Did you mean 'chain_sum'"),
    ({"generator_params": {"max_term": 3}}, RecipeError, "named 'max_term'. Did you mean 'max_terms'"),
    ({"generator_params": {"min_terms": 9}}, RecipeError, "chain_sum refuses these `generator_params`: "),
    ({"generator_params": {"min_terms": "x"}}, RecipeError, "chain_sum refuses these `generator_params`: "),
    ({"generator_params": {"size": 3}}, RecipeError, "`size` does not belong in `generator_params`: set `limit`"),
    ({"generator_params": {"seed": 3}}, RecipeError, "`seed` does not belong in `generator_params`: set `seed`"),
    ({"format": "alpaca"}, RecipeError, "`format`, `columns` and `template` are for files"),
    ({"template": "{{ prompt }}"}, RecipeError, "`format`, `columns` and `template` are for files"),
    ({"name": "rush_hour"}, DataError, "rush_hour item 0: this task has no single right answer to train on."),
    ({"name": "knight_swap"}, RecipeError, "knight_swap does not make the same rows again"),
]


@pytest.mark.parametrize(("values", "kind", "message"), WRONG)
def test_wrong_generator_is_one_message(values: dict[str, Any], kind: type[InputError], message: str) -> None:
    with pytest.raises(kind) as caught:
        load_train(section(values.pop("name", "chain_sum"), 3, **values))
    assert message in str(caught.value)


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    monkeypatch.setitem(sys.modules, "reasoning_gym.factory", None)
    for action in (load_train, lambda data: describe_source(data.train)):
        with pytest.raises(RecipeError, match=r"pip install 'ownwords\[demo\]'"):
            action(section("chain_sum", 3))
