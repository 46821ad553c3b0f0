"""Ids, held-out rows, laziness, fingerprint facts, and the real files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ownwords.data import shards
from ownwords.data.load import describe_source, load_heldout, load_train
from ownwords.errors import DataError
from ownwords.recipe import DataSection, SourceSection
from ownwords.records import digest


def section(path: Path | str, heldout: dict[str, Any] | None = None, **values: Any) -> DataSection:
    return DataSection.model_validate({"train": {"path": str(path), **values}, "heldout": heldout})


def write(path: Path, pairs: Iterable[tuple[str, str]]) -> Path:
    path.write_text("".join(json.dumps({"instruction": i, "output": o}) + "\n" for i, o in pairs), encoding="utf-8")
    return path


def prompts(examples: Iterable[Any]) -> list[str]:
    return [example.prompt for example in examples]


def test_id_is_the_content_hash_with_an_occurrence_number(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [("a", "b"), ("c", "d"), ("a", "b")])
    content = digest({"messages": [{"role": "user", "content": "a"}], "reference": "b"})
    first, other, second = load_train(section(path))
    assert (first.id, second.id) == (f"{content}-0", f"{content}-1")
    assert re.fullmatch(r"[0-9a-f]{16}-0", other.id)
    assert other.id != first.id


few = st.sampled_from(["a", "b", "ab"])


@pytest.mark.slow
@given(st.lists(st.tuples(few, few), min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_shuffling_rows_keeps_the_set_of_ids(tmp_path_factory: Any, pairs: list[tuple[str, str]], random: Any) -> None:
    folder = tmp_path_factory.mktemp("ids")
    shuffled = random.sample(pairs, len(pairs))
    before = {e.id: (e.messages, e.reference) for e in load_train(section(write(folder / "a.jsonl", pairs)))}
    after = {e.id: (e.messages, e.reference) for e in load_train(section(write(folder / "b.jsonl", shuffled)))}
    assert before == after
    assert len(before) == len(pairs)


def test_limit_takes_the_first_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [("a", "1"), ("b", "2"), ("c", "3")])
    assert prompts(load_train(section(path, limit=2))) == ["a", "b"]
    assert prompts(load_train(section(path, limit=9))) == ["a", "b", "c"]


def test_limit_counts_rows_not_targets(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    row = {"instruction": "q2", "output": "a2", "history": [["q1", "a1"]]}
    path.write_text(json.dumps([row, {**row, "instruction": "q3"}]))
    assert prompts(load_train(section(path, limit=1))) == ["q1", "q2"]


def test_heldout_is_what_training_leaves_without_its_prompts_or_repeats(tmp_path: Path) -> None:
    rows = [("Ask me", "1"), ("two", "2"), ("ask\n  ME", "3"), ("three", "4"), ("THREE ", "5"), ("four", "6")]
    data = section(write(tmp_path / "x.jsonl", rows), limit=2)
    train = load_train(data)
    assert prompts(load_heldout(data, train, None)) == ["three", "four"]
    assert prompts(load_heldout(data, train, 1)) == ["three"]


def test_heldout_source_of_its_own_is_read_instead(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [("a", "1"), ("b", "2")])
    other = write(tmp_path / "y.jsonl", [("A", "1"), ("c", "2"), ("d", "3"), ("e", "4")])
    data = section(path, heldout={"path": str(other), "limit": 3}, limit=1)
    assert prompts(load_heldout(data, load_train(data), None)) == ["c", "d"]


def test_no_row_left_says_what_to_set(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [("a", "1"), ("A", "2")])
    for data in (section(path), section(path, limit=1), section(path, limit=2), section(path, limit=9)):
        with pytest.raises(DataError) as caught:
            load_heldout(data, load_train(data), None)
        limit = data.train.limit
        now = (
            f"training uses every row, or every prompt: set data.train.limit, which is {limit},"
            if limit
            else ("training uses every row: set data.train.limit")
        )
        needed = "no unseen rows, which a benchmark of this recipe needs"
        assert str(caught.value) == f"{needed}: {now} to fewer than there are, or data.heldout."


def test_heldout_source_with_only_training_prompts_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", [("a", "1")])
    data = section(path, heldout={"path": str(path)})
    with pytest.raises(DataError, match=r"every row of data\.heldout repeats a prompt of data\.train"):
        load_heldout(data, load_train(data), None)


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv"])
def test_rows_beyond_the_limit_are_not_read(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / name
    row = "q,a\n" if name == "x.csv" else '{"instruction": "q", "output": "a"}\n'
    path.write_text(("instruction,output\n" if name == "x.csv" else "") + row * 500)
    taken = 0

    def counting(located: Path) -> Any:
        nonlocal taken
        for taken, found in enumerate(original(located), 1):  # noqa: B007 - the count is what is wanted
            yield found

    original = shards.read_rows
    monkeypatch.setattr(shards, "read_rows", counting)
    assert len(load_train(section(path, limit=3))) == 3
    assert taken == 3


def test_path_expands_variables_and_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "x.jsonl", [("a", "1")])
    monkeypatch.setenv("WHERE", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("$WHERE/x.jsonl", "${WHERE}/x.jsonl", "~/x.jsonl"):
        assert prompts(load_train(section(path))) == ["a"]


def test_fingerprint_of_a_file_is_its_content_wherever_it_lies(tmp_path: Path) -> None:
    first = write(tmp_path / "x.jsonl", [("a", "1")])
    second = write(tmp_path / "y.jsonl", [("a", "1")])
    expected = {"sha256": hashlib.sha256(first.read_bytes()).hexdigest()}
    assert describe_source(SourceSection(path=str(first))) == expected
    assert describe_source(SourceSection(path=str(second))) == expected
    write(first, [("a", "2")])
    assert describe_source(SourceSection(path=str(first))) != expected


REAL = [
    ("gsm8k_train.json", {"prompt": "question", "response": "answer"}, 7473),
    ("openfunction_train.json", None, 2211),
    ("alpaca_train.json", None, 2000),
    ("dolly_train.json", None, 2000),
    ("lima_train.json", None, 1082),
    ("multiarith_test.json", None, 180),
    ("harmful_behaviors.csv", {"prompt": "goal", "response": "target"}, 520),
]


@pytest.mark.parametrize(("name", "columns", "targets"), REAL)
def test_real_files_load_whole(shared_data: Path, name: str, columns: dict[str, str] | None, targets: int) -> None:
    examples = load_train(section(shared_data / name, columns=columns))
    assert len(examples) == targets
    assert len({example.id for example in examples}) == targets


def test_openfunctions_has_522_exact_duplicates(shared_data: Path) -> None:
    examples = load_train(section(shared_data / "openfunction_train.json"))
    assert sum(not example.id.endswith("-0") for example in examples) == 522


def test_ids_of_the_rows_own_are_no_ids_of_examples(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(
        "".join(f'{{"id": 7, "instruction": "q{n}", "output": "a"}}\n' for n in (1, 2, 1)), encoding="utf-8"
    )
    first, second, third = load_train(DataSection(train=SourceSection(path=str(path))))
    assert len({first.id, second.id, third.id}) == 3
    assert third.id == first.id.removesuffix("-0") + "-1"
