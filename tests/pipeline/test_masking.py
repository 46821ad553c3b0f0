"""Token masking: target tokens that surprise the seed are read and not trained on."""

# pyright: basic
from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from ownwords.errors import StageError
from ownwords.journal import read_only
from ownwords.stages.masking import mask_tokens
from ownwords.stages.supervision import IGNORED, Supervision
from tests.pipeline.conftest import Project


def supervision(*targets: list[int], kept: int = 99) -> Supervision:
    """Rows of two prompt tokens and these target tokens, of which `kept` are left."""
    rows = [
        {
            "id": str(number),
            "input_ids": [8, 9, *target[:kept]],
            "labels": [IGNORED] * 2 + target[:kept],
            "target": len(target),
        }
        for number, target in enumerate(targets)
    ]
    return Supervision(rows=rows, supervised_tokens=sum(len(target[:kept]) for target in targets))


def log(*perplexities: float) -> list[float]:
    return [-math.log(perplexity) for perplexity in perplexities]


def test_tokens_above_the_threshold_are_read_and_not_trained_on() -> None:
    rows = supervision([1, 2, 3], [4, 5])
    mask_tokens(rows, {"0": log(2.4, 2.6, 1.0), "1": log(100, 1.1)}, 2.5)
    assert [row["labels"] for row in rows.rows] == [[-100, -100, 1, -100, 3], [-100, -100, -100, 5]]
    assert [row["input_ids"] for row in rows.rows] == [[8, 9, 1, 2, 3], [8, 9, 4, 5]]
    assert (rows.masked_tokens, rows.supervised_tokens, rows.emptied_rows) == (2, 3, 0)
    assert "2 tokens masked (40% of all)" in rows.describe()


def test_a_row_without_any_other_token_is_left_out_and_counted() -> None:
    rows = supervision([1, 2], [4, 5])
    mask_tokens(rows, {"0": log(3, 3), "1": log(1, 1)}, 2.5)
    assert [row["id"] for row in rows.rows] == ["1"]
    assert (rows.masked_tokens, rows.supervised_tokens, rows.emptied_rows) == (2, 2, 1)
    assert "with them all of 1 rows, which are left out" in rows.describe()


def test_of_a_truncated_row_only_what_is_left_is_masked() -> None:
    rows = supervision([1, 2, 3], kept=2)
    mask_tokens(rows, {"0": log(1, 9, 9)}, 2.5)
    assert rows.rows[0]["labels"] == [-100, -100, 1, -100]
    assert rows.masked_tokens == 1


def test_likelihoods_of_another_number_of_tokens_are_refused() -> None:
    with pytest.raises(StageError, match="row 0 has 3 target tokens in training and 2 in the seed model's likelihoods"):
        mask_tokens(supervision([1, 2, 3]), {"0": log(1, 1)}, 2.5)


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(StageError, match=r"perplexity above 2\.5 under the seed model\. Raise the arm's mask"):
        mask_tokens(supervision([1]), {"0": log(3)}, 2.5)


def expected_labels(project: Project, keys: list[str], above: float) -> dict[str, list[int]]:
    """By plain torch, row by row: the labels of the arm's rows."""
    import torch

    from ownwords import models
    from ownwords.pipeline import open_recipe
    from ownwords.stages.context import Context
    from ownwords.stages.supervision import reference_rows, supervise

    context = Context(open_recipe(project.recipe, keys))
    rows = supervise(context.tokenizer(None), reference_rows(context.train), 512, "error").rows
    seed = models.load_weights(context.model, torch.float32, "cpu")
    found: dict[str, list[int]] = {}
    for row in rows:
        ids = torch.tensor(row["input_ids"])
        with torch.no_grad():
            probabilities = seed(input_ids=ids[None]).logits[0].softmax(-1)
        labels = list(row["labels"])
        for place, label in enumerate(labels):
            if label != IGNORED and 1 / float(probabilities[place - 1, label]) > above:
                labels[place] = IGNORED
        found[row["id"]] = labels
    context.close()
    return found


@pytest.mark.slow
def test_the_arm_masks_what_the_seed_finds_unlikely_and_asks_nothing_twice(project: Project) -> None:
    above = 40.0  # the tiny model finds every byte unlikely
    keys = [f"tune.arms=[vanilla, {{stm: {{mask: {{perplexity_above: {above}}}}}}}]", "runtime.dtype=float32"]
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 0
    expected = expected_labels(project, keys, above)
    facts = facts_of(project, "stm")
    plain = facts_of(project, "vanilla")
    kept = [labels for labels in expected.values() if set(labels) != {IGNORED}]
    left = sum(label != IGNORED for labels in kept for label in labels)
    assert 0 < facts["masked_tokens"] < plain["supervised_tokens"]
    assert facts["supervised_tokens"] == left
    assert facts["supervised_tokens"] + facts["masked_tokens"] == plain["supervised_tokens"]
    assert (facts["rows"], facts["emptied_rows"]) == (len(kept), len(expected) - len(kept))
    asked = read_only(project.output / "journal.sqlite")["gap"]
    assert asked == 12
    assert project.ownwords("gap", *keys) == 0
    assert read_only(project.output / "journal.sqlite")["gap"] == asked, "the gap reads the same likelihoods"
    assert project.ownwords("report", *keys) == 0
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert f'<td class="n">{facts["masked_tokens"]:,}</td>' in page


@pytest.mark.slow
def test_a_mask_of_rewrites_reads_the_rewrites(project: Project) -> None:
    keys = ["tune.arms=[{own: {of: sdft, mask: {perplexity_above: 1.0e+9}}}]", "runtime.dtype=float32"]
    assert project.ownwords("rewrite", *keys) == 0
    assert project.ownwords("tune", *keys) == 0
    facts = facts_of(project, "own")
    assert (facts["masked_tokens"], facts["emptied_rows"], facts["rows"]) == (0, 0, 12)


def facts_of(project: Project, arm: str) -> dict[str, Any]:
    folder: Path = project.output / "arms" / arm / "seed42"
    return json.loads((folder / "training.json").read_text(encoding="utf-8"))
