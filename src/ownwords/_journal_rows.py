"""Rows of the journal's two tables as they are written and read: keys, completions as JSON, verdicts.

Nothing here opens a file; `journal` does.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ownwords.errors import StageError
from ownwords.records import PASSED, Completion, RowError, Verdict

_ENCODER = json.JSONEncoder(separators=(",", ":"))

# What the journal has of some examples, as one JSON text: SQLite puts it together without Python's lock. The CROSS JOIN
# is carried out as it is written, so that each id is looked up in the table's index.
_ENTRIES = """
SELECT json_group_array(json_array(
    c.rowid, c.example_id, c.attempt, c.request_hash, json(c.completion), c.engine,
    json((
        SELECT json_group_array(json_array(v.checked_by, v.passed, v.reason, v.detail)) FROM verdicts AS v
        WHERE v.stage = c.stage AND v.example_id = c.example_id AND v.attempt = c.attempt
        AND v.request_hash = c.request_hash
    ))
))
FROM json_each(?) AS wanted CROSS JOIN completions AS c ON c.example_id = wanted.value AND c.stage = ?
"""


class Key(NamedTuple):
    """What a completion is the answer to, within one stage."""

    example_id: str
    attempt: int
    request_hash: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One completion as the journal holds it: the engine's provenance as JSON, verdicts by check identity."""

    key: Key
    completion: Completion
    engine: str
    verdicts: dict[str, Verdict]


def verdict_rows(stage: str, key: Key, verdicts: dict[str, Verdict]) -> list[tuple[object, ...]]:
    example_id, attempt, request_hash = key
    return [
        (stage, example_id, attempt, request_hash, checked_by, int(verdict.passed), verdict.reason, verdict.detail)
        for checked_by, verdict in verdicts.items()
    ]


def fetch(connection: sqlite3.Connection, ids: str, stage: str) -> str:
    try:
        text: str = connection.execute(_ENTRIES, (ids, stage)).fetchone()[0]
    except sqlite3.OperationalError as error:
        if "malformed JSON" not in str(error):
            raise
        raise StageError(f"the journal holds a completion that cannot be read ({error}).") from error
    return text


def entries_of(text: str) -> list[Entry]:
    """What `fetch` has read, by attempt and age."""
    entries: list[Entry] = []
    for _, example_id, attempt, request_hash, completion, engine, judged in sorted(json.loads(text), key=_by_attempt):
        verdicts = {checked_by: _verdict(*verdict) for checked_by, *verdict in judged}
        entries.append(Entry(Key(example_id, attempt, request_hash), _completion(completion), engine, verdicts))
    return entries


def _by_attempt(row: list[Any]) -> tuple[int, int]:
    return row[2], row[0]


def _verdict(passed: int, reason: str, detail: str) -> Verdict:
    return PASSED if passed and reason == "ok" and not detail else Verdict(bool(passed), reason, detail)


def dump(completion: Completion) -> str:
    values: dict[str, Any] = {
        "request_id": completion.request_id,
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
    }
    if completion.logprobs is not None:
        values["logprobs"] = [round(value, 5) for value in completion.logprobs]
    if completion.reasoning is not None:
        values["reasoning"] = completion.reasoning
    if completion.tool_calls:
        values["tool_calls"] = completion.tool_calls
    if completion.error is not None:
        values["error"] = asdict(completion.error)
    return _ENCODER.encode(values)


def load(text: str) -> Completion:
    try:
        return _completion(json.loads(text))
    except (ValueError, TypeError) as error:
        raise StageError(f"the journal holds a completion that cannot be read: {text[:80]!r} ({error}).") from error


def _completion(values: dict[str, Any]) -> Completion:
    if "logprobs" in values:
        values["logprobs"] = tuple(values["logprobs"])
    if "tool_calls" in values:
        values["tool_calls"] = tuple(values["tool_calls"])
    if "error" in values:
        values["error"] = RowError(**values["error"])
    return Completion(**values)
