"""What went wrong between us and a server, and whom it concerns: one row, all rows, or nobody if it is asked again."""

# pyright: basic
from __future__ import annotations

import email.utils
import time
from dataclasses import dataclass
from typing import Any, Literal

import openai

Scope = Literal["row", "all", "again", "wait"]

_TOO_LONG = ("context length", "context_length", "maximum context", "max_model_len", "too long", "too many tokens")
_OVERLOADED = frozenset({429, 502, 503, 504, 529})
_PASSING = frozenset({408, 409, 425})


class BadAnswerError(Exception):
    """The server answered, and it is no answer: not JSON, no choices, no message."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed attempt.

    `scope`: this row will not do better (`row`), no row will (`all`), it may pass (`again`, counted against the row),
    or the server is away or busy (`wait`, not the fault of the row). `congested`: send less at once. `retry_after` is
    the server's own word, in seconds.
    """

    scope: Scope
    kind: str
    message: str
    congested: bool = False
    retry_after: float | None = None


def fault_of(error: Exception) -> Fault:
    """What an exception of the client means."""
    if isinstance(error, BadAnswerError):
        return Fault("again", "bad_answer", str(error))
    if isinstance(error, (TimeoutError, openai.APITimeoutError)):
        return Fault("again", "timeout", "no whole answer within runtime.openai.timeout", congested=True)
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__ or error
        return Fault("wait", "unreachable", f"{type(cause).__name__}: {cause}")
    if isinstance(error, (ValueError, openai.APIError)):
        return Fault("again", "bad_answer", f"the answer cannot be read: {type(error).__name__}: {error}")
    raise error


def _of_status(error: openai.APIStatusError) -> Fault:
    status, text = error.status_code, _message(error)
    said = f"the server answered {status}: {text}"
    if status == 429 and "insufficient_quota" in str(error.body):
        return Fault("all", "quota", said)
    if status in _OVERLOADED:
        scope: Scope = "wait" if status in (429, 503, 529) else "again"
        kind = "rate_limit" if status == 429 else "server_error"
        return Fault(scope, kind, said, congested=True, retry_after=_retry_after(error.response.headers))
    if status >= 500 or status in _PASSING:
        return Fault("again", "server_error", said, retry_after=_retry_after(error.response.headers))
    if status in (401, 403, 404, 405):
        return Fault("all", "refused", said)
    lowered = text.lower()
    if status in (400, 413, 422) and any(part in lowered for part in _TOO_LONG):
        return Fault("row", "prompt_too_long", said)
    return Fault("row", "refused", said)


def _message(error: openai.APIStatusError) -> str:
    body: Any = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        found = inner.get("message") if isinstance(inner, dict) else inner
        if found:
            return " ".join(str(found).split())[:500]
    return " ".join(str(body or error.message).split())[:500]


def _retry_after(headers: Any) -> float | None:
    """Seconds of `Retry-After` (a number, or a date), of `retry-after-ms` where it is; None without."""
    milliseconds = headers.get("retry-after-ms")
    value = headers.get("retry-after")
    try:
        if milliseconds is not None:
            return max(float(milliseconds) / 1000, 0.0)
        return None if value is None else max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(str(value)).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError):
        return None
