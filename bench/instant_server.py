"""A server with OpenAI's API that answers at once, for benchmarks of clients: `python -m bench.instant_server`.

It prints its port and serves until its standard input ends. Every answer is the same but for its id. It parses only
what HTTP/1.1 with keep-alive needs, so that on two cores as little as possible of the time is its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

MODEL = "instant"
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
_ANSWER = json.dumps(
    {
        "id": "chatcmpl-%010d",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Natalia sold 48/2 = 24 clips in May. " * 6},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 150, "completion_tokens": 90, "total_tokens": 240},
    }
).encode()
_MODELS = json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "bench"}]}).encode()


class Instant(asyncio.Protocol):
    """One connection."""

    answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            total = end + 4 + int(length or 0)
            if len(self._received) < total:
                return
            self._received = self._received[total:]
            Instant.answered += 1
            body = _MODELS if head.startswith(b"get") else _ANSWER % Instant.answered
            self._transport.write(b"%b%d\r\n\r\n%b" % (_HEAD, len(body), body))


async def serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Instant, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
