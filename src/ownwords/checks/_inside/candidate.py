"""The program that holds the candidate: runs its code, then does what the tests ask for. It never sees a test.

Nothing that it says is believed beyond the values it gives: the verdict is the other program's.
"""

from __future__ import annotations

import ast
import builtins
import io
import linecache
import os
import sys
import traceback
from functools import partial
from types import ModuleType
from typing import Any

from ownwords.checks._inside.exchange import Ended, Exchange, Message
from ownwords.checks._inside.operations import items_of
from ownwords.checks._inside.standins import StandIn

FILE = "<candidate>"
#: Exit code of a candidate that has no memory left.
NO_MEMORY = 77
#: Characters printed in one call that the tests can see.
_MOST_PRINTED = 1_000_000


class _Printed(io.RawIOBase):
    """Standard output: kept for the side of the tests while there is little of it, else written where output is
    counted."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = bytearray()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: Any, /) -> int:
        self.kept += data
        if len(self.kept) > _MOST_PRINTED:
            self.let_go()
        return len(data)

    def let_go(self) -> None:
        while self.kept:
            del self.kept[: os.write(1, self.kept)]


class CandidateSide(Exchange):
    """Serves the one module that is the candidate."""

    def __init__(self, incoming: Any, outgoing: Any, printed: _Printed) -> None:
        super().__init__(incoming, outgoing)
        self._module = ModuleType("candidate")
        self._code: Any = None
        self._end = 0
        self._printed = printed
        self._stand_ins: dict[int, StandIn] = {}
        self._process = os.getpid()
        module = self._module
        self._own: dict[str, Any] = {
            "compile": self._compile,
            "run": self._run,
            "names": lambda: [name for name in vars(module) if not name.startswith("__")],
            "global": partial(getattr, module),
            "assign": partial(setattr, module),
            "items": items_of,
        }

    def perform(self, what: str, target: Any, values: list[Any], named: dict[str, Any]) -> Any:
        own = self._own.get(what)
        try:
            return super().perform(what, target, values, named) if own is None else own(*values)
        finally:
            if os.getpid() != self._process:  # a fork of it, which must not answer as well
                os._exit(0)

    def export(self, value: Any) -> list[Any]:
        if isinstance(value, StandIn):
            return ["yours", object.__getattribute__(value, "ownwords_number")]
        if isinstance(value, type) and issubclass(value, BaseException):
            return ["exception", self.number_of(value), value.__name__, [_base(self, base) for base in value.__bases__]]
        return ["object", self.number_of(value)]

    def stand_in(self, tag: str, content: list[Any]) -> Any:
        if tag == "yours":
            return self.objects[content[0]]
        return self._stand_ins.setdefault(content[0], StandIn(self, content[0]))

    def raised(self, error: BaseException) -> Message:
        values = [_text(error)] if isinstance(error, SyntaxError) else [_plain(value) for value in error.args]
        return {
            "type": _base(self, type(error)),
            "values": values,
            "object": self.number_of(error),
            "line": _line(error),
        }

    def error_of(self, raised: Message) -> BaseException:
        kind: Any = getattr(builtins, raised["type"], RuntimeError)
        return kind(*raised["values"])

    def printed(self) -> str:
        sys.stdout.flush()
        text = self._printed.kept.decode("utf-8", "replace")
        self._printed.kept.clear()
        return text

    def _compile(self, source: str, name: str) -> None:
        self._module.__name__ = name
        sys.modules[name] = self._module
        linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
        body = ast.parse(source, FILE).body
        self._end = body[-1].lineno if body else 0
        self._code = compile(source, FILE, "exec", dont_inherit=True)

    def _run(self) -> None:
        """Run the module to its end; a call of `sys.exit` in its last statement is an end too."""
        try:
            exec(self._code, vars(self._module))  # noqa: S102 - what this program is for
        except SystemExit as error:
            if error.code not in (None, 0) or _line(error) < self._end:
                raise
        sys.stdout.flush()
        self._printed.let_go()


def _base(side: CandidateSide, kind: type) -> Any:
    """An exception's class: by name if it is Python's own."""
    return kind.__name__ if getattr(builtins, kind.__name__, None) is kind else side.export(kind)


def _plain(value: Any) -> Any:
    return value if type(value) in (str, int, float, bool, type(None)) else _text(value)


def _text(value: Any) -> str:
    try:
        return str(value)[:2000]
    except Exception:  # noqa: BLE001 - the boundary: the candidate's own method
        return type(value).__name__


def _line(error: BaseException) -> int:
    """The candidate's line that raised, 0 if none did; of the module itself, not of what it calls."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == FILE]
    return (lines or [0])[0]


def main(settings: dict[str, Any]) -> None:
    """Serve until the tests are over."""
    printed = _Printed()
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(printed, 1), encoding="utf-8", errors="replace", write_through=True)
    incoming, outgoing = (
        os.fdopen(number, mode) for number, mode in zip(settings["channel"], ("rb", "wb"), strict=True)
    )
    side = CandidateSide(incoming, outgoing, printed)
    builtins.input = lambda prompt="": side.ask("input", None, str(prompt))
    try:
        side.serve_until_the_end()
    except Ended:
        pass
    except MemoryError:
        os._exit(NO_MEMORY)
    os._exit(0)
