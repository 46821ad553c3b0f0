"""The checks of a recipe: found by name, their parameters verified, each with an identity for the journal.

`{any: [a, b]}` and `{all: [a, b]}` are made here of other checks, themselves included.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from ownwords.checks.base import NeedsJudgeError, Result, Traits, find_check, require_params, run_check, traits_of
from ownwords.errors import RecipeError
from ownwords.paths import given_path
from ownwords.recipe import CheckEntry, CheckSection
from ownwords.records import PASSED, Candidate, Check, Example, Verdict

COMPOSED = {"all": "Every one", "any": "At least one"}
#: Seconds that a check has in a process of its own, beside what its parameter `timeout` gives it.
SECONDS = 10.0
#: Of that parameter, in seconds.
LONGEST_TIMEOUT = 3600
_DEEPEST = 5

_ENTRIES = TypeAdapter(list[CheckEntry])


@dataclass(frozen=True, slots=True)
class NamedCheck:
    """A check of the recipe with its parameters.

    `run` gives its verdict (NotHereError where it needs a worker process, NeedsJudgeError a judgement). `label` is
    unique among the recipe's checks and what people read. `code` is the hash of a user's own file, empty for a shipped
    check; `asked` names the judge that it asks, and how. `seconds` is the time that it has in a process of its own.
    """

    name: str
    label: str
    run: Callable[[Example, Candidate], Verdict]
    params: dict[str, Any]
    code: str
    traits: Traits
    seconds: float
    asked: str = ""

    @property
    def identity(self) -> str:
        """Names check, parameters, code and judge, in the journal."""
        return json.dumps([self.name, self.params, self.code + self.asked], sort_keys=True)

    @property
    def spec(self) -> str:
        """JSON text that `check_of` makes the same check of in another process."""
        return json.dumps([{**self.params, "name": self.name}, self.code])


class _One:
    """One check with its parameters."""

    def __init__(self, function: Check, params: dict[str, Any], *, judged: bool) -> None:
        self._function = function
        self._params = params
        self._judged = judged

    def __call__(self, example: Example, candidate: Candidate) -> Verdict:
        if self._judged and candidate.judgement is None:
            raise NeedsJudgeError
        return run_check(self._function, example, candidate, self._params)


class _Composed:
    """Several checks as one."""

    def __init__(self, members: Sequence[NamedCheck], *, needs_all: bool) -> None:
        self._members = sorted(members, key=lambda member: member.traits.apart)  # cheap ones first
        self._needs_all = needs_all

    def __call__(self, example: Example, candidate: Candidate) -> Verdict:
        """`all`: the verdict of the first member that fails; `any`: passed by one member, else `none_passed`."""
        failed: list[str] = []
        needs_judge = False
        for member in self._members:
            try:
                verdict = member.run(example, candidate)
            except NeedsJudgeError:
                needs_judge = True
                continue
            if self._needs_all and not verdict.passed:
                return Verdict(False, verdict.reason, f"{member.label}: {verdict.detail}")
            if not self._needs_all and verdict.passed:
                return Verdict(True, "ok", f"{member.label} passed")
            failed.append(f"{member.label}: {verdict.reason}")
        if needs_judge:
            raise NeedsJudgeError
        return PASSED if self._needs_all else Verdict(False, "none_passed", "; ".join(failed))


def named_checks(
    sections: Sequence[CheckSection], *, allow_code: bool, where: str = "rewrite.checks"
) -> list[NamedCheck]:
    """The recipe's checks, in its order.

    Raises:
        RecipeError: an unknown check or parameter, or a check that is named twice with the same parameters.
    """
    found: list[NamedCheck] = []
    for section in sections:
        check = _named_check(section, allow_code=allow_code, where=where, depth=0)
        if any(check.identity == other.identity for other in found):
            raise RecipeError(f"{where} names the check {check.label} twice.")
        found.append(check)
    labels = unique_labels([(check.name, check.params) for check in found])
    return [replace(check, label=label) for check, label in zip(found, labels, strict=True)]


def unique_labels(checks: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """What people read for checks given as name and parameters: of those with the same label the later ones count."""
    labels: list[str] = []
    for name, params in checks:
        base = label_of(name, params)
        count = 1 + sum(label == base or label.startswith(f"{base} (") for label in labels)
        labels.append(base if count == 1 else f"{base} ({count})")
    return labels


def label_of(name: str, params: dict[str, Any]) -> str:
    """A check's name; for `any` and `all` with the names of its members."""
    if name not in COMPOSED:
        return name
    members = _ENTRIES.validate_python(params["of"])
    return f"{name}({', '.join(label_of(member.name, member.params) for member in members)})"


