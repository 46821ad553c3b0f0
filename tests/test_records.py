"""Hashes of requests are the digest of their fields by name, however they are computed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ownwords.records import Message, Request, Sampling, Weights, digest

texts = st.text(st.characters(exclude_categories=()))
numbers = st.floats(allow_nan=False, allow_infinity=False)
requests = st.builds(
    Request,
    id=texts,
    messages=st.none() | st.lists(st.builds(Message, texts, texts), max_size=4).map(tuple),
    text=st.none() | texts,
    prefill=texts,
    target=st.none() | texts,
    sampling=st.builds(Sampling, numbers, numbers, st.integers(), st.integers()),
    seed=st.integers(),
    weights=st.builds(Weights, identity=texts, scale=numbers),
    chat_template=st.none() | texts,
    tools=texts,
    thinking=st.none() | st.booleans(),
    schema=texts,
)


@given(requests)
def test_a_requests_hash_is_the_digest_of_its_fields(request: Request) -> None:
    s = request.sampling
    facts: dict[str, Any] = {
        "messages": None if request.messages is None else [message.as_dict() for message in request.messages],
        "text": request.text,
        "prefill": request.prefill,
        "target": request.target,
        "sampling": [s.temperature, s.top_p, s.top_k, s.max_tokens],
        "seed": request.seed,
        "weights": [request.weights.identity, request.weights.scale],
        "chat_template": request.chat_template,
    }
    if request.thinking is not None:
        facts["thinking"] = request.thinking
    if request.tools:
        facts["tools"] = request.tools
    if request.schema:
        facts["schema"] = request.schema
    assert request.hash == digest(facts, length=24)
