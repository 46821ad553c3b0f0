"""Training rows and their card: what is in them, and that datasets and TRL take them as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from tests.tiny import make_tiny_model

from ownwords.data.card import dataset_card
from ownwords.data.export import COLUMNS, training_row, training_table, with_targets, write_tables
from ownwords.records import PASSED, Completion, Example, Message, Outcome, Verdict

EXAMPLE = Example("abc-0", (Message("system", "s"), Message("user", "SECRET question")), "SECRET reference")
ENGINE = {"kind": "scripted", "version": "1", "dtype": "none", "device": "cpu", "model": "m", "weights_hash": "w"}
PROVENANCE = {
    "prompt_preset": "chat/math",
    "prompt_hash": "0123",
    "model": "some/model",
    "revision": None,
    "sampling": '{"temperature": 0.5, "top_k": 3}',
}
ACCEPTED = Outcome(
    example=EXAMPLE,
    kind="accepted",
    source="rewrite",
    reason="ok",
    detail="",
    target="SECRET rewrite",
    attempt=1,
    verdicts=(("not_empty", PASSED), ("finished", Verdict(False, "cut", "at 5"))),
    completion=Completion("r", "SECRET rewrite", prompt_tokens=9, completion_tokens=4),
    engine=json.dumps(ENGINE),
)
FALLBACK = Outcome(EXAMPLE, "fallback", "reference", "engine_error", "", "SECRET reference", 0)
ROWS = [training_row(ACCEPTED, PROVENANCE), training_row(FALLBACK, PROVENANCE)]
FACTS: dict[str, Any] = {
    "sources": {"rewrite": 2, "reference": 1},
    **PROVENANCE,
    "sampling": {"temperature": 0.5, "top_k": 3},
    "arm": "sdft",
    "summary": "rewrites, with the reference where none passed",
    "rows": 3,
    "engines": [ENGINE],
    "checks": ["not_empty", "finished"],
    "seed": 42,
    "outcomes": [
        {"kind": "accepted", "reason": "ok", "count": 3},
        {"kind": "fallback", "reason": "final_answer:differs", "count": 1},
    ],
}


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    write_tables([path], [[training_table(rows)]])


def test_row_has_the_target_and_where_it_comes_from() -> None:
    row = ROWS[0]
    assert row.keys() == COLUMNS.keys()
    assert row["prompt"] == [{"role": "system", "content": "s"}, {"role": "user", "content": "SECRET question"}]
    assert row["completion"] == [{"role": "assistant", "content": "SECRET rewrite"}]
    assert json.loads(row["verdicts"]) == [
        {"check": "not_empty", "passed": True, "reason": "ok", "detail": ""},
        {"check": "finished", "passed": False, "reason": "cut", "detail": "at 5"},
    ]
    assert (row["id"], row["outcome"], row["source"], row["reason"]) == ("abc-0", "accepted", "rewrite", "ok")
    assert (row["reference"], row["revision"], row["attempt"]) == ("SECRET reference", "", 1)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (9, 4)
    assert json.loads(row["engine"]) == ENGINE
    assert json.loads(row["sampling"]) == {"temperature": 0.5, "top_k": 3}


def test_other_arm_has_another_target_and_everything_else_the_same() -> None:
    table = training_table(ROWS)
    other = with_targets(table, ["SECRET reference", "mine"], ["reference", "own"])
    rows = other.to_pylist()
    assert other.schema == table.schema
    assert [row["completion"] for row in rows] == [
        [{"role": "assistant", "content": "SECRET reference"}],
        [{"role": "assistant", "content": "mine"}],
    ]
    assert [row["source"] for row in rows] == ["reference", "own"]
    assert {name for name in COLUMNS if rows[0][name] != ROWS[0][name]} == {"completion", "source"}
    assert table.to_pylist() == ROWS


def test_every_row_needs_its_target() -> None:
    with pytest.raises(ValueError, match="1 targets and 1 sources for 2 rows"):
        with_targets(training_table(ROWS), ["a"], ["own"])


def test_row_without_a_completion_has_no_null() -> None:
    assert (ROWS[1]["prompt_tokens"], ROWS[1]["completion_tokens"], ROWS[1]["verdicts"]) == (-1, -1, "[]")
    assert ROWS[1]["engine"] == ""
    assert None not in ROWS[1].values()


def test_equal_rows_give_equal_bytes_and_nothing_else_stays(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a" / "train.parquet", ROWS)
    write_parquet(tmp_path / "b" / "train.parquet", [dict(row) for row in ROWS])
    first, second = (tmp_path / name / "train.parquet" for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert [path.name for path in first.parent.iterdir()] == ["train.parquet"]
    assert pq.read_table(first).to_pylist() == ROWS


def test_no_rows_give_a_file_with_every_column(tmp_path: Path) -> None:
    write_parquet(tmp_path / "train.parquet", [])
    table = pq.read_table(tmp_path / "train.parquet")
    assert (table.num_rows, table.column_names) == (0, list(COLUMNS))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"extra": 1}, "extra"), ({"reason": None}, "abc-0 holds null in reason")],
)
def test_wrong_row_is_refused_and_the_old_file_stays(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "train.parquet"
    write_parquet(path, ROWS)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        write_parquet(path, [ROWS[0], {**ROWS[1], **change}])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["train.parquet"]


def test_datasets_reads_the_folder_by_format_and_by_card(tmp_path: Path) -> None:
    from datasets import load_dataset

    folder = tmp_path / "sdft"
    write_parquet(folder / "train.parquet", ROWS)
    (folder / "README.md").write_text(dataset_card(FACTS), encoding="utf-8")
    by_format = load_dataset("parquet", data_dir=str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    by_card = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert by_format.to_list() == ROWS
    assert by_card.to_list() == ROWS


@pytest.mark.slow
def test_trl_trains_on_the_completion_only(tmp_path: Path) -> None:
    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer

    write_parquet(tmp_path / "data" / "train.parquet", ROWS)
    rows = load_dataset("parquet", data_dir=str(tmp_path / "data"), split="train", cache_dir=str(tmp_path / "cache"))
    model = make_tiny_model(tmp_path / "model")
    settings = SFTConfig(output_dir=str(tmp_path / "out"), use_cpu=True, report_to="none", bf16=False, max_steps=1)
    trainer = SFTTrainer(model=str(model), args=settings, train_dataset=rows)
    labels = next(iter(trainer.get_train_dataloader()))["labels"]
    text = {trainer.processing_class.decode([t for t in row.tolist() if t != -100]) for row in labels}
    assert {t.removesuffix("\n") for t in text} == {"SECRET rewrite<|im_end|>", "SECRET reference<|im_end|>"}


def front_matter(card: str) -> Any:
    return yaml.safe_load(card.split("---\n")[1])


def test_card_says_which_method_this_is_and_links_the_other() -> None:
    card = dataset_card(FACTS)
    opening = card.split("---\n")[2].split("\n## ")[0]
    assert "arxiv:2402.13669" in front_matter(card)["tags"]
    assert front_matter(card)["configs"][0]["data_files"] == [{"split": "train", "path": "*.parquet"}]
    assert "# Training rows of the arm sdft" in opening
    assert "Yang et al., ACL 2024" in opening
    assert "https://huggingface.co/papers/2402.13669" in opening
    assert "https://huggingface.co/papers/2601.19897" in opening


def test_card_counts_outcomes_and_names_what_made_them() -> None:
    card = dataset_card(FACTS)
    assert "Outcomes of rewriting, of 4 examples: 3 accepted, 1 fallback." in card
    assert "| accepted | ok | 3 | 75.0 % |" in card
    assert "| fallback | final\\_answer:differs | 1 | 25.0 % |" in card
    assert "| rewriting prompt | chat/math (hash 0123) |" in card
    assert "| seed model | some/model |" in card
    assert "| revision | not named |" in card
    assert "| sampling | temperature 0.5, top\\_k 3 |" in card
    assert "| checks | not\\_empty, finished |" in card
    assert "kind scripted, version 1" in card
    assert "more than one engine" not in card
    assert "more than one engine" in dataset_card({**FACTS, "engines": [ENGINE, {**ENGINE, "kind": "other"}]})


def test_card_of_nothing_is_a_card() -> None:
    assert "of 0 examples: none." in dataset_card({**FACTS, "outcomes": [], "rows": 0})


def test_card_shows_markup_in_names_as_plain_text() -> None:
    hostile = "x | y\n---\n<script>alert(1)</script> [a](http://b) `c`"
    card = dataset_card({**FACTS, "model": hostile, "outcomes": [{"kind": "dropped", "reason": hostile, "count": 1}]})
    lines = [line for line in card.splitlines() if "alert" in line]
    assert len(lines) == 2
    for line in lines:
        assert "\\<script\\>" in line
        assert "\\[a\\](http://b)" in line
    assert front_matter(card) == front_matter(dataset_card(FACTS))
    assert "SECRET" not in card
