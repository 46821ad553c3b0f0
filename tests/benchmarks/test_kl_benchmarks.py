"""KL of an arm's own answers from the seed."""

from __future__ import annotations

import math
import random

import pytest
from benchmark_cases import context_of, example_of, scored, settings_for

from ownwords.benchmarks import kl_to_seed, kl_to_seed_task
from ownwords.benchmarks._kl import ask_twice, log_ratio
from ownwords.benchmarks.base import Ask, Item, SeedAnswer
from ownwords.errors import RecipeError
from ownwords.recipe import build_recipe
from ownwords.records import Message
from ownwords.stages.comparison import roles

MESSAGES = (Message("user", "How are you?"),)


def item(text: str = "Fine.", *, finished: bool = True, end_tokens: int = 0) -> Item:
    return Item("id", "How are you?", SeedAnswer(text, finished, end_tokens), messages=MESSAGES)


def test_the_same_answer_is_put_to_the_arm_and_to_the_seed() -> None:
    asks = ask_twice(item(), settings_for("kl_to_seed"))
    assert asks == [Ask(messages=MESSAGES, target="Fine."), Ask(messages=MESSAGES, target="Fine.", of_seed=True)]
    before = Item("id", "How are you?", None, messages=MESSAGES)
    assert ask_twice(before, settings_for("kl_to_seed")) == [Ask(messages=MESSAGES)]


def test_the_score_is_the_arms_log_likelihood_less_the_seeds_per_token() -> None:
    assert log_ratio(item(), [scored(-1.0, -0.5), scored(-2.0, -1.5)]) == pytest.approx(1.0)
    assert log_ratio(item(), [scored(-1.0, -0.5), scored(-1.0, -0.5)]) == 0.0


def test_the_end_of_a_turn_that_the_arm_did_not_end_does_not_count() -> None:
    completions = [scored(-1.0, -1.0, -9.0, -9.0), scored(-2.0, -4.0, -1.0, -1.0)]
    assert log_ratio(item("Fine", finished=False, end_tokens=2), completions) == pytest.approx(2.0)


@pytest.mark.slow
def test_over_samples_it_is_the_kl_of_the_two_distributions() -> None:
    """One-token answers over three words: the mean of log-ratios of samples from p tends to KL(p ‖ q), summed here."""
    p, q = (0.9, 0.08, 0.02), (0.4, 0.3, 0.3)
    expected = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    drawn = random.Random(0).choices(range(3), p, k=40_000)
    found = [log_ratio(item(), [scored(math.log(p[word])), scored(math.log(q[word]))]) for word in drawn]
    assert sum(found) / len(found) == pytest.approx(expected, abs=0.02)
    other_way = sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert abs(expected - other_way) > 0.05  # so the test tells the directions apart


def test_prompts_of_the_task_are_unseen_ones_without_their_references() -> None:
    examples = [example_of("What is 2 plus 2?", "4")]
    (found,) = kl_to_seed_task.load(settings_for("kl_to_seed_task"), context_of(unseen=examples))
    assert (found.gold, found.question, found.id) == (None, "What is 2 plus 2?", examples[0].id)


@pytest.mark.parametrize("role", [{"acquisition": "kl_to_seed_task"}, {"retention": ["kl_to_seed_task"]}])
def test_a_distance_that_training_is_for_tells_neither_what_was_learnt_nor_what_was_kept(
    role: dict[str, object],
) -> None:
    sections = {"model": {"name_or_path": "m"}, "data": {"train": {"path": "d"}}, "output_dir": "o"}
    benchmarks = ["kl_to_seed_task", "heldout_nll", "kl_to_seed"]
    found = roles(build_recipe({**sections, "evaluate": {"benchmarks": benchmarks}}))
    assert found.acquisition is not None
    assert (found.acquisition.name, found.retention) == ("heldout_nll", ())
    with pytest.raises(RecipeError, match="cannot be kl_to_seed_task, of which neither more nor less is better"):
        roles(build_recipe({**sections, "evaluate": {"benchmarks": benchmarks, **role}}))


def test_the_direction_of_each_is_what_its_page_says() -> None:
    assert kl_to_seed.BENCHMARK.higher_is_better is False
    assert kl_to_seed_task.BENCHMARK.higher_is_better is None
    assert kl_to_seed.BENCHMARK.own_answers
    assert kl_to_seed_task.BENCHMARK.own_answers
