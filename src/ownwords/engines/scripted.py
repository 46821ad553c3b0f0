"""The scripted engine: loads no model. For tests of logic, dry runs and load tests, never for evidence.

It answers a rewriting request with the row's reference and anything else with the last user turn. A file of answers, a
function, a delay and a share of failures change that (`runtime.scripted` in the recipe). It gives no likelihoods.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ownwords import __version__
from ownwords.checks._own_code import load_function
from ownwords.engines._answers import answered
from ownwords.engines.base import Capability, Engine, Provenance
from ownwords.errors import EngineError, RecipeError
from ownwords.models import Model
from ownwords.paths import given_path
from ownwords.recipe import RuntimeSection, ScriptedSection
from ownwords.records import Completion, Request, RowError, storable

#: Nothing of the model is read, so a recipe for this engine may name one that is not here.
NEEDS_MODEL = False


def create(model: Model | None, runtime: RuntimeSection, *, allow_code: bool = False) -> ScriptedEngine:
    return ScriptedEngine(runtime.scripted, allow_code=allow_code)


class ScriptedEngine(Engine):
    """Answers from a script, in the order asked."""

    capabilities: frozenset[Capability] = frozenset({"prefill", "tools", "weights"})

    def __init__(self, script: ScriptedSection, *, allow_code: bool = False) -> None:
        self._answers = _read_answers(given_path(script.answers)) if script.answers else {}
        self._function: Callable[[Request], Any] | None = (
            load_function(script.function, allow_code=allow_code) if script.function else None
        )
        self._delay = script.delay_ms / 1000
        self._fail_share = script.fail_share

    @property
    def provenance(self) -> Provenance:
        return Provenance("scripted", __version__, "none", "none", "scripted", "scripted")

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in requests:
            if self._delay:
                time.sleep(self._delay)
            yield self._answer(request)

    def _answer(self, request: Request) -> Completion:
        if request.target is not None:
            raise EngineError("the scripted engine gives no likelihoods; use the transformers engine for them.")
        if self._fail_share and int(request.hash[:8], 16) < self._fail_share * 0x1_0000_0000:
            error = RowError("scripted_failure", "this request was chosen to fail (runtime.scripted.fail_share)")
            return Completion(request.id, finish_reason="error", error=error)
        text = storable(self._text(request))
        return answered(request, text, completion_tokens=len(text.split()))

    def _text(self, request: Request) -> str:
        example_id = request.example.id if request.example else request.id
        if self._function is not None:
            try:
                text = self._function(request)
            except (Exception, SystemExit) as error:  # the boundary to the user's code
                raise EngineError(f"runtime.scripted.function failed: {type(error).__name__}: {error}") from error
            if not isinstance(text, str):
                raise EngineError(f"runtime.scripted.function returned {type(text).__name__}, not text.")
            return text
        if request.schema:
            return _of_schema(json.loads(request.schema))
        if example_id in self._answers:
            return self._answers[example_id]
        if request.example is not None:
            return request.example.reference
        return request.messages[-1].content if request.messages else (request.text or "")


def _of_schema(schema: dict[str, Any]) -> str:
    """An answer that the schema of an object allows: yes to all that is asked, the first where there is a choice."""
    kinds = {"boolean": True, "string": "none"}
    asked: dict[str, dict[str, Any]] = schema["properties"]
    return json.dumps(
        {key: value["enum"][0] if "enum" in value else kinds[value["type"]] for key, value in asked.items()}
    )


def _read_answers(path: Path) -> dict[str, str]:
    """`{id, text}` a line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        raise RecipeError(f"runtime.scripted.answers: cannot read {path}: {error}") from error
    answers: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, text = str(row["id"]), str(row["text"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RecipeError(f'{path} line {number} is not {{"id": …, "text": …}}: {line[:80]!r}') from error
        if name in answers:
            raise RecipeError(f"{path} line {number} answers the id {name} a second time. Keep one of the two.")
        answers[name] = text
    return answers
