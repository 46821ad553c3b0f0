"""Examples on disk: a sequence like a list of them, with ids that no order changes."""

from __future__ import annotations

import gc
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.data.examples import Examples, content_hash
from ownwords.data.formats import Conversation
from ownwords.errors import DataError, InputError
from ownwords.records import Example, Message, digest

MANY = 1000  # more than are written at a time


def conversation(text: str, tools: str = "", last: bool = True) -> Conversation:
    return Conversation((Message("user", text),), f"answer to {text}", tools, last)


def numbered(count: int) -> Examples:
    return Examples((conversation(str(number), last=number % 3 == 0), f"row {number}") for number in range(count))


texts = st.text(st.characters(exclude_categories=()))


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), texts)), texts, texts)
def test_the_content_hash_is_the_digest_of_the_fields_by_name(
    turns: list[tuple[str, str]], reference: str, tools: str
) -> None:
    messages = [Message(role, text) for role, text in turns]
    facts = {"messages": [message.as_dict() for message in messages], "reference": reference}
    assert content_hash(messages, reference, tools) == digest({**facts, "tools": tools} if tools else facts)


@given(st.lists(st.sampled_from("abc"), max_size=20))
def test_equal_rows_are_numbered_in_their_order(letters: list[str]) -> None:
    ids = [example.id for example in Examples((conversation(letter), "") for letter in letters)]
    contents = [example_id.partition("-")[0] for example_id in ids]
    assert ids == [f"{content}-{contents[:place].count(content)}" for place, content in enumerate(contents)]
    assert len(set(contents)) == len(set(letters))


def test_equal_rows_far_apart_are_told_apart() -> None:
    whole = Examples((conversation(str(number % 600)), "") for number in range(MANY))
    assert len({example.id for example in whole}) == MANY
    assert whole[0].id.removesuffix("-0") == whole[600].id.removesuffix("-1")


def test_every_way_to_get_at_them_gives_the_same() -> None:
    whole = numbered(MANY)
    listed = list(whole)
    assert len(whole) == len(listed) == MANY
    assert [example.prompt for example in listed] == [str(number) for number in range(MANY)]
    assert [whole[place] for place in range(MANY)] == listed
    for part in (slice(None, 3), slice(250, 260), slice(None, None, 300), slice(-3, None), slice(5, 2)):
        assert whole[part] == listed[part]
    assert whole[-1] == listed[-1]
    with pytest.raises(IndexError):
        whole[MANY]


def test_two_readers_do_not_disturb_each_other() -> None:
    whole = numbered(MANY)
    seen: list[list[Example]] = [[], []]
    threads = [threading.Thread(target=place.extend, args=(whole,)) for place in seen]
    for thread in threads:
        thread.start()
    for first, second in zip(whole, whole, strict=True):
        assert first == second
    for thread in threads:
        thread.join()
    assert seen[0] == seen[1] == list(whole)


def test_some_of_them_keep_order_and_ids() -> None:
    whole = numbered(MANY)
    some = whole.those(lambda example: example.last)
    listed = [example for example in whole if example.last]
    assert list(some) == listed
    assert (len(some), some[-1], some[3:5]) == (len(listed), listed[-1], listed[3:5])


def test_it_is_known_whether_any_has_tools_or_reasoning() -> None:
    plain = numbered(3)
    assert (plain.tools, plain.reasoning) == (False, False)
    with_tools = Examples([(conversation("a"), ""), (conversation("b", tools="[…]"), "")])
    assert (with_tools.tools, with_tools.reasoning) == (True, False)
    thinking = Conversation((Message("user", "a"),), "<think>\nso\n</think>\n\nb")
    assert Examples([(thinking, ""), (conversation("c"), "")]).reasoning


def test_none_are_an_empty_sequence() -> None:
    assert (len(Examples([])), list(Examples([]))) == (0, [])


@pytest.mark.slow
def test_their_number_costs_no_examples_in_memory() -> None:
    whole = numbered(20 * MANY)
    most = 0
    for place, _ in enumerate(whole):
        if place % MANY == 0:
            most = max(most, sum(isinstance(value, Example) for value in gc.get_objects()))
    assert most < MANY


def test_a_source_that_fails_says_its_own_error() -> None:
    def failing() -> Iterator[tuple[Conversation, str]]:
        yield conversation("a"), "row 1"
        raise DataError("row 2 is wrong")

    with pytest.raises(DataError, match="row 2 is wrong"):
        Examples(failing())


def test_no_room_for_them_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"folder of temporary files .*none.*TMPDIR"):
        numbered(1)


def test_no_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    whole = numbered(MANY)
    assert list(tmp_path.iterdir()) == []
    assert len(list(whole)) == MANY
