"""The plain data that moves through the house: small frozen dataclasses, no behaviour beyond views and hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def canonical(value: Any) -> str:
    """The canonical JSON of `value`: keys sorted, no blanks."""
    return _CANONICAL.encode(value)


def digest(value: Any, length: int = 16) -> str:
    """Hex sha256 of the canonical JSON of `value`, cut to `length` characters."""
    return digest_text(canonical(value), length)


def digest_text(text: str, length: int = 16) -> str:
    """Hex sha256 of a text, cut to `length` characters."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def storable(text: str) -> str:
    """Text that files and databases take: half of a surrogate pair, which is no character, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def repeated_key(pairs: Sequence[tuple[str, Any]]) -> str:
    """The first key that stands twice in an object of JSON: nobody knows which of its values is meant."""
    seen: set[str] = set()
    return next(key for key, _ in pairs if key in seen or seen.add(key))


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. `role` is system, user, assistant or tool."""

    role: str
    content: str

    def as_dict(self) -> dict[str, str]:
        return {"role": self.role, "content": self.content}


def canonical_messages(messages: Sequence[Message]) -> str:
    """The canonical JSON of messages, written out because every row is hashed twice."""
    turns = [f'{{"content":{canonical(m.content)},"role":{canonical(m.role)}}}' for m in messages]
    return f"[{','.join(turns)}]"


def last_user(messages: Sequence[Message]) -> int:
    """The position of the last user turn."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == "user":
            return index
    raise ValueError("there is no user turn")


@dataclass(frozen=True, slots=True)
class Example:
    """One conversation with one target: `messages` come before the target, `reference` is the
    assistant turn to train on, as one text (see `turns`).

    `id` is a hash of the content with an occurrence number among equal rows, never a position.
    `origin` says where the row came from, for messages to people (file and row). `tools` are the functions that the
    conversation may call: JSON text of a list in OpenAI's form, or empty. `last` says that no later turn of the same
    conversation is a target.
    """

    id: str
    messages: tuple[Message, ...]
    reference: str
    origin: str = ""
    tools: str = ""
    last: bool = True

    @property
    def prompt(self) -> str:
        """The last user turn."""
        return self.messages[self.asked].content

    @property
    def asked(self) -> int:
        """The position of the last user turn; only calls and their results follow it."""
        return last_user(self.messages)

    @property
    def system(self) -> str | None:
        """The row's own system prompt, if it has one."""
        return self.messages[0].content if self.messages and self.messages[0].role == "system" else None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw an answer. `temperature` 0 is greedy; `top_k` 0 and `top_p` 1 switch the cut off."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int = 512


@dataclass(frozen=True, slots=True)
class Weights:
    """Which weights answer: the seed model, an adapter folder on top of it, or a model folder of its own.

    `identity` names the content (a hash), so that a request's hash does not depend on where a folder lies.
    """

    kind: Literal["seed", "adapter", "model"] = "seed"
    identity: str = "seed"
    path: str | None = None
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask of an engine.

    Either `messages` (rendered with the chat template, `chat_template` if given, else the model's own) or raw `text`.
    `prefill` opens the answer and is part of the prompt. `tools` is JSON text of a list; `thinking` False tells a
    thinking model not to, None leaves it to its template. `schema` is the JSON schema (text) of an answer in JSON: an
    engine that can be told to give nothing else is, for others it is a wish. With `target` nothing is generated: the
    completion carries the log-likelihood of each of the target's tokens after that prompt (of the whole assistant turn,
    end marker included, when `messages` are given; of the bare text when `text` is).
    `id` is unique within a stream. `example` is what the request is about; it never reaches a model or the hash.
    """

    id: str
    messages: tuple[Message, ...] | None = None
    text: str | None = None
    prefill: str = ""
    target: str | None = None
    sampling: Sampling = Sampling()
    seed: int = 0
    weights: Weights = Weights()
    chat_template: str | None = None
    tools: str = ""
    thinking: bool | None = None
    schema: str = ""
    example: Example | None = field(default=None, compare=False)

    @property
    def hash(self) -> str:
        """Names everything that determines the answer, and nothing else: a digest of the fields by name. `tools`,
        `thinking` and `schema` count only where they are given.

        The canonical JSON is written out here, because an encoder takes most of its time for the small fields.
        """
        s, weights = self.sampling, self.weights
        messages = "null" if self.messages is None else canonical_messages(self.messages)
        thinking = "" if self.thinking is None else f'"thinking":{canonical(self.thinking)},'
        tools = f'"tools":{canonical(self.tools)},' if self.tools else ""
        schema = f'"schema":{canonical(self.schema)},' if self.schema else ""
        return digest_text(
            f'{{"chat_template":{_canonical_text(self.chat_template)},"messages":{messages},'
            f'"prefill":{canonical(self.prefill)},'
            f'"sampling":[{s.temperature!r},{s.top_p!r},{s.top_k!r},{s.max_tokens!r}],{schema}"seed":{self.seed!r},'
            f'"target":{_canonical_text(self.target)},"text":{_canonical_text(self.text)},{thinking}{tools}'
            f'"weights":[{canonical(weights.identity)},{weights.scale!r}]}}',
            length=24,
        )


def _canonical_text(text: str | None) -> str:
    return "null" if text is None else canonical(text)


#: Engines' and servers' words, in lower case, for an answer that the model ended itself, and for one that was cut.
ENDED = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence", "tool_calls", "tool_use", "function_call"})
CUT = frozenset({"length", "max_tokens", "model_length"})


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one request has no answer, e.g. kind `prompt_too_long`."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Completion:
    """The one answer to one request.

    `finish_reason` is `stop` (the model ended its turn), `length` (cut at `max_tokens` or the context), `scored`
    (likelihoods of a target) or `error`. `text` is without `reasoning` and without `tool_calls`, which are
    {"name": …, "arguments": {…}}. `logprobs` are natural logarithms, one a target token.
    """

    request_id: str
    text: str = ""
    finish_reason: Literal["stop", "length", "scored", "error"] = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    logprobs: tuple[float, ...] | None = None
    reasoning: str | None = None
    tool_calls: tuple[dict[str, Any], ...] = ()
    error: RowError | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rewrite on trial. `instruction` is the rewriting prompt's own words, without the row's prompt and reference;
    `judgement` is what a judge answered about it, where one was asked."""

    text: str
    finish_reason: str | None = None
    instruction: str | None = None
    judgement: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A check's result: `reason` is for machines (`ok` when passed), `detail` for people."""

    passed: bool
    reason: str
    detail: str = ""


PASSED = Verdict(True, "ok")


class Check(Protocol):
    """A named test of a candidate. It is a pure function: it never calls a model, a network or the disk."""

    def __call__(self, example: Example, candidate: Candidate, **params: Any) -> Verdict: ...


OutcomeKind = Literal["accepted", "fallback", "dropped"]
Source = Literal["own", "rewrite", "reference"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an example's final target came about. `target` is None exactly when the example is dropped.

    `engine` is the provenance (JSON) of what made `completion`. `origin` names the source that was asked last: own,
    rewrite, or other (a rewrite by another model); `attempt` is -1 where none was.
    """

    example: Example
    kind: OutcomeKind
    source: Source | None
    reason: str
    detail: str
    target: str | None
    attempt: int
    verdicts: tuple[tuple[str, Verdict], ...] = ()
    completion: Completion | None = None
    engine: str = ""
    origin: str = "rewrite"
