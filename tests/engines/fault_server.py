"""A local server with OpenAI's API that does what a test tells it: answers, complains, stalls, cuts off, dies."""

# pyright: basic
from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Twice:
    """An answer that is sent a second time, at once or later; the connection stays open."""

    answer: dict[str, Any]
    later: float = 0.0


#: What the server does with one request: bytes are sent as they are, and the connection is then closed.
Act = dict[str, Any] | tuple[int, Any] | bytes | Callable[["asyncio.StreamWriter"], Any] | Twice


def said(text: str | None = "Own words.", finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    """A whole answer."""
    return {
        "choices": [{"message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }


@dataclass
class Server:
    """`script(body, seen)` says what to do; `seen` counts how often the same question has come, from 1.

    `models` are the names that it lists, None for a server that lists none, or what to do instead of listing.

    `asked` holds every body, `times` when each came, `connections` how many were opened, `peak` the most requests at
    once. `script` may be changed at any time.
    """

    script: Callable[[dict[str, Any], int], Any]
    models: Any = ("tiny",)
    owner: str = "someone"
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    connections: int = 0
    peak: int = 0
    port: int = 0
    _active: int = 0

    def __enter__(self) -> Server:
        self._tasks: set[asyncio.Task[None]] = set()
        self._every: list[asyncio.StreamWriter] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()
        self._do(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def open(self) -> int:
        """Connections that are open now, at both ends."""
        return sum(not reader.at_eof() for reader in self._writers.values())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Listen; after `die` on the same port again."""
        self._seen: Counter[str] = getattr(self, "_seen", Counter())
        self._server = self._do(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]

    def die(self) -> None:
        """Stop listening and cut every connection."""
        self._do(self._close())

    async def _listen(self) -> Any:
        self._writers: dict[asyncio.StreamWriter, asyncio.StreamReader] = {}
        return await asyncio.start_server(self._welcome, "127.0.0.1", self.port)

    async def _close(self) -> None:
        self._server.close()
        await _moments()  # what was accepted just now is made a connection
        writers = list(self._writers)
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)

    async def _cancel_all(self) -> None:
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        for writer in self._every:  # a task that is cancelled before it begins closes nothing
            writer.transport.abort()
        await _moments()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._every.append(writer)
        if not self._server.is_serving():
            writer.transport.abort()
            return
        self._writers[writer] = reader
        self.connections += 1
        self._tasks.add(asyncio.get_running_loop().create_task(self._talk(reader, writer)))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (head := await reader.readuntil(b"\r\n\r\n")) and await self._reply(head.decode(), reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.pop(writer, None)
            writer.close()

    async def _reply(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; whether the connection lives on."""
        lines = head.split("\r\n")
        lengths = [int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length")]
        body = json.loads(await reader.readexactly(lengths[0])) if lengths and lengths[0] else {}
        self.headers.append(head)
        if lines[0].split()[1].endswith("/models"):
            return await self._send(writer, self._listed())
        self.asked.append(body)
        self.times.append(time.monotonic())
        question = json.dumps(body.get("messages") or body.get("prompt"))
        self._seen[question] += 1
        self._active += 1
        self.peak = max(self.peak, self._active)
        try:
            return await self._send(writer, self.script(body, self._seen[question]))
        finally:
            self._active -= 1

    def _listed(self) -> Any:
        if self.models is None:
            return (404, {})
        names = self.models if isinstance(self.models, tuple) else ("",)
        if not all(isinstance(name, str) and name for name in names):
            return self.models
        return {"data": [{"id": name, "owned_by": self.owner} for name in names]}

    async def _send(self, writer: asyncio.StreamWriter, act: Any) -> bool:
        if callable(act):
            await act(writer)
            return False
        if isinstance(act, bytes):
            writer.write(act)
            await writer.drain()
            return False
        if isinstance(act, Twice):
            writer.write(message(act.answer) * (1 if act.later else 2))
            if act.later:
                asyncio.get_running_loop().call_later(act.later, writer.write, message(act.answer))
            return True
        writer.write(message(*act) if isinstance(act, tuple) else message(act))
        await writer.drain()
        return True


async def _moments() -> None:
    """A few turns of the loop: connections are opened and closed in steps."""
    for _ in range(10):
        await asyncio.sleep(0)


def message(*act: Any) -> bytes:
    """A whole HTTP answer: of a body, or of status, body and, if need be, further headers."""
    status, payload, *more = act if len(act) > 1 else (200, *act)
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    extra = "".join(f"{key}: {value}\r\n" for key, value in (more[0] if more else {}).items())
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{extra}content-length: {len(content)}\r\n\r\n"
    return head.encode() + content


def after(seconds: float, act: Any) -> Callable[[asyncio.StreamWriter], Any]:
    """The answer, late; the connection is closed after it."""

    async def late(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        writer.write(message(200, act, {"connection": "close"}))
        await writer.drain()

    return late


def drip(writer: asyncio.StreamWriter) -> Any:
    """A byte now and then, and never the whole answer."""

    async def slowly() -> None:
        writer.write(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{")
        end = time.monotonic() + 30
        while time.monotonic() < end:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    return slowly()


async def flood(writer: asyncio.StreamWriter) -> None:
    """An answer without an end, as fast as it is read."""
    writer.write(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
        await writer.drain()


CUT = b'HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"choices": [{"mess'
HALF = (200, b'{"choices": [{"message": {"content": "Own')
