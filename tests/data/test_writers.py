"""Writers and grouping: every format that is written is read back as the same conversations and targets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.data.dialogue import Dialogue
from ownwords.data.export import training_row, training_table, write_tables
from ownwords.data.formats import to_examples
from ownwords.data.grouping import TrainingRow, grouped, one_by_one, read_training_rows
from ownwords.data.tools import read_tools
from ownwords.data.writers import WRITERS, ExportFormat, FileHas
from ownwords.recipe import SourceSection
from ownwords.records import Example, Message, Outcome
from ownwords.turns import AssistantTurn, Call

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20).filter(
    str.strip
)


names = st.sampled_from(["f", "g"])
arguments = st.dictionaries(texts, texts | st.integers() | st.lists(texts, max_size=2), max_size=2)
TOOLS = read_tools([{"name": "f"}, {"name": "g", "description": "d"}], "here")


@st.composite
def dialogues(draw: st.DrawFn) -> Dialogue:
    """An optional system turn, then one to four exchanges of which at least the last is trained."""
    system = [Message("system", text) for text in draw(st.lists(texts, max_size=1))]
    exchanges = draw(st.lists(st.tuples(texts, texts, st.booleans()), min_size=1, max_size=4))
    turns = [Message(role, text) for q, a, _ in exchanges for role, text in (("user", q), ("assistant", a))]
    last = len(exchanges) - 1
    trained = [n for n, (_, _, wanted) in enumerate(exchanges) if wanted or n == last]
    return Dialogue((*system, *turns), tuple(len(system) + 2 * n + 1 for n in trained))


@st.composite
def tool_dialogues(draw: st.DrawFn) -> Dialogue:
    """Exchanges in which answers call, say something, or both, and calls have results, or the next question."""
    messages: list[Message] = []
    for _ in range(draw(st.integers(1, 3))):
        messages.append(Message("user", draw(texts)))
        count = draw(st.integers(0, 2))
        calls = tuple(Call(name, draw(arguments)) for name in draw(st.lists(names, min_size=count, max_size=count)))
        words = draw(texts if not calls else texts | st.just("")).rstrip("\n")
        reasoning = draw(texts | st.just("")).strip()
        messages.append(Message("assistant", AssistantTurn(words.lstrip(), reasoning, calls).as_text()))
        if calls and draw(st.booleans()):
            messages += [Message("tool", draw(texts | st.just(""))) for _ in calls]
            messages.append(Message("assistant", draw(texts)))
    return Dialogue(tuple(messages), tuple(i for i, m in enumerate(messages) if m.role == "assistant"), TOOLS)


def examples(dialogue: Dialogue) -> list[tuple[tuple[Message, ...], str]]:
    return [(dialogue.messages[:index], dialogue.messages[index].content) for index in dialogue.targets]


def read_back(row: dict[str, Any], form: str, turns: str = "all") -> list[tuple[tuple[Message, ...], str]]:
    source = SourceSection.model_validate({"path": "x.jsonl", "turns": turns})
    found = to_examples(json.loads(json.dumps(row, ensure_ascii=False)), source, form)
    return [(conversation.messages, conversation.reference) for conversation in found]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["messages", "prompt-completion", "sharegpt"])
@given(dialogue=dialogues(), marked=st.booleans())
def test_what_is_written_is_read_back_with_its_targets(form: ExportFormat, dialogue: Dialogue, marked: bool) -> None:
    assert read_back(WRITERS[form].row(dialogue, FileHas(marked or bool(dialogue.untrained))), form) == examples(
        dialogue
    )


@pytest.mark.slow
@pytest.mark.parametrize("form", ["messages", "prompt-completion", "sharegpt"])
@given(dialogue=tool_dialogues())
def test_tools_calls_results_and_reasoning_are_read_back(form: ExportFormat, dialogue: Dialogue) -> None:
    row = WRITERS[form].row(dialogue, FileHas(tools=True))
    assert list(row) == list(WRITERS[form].columns_of(FileHas(tools=True)))
    assert read_back(row, form) == examples(dialogue)
    source = SourceSection.model_validate({"path": "x.jsonl"})
    assert {found.tools for found in to_examples(row, source, form)} == {TOOLS}


@given(dialogue=dialogues())
def test_alpaca_holds_the_turns_but_not_which_of_them_are_targets(dialogue: Dialogue) -> None:
    row = WRITERS["alpaca"].row(dialogue, FileHas(True))
    everything = Dialogue(dialogue.messages, tuple(sorted((*dialogue.targets, *dialogue.untrained))))
    assert read_back(row, "alpaca") == examples(everything)
    assert read_back(row, "alpaca", turns="last") == examples(dialogue)[-1:]


@pytest.mark.slow
@pytest.mark.parametrize("form", WRITERS)
@given(dialogue=dialogues())
def test_every_column_that_is_written_is_described(form: ExportFormat, dialogue: Dialogue) -> None:
    assert list(WRITERS[form].row(dialogue, FileHas(True))) == list(WRITERS[form].columns)


def test_rows_are_the_ones_that_trainers_know() -> None:
    messages = tuple(
        Message(*turn) for turn in (("user", "q1"), ("assistant", "a1"), ("user", "q2"), ("assistant", "a2"))
    )
    dialogue = Dialogue((Message("system", "s"), *messages), (4,))
    assert WRITERS["messages"].row(dialogue, FileHas(True))["messages"][2:4] == [
        {"role": "assistant", "content": "a1", "weight": 0},
        {"role": "user", "content": "q2"},
    ]
    assert WRITERS["sharegpt"].row(dialogue, FileHas(True)) == {
        "conversations": [
            {"from": "system", "value": "s"},
            {"from": "human", "value": "q1"},
            {"from": "gpt", "value": "a1", "weight": 0},
            {"from": "human", "value": "q2"},
            {"from": "gpt", "value": "a2", "weight": 1},
        ]
    }
    assert WRITERS["alpaca"].row(dialogue, FileHas(True)) == {
        "instruction": "q2",
        "input": "",
        "output": "a2",
        "system": "s",
        "history": [["q1", "a1"]],
    }
    row = WRITERS["prompt-completion"].row(dialogue, FileHas(True))
    assert row["completion"] == [{"role": "assistant", "content": "a2"}]
    assert all(turn.keys() == {"role", "content"} for turn in row["prompt"])


def training_rows(dialogue: Dialogue) -> list[TrainingRow]:
    """The rows that rewriting makes of a conversation: histories show references, targets are their rewrites."""
    return [TrainingRow(messages, f"own {reference}", reference) for messages, reference in examples(dialogue)]


def rewritten(dialogue: Dialogue) -> Dialogue:
    messages = [
        Message("assistant", f"own {message.content}") if index in dialogue.targets else message
        for index, message in enumerate(dialogue.messages)
    ]
    return Dialogue(tuple(messages), dialogue.targets)


@pytest.mark.slow
@given(content=st.lists(dialogues().filter(lambda d: not d.untrained), max_size=5))
def test_rows_become_the_conversations_that_they_came_from(content: list[Dialogue]) -> None:
    """Equal conversations one after the other stay as many as they were, even where one begins like another ends."""
    rows = [row for dialogue in content for row in training_rows(dialogue)]
    assert list(grouped(rows)) == [rewritten(dialogue) for dialogue in content]


@given(dialogue=dialogues())
def test_a_dropped_answer_stays_the_reference_and_no_target(dialogue: Dialogue) -> None:
    (whole,) = grouped(training_rows(dialogue))
    assert whole == rewritten(dialogue)
    assert all(whole.messages[index] == dialogue.messages[index] for index in dialogue.untrained)


@given(content=st.lists(dialogues(), max_size=3))
def test_one_by_one_is_exactly_what_was_trained(content: list[Dialogue]) -> None:
    rows = [row for dialogue in content for row in training_rows(dialogue)]
    singles = list(one_by_one(rows))
    assert [(*single.messages[:-1], single.messages[-1].content) for single in singles] == [
        (*row.prompt, row.target) for row in rows
    ]
    assert all(single.targets == (len(single.messages) - 1,) for single in singles)


def test_rows_are_read_from_the_arms_file(tmp_path: Path) -> None:
    provenance = dict.fromkeys(("prompt_preset", "prompt_hash", "model", "revision", "sampling"), "")
    prompt = (Message("system", "s"), Message("user", "q"))
    outcome = Outcome(Example("id-0", prompt, "reference"), "accepted", "rewrite", "ok", "", "target", 0)
    write_tables([tmp_path / "train.parquet"], [[training_table([training_row(outcome, provenance)] * 3)]])
    assert list(read_training_rows(tmp_path / "train.parquet")) == [TrainingRow(prompt, "target", "reference")] * 3
