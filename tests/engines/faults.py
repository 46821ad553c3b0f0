"""What a server may do to a client, by name: shared by the tests of the engine and of a whole stage."""

# pyright: basic
from __future__ import annotations

import gzip
from typing import Any

from tests.engines.fault_server import CUT, HALF, after, drip, flood, said

#: What only a deadline ends.
SLOW = ("slow loris", "late")

#: It happens once to a row, and the row has its answer all the same.
PASSING: dict[str, Any] = {
    "429": (429, {"error": {"message": "slow down"}}, {"retry-after": "0.05"}),
    "429 without a word": (429, {}),
    "429 until a date": (429, {}, {"retry-after": "Wed, 01 Jan 2020 00:00:00 GMT"}),
    "429 until nonsense": (429, {}, {"retry-after": "soon"}),
    "500": (500, {"error": {"message": "boom"}}),
    "502 with a page": (502, b"<html><head><title>502 Bad\n Gateway</title></head></html>"),
    "503": (503, {"error": "busy"}),
    "504": (504, b""),
    "cut connection": CUT,
    "closed at once": b"",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "half JSON": HALF,
    "a page": (200, b"<html><body>Please log in</body></html>"),
    "nothing": (204, b""),
    "a list": (200, []),
    "empty choices": (200, {"choices": []}),
    "an error with 200": (200, {"error": {"message": "upstream", "code": 502}}),
    "no message": (200, {"choices": [{"finish_reason": "stop"}]}),
    "no finish reason": said(finish=None),
    "aborted": said(finish="abort"),
    "compressed": (200, gzip.compress(b"{}"), {"content-encoding": "gzip"}),
    "endless": flood,
    "slow loris": drip,
    "late": after(1.2, said("Too late.")),
}

#: It happens to a row every time: (what the server does, kind and message of the row's error).
STAYING: dict[str, tuple[Any, str, str]] = {
    "500": ((500, {"error": {"message": "boom"}}), "server_error", "the server answered 500: boom"),
    "502": (
        (502, b"<html><head><title>502 Bad\n Gateway</title></head></html>"),
        "server_error",
        "502: 502 Bad Gateway",
    ),
    "cut connection": (CUT, "connection_lost", "the connection ended before the answer did (RemoteProtocolError"),
    "half JSON": (HALF, "bad_answer", "the answer cannot be read"),
    "empty choices": ((200, {"choices": []}), "bad_answer", "the answer has no choices"),
    "an error with 200": ((200, {"error": {"message": "sorry"}}), "bad_answer", "has no choices, but says: sorry"),
    "slow loris": (drip, "timeout", "no whole answer within runtime.openai.timeout"),
    "content filter": (said("", finish="content_filter"), "content_filter", "content filter held the answer back"),
    "filtered prompt": ((400, {"error": {"code": "content_filter", "message": "no"}}), "content_filter", "400: no"),
    "too long": (
        (400, {"error": {"message": "maximum context length is 512 tokens"}}),
        "prompt_too_long",
        "the server answered 400: maximum context length is 512 tokens",
    ),
    "too long for the limit": (
        (429, {"error": {"message": "Request too large for tiny: Limit 100, Requested 900"}}, {"retry-after": "1"}),
        "prompt_too_long",
        "Request too large",
    ),
    "refused": ((400, {"error": {"message": "bad row"}}), "refused", "the server answered 400: bad row"),
    "torn arguments": (
        said(None, finish="tool_calls", tool_calls=[{"function": {"name": "f", "arguments": '{"x"'}}]),
        "bad_call",
        "the arguments of a call to f are no JSON",
    ),
    "endless": (flood, "bad_answer", "the answer has more than 1,000,000 bytes"),
    "huge": (b"HTTP/1.1 200 X\r\ncontent-length: 99999999999\r\n\r\n", "bad_answer", "the answer has more than"),
    "compressed": (
        (200, gzip.compress(b"{}"), {"content-encoding": "gzip"}),
        "bad_answer",
        "the answer is compressed (gzip)",
    ),
}

#: It concerns every row: (what the server does, settings, a part of the one message).
FOR_ALL: dict[str, tuple[Any, dict[str, Any], str]] = {
    "wrong key": ((401, {"error": {"message": "no such key"}}), {}, "no such key"),
    "no such path": ((404, {"error": {"message": "no route"}}), {}, "404: no route. Are runtime.openai.base_url"),
    "no such model": ((404, {"error": {"message": "The model `tiny` does not exist."}}), {}, "does not exist"),
    "no such model, 400": ((400, {"error": {"message": "tiny is not a valid model ID"}}), {}, "not a valid model"),
    "no quota": ((429, {"error": {"code": "insufficient_quota", "message": "pay"}}), {}, "429: pay"),
    "no money": ((402, {"error": {"message": "Insufficient Balance"}}), {}, "402: Insufficient Balance"),
    "429 for ever": ((429, {}, {"retry-after": "0.01"}), {"patience": 0.5}, "runtime.openai.patience=0.5"),
    "429 until tomorrow": ((429, {}, {"retry-after": "86400"}), {}, "is to be asked again after 86400 seconds"),
    "503 for ever": ((503, {}), {"patience": 0.5}, "has given no answer for"),
    "elsewhere": (
        (307, b"", {"location": "http://evil.example/v1?key=x"}),
        {},
        "It points to 'http://evil.example/v1'.",
    ),
    "top_k": (
        (400, {"error": {"message": "Unrecognized request argument supplied: top_k"}}),
        {},
        "It does not take top_k: set runtime.openai.send_top_k=false.",
    ),
    "seed": (
        (
            422,
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
        ),
        {},
        "It does not take seed: set runtime.openai.send_seed=false.",
    ),
    "max_tokens": (
        (
            400,
            {
                "error": {
                    "message": "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'."
                }
            },
        ),
        {},
        "set runtime.openai.token_limit_key=max_completion_tokens.",
    ),
}
