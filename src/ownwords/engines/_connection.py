"""The HTTP client under the OpenAI client: what it lets in, and which connections it trusts."""

# pyright: basic
from __future__ import annotations

import re
import weakref
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai

from ownwords.engines._address import Address
from ownwords.engines._faults import BadAnswerError

CONNECT_SECONDS = 10.0
#: No answer comes near: 100,000 tokens are about half a megabyte.
MOST_BYTES = 16 * 2**20


def client_of(address: Address, max_concurrency: int) -> openai.AsyncOpenAI:
    """A client that does not retry, keeps a connection for each request that may be under way, and goes nowhere else.

    A whole answer's deadline is the caller's. Redirects are not followed: key and prompts are for this address only.
    Nothing compressed is asked for: a few bytes could unpack to any size.
    """
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    http = httpx2.AsyncClient(
        auth=address.login,
        limits=httpx2.Limits(max_connections=max_concurrency, max_keepalive_connections=max_concurrency),
        timeout=timeout,
        follow_redirects=False,
        event_hooks={"response": [_Guard()]},
    )
    return openai.AsyncOpenAI(
        api_key=address.key,
        base_url=address.url,
        max_retries=0,
        timeout=timeout,
        default_headers={"Accept-Encoding": "identity", "Content-Type": "application/json"},
        http_client=http,
    )


class CopyError(Exception):
    """What came is an earlier answer once more. Its connection is closed; asking again uses another."""


class _Guard:
    """Looks at every response before it is read, and at its body while it is."""

    def __init__(self) -> None:
        self._copies = _Copies()

    async def __call__(self, response: httpx2.Response) -> None:
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise BadAnswerError(f"the answer is compressed ({encoding[:20]}), which was not asked for")
        if int(response.headers.get("content-length", 0)) > MOST_BYTES:
            raise BadAnswerError(f"the answer has more than {MOST_BYTES:,} bytes")
        response.stream = _Body(response, self._copies)


class _Body(httpx2.AsyncByteStream):
    """A body that may not go on for ever, nor be the copy of another."""

    def __init__(self, response: httpx2.Response, copies: _Copies) -> None:
        self._stream: Any = response.stream
        self._connection = response.extensions["network_stream"]
        self._asked = response.request.content
        self._copies = copies

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = bytearray()
        async for chunk in self._stream:
            content += chunk
            if len(content) > MOST_BYTES:
                raise BadAnswerError(f"the answer has more than {MOST_BYTES:,} bytes")
            yield chunk
        if self._copies.has(self._connection, self._asked, bytes(content)):
            await self._connection.aclose()  # before another request can be sent on it: more may be late
            raise CopyError

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Copies:
    """Finds an answer that a server sends twice: its copy would be taken for the answer to a later request.

    HTTP/1.1 says nothing of which request an answer is for. A copy has the bytes, and so the id, of an earlier answer
    on the same connection, to another question. Nothing is judged until two ids have been seen: some servers give every
    answer the same one, or none.
    """

    _ID = re.compile(rb'"id"\s*:\s*"([^"]+)"')
    _REMEMBERED = 100  # answers a connection

    def __init__(self) -> None:
        self._earlier: weakref.WeakKeyDictionary[Any, dict[int, int]] = weakref.WeakKeyDictionary()
        self._ids: set[bytes] = set()

    def has(self, connection: Any, asked: bytes, answer: bytes) -> bool:
        """Whether it is one."""
        found = self._ID.search(answer) if asked else None  # a list of models has ids too
        if not found:
            return False
        if len(self._ids) < 2:
            self._ids.add(found[1])
        earlier = self._earlier.setdefault(connection, {})
        question, content = hash(asked), hash(answer)
        if len(self._ids) == 2 and earlier.get(content, question) != question:
            return True
        earlier[content] = question
        if len(earlier) > self._REMEMBERED:
            del earlier[next(iter(earlier))]
        return False
