"""Labels tell variants apart and stay as they are when a sweep grows; arms that borrow weights name whose."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.errors import RecipeError
from ownwords.recipe import Recipe, build_recipe
from ownwords.variants import baseline, trainings, variants


def recipe(**tune: Any) -> Recipe:
    return build_recipe(
        {"model": {"name_or_path": "m"}, "data": {"train": {"path": "d"}}, "tune": tune, "output_dir": "o"}
    )


def labels(**tune: Any) -> list[str]:
    return [variant.label for variant in variants(recipe(**tune))]


def test_without_a_sweep_labels_are_the_names_of_the_arms() -> None:
    assert labels() == ["vanilla", "sdft"]
    assert [training.folder for training in trainings(recipe())] == ["seed42", "seed42"]


def test_labels_say_what_differs_from_the_recipe_and_nothing_else() -> None:
    sweep = {"learning_rate": [1e-4, 4e-4], "seed": [42, 43]}
    assert labels(arms=["vanilla"], sweep=sweep) == [
        "vanilla",
        "vanilla@seed43",
        "vanilla@lr0.0004",
        "vanilla@lr0.0004-seed43",
    ]
    folders = [training.folder for training in trainings(recipe(arms=["vanilla"], sweep=sweep))]
    assert folders == ["seed42", "seed43", "lr0.0004-seed42", "lr0.0004-seed43"]


def test_an_arms_own_sweep_stands_in_for_the_recipes_where_it_has_values() -> None:
    sweep = {"learning_rate": [1e-4, 4e-4]}
    arms = [{"vanilla": {"sweep": {"seed": [42, 43]}}}, {"sdft": {"sweep": {"learning_rate": [2e-4]}}}, "dft"]
    assert labels(arms=arms, sweep=sweep) == [
        "vanilla",
        "vanilla@seed43",
        "vanilla@lr0.0004",
        "vanilla@lr0.0004-seed43",
        "sdft@lr0.0002",
        "dft",
        "dft@lr0.0004",
    ]


def test_an_arm_that_borrows_weights_has_the_points_of_their_owner_unless_it_names_its_own() -> None:
    vanilla = {"vanilla": {"sweep": {"seed": [42, 43]}}}
    assert labels(arms=[vanilla, "wise"]) == ["vanilla", "vanilla@seed43", "wise", "wise@seed43"]
    assert labels(arms=[vanilla, {"wise": {"sweep": {"seed": [42]}}}]) == ["vanilla", "vanilla@seed43", "wise"]


def test_places_on_the_way_are_evenly_spaced_and_come_before_the_end() -> None:
    found = variants(recipe(arms=["vanilla"], checkpoints=3))
    assert [variant.part for variant in found] == [0.25, 0.5, 0.75, 1]
    assert [variant.label for variant in found] == [
        "vanilla@part0.25",
        "vanilla@part0.5",
        "vanilla@part0.75",
        "vanilla",
    ]
    assert len(trainings(recipe(arms=["vanilla"], checkpoints=3))) == 1


def test_alpha_changes_in_proportion_to_the_rank() -> None:
    found = trainings(recipe(arms=["vanilla"], lora={"r": 8, "alpha": 16}, sweep={"lora_r": [8, 64, 1]}))
    assert [(t.tune.lora.r, t.tune.lora.alpha) for t in found if t.tune.lora] == [(8, 16), (64, 128), (1, 2)]


def test_a_rank_needs_an_adapter() -> None:
    with pytest.raises(RecipeError, match=r"sweep\.lora_r needs an adapter"):
        recipe(lora=None, sweep={"lora_r": [4]})


def test_scales_cost_no_training_and_are_of_arms_that_borrow_weights_only() -> None:
    tune = {"arms": ["vanilla", "wise"], "sweep": {"scale": [0.25, 0.5, 0.75]}}
    assert labels(**tune) == ["vanilla", "wise@scale0.25", "wise", "wise@scale0.75"]
    assert [training.label for training in trainings(recipe(**tune))] == ["vanilla"]
    assert {v.training.label for v in variants(recipe(**tune))} == {"vanilla"}


def test_an_arm_may_borrow_from_any_that_is_trained() -> None:
    found = variants(recipe(arms=["sdft", {"half": {"of": "wise", "trained_as": "sdft"}}], checkpoints=1))
    assert [(v.label, v.scale, v.training.label) for v in found] == [
        ("sdft@part0.5", 1.0, "sdft"),
        ("sdft", 1.0, "sdft"),
        ("half", 0.5, "sdft"),
    ]


def test_an_arm_of_its_own_scale_has_it_on_the_way_too() -> None:
    found = variants(recipe(arms=[{"half": {"of": "sdft", "scale": 0.5}}], checkpoints=1))
    assert [(v.label, v.scale) for v in found] == [("half@part0.5", 0.5), ("half", 0.5)]


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (["vanila"], r"tune\.arms: there is no arm named 'vanila'\. Did you mean 'vanilla'\?$"),
        ([{"mine": {"mix": 0.5}}], r"no arm named 'mine'.* Under a name of its own an arm says whose method it has"),
        ([{"mine": {"of": "sdtf"}}], r"tune\.arms\.mine\.of: there is no arm named 'sdtf'\. Did you mean 'sdft'"),
        ([{"kl_anchor": {"kl": {"wieght": 1}}}], r"tune\.arms\.kl_anchor\.kl\.wieght: .* Did you mean 'weight'"),
        ([{"sdft": {"mixx": 1}}], r"tune\.arms\.sdft\.mixx: there is no setting of an arm .* Did you mean 'mix'"),
    ],
)
def test_a_name_that_no_arm_and_no_setting_has_is_answered_with_the_nearest(arms: list[Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        variants(recipe(arms=arms))


@pytest.mark.parametrize(
    ("axis", "values", "names"),
    [
        ("seed", [20240101, 20240102, 1000000], ["seed20240101", "seed20240102", "seed1e+06"]),
        ("learning_rate", [1.0000001e-4, 1.0000002e-4], ["lr0.00010000001", "lr0.00010000002"]),
        ("num_train_epochs", [0.3333333, 1 / 3], ["epochs0.3333333", "epochs0.3333333333333333"]),
    ],
)
def test_values_that_agree_in_six_digits_are_told_apart(axis: str, values: list[float], names: list[str]) -> None:
    found = trainings(recipe(arms=["vanilla"], sweep={axis: values}))
    assert [training.label for training in found] == [f"vanilla@{name}" for name in names]
    assert len({training.folder for training in found}) == len(values)


def test_scales_that_agree_in_six_digits_are_told_apart() -> None:
    found = labels(arms=["vanilla", "wise"], sweep={"scale": [0.3333333, 1 / 3]})
    assert found == ["vanilla", "wise@scale0.3333333", "wise@scale0.3333333333333333"]


@pytest.mark.parametrize(
    ("tune", "message"),
    [
        ({"sweep": {"scale": [0.5]}}, r"tune\.sweep\.scale: no arm reads it: .* Add wise to tune\.arms"),
        (
            {"arms": [{"vanilla": {"sweep": {"scale": [0.5]}}}, "wise"]},
            r"tune\.arms\.vanilla\.sweep\.scale: vanilla trains its own",
        ),
    ],
)
def test_scales_that_no_arm_would_have_are_refused(tune: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        variants(recipe(**tune))


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (["wise"], "wise takes the weights of vanilla, which is not among the arms"),
        (["vanilla", "wise", {"again": {"of": "wise", "trained_as": "wise"}}], "which trains none of its own"),
    ],
)
def test_weights_that_nobody_trains_are_refused(arms: list[Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        variants(recipe(arms=arms))


def test_the_baseline_is_vanilla_at_the_same_point_and_as_far_along() -> None:
    found = variants(recipe(arms=["vanilla", "sdft", "wise"], checkpoints=1, sweep={"learning_rate": [1e-4, 1e-3]}))
    against = {variant.label: baseline(variant, found) for variant in found}
    assert against["sdft@lr0.001-part0.5"] == "vanilla@lr0.001-part0.5"
    assert against["sdft"] == against["wise"] == "vanilla"
    assert against["vanilla"] is against["vanilla@part0.5"] is None
    assert baseline(found[-1], [variant for variant in found if variant.arm.name != "vanilla"]) is None


rates = st.lists(st.sampled_from([1e-5, 5e-5, 1e-4, 2e-4, 1e-3]), max_size=3)
axes = st.fixed_dictionaries(
    {
        "learning_rate": rates,
        "num_train_epochs": st.lists(st.sampled_from([0.5, 1, 2, 5]), max_size=2),
        "lora_r": st.lists(st.sampled_from([1, 8, 64]), max_size=2),
        "seed": st.lists(st.sampled_from([0, 42, 43]), max_size=3),
        "scale": st.lists(st.sampled_from([0, 0.25, 0.5, 1]), max_size=3),
    }
)
ARMS = ["vanilla", "sdft", "wise"]


@pytest.mark.slow
@given(axes, st.integers(0, 4))
def test_labels_and_folders_are_unique_names_of_files(sweep: dict[str, list[float]], checkpoints: int) -> None:
    made = recipe(arms=ARMS, sweep=sweep, checkpoints=checkpoints)
    found = [variant.label for variant in variants(made)]
    assert len(set(found)) == len(found)
    assert not any("/" in label or label.startswith(".") for label in found)
    places = [(training.arm.name, training.folder) for training in trainings(made)]
    assert len(set(places)) == len(places) == len({training.label for training in trainings(made)})


@given(axes, st.sampled_from(["learning_rate", "seed"]), st.sampled_from([7e-4, 3e-3]))
def test_a_point_that_joins_a_sweep_renames_no_other(sweep: dict[str, list[Any]], axis: str, value: float) -> None:
    before = recipe(arms=ARMS, sweep=sweep)
    more = [
        *(sweep[axis] or [{"learning_rate": 1e-4, "seed": 42}[axis]]),
        int(value * 1e6) if axis == "seed" else value,
    ]
    after = recipe(arms=ARMS, sweep={**sweep, axis: more})
    known = {t.label: (t.tune.learning_rate, t.tune.lora, t.seed, t.folder) for t in trainings(after)}
    for training in trainings(before):
        tune = training.tune
        assert known[training.label] == (tune.learning_rate, tune.lora, training.seed, training.folder)
