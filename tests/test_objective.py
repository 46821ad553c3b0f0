"""The losses of `stages/objective.py` against other formulas: numpy, in double precision, on whole logits."""

# pyright: basic
from __future__ import annotations

import numpy as np
import pytest
import torch

from ownwords.stages import objective
from ownwords.stages.objective import CachedSeed, Head, LiveSeed, in_chunks, likeliest, places_of, token_losses

PLACES, SIZE, VOCABULARY = 11, 6, 97


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(3)


def head(**more: float) -> Head:
    return Head(torch.randn(VOCABULARY, SIZE), torch.randn(VOCABULARY), **more)


def softmax(logits: torch.Tensor) -> np.ndarray:
    numbers = np.exp(logits.detach().double().numpy() - logits.detach().double().numpy().max(-1, keepdims=True))
    return numbers / numbers.sum(-1, keepdims=True)


def divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.sum(np.where(p > 0, p * (np.log(np.where(p > 0, p, 1)) - np.log(q)), 0.0), -1)


def test_dft_weighs_each_token_by_its_probability_which_gives_no_gradient() -> None:
    logits = torch.randn(PLACES, VOCABULARY, requires_grad=True)
    labels = torch.randint(VOCABULARY, (PLACES,))
    losses = token_losses(logits.log_softmax(-1), labels, "dft")
    losses.sum().backward()
    p = softmax(logits)
    own = p[np.arange(PLACES), labels.numpy()]
    np.testing.assert_allclose(losses.detach().numpy(), -own * np.log(own), rtol=1e-5)
    assert logits.grad is not None
    expected = own[:, None] * (p - np.eye(VOCABULARY)[labels.numpy()])
    np.testing.assert_allclose(logits.grad.numpy(), expected, atol=1e-6)


def test_kl_is_of_the_whole_distributions_of_seed_and_tuned() -> None:
    top, tuned, seed = head(), torch.randn(PLACES, SIZE), torch.randn(PLACES, SIZE)
    found = LiveSeed(seed, top).kl(top.logits(tuned).log_softmax(-1), slice(None))
    np.testing.assert_allclose(found, divergence(softmax(top.logits(seed)), softmax(top.logits(tuned))), rtol=1e-4)


def cached(logits: torch.Tensor, top: int) -> CachedSeed:
    return CachedSeed(*likeliest(logits, top))


def test_a_cache_of_the_whole_vocabulary_is_the_whole_kl_with_its_gradient() -> None:
    seed = torch.randn(PLACES, VOCABULARY) * 2
    tuned = (seed + torch.randn(PLACES, VOCABULARY)).requires_grad_()
    found = cached(seed, VOCABULARY).kl(tuned.log_softmax(-1), slice(None))
    found.sum().backward()
    p, q = softmax(seed), softmax(tuned)
    np.testing.assert_allclose(found.detach().numpy(), divergence(p, q), atol=2e-3)
    assert tuned.grad is not None
    np.testing.assert_allclose(tuned.grad.numpy(), q - p, atol=1e-3)


@pytest.mark.parametrize("top", [1, 8, 64])
def test_a_cache_of_the_likeliest_is_the_kl_with_all_others_in_one_bucket(top: int) -> None:
    seed = torch.randn(PLACES, VOCABULARY) * 3
    tuned = (seed + 0.5 * torch.randn(PLACES, VOCABULARY)).requires_grad_()
    found = cached(seed, top).kl(tuned.log_softmax(-1), slice(None))
    found.sum().backward()
    p, q = softmax(seed), softmax(tuned)
    order = np.argsort(-p, -1)
    kept = [np.take_along_axis(each, order, -1) for each in (p, q)]
    bucketed = [np.concatenate([each[:, :top], each[:, top:].sum(-1, keepdims=True)], -1) for each in kept]
    np.testing.assert_allclose(found.detach().numpy(), divergence(*bucketed), atol=2e-3)
    assert (found.detach().numpy() <= divergence(p, q) + 2e-3).all()
    assert (found >= -1e-6).all()
    if top == 64:
        np.testing.assert_allclose(found.detach().numpy(), divergence(p, q), atol=5e-3)
    # Of a bucket's tokens each takes its share of the bucket's gradient.
    assert tuned.grad is not None
    shares = np.array(q)
    for row, best in zip(range(PLACES), order, strict=True):
        rest = best[top:]
        shares[row, best[:top]] -= p[row, best[:top]]
        shares[row, rest] -= p[row, rest].sum() * q[row, rest] / q[row, rest].sum()
    np.testing.assert_allclose(tuned.grad.numpy(), shares, atol=1e-3)


