"""Likelihoods of rows that are read together equal those of a plain forward pass over each row alone."""

# pyright: basic
from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tiny import CONTEXT, make_tiny_adapter, make_tiny_model

from ownwords import models
from ownwords.engines import _scoring
from ownwords.engines._decoding import Limits
from ownwords.engines._rows import Group, Lending, Row
from ownwords.engines._scoring import Family, log_likelihoods, score
from ownwords.engines.base import open_engine
from ownwords.recipe import ModelSection, RuntimeSection
from ownwords.records import Completion, Request, Weights

QUESTION = "Question: what do plants take from the sun?\nAnswer:"
CHOICES = (" light and warmth", " light and water", " a stone", " rain", " x")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> models.Model:
    folder = make_tiny_model(tmp_path_factory.mktemp("scoring") / "model")
    return models.resolve(ModelSection(name_or_path=str(folder)))


@pytest.fixture(scope="module")
def loaded(model: models.Model) -> Any:
    return models.load_weights(model, torch.float32, "cpu")


def alone(loaded: Any, row: Row) -> list[float]:
    """One plain forward pass."""
    target = row.target or []
    if not target:
        return []
    with torch.inference_mode():
        logits = loaded(torch.tensor([row.prompt + target])).logits[0, len(row.prompt) - 1 : -1].double()
    return logits.log_softmax(-1).gather(-1, torch.tensor(target)[:, None]).squeeze(-1).tolist()


def row(prompt: Sequence[int], target: Sequence[int], name: str = "row") -> Row:
    return Row(Request(name, text="x", target="y"), list(prompt), list(target), 0)


def batches(
    monkeypatch: pytest.MonkeyPatch, loaded: Any, rows: Sequence[Row], limits: Limits, *, shares: bool = True
) -> tuple[dict[str, Completion], list[list[Family]]]:
    """What the rows score, and the batches in which they were read."""
    seen: list[list[Family]] = []

    def counted(model: Any, families: list[Family], device: Any) -> Any:
        seen.append(list(families))
        return log_likelihoods(model, families, device)

    monkeypatch.setattr(_scoring, "log_likelihoods", counted)
    by_id = {one.request.id: one for one in rows}
    pool = Lending(iter([one.request for one in rows]), lambda request: by_id[request.id], 4 * limits.rows)
    found = list(score(pool, Group(Weights(), True), lambda: loaded, limits, "cpu", shares=shares))
    assert sorted(one.request_id for one in found) == sorted(by_id)
    return {one.request_id: one for one in found}, seen


TOKENS = st.integers(min_value=4, max_value=90)


