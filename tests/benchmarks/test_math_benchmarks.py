"""gsm8k and multiarith: what is asked, what counts as right, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmark_cases import answer, context_of, settings_for

from ownwords.benchmarks import gsm8k, multiarith
from ownwords.benchmarks.base import Item, find_benchmark
from ownwords.errors import DataError
from ownwords.records import Message

Write = Callable[[str, Any], str]
ITEM = Item(id="i", question="How many bolts?", gold="1234")


def test_gsm8k_reads_the_shared_file(shared_data: Path) -> None:
    items = gsm8k.load(settings_for("gsm8k", path=str(shared_data / "gsm8k_test.json")), context_of())
    assert len(items) == 1319 == len({item.id for item in items})
    assert (items[1].question[:31], items[1].gold) == ("A robe takes 2 bolts of blue fi", "3")


def test_multiarith_reads_the_shared_file(shared_data: Path) -> None:
    items = multiarith.load(settings_for("multiarith", path=str(shared_data / "multiarith_test.json")), context_of())
    assert len(items) == 180 == len({item.id for item in items})
    assert (items[1].question[:31], items[1].gold) == ("There were 39 girls and 4 boys ", "17")


@pytest.mark.parametrize(("name", "field"), [("gsm8k", "answer"), ("multiarith", "output")])
def test_every_reference_answers_its_own_item(shared_data: Path, name: str, field: str) -> None:
    path = shared_data / f"{name}_test.json"
    benchmark = find_benchmark(name)
    items = benchmark.load(settings_for(name, path=str(path)), context_of())
    references = [row[field] for row in json.loads(path.read_text(encoding="utf-8"))]
    wrong = [r for item, r in zip(items, references, strict=True) if benchmark.score(item, [answer(r)]) != 1.0]
    assert wrong == []


@pytest.mark.parametrize("name", ["gsm8k", "multiarith"])
@pytest.mark.parametrize(
    ("text", "gold", "careful", "paper"),
    [
        ("The answer is 5. He had 3 before.", "5", 1.0, 0.0),
        ("I do not know, maybe 7", "7", 0.0, 1.0),
        ("The final answer is 3/4", "4", 0.0, 1.0),
        ("The answer is 1,234.", "1234", 1.0, 1.0),
        ("The answer is 12.0", "12", 1.0, 1.0),
        ("The answer is 2.5.", "2.50", 1.0, 0.0),
        ("The answer is -5", "-5", 1.0, 1.0),
        ("The answer is\n12\n4", "124", 0.0, 0.0),
        ("", "0", 0.0, 0.0),
    ],
)
def test_the_papers_accuracy_takes_the_last_number_whatever_it_says(
    name: str, text: str, gold: str, careful: float, paper: float
) -> None:
    benchmark, item = find_benchmark(name), Item(id="i", question="?", gold=gold)
    (by_paper,) = benchmark.more
    assert by_paper.name == "accuracy_paper"
    assert (benchmark.score(item, [answer(text)]), by_paper.score(item, [answer(text)])) == (careful, paper)


def test_the_file_is_found_in_the_data_folder(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("gsm8k_test.json", [{"question": "q", "answer": "The answer is 3."}])
    monkeypatch.setenv("OWNWORDS_DATA", str(Path(path).parent))
    assert [item.gold for item in gsm8k.load(settings_for("gsm8k"), context_of())] == ["3"]


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("2/2=<<2/2=1>>1\n#### 3", "3"),
        ("so\n#### 1,234,567\n", "1234567"),
        ("The answer is -5.", "-5"),
        ("The answer is 2.50.", "2.50"),
        ("The answer is 7. No: The answer is 8", "8"),
    ],
)
def test_both_spellings_of_the_right_number_are_read(write: Write, text: str, gold: str) -> None:
    path = write("test.jsonl", [{"question": "q", "answer": text}])
    assert [item.gold for item in gsm8k.load(settings_for("gsm8k", path=path), context_of())] == [gold]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": "q", "answer": "It is three."}, "row 2: the field 'answer' must end with 'The answer is N.'"),
        ({"question": "q", "answer": "The answer is 3. Surely"}, "row 2: the field 'answer' must end with"),
        ({"question": "q"}, "row 2: there is no field 'answer'"),
        ({"question": "", "answer": "#### 3"}, "row 2: the field 'question' must hold text"),
    ],
)
def test_a_malformed_item_is_refused_with_its_row(write: Write, row: dict[str, str], reason: str) -> None:
    path = write("a.json", [{"question": "q", "answer": "#### 1"}, row])
    with pytest.raises(DataError) as caught:
        gsm8k.load(settings_for("gsm8k", path=path), context_of())
    assert f"benchmark gsm8k, a.json {reason}" in str(caught.value)


def test_the_limit_takes_the_first_items_and_an_empty_file_is_refused(write: Write) -> None:
    path = write("a.json", [{"instruction": f"q{n}", "output": f"The answer is {n}"} for n in range(3)])
    items = multiarith.load(settings_for("multiarith", path=path, limit=2), context_of())
    assert [item.gold for item in items] == ["0", "1"]
    with pytest.raises(DataError, match=r"b\.json holds no rows"):
        multiarith.load(settings_for("multiarith", path=write("b.json", [])), context_of())


@pytest.mark.parametrize("name", ["gsm8k", "multiarith"])
def test_the_default_prompt_asks_for_steps_and_a_closing_answer(name: str) -> None:
    (ask,) = find_benchmark(name).prompt(ITEM, settings_for(name))
    expected = (
        "How many bolts?\n\nWork it out step by step. Then end with your final answer as a number, in this form: "
        "The answer is N."
    )
    assert ask.messages == (Message("user", expected),)
    assert (ask.text, ask.target, ask.chat_template) == (None, None, None)


@pytest.mark.parametrize("name", ["gsm8k", "multiarith"])
def test_the_paper_prompt_is_the_papers_to_the_letter(name: str) -> None:
    (ask,) = find_benchmark(name).prompt(ITEM, settings_for(name, prompt="paper"))
    system = (
        "You are an expert in math. Below is a math question. Write a response that appropriately answers the "
        "question. Your final answer should be an integer at the end of your response, formatted as: "
        "The answer is {answer}."
    )
    assert ask.messages == (Message("system", system), Message("user", "How many bolts?"))
    assert (ask.text, ask.target, ask.chat_template) == (None, None, None)


@pytest.mark.parametrize("name", ["gsm8k", "multiarith"])
@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("600 + 634 = 1234\nThe answer is 1234.", 1.0),
        ("The answer is 1,234.", 1.0),
        ("So it is $\\boxed{1234}$.", 1.0),
        ("The answer is 1235.", 0.0),
        ("1234 was wrong. The answer is 12.", 0.0),
        ("I do not know.", 0.0),
        ("", 0.0),
    ],
)
def test_only_the_right_final_answer_scores(name: str, text: str, score: float) -> None:
    assert find_benchmark(name).score(ITEM, [answer(text)]) == score


@pytest.mark.parametrize("name", ["gsm8k", "multiarith"])
def test_a_number_that_is_too_long_to_be_read_is_refused_before_anything_is_asked(write: Write, name: str) -> None:
    text = f"The answer is {'9' * 5000}."
    path = write("a.jsonl", [{"question": "q", "answer": text, "instruction": "q", "output": text}])
    with pytest.raises(DataError, match=r"a\.jsonl line 1: the number that ends the field .* is longer than 1,000"):
        find_benchmark(name).load(settings_for(name, path=path), context_of())
