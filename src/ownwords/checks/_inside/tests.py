"""The program that holds the tests: it alone knows them and the token, and the candidate's code never runs in it.

The names of the tests' module that the tests do not define themselves are the candidate's, as if its code stood above
theirs: a function or class is a stand-in, a plain value a copy, a module of the standard library this program's own.
Names of Python's own, and names of standard modules, are the candidate's only where the reference defines them too,
so no candidate can bring its own `abs`.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import json
import os
import sys
import traceback
from types import FunctionType, ModuleType
from typing import Any

from ownwords.checks._inside.exchange import Ended, Exchange, Message
from ownwords.checks._inside.outputs import Output, output_of
from ownwords.checks._inside.standins import GuardedStandIn, StandIn

TESTS = "<tests>"
_MODULES = {name for name in sys.stdlib_module_names if not name.startswith("_")} - {"antigravity", "this", "idlelib"}


class TestsSide(Exchange):
    """Asks the candidate, and lets it call back the functions and use the objects that it was given."""

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        super().__init__(incoming, outgoing)
        self._stand_ins: dict[int, Any] = {}
        self.ended = False

    def ask(self, what: str, number: int | None, *values: Any, **named: Any) -> Any:
        try:
            return super().ask(what, number, *values, **named)
        except Ended:
            self.ended = True
            raise
        except SystemExit as error:
            vars(error).setdefault("_ownwords_line", 0)  # whatever raised it, it was not the tests
            raise

    def perform(self, what: str, target: Any, values: list[Any], named: dict[str, Any]) -> Any:
        """Calls, operators and public attributes; an attribute only of an object whose class the tests define, since
        others (a frame, a function's globals) lead further."""
        if what == "input":
            return builtins.input(*values)
        if what in ("get", "set") and (values[0].startswith("_") or type(target).__module__ != "__main__"):
            raise AttributeError(values[0])
        return super().perform(what, target, values, named)

    def export(self, value: Any) -> list[Any]:
        if isinstance(value, StandIn):
            return ["yours", value.ownwords_number]
        number = vars(value).get("_ownwords_number") if isinstance(value, type) else None
        return ["object", self.number_of(value)] if number is None else ["yours", number]

    def stand_in(self, tag: str, content: list[Any]) -> Any:
        if tag == "yours":
            return self.objects[content[0]]
        number: int = content[0]
        if number not in self._stand_ins:
            self._stand_ins[number] = (
                self._exception_class(*content) if tag == "exception" else GuardedStandIn(self, number)
            )
        return self._stand_ins[number]

    def error_of(self, raised: Message) -> BaseException:
        kind = self._exception(raised["type"])
        try:
            error = kind(*raised["values"])
        except Exception:  # noqa: BLE001 - some of Python's own want other arguments
            error = kind.__new__(kind, *raised["values"])
        error.__dict__.update(_ownwords_line=raised["line"], _ownwords_object=raised["object"])
        return error

    def raised(self, error: BaseException) -> Message:
        kinds = (kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind)
        return {"type": next(kinds), "values": [str(value) for value in error.args]}

    def print(self, text: str) -> None:
        if text:
            sys.stdout.write(text)

    def _exception(self, given: Any) -> Any:
        """The class: Python's own by name, the candidate's as a class of this program with the same bases."""
        if isinstance(given, str):
            kind: Any = getattr(builtins, given)
            if not (isinstance(kind, type) and issubclass(kind, BaseException)):
                raise TypeError(f"{given} is no exception")
            return kind
        return self.stand_in(given[0], given[1:])

    def _exception_class(self, number: int, name: str, bases: list[Any]) -> type:
        def attribute(error: Any, name: str) -> Any:
            if name.startswith("__") or "_ownwords_object" not in error.__dict__:
                raise AttributeError(name)
            return self.ask("get", error.__dict__["_ownwords_object"], name)

        known = tuple(base for base in map(self._exception, bases) if isinstance(base, type))
        return type(name, known or (Exception,), {"__getattr__": attribute, "_ownwords_number": number})


#: What tests may put in the place of something of the candidate's, beside their own functions.
_REPLACING = (bool, int, float, str, list, tuple, dict, set)


class _Names(dict[str, Any]):
    """The names of the tests' module: the tests' own, then the candidate's.

    Where tests define a name of the candidate's anew, its code sees that too.
    """

    def __init__(self, side: TestsSide, known: set[str]) -> None:
        super().__init__(__name__="__main__", __builtins__=builtins)
        self._side = side
        self._known = known

    def bind(self, name: str, value: Any) -> None:
        """Let a name mean this for the tests, and for nobody else."""
        super().__setitem__(name, value)

    def __missing__(self, name: str) -> Any:
        if name not in self._known:
            raise KeyError(name)
        return self._side.ask("global", None, name)

    def __setitem__(self, name: str, value: Any) -> None:
        own = isinstance(value, FunctionType) and value.__globals__ is self
        if name in self._known and (own or isinstance(value, _REPLACING)):
            self._side.ask("assign", None, name, value)
        super().__setitem__(name, value)


class _TestsModule(ModuleType):
    """What `unittest.main` finds as the module `__main__`."""

    def __init__(self, names: _Names) -> None:
        super().__init__("__main__")
        self.__names = names

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__names[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> list[str]:
        return list(self.__names)


def main(settings: dict[str, Any]) -> None:
    """Read the job, do it, and say how it went on what was standard output."""
    incoming, outgoing = (
        os.fdopen(number, mode) for number, mode in zip(settings["channel"], ("rb", "wb"), strict=True)
    )
    job: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - the tests' for as long as they run
    verdict = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    token: str = job.pop("token")
    side = TestsSide(incoming, outgoing)
    result = _done(side, job)
    if side.ended:
        result = {"reason": "ended"}
    verdict.write(json.dumps({**result, "token": token}).encode("ascii"))
    verdict.close()
    os._exit(0)  # whatever the tests have started ends here


def _done(side: TestsSide, job: dict[str, Any]) -> Message:
    try:
        side.ask("compile", None, job["source"], job["name"])
    except (Ended, Exception) as error:  # noqa: BLE001 - whatever it raises
        return _failure(error, "syntax_error" if isinstance(error, SyntaxError | ValueError) else "crashed")
    try:
        side.ask("run", None)
        names = set(side.ask("names", None))
    except BaseException as error:  # noqa: BLE001 - whatever it raises
        return _failure(error, "crashed")
    if "calls" in job:
        return _call(side, job["calls"], job["function"])
    own = (set(dir(builtins)) | _MODULES) - set(job["defined"])
    return _test(side, job["tests"], names, own)


def _test(side: TestsSide, tests: str, names: set[str], own: set[str]) -> Message:
    """Run the tests. Of the candidate's names those that are Python's `own` mean what they always mean."""
    try:
        code = compile(ast.parse(tests, TESTS), TESTS, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"reason": "tests_invalid", "detail": f"{type(error).__name__}: {error}"}
    namespace = _Names(side, names - own)
    for name in names & own & _MODULES:
        namespace.bind(name, importlib.import_module(name))
    sys.modules["__main__"] = _TestsModule(namespace)
    try:
        exec(code, namespace)  # noqa: S102 - what this program is for
    except BaseException as error:  # noqa: BLE001 - whatever they raise
        if isinstance(error, SystemExit) and error.code in (None, 0, False) and "_ownwords_line" not in vars(error):
            return {"reason": "ok"}  # the tests themselves say that they are over
        return _failure(error, "tests_failed", tests)
    return {"reason": "ok"}


def _call(side: TestsSide, calls: list[list[Any]], function: str) -> Message:
    """What each call gives."""
    outputs: list[Output] = []
    try:
        target = side.ask("global", None, function)
    except AttributeError:
        return {"reason": "no_function", "detail": f"it defines no {function}"}
    for values in calls:
        try:
            outputs.append(output_of(side, target(*values)))
        except (Ended, SystemExit, MemoryError) as error:
            return _failure(error, "crashed")
        except BaseException as error:  # noqa: BLE001 - what it raises is its output
            outputs.append(["raises", type(error).__name__])
    return {"reason": "ok", "outputs": outputs}


def _failure(error: BaseException, reason: str, tests: str = "") -> Message:
    """A reason and what people want to know: what was raised, and in which line."""
    if isinstance(error, Ended):
        return {"reason": "ended"}
    if isinstance(error, SystemExit):
        reason = "exited_early"
    elif isinstance(error, MemoryError):
        reason = "memory"
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == TESTS]
    where = f"line {lines[-1]} of the tests, {tests.splitlines()[lines[-1] - 1].strip()[:200]!r}: " if lines else ""
    own = vars(error).get("_ownwords_line")
    inside = f" (raised in line {own} of the code)" if own else ""
    text = str(error)[:300]
    return {"reason": reason, "detail": f"{where}{type(error).__name__}{': ' if text else ''}{text}{inside}"}
