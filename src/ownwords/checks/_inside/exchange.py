"""Calls between two processes, in both directions, over two pipes.

A message is JSON with its length before it: a request (what to do, with which object, with which values) or the answer
to one: a value or an exception, the arguments that the call has changed, and what it printed. While one side waits for
an answer it serves the other's requests, so functions can be handed over and called back.
"""

from __future__ import annotations

import json
import struct
import threading
from typing import Any, BinaryIO, cast

from ownwords.checks._inside.operations import SPECIAL, plain_base
from ownwords.checks._inside.values import Codec

#: Bytes of a message. More is no answer but an attempt to fill the other side's memory.
_LONGEST = 64_000_000

Message = dict[str, Any]


class Ended(BaseException):
    """The other side is gone, or speaks nonsense. No `except Exception` of a test catches it."""


class Exchange:
    """One end. A side derives from it: `perform` does what the other side asks for; `export` and `stand_in` say how
    what is not copied is named and what stands in for it; `raised` and `error_of` do the same for exceptions."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._turn = threading.RLock()
        self.objects: list[Any] = []
        self._numbers: dict[int, int] = {}

    def ask(self, what: str, number: int | None, *values: Any, **named: Any) -> Any:
        """Have the other side do something; the value of it, or the exception that it raised.

        Raises:
            Ended: there is no other side any more.
        """
        codec = Codec(self)
        request: Message = {"do": what, "on": number, "with": [codec.encode(value) for value in values]}
        request["named"] = {name: codec.encode(value) for name, value in named.items()}
        with self._turn:
            self._send(request)
            answer = self._receive()
            while "do" in answer:
                self._serve(answer)
                answer = self._receive()
        self.print(answer["printed"])
        for place, content in answer["changed"]:
            codec.fill(codec.containers[place], content)
        if "raised" in answer:
            raise self.error_of(answer["raised"])
        return codec.decode(answer["value"])

    def serve_until_the_end(self) -> None:
        """Do what the other side asks for until it is gone."""
        while True:
            try:
                request = self._receive()
            except Ended:
                return
            self._serve(request)

    def number_of(self, value: Any) -> int:
        """The number of an object that the other side may ask for from now on."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return number

    def perform(self, what: str, target: Any, values: list[Any], named: dict[str, Any]) -> Any:
        """Do what is asked for with one of this side's objects."""
        if what == "call":
            return target(*values, **named)
        if what == "get":
            return getattr(target, values[0])
        if what == "set":
            return setattr(target, values[0], values[1])
        if what == "plain":
            return plain_base(target)
        return SPECIAL[what](target, *values)

    def export(self, value: Any) -> list[Any]:
        raise NotImplementedError

    def stand_in(self, tag: str, content: list[Any]) -> Any:
        raise NotImplementedError

    def error_of(self, raised: Message) -> BaseException:
        raise NotImplementedError

    def raised(self, error: BaseException) -> Message:
        raise NotImplementedError

    def print(self, text: str) -> None:
        """Print what a call has printed on the other side."""

    def printed(self) -> str:
        """What was printed here since this was last asked."""
        return ""

    def _serve(self, request: Message) -> None:
        codec = Codec(self)
        answer: Message = {"changed": []}
        before: list[str] = []
        result: Any = None
        failure: BaseException | None = None
        try:
            values = [codec.decode(value) for value in request["with"]]
            named = {name: codec.decode(value) for name, value in request["named"].items()}
            before = self._contents(codec.containers)
            target = None if request["on"] is None else self.objects[request["on"]]
            result = self.perform(request["do"], target, values, named)
        except Ended:
            raise
        except BaseException as error:  # noqa: BLE001 - the boundary: the other side gets it
            failure = error
        codec = Codec(self, codec.containers)
        try:
            after = self._contents(codec.containers)
            changed = [place for place, content in enumerate(before) if content != after[place]]
            answer["changed"] = [[place, codec.content(codec.containers[place])] for place in changed]
            if failure is None:
                answer["value"] = codec.encode(result)
        except Exception as error:  # noqa: BLE001 - too deep, or changed while it was read
            failure = failure or error
        if failure is not None:
            answer["raised"] = self.raised(failure)
        answer["printed"] = self.printed()
        self._send(answer)

    def _contents(self, containers: list[Any]) -> list[str]:
        """Of each container what it holds itself, to be compared."""
        codec = Codec(self, containers)
        return [json.dumps(codec.content(container)) for container in containers]

    def _send(self, message: Message) -> None:
        body = json.dumps(message).encode("ascii")
        try:
            with self._turn:
                self._outgoing.write(struct.pack(">I", len(body)) + body)
                self._outgoing.flush()
        except OSError as error:
            raise Ended from error

    def _receive(self) -> Message:
        head = self._incoming.read(4)
        length = struct.unpack(">I", head)[0] if len(head) == 4 else _LONGEST + 1
        body = self._incoming.read(length) if length <= _LONGEST else b""
        if len(body) != length:
            raise Ended
        try:
            message: Any = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Ended from error
        if not isinstance(message, dict):
            raise Ended
        return cast("Message", message)
