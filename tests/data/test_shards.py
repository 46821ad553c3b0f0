"""A folder of shards: order, laziness, what is passed over, what is refused, and its fingerprint."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ownwords.data import shards
from ownwords.data.files import Row
from ownwords.data.load import describe_source, load_heldout, load_train
from ownwords.errors import DataError, RecipeError
from ownwords.recipe import DataSection, SourceSection


def row(prompt: str) -> str:
    return json.dumps({"instruction": prompt, "output": "x"}) + "\n"


def data(folder: Path | str, **settings: object) -> DataSection:
    return DataSection.model_validate({"train": {"path": str(folder), **settings}})


def found(folder: Path | str, **settings: object) -> list[tuple[str, str]]:
    return [(example.prompt, example.origin) for example in load_train(data(folder, **settings))]


def test_shards_are_read_in_the_order_of_their_names_with_their_origin(tmp_path: Path) -> None:
    for name, text in (("b.jsonl", row("3")), ("a.jsonl", row("1") + "\n" + row("2")), ("c.jsonl", row("4"))):
        (tmp_path / name).write_text(text)
    assert found(tmp_path) == [
        ("1", "a.jsonl line 1"),
        ("2", "a.jsonl line 3"),
        ("3", "b.jsonl line 1"),
        ("4", "c.jsonl line 1"),
    ]


@pytest.mark.parametrize("kind", ["json", "csv", "parquet", "jsonl.gz"])
def test_shards_may_be_of_any_kind(tmp_path: Path, kind: str) -> None:
    for name in ("b", "a"):
        path = tmp_path / f"part-{name}.{kind}"
        if kind == "parquet":
            pq.write_table(pa.table({"instruction": [name], "output": ["x"]}), path)
        else:
            text = {"csv": f"instruction,output\n{name},x\n", "json": f"[{row(name)}]"}.get(kind, row(name))
            path.write_bytes(gzip.compress(text.encode()) if kind.endswith(".gz") else text.encode())
    assert [prompt for prompt, _ in found(tmp_path)] == ["a", "b"]


def test_a_shard_is_not_opened_before_the_one_before_it_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jsonl").write_text(row("1") + row("2"))
    (tmp_path / "b.jsonl").write_text("torn")
    opened: list[str] = []

    def noting(path: Path) -> list[Row]:
        opened.append(path.name)
        return list(original(path))

    original = shards.read_rows
    monkeypatch.setattr(shards, "read_rows", noting)
    section = data(tmp_path, limit=2)
    train = load_train(section)
    assert opened == ["a.jsonl"]
    with pytest.raises(DataError, match=r"b\.jsonl line 1, column 1: not valid JSON"):
        load_heldout(section, train, None)
    assert opened == ["a.jsonl", "a.jsonl", "b.jsonl"]


def test_heldout_goes_on_in_the_next_shard(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(row("1") + row("2"))
    (tmp_path / "b.jsonl").write_text(row("3"))
    section = data(tmp_path, limit=2)
    assert [e.origin for e in load_heldout(section, load_train(section), None)] == ["b.jsonl line 1"]


def test_what_is_no_data_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "part.jsonl").write_text(row("1"))
    for name in ("README.md", "LICENSE", "notes.txt", ".hidden.csv", "_SUCCESS", "dataset_infos.json", "state.json"):
        (tmp_path / name).write_text("nothing to read")
    (tmp_path / "inner.jsonl").mkdir()
    (tmp_path / "inner.jsonl" / "x.csv").write_text("nothing to read")
    assert found(tmp_path) == [("1", "part.jsonl line 1")]


REFUSED: list[tuple[list[str], str]] = [
    ([], "holds no data file (.json, .jsonl, .csv (each also with .gz or .zst), .parquet). Files in folders inside"),
    (["README.md", "notes.txt", "dataset_infos.json", ".a.jsonl"], "holds no data file"),
    (["a.jsonl", "b.csv"], "mixes .jsonl (a.jsonl) and .csv (b.csv). Name one file, or leave files of one kind in"),
    (["a.jsonl", "a.jsonl.gz"], "mixes .jsonl (a.jsonl) and .jsonl.gz (a.jsonl.gz)."),
    (["a.jsonl", "b.jsonl.bz2"], "holds b.jsonl.bz2, which is not read"),
    (["data-00000-of-00001.arrow", "state.json"], "holds data-00000-of-00001.arrow, which is not read"),
    (["train.jsonl", "test.jsonl"], "holds files of several splits (test, train). Say which one with `split`, e.g. "),
    (
        ["x-train-0.csv", "x-dev-0.csv"],
        "several splits (train, validation). Say which one with `split`, e.g. split: train",
    ),
    (["dev.csv", "test.csv"], "several splits (test, validation). Say which one with `split`, e.g. split: test, or"),
    (["a.jsonl", "b.jsonl"], "a.jsonl holds no rows."),
]


@pytest.mark.parametrize(("names", "message"), REFUSED)
def test_wrong_folder_is_one_message(tmp_path: Path, names: list[str], message: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(DataError) as caught:
        load_train(data(tmp_path))
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "names", [["train-0.jsonl", "train-1.jsonl"], ["test.jsonl"], ["latest.jsonl", "trainer.jsonl"]]
)
def test_files_of_one_split_or_of_none_are_one_dataset(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text(row(name))
    assert [prompt for prompt, _ in found(tmp_path)] == names


@pytest.mark.parametrize("key", ["split", "config", "revision"])
def test_keys_of_a_dataset_do_not_go_with_a_file(tmp_path: Path, key: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(row("1"))
    for action in (load_train, lambda section: describe_source(section.train)):
        with pytest.raises(
            RecipeError, match=f"^`{key}` belongs to a dataset of the Hugging Face Hub or a folder laid"
        ):
            action(data(path, **{key: "train"}))


def test_a_local_folder_has_no_revision(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(row("1"))
    with pytest.raises(
        RecipeError, match=r"^`revision` belongs to a dataset of the Hugging Face Hub, and .* is a local"
    ):
        load_train(data(tmp_path, revision="main", split="train"))


def fingerprint(folder: Path, **settings: str) -> dict[str, object]:
    return describe_source(SourceSection.model_validate({"path": str(folder), **settings}))


@pytest.mark.parametrize("settings", [{}, {"split": "train"}])
def test_fingerprint_follows_names_and_contents_of_shards_and_nothing_else(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "b.jsonl").write_text(row("2"))
        (folder / "a.jsonl").write_text(row("1"))
    before = fingerprint(one, **settings)
    assert fingerprint(other, **settings) == before
    (one / ".hidden").write_text("x")
    assert fingerprint(one, **settings) == before
    (other / "a.jsonl").rename(other / "c.jsonl")  # the same contents in another order
    reordered = fingerprint(other, **settings)
    (other / "c.jsonl").rename(other / "d.jsonl")  # the same contents in the same order
    renamed = fingerprint(other, **settings)
    (one / "a.jsonl").write_text(row("!"))
    changed = fingerprint(one, **settings)
    (one / "c.jsonl").write_text(row("3"))
    added = fingerprint(one, **settings)
    assert len({str(facts) for facts in (before, reordered, renamed, changed, added)}) == 5


def test_fingerprint_of_shards_does_not_follow_the_readme(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(row("1"))
    before = fingerprint(tmp_path)
    (tmp_path / "README.md").write_text("text")
    assert fingerprint(tmp_path) == before


def test_a_folder_that_cannot_be_data_has_no_fingerprint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no data file"):
        fingerprint(tmp_path)
