"""The stable interface to checks from outside: JSON lines in, one verdict a line out, in order."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any, cast

from pydantic import ValidationError

from ownwords.checks import sandbox
from ownwords.checks._json import NoJsonError, with_unique_keys
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel, Pool, Verdicts
from ownwords.data.tools import read_tools
from ownwords.errors import DataError, InputError, RecipeError
from ownwords.recipe import CheckSection
from ownwords.records import Candidate, Example, Message, Verdict

REQUIRED = ("check", "prompt", "reference", "candidate")
OPTIONAL = ("params", "tools", "finish_reason", "judgement")

#: Of a check that asks a judge, in a row without `judgement`.
NO_JUDGEMENT = Verdict(False, "not_judged", "the row has no judgement")
#: Panels that are kept: rows may each have parameters of their own.
_KEPT = 256
#: So many rows are taken on while others are still judged apart.
_AHEAD = 32

_DECODER = json.JSONDecoder(object_pairs_hook=with_unique_keys)


class RowChecks:
    """Judges rows, each with the check that it names. Close it."""

    def __init__(self, *, allow_code: bool = False, allow_unsafe_code: bool = False) -> None:
        self._allow_code = allow_code
        self._allow_unsafe_code = allow_unsafe_code
        self._pool = Pool(allow_unsafe_code=allow_unsafe_code)
        self._panels: dict[str, Panel] = {}

    def verdicts(self, lines: Iterable[str], where: str) -> Iterator[dict[str, Any]]:
        """Verdicts as `{"passed", "reason", "detail"}`, one for each non-blank line.

        Raises:
            DataError: a line is not an object of the known keys; names file and line.
            RecipeError: an unknown check or parameter.
            InputError: a check runs code, and there is no sandbox.
        """
        coming: deque[Verdicts | Future[Verdicts]] = deque()
        for number, line in enumerate(lines, start=1):
            if line.strip():
                coming.append(self._begin(_parse(line, f"{where} line {number}"), f"{where} line {number}"))
            while coming and (len(coming) > _AHEAD or not isinstance(coming[0], Future) or coming[0].done()):
                yield _told(coming.popleft())
        while coming:
            yield _told(coming.popleft())

    def close(self) -> None:
        self._pool.close()

    def _begin(self, row: dict[str, Any], where: str) -> Verdicts | Future[Verdicts]:
        tools = read_tools(row.get("tools"), where)
        example = Example("row", (Message("user", row["prompt"]),), row["reference"], tools=tools)
        candidate = Candidate(row["candidate"], row.get("finish_reason"), judgement=row.get("judgement"))
        return self._panel(row["check"], row.get("params", {}), where).begin(example, candidate)

    def _panel(self, name: str, params: dict[str, Any], where: str) -> Panel:
        key = json.dumps([name, params], sort_keys=True)
        if key not in self._panels:
            try:
                section = CheckSection.model_validate({**params, "name": name})
                checks = named_checks([section], allow_code=self._allow_code, where="its check")
            except ValidationError as error:
                raise DataError(f"{where}: {error.errors()[0]['msg']}") from error
            except InputError as error:
                raise RecipeError(f"{where}: {error}") from error
            if checks[0].traits.runs_code:
                sandbox.require(allow_unsafe_code=self._allow_unsafe_code)
            self._panels[key] = Panel(checks, pool=self._pool)
            if len(self._panels) > _KEPT:
                del self._panels[next(iter(self._panels))]
        return self._panels[key]


def _told(verdicts: Verdicts | Future[Verdicts]) -> dict[str, Any]:
    found = verdicts.result() if isinstance(verdicts, Future) else verdicts
    return asdict(next(iter(found.values()), NO_JUDGEMENT))


def _parse(line: str, where: str) -> dict[str, Any]:
    try:
        loaded: Any = _DECODER.decode(line)
    except NoJsonError as error:
        raise DataError(f"{where}: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise DataError(f"{where} must be an object with the keys {', '.join(REQUIRED)}.")
    row = cast("dict[str, Any]", loaded)
    for key in row:
        if key not in (*REQUIRED, *OPTIONAL):
            raise DataError(f"{where}: unknown key {key!r}; known: {', '.join((*REQUIRED, *OPTIONAL))}.")
    for key in REQUIRED:
        if not isinstance(row.get(key), str):
            raise DataError(f"{where}: {key!r} must be text.")
    if not isinstance(row.get("params", {}), dict):
        raise DataError(f"{where}: 'params' must be an object.")
    if "name" in row.get("params", {}):
        raise DataError(f"{where}: 'params' has the key 'name', which no check takes: 'check' names it.")
    for key in ("finish_reason", "judgement"):
        if not isinstance(row.get(key), str | None):
            raise DataError(f"{where}: {key!r} must be text.")
    return row
