"""What went wrong between us and a server, and whom it concerns: one row, all rows, or nobody if it is asked again."""

# pyright: basic
from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
import openai

Scope = Literal["row", "all", "again", "unsure", "wait"]


class BadAnswerError(Exception):
    """The server answered, and it is no answer: not JSON, no choices, no message."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed attempt.

    `scope`: this row will not do better (`row`), no row will (`all`), it may pass and counts against the row (`again`),
    it may be the row's fault or the server's (`unsure`: a cut connection, a time-out), or the server is away or busy
    (`wait`). `congested`: send less at once. `retry_after` is the server's own word, in seconds. `status` is the
    answer's, 0 if there was none.
    """

    scope: Scope
    kind: str
    message: str
    congested: bool = False
    retry_after: float | None = None
    status: int = 0


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a status means, where one of the words stands in the message (in any, without words)."""

    statuses: Container[int]
    scope: Scope
    kind: str
    words: tuple[str, ...] = ()
    congested: bool = False


_TOO_LONG = (
    *("context length", "context_length", "context size", "context window", "maximum context", "max_model_len"),
    *("too long", "too many tokens", "request too large", "tokens + `max_new_tokens`"),
)
_FILTERED = ("content_filter", "content management policy", "moderation", "flagged")
_NO_MODEL = (
    *("model_not_found", "model not found", "does not exist"),
    *("not a valid model", "invalid model", "unknown model"),
)
_NO_MONEY = ("insufficient_quota", "insufficient balance", "insufficient credit", "billing")
_ROW_REFUSED = _Rule(range(400, 500), "row", "refused")

#: The first that fits counts.
_RULES = (
    _Rule(range(300, 400), "all", "refused"),
    _Rule((402,), "all", "quota"),
    _Rule((429,), "all", "quota", _NO_MONEY),
    _Rule((400, 413, 422, 429), "row", "prompt_too_long", _TOO_LONG),
    _Rule((400, 403, 422), "row", "content_filter", _FILTERED),
    _Rule((429,), "wait", "rate_limit", congested=True),
    _Rule((503, 529), "wait", "server_error", congested=True),
    _Rule((408, 502, 504), "unsure", "server_error", congested=True),
    _Rule((401, 403, 404, 405, 410, 501), "all", "refused"),
    _Rule((409, 425), "again", "server_error"),
    _Rule(range(400, 500), "all", "refused", _NO_MODEL),
    _ROW_REFUSED,
    _Rule(range(500, 1000), "again", "server_error"),
)


#: How servers say that they do not take a parameter, and what to do about each that we may send.
_NOT_TAKEN = re.compile(
    "unknown|unrecogni[sz]ed|unsupported|not (?:be )?(?:supported|permitted|allowed)|does not support|unexpected"
    "|extra_forbidden|cannot find field|incompatible",
    re.IGNORECASE,
)
_REMEDIES = {
    "top_k": "runtime.openai.send_top_k=false",
    "seed": "runtime.openai.send_seed=false",
    "max_tokens": "runtime.openai.token_limit_key=max_completion_tokens",
    "max_completion_tokens": "runtime.openai.token_limit_key=max_tokens",
    "continue_final_message": "runtime.openai.prefill=no",
    "add_generation_prompt": "runtime.openai.prefill=no",
    "prefill": "runtime.openai.prefill=no",
    "chat_template_kwargs": "data.thinking=keep",
    "enable_thinking": "data.thinking=keep",
    "response_format": "runtime.openai.extra_body={response_format: null}",
    "temperature": "rewrite.sampling.temperature=1",
    "top_p": "rewrite.sampling.top_p=1",
}
_PARAMETER = re.compile(rf"(?<![\w-])({'|'.join(_REMEDIES)})(?![\w-])")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_WRONG_PLACE = " Are runtime.openai.base_url (it mostly ends in /v1) and model right?"


def fault_of(error: Exception) -> Fault:
    """What an exception of the client means."""
    if isinstance(error, BadAnswerError):
        return Fault("again", "bad_answer", str(error))
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    cause = error.__cause__ or error
    if isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)):
        return Fault("wait", "unreachable", _named(cause))
    if isinstance(error, (TimeoutError, openai.APITimeoutError)):
        return Fault("unsure", "timeout", "no whole answer within runtime.openai.timeout", congested=True)
    if isinstance(error, openai.APIConnectionError):
        return Fault("unsure", "connection_lost", f"the connection ended before the answer did ({_named(cause)})")
    raise error


def _named(error: BaseException) -> str:
    """The error's kind, and what it says if it says anything."""
    return ": ".join(filter(None, (type(error).__name__, str(error))))


def _of_status(error: openai.APIStatusError) -> Fault:
    status, text = error.status_code, _message(error)
    said = f"the server answered {status}: {text}"
    searched = " ".join(part for part in (text, error.code, error.type) if isinstance(part, str)).lower()
    rule = next(
        rule
        for rule in _RULES
        if status in rule.statuses and (not rule.words or any(words in searched for words in rule.words))
    )
    refused = _PARAMETER.search(text) if rule is _ROW_REFUSED and _NOT_TAKEN.search(text) else None
    if refused:
        remedy = f" It does not take {refused[1]}: set {_REMEDIES[refused[1]]}."
        return Fault("all", "refused", _sentence(said) + remedy, status=status)
    hint = _elsewhere(error.response) if status < 400 else _WRONG_PLACE if status in (404, 405) else ""
    said = _sentence(said) + hint if hint else said
    return Fault(rule.scope, rule.kind, said, rule.congested, _retry_after(error.response.headers), status)


def _sentence(text: str) -> str:
    """The text with an end, so that another sentence can follow."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _message(error: openai.APIStatusError) -> str:
    """What a server says in the body, on one line: as OpenAI's `error.message`, in another form, or as a page."""
    body: Any = error.body
    inner = body.get("error", body) if isinstance(body, dict) else None
    found = inner.get("message") if isinstance(inner, dict) else inner
    text = found if isinstance(found, str) else error.response.text[:10_000]
    text = text.strip() or error.response.reason_phrase or "nothing more"
    title = _TITLE.search(text) if text.lstrip()[:1] == "<" else None
    return " ".join((title[1] if title else text).split())[:500]


def _elsewhere(response: httpx2.Response) -> str:
    """Where a redirect leads; nothing is sent there by itself, neither key nor prompts."""
    place = response.headers.get("location", "").partition("?")[0][:200]
    return f" It points to {place!r}. If that is right, set runtime.openai.base_url accordingly." if place else ""


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds of `Retry-After` (a number, or a date by the server's own clock) or `retry-after-ms`; None without."""
    milliseconds, value = _number(headers.get("retry-after-ms")), headers.get("retry-after")
    if milliseconds is not None:
        return milliseconds / 1000
    if value is None or _number(value) is not None:
        return _number(value)
    try:
        until = email.utils.parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    try:
        now = email.utils.parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        now = time.time()
    return max(until - now, 0.0)


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text.strip(), re.ASCII) else None
