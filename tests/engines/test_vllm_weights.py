"""Which vLLM serves which weights, told with servers that only note what they were started with. Needs no vLLM."""

# pyright: basic
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ownwords.engines._rows import Group
from ownwords.engines._vllm_weights import ServedWeights
from ownwords.errors import EngineError
from ownwords.models import Model
from ownwords.records import Weights

SEED = Weights()
MODEL = Model("a/model", "a/model", "hub", None, "hash")


class Noted:
    """A server that serves nothing."""

    def __init__(self, path: str, rank: int) -> None:
        self.started_with = (path, rank)
        self.dead = self.closed = False

    def close(self) -> None:
        self.closed = True


def adapter(folder: Path, name: str, **config: Any) -> Weights:
    path = folder / name
    path.mkdir()
    settings = {"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"], **config}
    (path / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return Weights("adapter", name, str(path))


@pytest.fixture
def started() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def served(started, monkeypatch):
    """Makes a ServedWeights; merging gives a path of that name instead of a copy."""

    def make(*, merged: bool = False, scores_adapted: bool = True) -> ServedWeights:
        def start(path: str, rank: int) -> Any:
            started.append((path, rank))
            return Noted(path, rank)

        return ServedWeights(MODEL, None, merged=merged, scores_adapted=scores_adapted, start=start)

    monkeypatch.setattr(ServedWeights, "_merge", lambda self, weights: f"merged {weights.identity} {weights.scale:g}")
    return make


def test_one_server_takes_the_seed_and_every_adapter_that_was_expected(served, started, tmp_path):
    small, large = adapter(tmp_path, "small"), adapter(tmp_path, "large", r=16, rank_pattern={"q_proj": 32})
    weights = served()
    weights.expect([SEED, small, large])
    servers = {id(weights.server(Group(each, scored=False))) for each in (SEED, small, large, SEED)}
    assert len(servers) == 1
    assert started == [("a/model", 32)]


def test_an_adapter_that_nobody_expected_starts_a_server_that_takes_it(served, started, tmp_path):
    weights = served()
    first = weights.server(Group(SEED, scored=False))
    weights.server(Group(adapter(tmp_path, "late"), scored=False))
    assert started == [("a/model", 0), ("a/model", 8)]
    assert first.closed, "one vLLM at a time"


def test_where_it_cannot_score_a_server_with_adapters_is_never_asked_for_likelihoods(served, started, tmp_path):
    own = adapter(tmp_path, "own")
    weights = served(scores_adapted=False)
    weights.expect([own])
    for weight, scored in ((own, False), (SEED, True), (SEED, False), (own, True)):
        weights.server(Group(weight, scored=scored))
    assert started == [("a/model", 8), ("a/model", 0), ("merged own 1", 0)]


def test_likelihoods_share_the_server_where_it_can_score(served, started, tmp_path):
    own = adapter(tmp_path, "own")
    weights = served()
    for scored in (False, True):
        weights.server(Group(own, scored=scored))
    assert started == [("a/model", 8)]


@pytest.mark.parametrize(
    ("config", "scale"),
    [
        ({}, 0.5),
        ({"use_dora": True}, 1.0),
        ({"modules_to_save": ["norm"]}, 1.0),
        ({"target_modules": ["lm_head"]}, 1.0),
    ],
)
def test_what_a_lora_request_cannot_hold_is_merged(served, started, tmp_path, config, scale):
    own = replace(adapter(tmp_path, "own", **config), scale=scale)
    weights = served()
    weights.expect([own])
    weights.server(Group(own, scored=False))
    assert started == [(f"merged own {scale:g}", 0)]


def test_a_server_that_died_is_replaced(served, started):
    weights = served()
    weights.server(Group(SEED, scored=False)).dead = True
    weights.server(Group(SEED, scored=False))
    assert started == [("a/model", 0)] * 2


@pytest.mark.parametrize("config", [{"peft_type": "IA3"}, None])
def test_an_adapter_that_cannot_be_read_is_named(served, tmp_path, config):
    own = adapter(tmp_path, "odd", **(config or {}))
    if config is None:
        (tmp_path / "odd" / "adapter_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(EngineError, match="odd"):
        served().server(Group(own, scored=False))
