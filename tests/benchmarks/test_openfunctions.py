"""openfunctions: what is asked, and what two measures make of honest and of dishonest answers."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
from benchmark_cases import answer, context_of, settings_for
from hypothesis import given
from hypothesis import strategies as st

from ownwords.benchmarks import openfunctions
from ownwords.benchmarks.base import Ask, Item
from ownwords.errors import DataError
from ownwords.prompts.render import load_layout
from ownwords.records import Completion, Message

Write = Callable[[str, Any], str]
CALL = 'restaurant.book(name="Mario\'s", party=2, dishes=["soup", "fish"])'
ITEM = Item(id="i", question="Book a table.\n\nFunction to be used: restaurant.book", gold=CALL)
SYSTEM = "Below is an instruction that describes a task. Write a response that appropriately completes the request."


def scores(text: str, item: Item = ITEM) -> tuple[float | None, float]:
    """By the typed comparison, and by the paper's search."""
    return openfunctions.score(item, [answer(text)]), openfunctions.score_paper(item, [answer(text)])


def test_the_shared_file_is_read(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shared_data / "openfunction_test.json"
    items = openfunctions.load(settings_for("openfunctions", path=str(path)), context_of())
    assert len(items) == 112 == len({item.id for item in items})
    assert items[3].gold == 'weather.forecast(location="Paris, France", days=5)'
    assert "Function to be used: weather.forecast" in items[3].question
    assert capsys.readouterr().err == ""  # every reference can be read


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openfunction_test.json", "openfunction_train.json"])
def test_every_reference_answers_its_own_item(shared_data: Path, name: str) -> None:
    items = openfunctions.load(settings_for("openfunctions", path=str(shared_data / name)), context_of())
    assert {scores(item.gold, item) for item in items} == {(1.0, 1.0)}
    following = {a.gold: b for a, b in itertools.pairwise(items) if a.gold != b.gold}
    assert {scores(gold, other) for gold, other in following.items() if gold not in other.gold} == {(0.0, 0.0)}


@pytest.mark.parametrize(
    ("text", "typed", "paper"),
    [
        # The call in another spelling, or with something around it.
        (CALL, 1.0, 1.0),
        ('restaurant.book(name="Mario\'s",party=2,dishes=["soup","fish"])', 1.0, 1.0),
        (f"\n  {CALL}\n", 1.0, 1.0),
        (f"Sure! Here it is:\n\n```python\n{CALL}\n```\n", 1.0, 1.0),
        (f"The call is `{CALL}`.", 1.0, 1.0),
        ('restaurant.book(\n    name="Mario\'s",\n    party=2,\n    dishes=["soup", "fish"],\n)', 1.0, 0.0),
        ('restaurant.book(party=2, dishes=["soup", "fish"], name="Mario\'s")', 1.0, 0.0),
        ('restaurant.book(name = "Mario\'s", party = 2, dishes = ["soup", "fish"])', 1.0, 0.0),
        (
            '{"name": "restaurant.book", "arguments": {"name": "Mario\'s", "party": 2, "dishes": ["soup", "fish"]}}',
            1.0,
            0.0,
        ),
        # Another call.
        ('restaurant.book(name="Mario\'s", party=2)', 0.0, 0.0),
        ('restaurant.book(name="Mario\'s", party=2, dishes=["soup", "fish"], date="today")', 0.0, 0.0),
        ('restaurant.book(name="Mario\'s", party=3, dishes=["soup", "fish"])', 0.0, 0.0),
        ('restaurant.book(name="Mario\'s", party="2", dishes=["soup", "fish"])', 0.0, 0.0),
        ('restaurant.book(name="Mario\'s", party=2, dishes=["fish", "soup"])', 0.0, 0.0),
        ('restaurant.cancel(name="Mario\'s", party=2, dishes=["soup", "fish"])', 0.0, 0.0),
        (f"my{CALL}", 0.0, 0.0),
        (CALL.removesuffix(")"), 0.0, 0.0),
        ("I would call restaurant.book for two people.", 0.0, 0.0),
        ("", 0.0, 0.0),
        # What the search for a text cannot tell.
        (f"{CALL}\nrestaurant.cancel(party=2)", 0.0, 1.0),
        (f"my.{CALL}", 0.0, 1.0),
        (f"Do not call {CALL}.", 0.0, 1.0),
        (f"{CALL}\n" * 3, 0.0, 1.0),
    ],
)
def test_both_measures(text: str, typed: float, paper: float) -> None:
    assert scores(text) == (typed, paper)


def test_half_of_a_call_has_no_credit_by_the_papers_measure() -> None:
    item = Item(id="i", question="q", gold="f(a=1, b=2)")
    assert [scores(text, item)[1] for text in ("f(a=1", "f(", "f", "a=1,b=2)", "f(a=1,b=2)")] == [0, 0, 0, 0, 1]


@given(st.sampled_from(["restaurant", "a_b.c"]), st.text(max_size=30), st.integers(), st.text(max_size=200))
def test_whatever_an_answer_is_it_has_both_scores(name: str, value: str, number: int, text: str) -> None:
    item = Item(id="i", question="q", gold=f"{name}.call(text={value!r}, number={number})")
    assert scores(item.gold, item) == (1.0, 1.0)
    typed, paper = scores(text, item)
    assert {typed, paper} <= {0.0, 1.0}


def test_calls_that_an_engine_has_taken_out_of_the_text_count_and_reasoning_does_not() -> None:
    arguments = {"name": "Mario's", "party": 2, "dishes": ["soup", "fish"]}
    native = Completion("r", tool_calls=({"name": "restaurant.book", "arguments": arguments},))
    assert openfunctions.score(ITEM, [native]) == 1.0
    thought = Completion("r", text="I cannot.", reasoning=CALL)
    assert (openfunctions.score(ITEM, [thought]), openfunctions.score_paper(ITEM, [thought])) == (0.0, 0.0)


def test_a_reference_without_a_call_makes_no_answer_wrong(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"instruction": "a", "output": "f(x=1)"}, {"instruction": "b", "output": "Ask a waiter."}]
    items = openfunctions.load(settings_for("openfunctions", path=write("a.json", rows)), context_of())
    assert "openfunctions: 1 of 2 references hold no call that can be read" in capsys.readouterr().err
    assert [scores("f(x=1)", item) for item in items] == [(1.0, 1.0), (None, 0.0)]
    assert [scores("Ask a waiter.", item) for item in items] == [(0.0, 0.0), (None, 1.0)]
    only = settings_for("openfunctions", path=write("b.json", rows[1:]))
    with pytest.raises(DataError, match=r"no field 'output' of .*b\.json holds a function call"):
        openfunctions.load(only, context_of())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"instruction": "a"}, "row 2: there is no field 'output'"),
        ({"output": "f()"}, "row 2: there is no field 'instruction'"),
        ({"instruction": "a", "output": " "}, "row 2: the field 'output' must hold text"),
        ({"instruction": "a", "output": [{"name": "f"}]}, "row 2: the field 'output' must hold text"),
    ],
)
def test_a_malformed_row_is_refused_with_its_place(write: Write, row: dict[str, Any], reason: str) -> None:
    path = write("a.json", [{"instruction": "a", "output": "f()"}, row])
    with pytest.raises(DataError) as caught:
        openfunctions.load(settings_for("openfunctions", path=path), context_of())
    assert f"benchmark openfunctions, a.json {reason}" in str(caught.value)


