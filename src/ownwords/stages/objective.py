"""What a training minimises, as functions of tensors: cross-entropy or DFT's loss, and the pull back to the seed.

The loss is taken from the last hidden states. Logits are made for the places that a loss reads and for no others, a
chunk of them at a time, and a chunk's gradient is taken while its logits are there: no batch ever holds more than
LOGITS numbers of a kind, and no product is done twice.
"""

# pyright: basic
from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import torch

from ownwords.stages.supervision import IGNORED

LOGITS = 1 << 23  # numbers in a chunk's logits at most (32 MiB in float32), or one place's
#: The least probability that the tuned model's bucket of all other tokens is taken to have: float32 cannot tell less.
LEAST = 1e-6

#: From a chunk's float32 logits and its slice of the places: what is minimised, summed, and any sums to be told.
Terms = Callable[[Any, slice], tuple[Any, list[Any]]]


class SeedPlaces(Protocol):
    """The seed's distributions at some places, as a loss asks for them."""

    def kl(self, logprobs: Any, part: slice) -> Any:
        """KL(seed ‖ tuned) in nats at each place of a slice, from the tuned model's log-probabilities there."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """The layer that makes logits of hidden states. `scale` and `softcap` are what some families (Cohere, Granite,
    Gemma) do to them afterwards."""

    weight: Any
    bias: Any
    scale: float = 1.0
    softcap: float | None = None

    def logits(self, hidden: Any) -> Any:
        """[places, vocabulary] in float32."""
        logits = torch.nn.functional.linear(hidden.to(self.weight.dtype), self.weight, self.bias).float()
        if self.scale != 1.0:
            logits = logits * self.scale
        return logits if self.softcap is None else self.softcap * torch.tanh(logits / self.softcap)


def head_of(network: Any) -> Head:
    """The head of a causal language model, with what its configuration says of the logits."""
    layer, config = network.get_output_embeddings(), network.config.get_text_config().to_dict()
    names = ("logit_scale", "output_multiplier", "lm_head_multiplier")
    scale = next((float(config[name]) for name in names if config.get(name) is not None), 1.0)
    if config.get("logits_scaling"):  # Granite and MiniCPM3 divide
        scale = 1.0 / float(config["logits_scaling"])
    return Head(layer.weight, layer.bias, scale, config.get("final_logit_softcapping"))


def expose_hidden_states(network: Any) -> None:
    """Let `network(..., hidden_states_alone=True)` give the last hidden states [batch, length, size] without logits.

    It stays a call of the network, so whatever wraps it (an adapter, autocast) is part of it.
    """
    forward = network.forward

    def either(self: Any, *arguments: Any, hidden_states_alone: bool = False, **named: Any) -> Any:
        if not hidden_states_alone:
            return forward(*arguments, **named)
        return self.base_model(*arguments, **named, use_cache=False).last_hidden_state

    network.forward = types.MethodType(either, network)


def head_is_known(network: Any, head: Head, ids: list[int]) -> bool:
    """Whether the head gives the logits that the network itself gives, for these tokens."""
    inputs = {"input_ids": torch.tensor([ids], device=head.weight.device)}
    with torch.no_grad():
        theirs = network(**inputs, use_cache=False).logits.float()
        ours = head.logits(network(**inputs, hidden_states_alone=True))
    return bool((ours - theirs).abs().max() <= 0.02 * theirs.abs().max())


def places_of(on: Literal["prompt", "target"], labels: Any, attention: Any) -> Any:
    """Which places predict a token of the prompt, or of the target: True in [batch, length - 1].

    The prompt ends at the first label; its first token is predicted by nothing.
    """
    supervised = labels[:, 1:] != IGNORED
    if on == "target":
        return supervised
    return attention[:, 1:].bool() & (supervised.cumsum(1) == 0) & (labels[:, :1] == IGNORED)


def token_losses(logprobs: Any, labels: Any, kind: Literal["nll", "dft"]) -> Any:
    """The loss of each place in nats: -log p, or with DFT (arXiv 2508.05629) -p·log p, p held fixed."""
    own = logprobs.gather(-1, labels[:, None]).squeeze(-1)
    return -own if kind == "nll" else -own * own.detach().exp()


@dataclass(frozen=True, slots=True)
class LiveSeed:
    """The seed's hidden states at the places: its whole distributions."""

    hidden: Any
    head: Head

    def kl(self, logprobs: Any, part: slice) -> Any:
        with torch.no_grad():
            seed = self.head.logits(self.hidden[part]).log_softmax(-1)
            probabilities = seed.exp()
            own = torch.linalg.vecdot(probabilities, seed)
        return own - torch.linalg.vecdot(probabilities, logprobs)