@pytest.mark.slow
@given(
    prompts=st.lists(
        st.tuples(
            st.lists(TOKENS, min_size=1, max_size=20),
            st.lists(
                st.tuples(st.lists(TOKENS, max_size=3), st.lists(TOKENS, min_size=1, max_size=6)),
                min_size=1,
                max_size=4,
            ),
        ),
        min_size=1,
        max_size=5,
    ),
    limit=st.sampled_from([1, 2, 64]),
    tokens=st.sampled_from([16, 60, 4096]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_read_together_scores_as_if_alone(
    monkeypatch: pytest.MonkeyPatch, loaded: Any, prompts: Any, limit: int, tokens: int
) -> None:
    rows = [
        row([*prompt, *more], target, f"{number}/{choice}")
        for number, (prompt, choices) in enumerate(prompts)
        for choice, (more, target) in enumerate(choices)
    ]
    with monkeypatch.context() as patch:
        found, _ = batches(patch, loaded, rows, Limits(limit, tokens))
    for one in rows:
        assert found[one.request.id].logprobs == pytest.approx(alone(loaded, one), abs=2e-4)


def test_the_choices_of_a_question_are_read_once(monkeypatch: pytest.MonkeyPatch, loaded: Any) -> None:
    prompt = list(range(4, 34))
    rows = [row(prompt, [40 + n, 50], f"{n}") for n in range(4)] + [row(range(60, 90), [5, 6], "other")]
    found, seen = batches(monkeypatch, loaded, rows, Limits(8, 4096))
    assert sorted(len(family.rows) for batch in seen for family in batch) == [1, 4]
    assert max(len(family.tokens) for batch in seen for family in batch) == 30 + 4 * 2
    for one in rows:
        assert found[one.request.id].logprobs == pytest.approx(alone(loaded, one), abs=2e-4)


def test_two_forms_of_a_sentence_share_what_comes_before_the_difference(
    monkeypatch: pytest.MonkeyPatch, loaded: Any
) -> None:
    start, end = list(range(4, 24)), [70, 71, 72]
    rows = [row([*start, 30, 31], end, "a"), row([*start, 32], end, "b")]
    found, [[family]] = batches(monkeypatch, loaded, rows, Limits(8, 4096))
    assert family.shared == 20
    assert len(family.tokens) == 20 + 5 + 4
    for one in rows:
        assert found[one.request.id].logprobs == pytest.approx(alone(loaded, one), abs=2e-4)


def test_rows_that_share_less_than_half_are_read_apart(monkeypatch: pytest.MonkeyPatch, loaded: Any) -> None:
    system = list(range(4, 10))
    rows = [row([*system, *range(20 + 20 * n, 36 + 20 * n)], [5], f"{n}") for n in range(3)]
    _, seen = batches(monkeypatch, loaded, rows, Limits(8, 4096))
    assert {len(family.rows) for batch in seen for family in batch} == {1}


def test_a_row_that_would_make_others_share_less_than_it_saves_is_read_apart(
    monkeypatch: pytest.MonkeyPatch, loaded: Any
) -> None:
    long = list(range(4, 64))
    rows = [row(long, [70 + n], f"{n}") for n in range(4)] + [row([*long[:12], 80], [81], "short")]
    found, seen = batches(monkeypatch, loaded, rows, Limits(8, 4096))
    families = [family for batch in seen for family in batch]
    assert sorted(len(family.rows) for family in families) == [1, 4]
    assert all(family.size == len(family.tokens) for family in families)
    for one in rows:
        assert found[one.request.id].logprobs == pytest.approx(alone(loaded, one), abs=2e-4)


def test_a_model_that_is_more_than_full_attention_reads_every_row_alone(
    monkeypatch: pytest.MonkeyPatch, loaded: Any
) -> None:
    rows = [row(range(4, 34), [40 + n], f"{n}") for n in range(4)]
    _, seen = batches(monkeypatch, loaded, rows, Limits(8, 4096), shares=False)
    assert {len(family.rows) for batch in seen for family in batch} == {1}


def test_a_full_batch_pads_little(monkeypatch: pytest.MonkeyPatch, loaded: Any) -> None:
    monkeypatch.setattr(_scoring, "_FULL", 256)
    rows = [row([4 + n % 60] * (4 + n), [5, 6, n % 80 + 4], f"{n}") for n in range(100)]
    _, seen = batches(monkeypatch, loaded, rows, Limits(64, 49152))
    for batch in seen:
        used = sum(len(family.tokens) for family in batch)
        padded = len(batch) * max(len(family.tokens) for family in batch)
        assert padded <= max(256, _scoring._PADDED * used) or len(batch) == 1
    assert max(map(len, seen)) > 8


def test_rows_that_were_not_in_the_batch_go_back_when_memory_runs_out(loaded: Any) -> None:
    rows = [row([4 + n] * 30, [5], f"{n}") for n in range(12)]
    by_id = {one.request.id: one for one in rows}
    pool = Lending(iter([one.request for one in rows]), lambda request: by_id[request.id], 16)
    group = Group(Weights(), True)

    def broken() -> Any:
        raise MemoryError

    class Model:
        config = loaded.config

        def __call__(self, **given: Any) -> Any:
            return broken()

    with pytest.raises(MemoryError):
        list(score(pool, group, Model, Limits(4, 4096), "cpu", shares=True))
    assert len(pool.take_back()) == 4
    assert pool.longest(group) is not None


@pytest.mark.parametrize("adapted", [False, True])
def test_the_engine_scores_choices_as_a_plain_model_does(model: models.Model, tmp_path: Path, adapted: bool) -> None:
    """Through the engine, with an adapter on the model and without."""
    folder = make_tiny_adapter(Path(model.path), tmp_path / "adapter") if adapted else None
    weights = Weights("adapter", "tuned", str(folder)) if adapted else Weights()
    engine = open_engine("transformers", model, RuntimeSection(device="cpu", dtype="float32", batch_size=4))
    questions = [QUESTION, QUESTION.replace("sun", "moon"), "2 + 2 ="]
    requests = [
        Request(f"{q}/{c}", text=question, target=choice, weights=weights)
        for q, question in enumerate(questions)
        for c, choice in enumerate(CHOICES)
    ]
    plain = (
        models.load_adapted(model, str(folder), torch.float32, "cpu")
        if adapted
        else models.load_weights(model, torch.float32, "cpu")
    )
    done = {one.request_id: one for one in engine.stream(requests)}
    assert len(done) == len(requests)
    for request in requests:
        encoded = engine.codec.encode(request)
        assert isinstance(encoded, Row)
        assert encoded.total <= CONTEXT
        assert done[request.id].logprobs == pytest.approx(alone(plain, encoded), abs=2e-4)