def test_the_default_prompt_asks_for_the_call_alone() -> None:
    text = (
        "Book a table.\n\nFunction to be used: restaurant.book\n\n"
        "Reply with the function call alone, on one line: no explanation, no other call."
    )
    assert openfunctions.prompt(ITEM, settings_for("openfunctions")) == [Ask(messages=(Message("user", text),))]


def test_the_paper_prompt_in_its_layout_is_the_papers_to_the_letter() -> None:
    (ask,) = openfunctions.prompt(ITEM, settings_for("openfunctions", prompt="paper"))
    assert ask == Ask(messages=(Message("system", SYSTEM), Message("user", ITEM.question)))
    assert ask.messages is not None
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)  # as transformers renders templates
    text = environment.from_string(load_layout("paper/alpaca")).render(
        messages=[message.as_dict() for message in ask.messages], bos_token="<s>", eos_token="</s>"
    )
    assert text == (
        f"<s>{SYSTEM}\n\n### Instruction:\nBook a table.\n\nFunction to be used: restaurant.book\n\n### Response:\n"
    )


@pytest.mark.slow
def test_ten_megabytes_take_seconds() -> None:
    for piece in ("(", "restaurant.book(", '[{"', CALL, "\ud800"):
        text = piece * (10_000_000 // len(piece))
        assert scores(text)[0] == 0.0, piece


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNWORDS_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"openfunction_test\.json\. .* Give its `path`, or run `make data`"):
        openfunctions.load(settings_for("openfunctions"), context_of())
    rows = [{"instruction": "a", "output": json.dumps({"name": "f", "arguments": {"x": 1}})}]
    (tmp_path / "openfunction_test.json").write_text(json.dumps(rows), encoding="utf-8")
    (item,) = openfunctions.load(settings_for("openfunctions"), context_of())
    assert scores("f(x=1)", item)[0] == 1.0