@dataclass(frozen=True, slots=True)
class CachedSeed:
    """The seed's likeliest tokens at the places: `ids` [places, top], and the logarithms of their probabilities and,
    last, of that of all other tokens together [places, top + 1]."""

    ids: Any
    logprobs: Any

    def kl(self, logprobs: Any, part: slice) -> Any:
        """Of the distributions with all other tokens in one bucket: at most the whole one, and never below zero."""
        seed = self.logprobs[part].float().exp()
        seed = seed / seed.sum(-1, keepdim=True)  # they were rounded to 16 bits
        top = logprobs.gather(-1, self.ids[part].long())
        others = (1.0 - top.exp().sum(-1, keepdim=True)).clamp(min=LEAST).log()
        tuned = torch.cat([top, others], -1)
        return (torch.special.xlogy(seed, seed) - seed * tuned).sum(-1)


def likeliest(logits: Any, top: int) -> tuple[Any, Any]:
    """What `CachedSeed` holds, from logits [places, vocabulary]: ids as int32, logarithms as float16."""
    logprobs = logits.log_softmax(-1)
    values, ids = logprobs.topk(min(top, logprobs.shape[-1]), -1)
    others = logprobs.scatter(-1, ids, -torch.inf).logsumexp(-1, keepdim=True)
    return ids.to(torch.int32), torch.cat([values, others], -1).to(torch.float16)


def in_chunks(hidden: Any, head: Head, terms: Terms) -> tuple[Any, list[Any]]:
    """The sums of `terms` over all places of `hidden` [places, size]; the first can be differentiated."""
    if not torch.is_grad_enabled():
        head = replace(head, weight=head.weight.detach(), bias=None if head.bias is None else head.bias.detach())
    told: list[Any] = []
    total = _InChunks.apply(hidden, head.weight, head.bias, (head, terms, told))
    return total, told


class _InChunks(torch.autograd.Function):
    """Gradients are taken going forward and kept: of the hidden states, and of the head where it is trained."""

    @staticmethod
    def forward(ctx: Any, hidden: Any, weight: Any, bias: Any, job: tuple[Head, Terms, list[Any]]) -> Any:
        head, terms, told = job
        needed = [place for place, needs in enumerate(ctx.needs_input_grad[:3]) if needs]
        inputs = [hidden, weight, bias]
        gradients = [torch.zeros_like(inputs[place], dtype=torch.float32) for place in needed]
        total = torch.zeros((), device=weight.device)
        size = max(LOGITS // weight.shape[0], 1)
        for start in range(0, hidden.shape[0], size):
            part = slice(start, start + size)
            own = [hidden[part].detach(), weight.detach(), None if bias is None else bias.detach()]
            for place in needed:
                own[place].requires_grad_()
            with torch.enable_grad():
                loss, sums = terms(replace(head, weight=own[1], bias=own[2]).logits(own[0]), part)
            total += loss.detach()
            told[:] = [before + now for before, now in zip(told, sums, strict=True)] if told else sums
            if needed:
                for place, sofar, new in zip(
                    needed, gradients, torch.autograd.grad(loss, [own[place] for place in needed]), strict=True
                ):
                    (sofar[part] if place == 0 else sofar).add_(new)
        ctx.needed = needed
        ctx.dtypes = [inputs[place].dtype for place in needed]
        ctx.save_for_backward(*gradients)
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        found: list[Any] = [None] * 4
        for place, dtype, gradient in zip(ctx.needed, ctx.dtypes, ctx.saved_tensors, strict=True):
            found[place] = (gradient * upstream).to(dtype)
        return tuple(found)