def test_the_seed_itself_is_at_no_distance() -> None:
    seed = torch.randn(PLACES, VOCABULARY) * 3
    for top in (1, 5, VOCABULARY):
        found = cached(seed, top).kl(seed.log_softmax(-1), slice(None))
        assert found.abs().max() < 1e-3


def test_a_certain_seed_gives_finite_losses_and_gradients() -> None:
    seed = torch.full((2, VOCABULARY), -60.0)
    seed[:, 4] = 60.0
    tuned = seed.clone().requires_grad_()
    found = cached(seed, 8).kl(tuned.log_softmax(-1), slice(None))
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert tuned.grad is not None
    assert torch.isfinite(tuned.grad).all()


@pytest.mark.parametrize("more", [{}, {"scale": 0.4, "softcap": 5.0}])
@pytest.mark.parametrize("places", [0, 1, PLACES])
def test_chunks_give_the_loss_and_the_gradients_of_whole_logits(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, float], places: int
) -> None:
    monkeypatch.setattr(objective, "LOGITS", 4 * VOCABULARY)
    weight, bias = torch.randn(VOCABULARY, SIZE, requires_grad=True), torch.randn(VOCABULARY, requires_grad=True)
    hidden, labels = torch.randn(places, SIZE, requires_grad=True), torch.randint(VOCABULARY, (places,))

    def terms(logits: torch.Tensor, part: slice) -> tuple[torch.Tensor, list[torch.Tensor]]:
        assert len(logits) <= 4
        losses = token_losses(logits.log_softmax(-1), labels[part], "nll")
        return losses.sum(), [torch.tensor(float(len(losses)))]

    total, told = in_chunks(hidden, Head(weight, bias, **more), terms)
    (3 * total).backward()
    found = [t.grad.clone() for t in (hidden, weight, bias) if t.grad is not None]
    for tensor in (hidden, weight, bias):
        tensor.grad = None
    logits = (hidden @ weight.T + bias) * more.get("scale", 1.0)
    if more:
        logits = more["softcap"] * torch.tanh(logits / more["softcap"])
    whole = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    (3 * whole).backward()
    torch.testing.assert_close(total, whole)
    assert [float(t) for t in told] == ([float(places)] if places else [])
    torch.testing.assert_close(found, [hidden.grad, weight.grad, bias.grad])


def test_without_gradients_chunks_take_none() -> None:
    weight = torch.randn(VOCABULARY, SIZE, requires_grad=True)
    with torch.no_grad():
        total, _ = in_chunks(torch.randn(PLACES, SIZE), Head(weight, None), lambda logits, _: (logits.sum(), []))
    assert not total.requires_grad


def test_places_predict_the_next_token_of_the_prompt_or_of_the_target() -> None:
    labels = torch.tensor(
        [[-100, -100, -100, 7, 8, -100], [-100, 5, -100, 6, -100, -100], [1, 2, -100, -100, -100, -100]]
    )
    attention = torch.tensor([[1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0]])
    prompt, target = (places_of(on, labels, attention).int().tolist() for on in ("prompt", "target"))
    assert target == [[0, 0, 1, 1, 0], [1, 0, 1, 0, 0], [1, 0, 0, 0, 0]]
    assert prompt == [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