@lru_cache(maxsize=256)
def check_of(spec: str) -> NamedCheck:
    """The check that `NamedCheck.spec` describes, for a process that runs what another one was allowed to.

    Raises:
        RecipeError: a user's file is gone, or is not what it was when the run began.
    """
    section, code = json.loads(spec)
    check = _named_check(CheckSection.model_validate(section), allow_code=True, where="a check", depth=0)
    if check.code != code:
        raise RecipeError(
            f"the file of the check {check.label} has changed since the run began: run the command again."
        )
    return check


def _named_check(section: CheckSection, *, allow_code: bool, where: str, depth: int) -> NamedCheck:
    if section.name in COMPOSED:
        return _composed(section, allow_code=allow_code, where=f"{where}: {section.name}", depth=depth)
    function = find_check(section.name, allow_code=allow_code)
    require_params(section.name, function, section.params)
    timeout = _timeout(function, section.params)
    if not 0 <= timeout <= LONGEST_TIMEOUT:
        raise RecipeError(
            f"parameter timeout of the check {section.name} must be 0 to {LONGEST_TIMEOUT} seconds, not {timeout:g}."
        )
    code = ""
    if ".py:" in section.name:
        source = given_path(section.name.rpartition(":")[0]).read_bytes()
        code = hashlib.sha256(source).hexdigest()[:16]
    return NamedCheck(
        section.name,
        section.name,
        _One(function, section.params, judged=traits_of(section.name).judged),
        section.params,
        code,
        traits_of(section.name),
        SECONDS + 2 * timeout,  # two programs may be run one after the other
    )


def _timeout(function: Check, params: dict[str, Any]) -> float:
    """What the check's parameter `timeout` is, its default included; 0 if it takes none."""
    parameter = inspect.signature(function).parameters.get("timeout")
    timeout: Any = params.get("timeout", parameter.default if parameter is not None else 0)
    return float(timeout) if isinstance(timeout, int | float) else 0.0


def _composed(section: CheckSection, *, allow_code: bool, where: str, depth: int) -> NamedCheck:
    members = [
        _named_check(member, allow_code=allow_code, where=where, depth=depth + 1)
        for member in _members(section, where, depth)
    ]
    return NamedCheck(
        section.name,
        label_of(section.name, section.params),
        _Composed(members, needs_all=section.name == "all"),
        section.params,
        "".join(member.code for member in members),
        Traits(
            apart=any(member.traits.apart for member in members),
            runs_code=any(member.traits.runs_code for member in members),
            judged=any(member.traits.judged for member in members),
            result=_result([member.traits.result for member in members], needs_all=section.name == "all"),
            own=tuple(name for member in members for name in member.traits.own),
        ),
        sum(member.seconds for member in members),
    )


def _result(members: Sequence[Result], *, needs_all: bool) -> Result:
    """`any` may be passed by whichever member sees least, `all` never without the one that sees most."""
    if set(members) == {"unseen"}:
        return "unseen"
    if needs_all:
        return "seen" if "seen" in members else "partly"
    return "seen" if set(members) == {"seen"} else "partly"


def _members(section: CheckSection, where: str, depth: int) -> list[CheckSection]:
    given = section.params
    entries = cast("list[Any]", given.get("of")) if list(given) == ["of"] and isinstance(given["of"], list) else []
    if not entries or depth >= _DEEPEST:
        raise RecipeError(
            f"{where} takes a list of checks, as in {{{section.name}: [final_answer, finished]}}, at most "
            f"{_DEEPEST} deep."
        )
    try:
        return _ENTRIES.validate_python(entries)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise RecipeError(f"{where}: a check is a name, or a name with its parameters ({problem}).") from error
