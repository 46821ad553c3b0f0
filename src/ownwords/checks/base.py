"""The contract of a check, and how one is found by name.

A check is a pure function `check(example, candidate, **params) -> Verdict` with the decorator `@check("name")` in any
file of this folder. What a check needs from a model is handed to it by the stage: checks never call engines.

Most checks run where they are called. One that may take long, or never end, runs apart: in a process that is killed
when its time is over (`_workers`). A check says so in its decorator, or with `require_worker()` once it has seen that
this candidate needs it; a user's own always runs apart.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from ownwords.catalog import module_names
from ownwords.checks._own_code import load_function, told
from ownwords.errors import OwnwordsError, RecipeError, unknown_name
from ownwords.records import PASSED, Candidate, Check, Example, Verdict, storable

Function = TypeVar("Function", bound=Callable[..., Verdict])

#: Takes the parameters of a check by name, its defaults among them, and raises ValueError where they go ill together.
Requirement = Callable[[dict[str, Any]], None]

#: Whether the result of what passes was looked at: compared with the reference's, tested, or judged. `partly`: it may
#: also pass by another check alone.
Result = Literal["unseen", "partly", "seen"]

#: Of a verdict's detail, in characters: enough for people, and no check can fill the journal.
LONGEST_DETAIL = 2_000
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Traits:
    """What a check needs: a process of its own (`apart`), a sandbox in it (`runs_code`), a judge's answer (`judged`).

    `typed` says that it knows what kind of answer there is and compares that: the judge is measured against such.
    `result` says whether it looks at the result at all; `own` names the user's own checks in it, of which that is not
    known.
    """

    apart: bool = False
    runs_code: bool = False
    judged: bool = False
    typed: bool = False
    result: Result = "unseen"
    own: tuple[str, ...] = ()


_CHECKS: dict[str, Check] = {}
_TRAITS: dict[str, Traits] = {}
_REQUIREMENTS: dict[str, Requirement] = {}


class NotHereError(Exception):
    """A check has to run in a worker process, and this is none."""


class NeedsJudgeError(Exception):
    """A check asks a judge, and there is no judgement yet."""


class _Process:
    is_worker = False


def become_worker() -> None:
    """From now on this process is one that can be killed: nothing but checks runs in it."""
    _Process.is_worker = True


def require_worker() -> None:
    """For a check, before it does what may take long: go on only in a worker process (else NotHereError, and whoever
    called it calls again there)."""
    if not _Process.is_worker:
        raise NotHereError


def check(
    name: str,
    *,
    apart: bool = False,
    runs_code: bool = False,
    judged: bool = False,
    typed: bool = False,
    sees_result: bool = False,
    requirement: Requirement | None = None,
) -> Callable[[Function], Function]:
    """Make a function known as the check `name`, with what it needs (see Traits) and what its parameters must be
    together. One that is typed or judged sees the result; another that does says so."""

    def register(function: Function) -> Function:
        _CHECKS[name] = function
        if requirement is not None:
            _REQUIREMENTS[name] = requirement
        result = "seen" if typed or judged or sees_result else "unseen"
        _TRAITS[name] = Traits(apart or runs_code, runs_code, judged, typed, result)
        return function

    return register


def traits_of(name: str) -> Traits:
    """What the check that `find_check` finds under this name needs."""
    return Traits(apart=True, own=(name,)) if ".py:" in name else _TRAITS[name]


def all_checks() -> dict[str, Check]:
    """Every shipped check by name; importing this folder's files is what registers them."""
    for module in module_names("ownwords.checks"):
        importlib.import_module(f"ownwords.checks.{module}")
    return dict(sorted(_CHECKS.items()))


def find_check(name: str, *, allow_code: bool = False) -> Check:
    """The check of that name, or the user's own as `path/to/file.py:function` (only with `allow_code`).

    Raises:
        RecipeError: no such check, or code is named without permission.
    """
    if ".py:" in name:
        return load_function(name, allow_code=allow_code, tried=_Process.is_worker)
    checks = all_checks()
    if name not in checks:
        raise RecipeError(unknown_name("check", name, checks))
    return checks[name]


