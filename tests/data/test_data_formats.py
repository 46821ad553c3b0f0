"""Formats: what a well-formed row becomes, and that parsing loses nothing."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ownwords.data import formats
from ownwords.data.formats import detect
from ownwords.data.load import load_train
from ownwords.recipe import DataSection, SourceSection
from ownwords.records import Example, Message

CHAT = {
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "q1"},
        {"role": "assistant", "content": "a1"},
        {"role": "user", "content": "q2"},
        {"role": "assistant", "content": "a2"},
        {"role": "user", "content": "unanswered"},
    ]
}
SYSTEM, QUESTION_1, ANSWER_1, QUESTION_2 = (Message(m["role"], m["content"]) for m in CHAT["messages"][:4])


def to_examples(row: Any, where: SourceSection, origin: str) -> list[tuple[tuple[Message, ...], str]]:
    """What comes before each target, and the target."""
    return [(found.messages, found.reference) for found in formats.to_examples(row, where, origin)]


def source(**values: Any) -> SourceSection:
    return SourceSection.model_validate({"path": "x.jsonl", **values})


def load(path: Path, **values: Any) -> list[Example]:
    return load_train(DataSection.model_validate({"train": {"path": str(path), **values}}))


def pairs(examples: list[Example]) -> list[tuple[str, str]]:
    return [(example.prompt, example.reference) for example in examples]


def test_formats_are_detected_by_their_columns() -> None:
    assert detect(CHAT) == "messages"
    assert detect({"instruction": "", "output": ""}) == "alpaca"
    assert detect({"conversations": []}) == "sharegpt"
    assert detect({"prompt": "", "completion": ""}) == "prompt-completion"
    assert detect({"messages": [], "prompt": "", "completion": ""}) == "messages"
    assert detect({"question": "", "answer": ""}) is None


def test_every_assistant_turn_is_a_target_after_the_history_before_it() -> None:
    assert to_examples(CHAT, source(), "here") == [
        ((SYSTEM, QUESTION_1), "a1"),
        ((SYSTEM, QUESTION_1, ANSWER_1, QUESTION_2), "a2"),
    ]


def test_last_turn_only_keeps_the_whole_history() -> None:
    assert to_examples(CHAT, source(turns="last"), "here") == [((SYSTEM, QUESTION_1, ANSWER_1, QUESTION_2), "a2")]


def test_null_tool_fields_of_a_message_are_no_tools() -> None:
    row = {
        "messages": [{"role": "user", "content": "q", "tool_calls": None}, {"role": "assistant", "content": "a"}],
        "tools": [],
    }
    assert to_examples(row, source(), "here") == [((Message("user", "q"),), "a")]


def test_text_parts_of_a_message_are_one_text() -> None:
    parts = [{"type": "text", "text": "q", "image_url": None}, {"type": "text", "text": "1"}]
    row = {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "a1"}]}
    assert to_examples(row, source(), "here") == [((QUESTION_1,), "a1")]


def test_a_turn_of_weight_zero_is_shown_but_no_target() -> None:
    weights = [None, None, 0, None, 1, None]
    row = {"messages": [{**turn, "weight": w} for turn, w in zip(CHAT["messages"], weights, strict=True)]}
    expected = [((SYSTEM, QUESTION_1, ANSWER_1, QUESTION_2), "a2")]
    assert to_examples(row, source(), "here") == expected
    assert to_examples(row, source(turns="last"), "here") == expected


def test_prompt_and_completion_may_be_texts() -> None:
    assert to_examples({"prompt": "q1", "completion": "a1"}, source(), "here") == [((QUESTION_1,), "a1")]
    assert to_examples({"prompt": "q1", "completion": 18}, source(), "here") == [((QUESTION_1,), "18")]


def test_only_the_completion_is_trained_however_many_turns_it_has() -> None:
    turns = CHAT["messages"]
    last = ((SYSTEM, QUESTION_1, ANSWER_1, QUESTION_2), "a2")
    assert to_examples({"prompt": turns[:4], "completion": turns[4:5]}, source(), "here") == [last]
    whole = {"prompt": turns[:2], "completion": turns[2:]}
    assert to_examples(whole, source(), "here") == [((SYSTEM, QUESTION_1), "a1"), last]
    assert to_examples(whole, source(turns="last"), "here") == [last]


@pytest.mark.parametrize("user", ["human", "user", "Human"])
@pytest.mark.parametrize("assistant", ["gpt", "chatgpt", "bing", "bard", "model", "assistant", "GPT"])
def test_sharegpt_knows_every_name_of_a_speaker(user: str, assistant: str) -> None:
    row = {"conversations": [{"from": user, "value": "q1"}, {"from": assistant, "value": "a1"}]}
    assert to_examples(row, source(), "here") == [((QUESTION_1,), "a1")]


def test_sharegpt_takes_roles_and_system_in_either_place() -> None:
    turns = [{"from": "human", "value": "q1"}, {"from": "gpt", "value": "a1"}]
    expected = [((SYSTEM, QUESTION_1), "a1")]
    assert to_examples({"conversations": turns, "system": "s"}, source(), "here") == expected
    assert to_examples({"conversations": [{"from": "system", "value": "s"}, *turns]}, source(), "here") == expected
    assert to_examples({"conversations": CHAT["messages"][:3]}, source(), "here") == expected
    padded = [{"from": None, "value": None, "role": "human", "content": "q1"}, turns[1]]
    assert to_examples({"conversations": padded, "system": ""}, source(), "here") == [((QUESTION_1,), "a1")]


def test_a_template_makes_the_prompt_of_several_columns() -> None:
    row = {"question": "q1", "context": None, "n": 3, "answer": "a1", "s": "s"}
    template = "{{ question }}{% if context %}\n\n{{ context }}{% endif %}"
    columns = {"response": "answer", "system": "s"}
    expected = [((SYSTEM, QUESTION_1), "a1")]
    assert to_examples(row, source(template=template, columns=columns), "here") == expected
    template = "{{ question }} {{ n }} {{ context or '' }}<b>\n"
    examples = to_examples(row, source(template=template, columns=columns), "here")
    assert examples[0][0][-1].content == "q1 3 <b>\n"


def test_alpaca_input_follows_the_instruction_on_a_line_of_its_own() -> None:
    row = {"instruction": "Translate.", "input": " Bonjour\n", "output": "Hello"}
    assert to_examples(row, source(), "here") == [((Message("user", "Translate.\n Bonjour\n"),), "Hello")]


@pytest.mark.parametrize("absent", ["", " \n", None])
def test_alpaca_optional_fields_may_be_empty(absent: str | None) -> None:
    row = {"instruction": "i", "input": absent, "system": absent, "output": "o", "history": absent and None}
    assert to_examples(row, source(), "here") == [((Message("user", "i"),), "o")]


def test_alpaca_history_and_system_come_before_the_prompt() -> None:
    row = {"instruction": "q2", "system": "s", "output": "a2", "history": [["q1", "a1"]]}
    first, second = to_examples(row, source(), "here")
    assert first == ((SYSTEM, QUESTION_1), "a1")
    assert second == ((SYSTEM, QUESTION_1, ANSWER_1, QUESTION_2), "a2")
    assert to_examples(row, source(turns="last"), "here") == [second]


def test_columns_are_taken_as_the_recipe_names_them() -> None:
    row = {"q": "one", "a": "two", "s": "three", "unused": None}
    columns = {"prompt": "q", "response": "a", "system": "s"}
    expected = [((Message("system", "three"), Message("user", "one")), "two")]
    assert to_examples(row, source(columns=columns), "here") == expected


@pytest.mark.parametrize(("value", "text"), [(18, "18"), (-0.5, "-0.5"), (0, "0")])
def test_numbers_are_accepted_as_responses(value: float, text: str) -> None:
    columns = {"prompt": "q", "response": "a"}
    assert to_examples({"q": "one", "a": value}, source(columns=columns), "here")[0][1] == text


def test_texts_are_taken_as_they_are() -> None:
    row = {"instruction": "  i \r\n", "output": "\u2028 o\t"}
    assert to_examples(row, source(), "here") == [((Message("user", "  i \r\n"),), "\u2028 o\t")]


# Round trips. Anything that is text for a tokenizer: no NUL, no lone surrogate, not blank.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
rows = st.lists(st.tuples(texts, texts), min_size=1, max_size=8)


def write_jsonl(path: Path, content: list[dict[str, str]]) -> None:
    path.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content), encoding="utf-8", newline=""
    )


def write_json(path: Path, content: list[dict[str, str]]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def write_csv(path: Path, content: list[dict[str, str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["instruction", "output"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(content)
    path.write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode("utf-8"))


def write_parquet(path: Path, content: list[dict[str, str]]) -> None:
    pq.write_table(pa.Table.from_pylist(content), path)


WRITERS: dict[str, Callable[[Path, list[dict[str, str]]], None]] = {
    "x.jsonl": write_jsonl,
    "lines.json": write_jsonl,
    "x.json": write_json,
    "x.csv": write_csv,
    "x.PARQUET": write_parquet,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
@given(content=rows)
@settings(max_examples=60, deadline=None)
def test_every_text_comes_back_from_every_file_type(name: str, content: list[tuple[str, str]]) -> None:
    if name == "lines.json" and len(content) == 1:
        content = content * 2  # one line alone is one object, and an error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        WRITERS[name](path, [{"instruction": i, "output": o} for i, o in content])
        assert pairs(load(path)) == content


@pytest.mark.slow
@given(content=rows)
@settings(max_examples=60, deadline=None)
def test_messages_come_back_from_parquet(content: list[tuple[str, str]]) -> None:
    turns = [
        {"role": role, "content": text}
        for pair in content
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        pq.write_table(pa.Table.from_pylist([{"messages": turns}]), path)
        assert pairs(load(path)) == content
        assert [len(example.messages) for example in load(path)] == [2 * n + 1 for n in range(len(content))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "type", "text", "weight"]), inner)
    ),
    max_leaves=12,
)
COLUMNS = ["messages", "conversations", "prompt", "completion", "instruction", "output", "history", "system", "tools"]


@pytest.mark.slow
@given(row=st.dictionaries(st.sampled_from(COLUMNS), JSON))
@settings(max_examples=300)
def test_any_row_is_an_input_error_or_conversations_that_end_with_a_user_turn(row: dict[str, Any]) -> None:
    from ownwords.errors import DataError

    try:
        examples = to_examples(row, source(), "here")
    except DataError as error:
        assert str(error).startswith("here")
    else:
        assert examples
        assert all(messages[-1].role == "user" and reference.strip() for messages, reference in examples)


@pytest.mark.slow
@given(junk=st.binary(max_size=200), name=st.sampled_from(["x.json", "x.jsonl", "x.csv", "x.parquet"]))
@settings(max_examples=300, deadline=None)
def test_junk_is_an_input_error_or_rows_and_never_a_crash(junk: bytes, name: str) -> None:
    from ownwords.errors import DataError

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(junk)
        try:
            load(path)
        except DataError as error:
            assert name in str(error)


def test_origin_is_the_line_on_which_a_row_begins(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('instruction,output\n\n"a\nb",c\nd,e\n')
    assert [(e.prompt, e.origin) for e in load(path)] == [("a\nb", "x.csv line 3"), ("d", "x.csv line 5")]


def test_byte_order_mark_and_carriage_returns_are_tolerated(tmp_path: Path) -> None:
    row = '{"instruction": "a", "output": "b"}'
    for name, text in (
        ("x.jsonl", f"{row}\r\n{row}\r\n"),
        ("y.json", f"{row}\r\n{row}\r\n"),
        ("z.json", f"[{row}, {row}]"),
    ):
        path = tmp_path / name
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
        assert pairs(load(path)) == [("a", "b"), ("a", "b")]
