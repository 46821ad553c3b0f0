"""arc_easy, arc_challenge and hellaswag: raw likelihoods of choices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmark_cases import answer, context_of, scored, scores_of, settings_for

from ownwords.benchmarks.base import Ask, find_benchmark
from ownwords.errors import DataError, EngineError, MissingFileError
from ownwords.records import digest

Write = Callable[[str, Any], str]
ROW = {"query": "Question: Plants use sunlight to make\nAnswer:", "choices": ["soil.", "food."], "gold": 1}
ALL = pytest.mark.parametrize("name", ["arc_easy", "arc_challenge", "hellaswag"])


def load(name: str, path: str, **settings: Any) -> list[Any]:
    return find_benchmark(name).load(settings_for(name, path=path, **settings), context_of())


@pytest.mark.parametrize(
    ("name", "counts", "second", "choices", "gold"),
    [
        ("arc_easy", {3, 4, 5}, "Question: Plants use sunlight to make\nAnswer:", "soil. minerals. food. water.", 2),
        (
            "arc_challenge",
            {3, 4},
            "Question: Which of the following describes a feature 12 that is shared by Earth and the Moon?\nAnswer:",
            None,
            2,
        ),
        ("hellaswag", {4}, None, None, None),
    ],
)
def test_the_shared_file_is_read(
    shared_data: Path, name: str, counts: set[int], second: str | None, choices: str | None, gold: int | None
) -> None:
    items = load(name, str(shared_data / f"general/{name}.jsonl"))
    assert len(items) == 400 == len({item.id for item in items})
    assert {len(item.choices) for item in items} == counts
    if second is not None:
        assert (items[1].question, items[1].gold[0].right) == (second, (gold,))
    if choices is not None:
        assert " ".join(items[1].choices) == choices


@ALL
def test_each_choice_is_asked_after_one_blank_without_a_template(write: Write, name: str) -> None:
    path = write("a.jsonl", [ROW])
    for prompt in ("default", "paper"):
        settings = settings_for(name, path=path, prompt=prompt)
        (item,) = find_benchmark(name).load(settings, context_of())
        assert find_benchmark(name).prompt(item, settings) == [
            Ask(text="Question: Plants use sunlight to make\nAnswer:", target=" soil."),
            Ask(text="Question: Plants use sunlight to make\nAnswer:", target=" food."),
        ]


@ALL
def test_an_item_is_named_by_its_query_its_choices_and_the_right_one(write: Write, name: str) -> None:
    """Scores of earlier versions stay finished."""
    items = load(name, write("a.jsonl", [ROW, {**ROW, "gold": 0}, ROW]))
    content = [ROW["query"], ROW["choices"]]
    assert [item.id for item in items] == [digest([*content, 1, 0]), digest([*content, 0, 0]), digest([*content, 1, 1])]


def test_only_the_papers_hellaswag_keeps_the_blank_that_begins_an_ending(write: Write) -> None:
    path = write("a.jsonl", [{"query": "A man sits.", "choices": [" He eats.", "He sings."], "gold": 0}])

    def targets(name: str, prompt: str) -> list[str | None]:
        (item,) = load(name, path, prompt=prompt)
        return [ask.target for ask in find_benchmark(name).prompt(item, settings_for(name))]

    assert targets("hellaswag", "default") == targets("arc_easy", "paper") == [" He eats.", " He sings."]
    assert targets("hellaswag", "paper") == ["  He eats.", " He sings."]


def test_white_space_that_ends_a_query_goes_to_the_target(write: Write) -> None:
    (item,) = load("arc_easy", write("a.jsonl", [{**ROW, "query": "Answer: \n"}]))
    asks = find_benchmark("arc_easy").prompt(item, settings_for("arc_easy"))
    assert asks[0] == Ask(text="Answer:", target=" \n soil.")


@ALL
def test_the_highest_sum_wins_not_the_highest_mean(write: Write, name: str) -> None:
    (item,) = load(name, write("a.jsonl", [ROW]))
    assert scores_of(name, item, scored(-4.0), scored(-1.0, -1.0))["acc"] == 1.0
    assert scores_of(name, item, scored(-1.5), scored(-1.0, -1.0))["acc"] == 0.0


@ALL
def test_acc_norm_divides_by_the_characters_of_a_choice(write: Write, name: str) -> None:
    (item,) = load(name, write("a.jsonl", [{**ROW, "choices": ["no", "no, not at all"], "gold": 1}]))
    assert scores_of(name, item, scored(-2.0), scored(-5.0)) == {"acc": 0.0, "acc_norm": 1.0}
    assert scores_of(name, item, scored(-2.0), scored(-14.5)) == {"acc": 0.0, "acc_norm": 0.0}


@ALL
def test_of_equal_choices_the_first_counts(write: Write, name: str) -> None:
    (item,) = load(name, write("a.jsonl", [ROW]))
    assert scores_of(name, item, scored(-2.0), scored(-1.0, -1.0)) == {"acc": 0.0, "acc_norm": 0.0}
    (item,) = load(name, write("b.jsonl", [{**ROW, "gold": 0}]))
    assert scores_of(name, item, scored(-2.0), scored(-2.0)) == {"acc": 1.0, "acc_norm": 1.0}


@ALL
def test_an_engine_without_likelihoods_is_refused(write: Write, name: str) -> None:
    (item,) = load(name, write("a.jsonl", [ROW]))
    with pytest.raises(EngineError, match="no log-likelihoods for r"):
        find_benchmark(name).score(item, [answer("food"), answer("food")])


@ALL
def test_a_missing_file_is_said_with_what_else_there_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OWNWORDS_DATA", raising=False)
    with pytest.raises(MissingFileError, match=r"OWNWORDS_DATA is not set.* run `make data`\. Or set `path: lm-eval`"):
        find_benchmark(name).load(settings_for(name), context_of())
    with pytest.raises(
        MissingFileError,
        match=rf"no file or folder /nowhere/a\.jsonl.* brings general/{name}\.jsonl\. Or set `path: lm-eval`",
    ):
        load(name, "/nowhere/a.jsonl")


@ALL
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"query": None}, "the field 'query' must hold text"),
        ({"choices": "soil"}, "'choices' must be a list of at least two texts"),
        ({"choices": ["soil"]}, "'choices' must be a list of at least two texts"),
        ({"choices": ["soil", 3]}, "each of 'choices' must be text"),
        ({"choices": ["soil", " "]}, "each of 'choices' must be text"),
        ({"gold": 2}, "'gold' must be the index of a choice, 0 to 1, not 2"),
        ({"gold": -1}, "'gold' must be the index of a choice"),
        ({"gold": "1"}, "'gold' must be the index of a choice, 0 to 1, not '1'"),
        ({"gold": True}, "'gold' must be the index of a choice"),
        ({"gold": "x" * 99_999}, "'gold' must be the index of a choice, 0 to 1, not 'xxx"),
    ],
)
def test_a_malformed_item_is_refused_with_its_line(
    write: Write, name: str, change: dict[str, Any], reason: str
) -> None:
    good = {"query": "q", "choices": ["soil", "food"], "gold": 1}
    path = write("a.jsonl", [good, {**good, **change}])
    with pytest.raises(DataError) as caught:
        load(name, path)
    assert str(caught.value).startswith(f"benchmark {name}, a.jsonl line 2: ")
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 1000  # a long value is cut