def require_params(name: str, function: Check, params: dict[str, Any]) -> None:
    """Refuse parameters that the check does not take, naming the nearest, values of another type than it takes, such as
    go ill together, and to go on without one that it needs."""
    parameters = _own_parameters(name, function)
    known = [p.name for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD]
    takes_any = len(known) < len(parameters)
    for parameter in parameters:
        needed = parameter.default is parameter.empty and parameter.name in known
        if needed and parameter.name not in params:
            raise RecipeError(f"the check {name} needs the parameter {parameter.name}.")
    hints = _hints(name, function) if params else {}
    for key, value in params.items():
        if key not in known and not takes_any:
            raise RecipeError(unknown_name(f"parameter of the check {name}", key, known or ["(it takes none)"]))
        try:
            if json.loads(json.dumps(value, allow_nan=False)) != value:
                raise ValueError("a key that is no text")
            TypeAdapter(hints.get(key, Any)).validate_python(value, strict=True)
        except (ValidationError, TypeError, ValueError) as error:
            problem = _problem(error, hints.get(key), value)
            raise RecipeError(f"parameter {key} of the check {name} {problem}.") from error
        except PydanticUserError as error:
            raise RecipeError(
                f"the check {name}: {key} has an annotation that values cannot be compared with."
            ) from error
    if name in _REQUIREMENTS:
        try:
            _REQUIREMENTS[name]({p.name: p.default for p in parameters} | params)
        except ValueError as error:
            raise RecipeError(f"the check {name} {error}.") from error


def _own_parameters(name: str, function: Check) -> list[inspect.Parameter]:
    """The parameters of a check that a recipe can give: those after example and candidate (RecipeError)."""
    if any(test(function) for test in (inspect.iscoroutinefunction, inspect.isgeneratorfunction)):
        raise RecipeError(f"the check {name} must be a plain function that returns a Verdict: no `async`, no `yield`.")
    try:
        signature = inspect.signature(function)
        signature.bind_partial(None, None)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"the check {name} must take an example and a candidate, by position: {error}.") from error
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = list(signature.parameters.values())
    positional = [parameter for parameter in parameters if parameter.kind in by_position]
    unreachable = [p.name for p in positional[2:] if p.kind is by_position[0] and p.default is p.empty]
    if unreachable:
        raise RecipeError(f"the check {name} takes {unreachable[0]} by position only: parameters are given by name.")
    return [p for p in parameters if p not in positional[:2] and p.kind not in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)]


def _problem(error: Exception, hint: Any, value: Any) -> str:
    """What is wrong with a parameter's value: its type, or what the check itself says of it."""
    if isinstance(error, ValidationError):
        found = error.errors()[0]
        if found["type"] == "value_error":
            return found["msg"].removeprefix("Value error, ")
        if not found["type"].endswith("_type"):
            return f"is {value!r}: {found['msg'][:1].lower()}{found['msg'][1:]}"
        plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        return f"must be {getattr(plain, '__name__', plain)}, not {value!r}"
    return f"must be plain JSON, with text as keys (in YAML, `on`, `yes` and numbers need quotes), not {value!r}"


def _hints(name: str, function: Check) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except Exception as error:  # the boundary to the user's code: an annotation is an expression
        raise RecipeError(f"the annotations of the check {name} cannot be evaluated: {error}.") from error


def run_check(function: Check, example: Example, candidate: Candidate, params: dict[str, Any]) -> Verdict:
    """One verdict, always: a check that crashes or returns nonsense is a failed verdict of its own.

    Raises:
        NotHereError: the check has to run in a worker process.
        OwnwordsError: something is wrong that is not the candidate's doing, such as a sandbox that does not start.
    """
    try:
        verdict: Any = function(example, candidate, **params)
        return PASSED if verdict is PASSED else _valid(verdict)
    except (NotHereError, OwnwordsError):
        raise
    except BaseException as error:  # the boundary: a check's bug must not stop the run
        if not _Process.is_worker and not isinstance(error, Exception | SystemExit):
            raise  # here it is somebody at the keyboard
        return Verdict(False, "check_crashed", told(error))


def _valid(verdict: Any) -> Verdict:
    """What a check returned, if it is a verdict and can be stored; else a verdict that says what it is."""
    if not isinstance(verdict, Verdict):
        return Verdict(False, "check_invalid", f"the check returned {type(verdict).__name__}, not a Verdict")
    kinds = (type(verdict.passed), type(verdict.reason), type(verdict.detail))
    if kinds != (bool, str, str):
        names = ", ".join(kind.__name__ for kind in kinds)
        return Verdict(False, "check_invalid", f"the check's Verdict holds {names}, not bool, str, str")
    if len(verdict.reason) > LONGEST_REASON:
        return Verdict(False, "check_invalid", f"the check's reason has {len(verdict.reason):,} characters")
    if len(verdict.detail) <= LONGEST_DETAIL and verdict.reason.isascii() and verdict.detail.isascii():
        return verdict
    return Verdict(verdict.passed, storable(verdict.reason), storable(verdict.detail[:LONGEST_DETAIL]))
