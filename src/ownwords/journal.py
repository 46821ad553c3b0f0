"""The journal: a SQLite file that is the truth for progress.

Two tables, keyed by (stage, example id, attempt, request hash): every completion of an engine and every verdict of a
check. Resume means "which keys are missing". The file is in WAL mode and committed in groups, at the latest every half
second by a thread of its own, so that `kill -9` at any instant loses at most the last second and corrupts nothing.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ownwords.errors import StageError
from ownwords.records import Completion, RowError, Verdict

COMMIT_SECONDS = 0.5
COMMIT_ROWS = 1024

_ENCODER = json.JSONEncoder(separators=(",", ":"))
_SCHEMA = """
CREATE TABLE IF NOT EXISTS completions (
    stage TEXT NOT NULL, example_id TEXT NOT NULL, attempt INTEGER NOT NULL, request_hash TEXT NOT NULL,
    completion TEXT NOT NULL, engine TEXT NOT NULL, created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    PRIMARY KEY (stage, example_id, attempt, request_hash)
);
CREATE TABLE IF NOT EXISTS verdicts (
    stage TEXT NOT NULL, example_id TEXT NOT NULL, attempt INTEGER NOT NULL, request_hash TEXT NOT NULL,
    checked_by TEXT NOT NULL, passed INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    PRIMARY KEY (stage, example_id, attempt, request_hash, checked_by)
);
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


class Journal:
    """Append-only store of completions and verdicts. One process writes; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=8000;" + _SCHEMA
        )
        self._lock = threading.Lock()
        self._completions: list[tuple[object, ...]] = []
        self._verdicts: list[tuple[object, ...]] = []
        self._closing = threading.Event()
        self._failure: sqlite3.Error | None = None
        self._committer = threading.Thread(target=self._commit_regularly, daemon=True, name="journal")
        self._committer.start()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(
        self,
        stage: str,
        key: Key,
        completion: Completion,
        engine: str,
        verdicts: dict[str, Verdict] | None = None,
    ) -> None:
        """Add one completion, and its verdicts by check identity, in the same transaction.

        A key that is there already keeps its completion: nothing committed is ever replaced.
        """
        with self._lock:
            self._raise_failure()
            self._completions.append((stage, *key, _dump(completion), engine))
            self._add_verdicts(stage, key, verdicts or {})
            if len(self._completions) >= COMMIT_ROWS:
                self._commit()

    def record_verdicts(self, stage: str, key: Key, verdicts: dict[str, Verdict]) -> None:
        """Add verdicts about a completion that is there already (the checks of the recipe have changed)."""
        with self._lock:
            self._raise_failure()
            self._add_verdicts(stage, key, verdicts)
            if len(self._verdicts) >= COMMIT_ROWS:
                self._commit()

    def forget_errors(self, stage: str) -> None:
        """Remove completions that are errors: an error is not an answer, and is asked again."""
        with self._lock:
            self._commit()
            self._connection.execute(
                "DELETE FROM completions WHERE stage = ? AND json_extract(completion, '$.error') IS NOT NULL", (stage,)
            )

    def forget_other_engines(self, stage: str, engine: str) -> int:
        """Remove completions of the stage that another engine (provenance as JSON) made; how many there were."""
        with self._lock:
            self._commit()
            done = self._connection.execute("DELETE FROM completions WHERE stage = ? AND engine != ?", (stage, engine))
            return done.rowcount

    def completions(self, stage: str, attempt: int | None = None) -> Iterator[tuple[Key, Completion, str]]:
        """Every completion of the stage (or of one attempt) with the engine's provenance (JSON)."""
        with self._lock:
            self._commit()
            rows = self._connection.execute(
                "SELECT example_id, attempt, request_hash, completion, engine FROM completions WHERE stage = ?"
                " AND attempt = coalesce(?, attempt)",
                (stage, attempt),
            ).fetchall()
        for example_id, number, request_hash, completion, engine in rows:
            yield Key(example_id, number, request_hash), _load(completion), engine

    def verdicts(self, stage: str) -> dict[Key, dict[str, Verdict]]:
        """Every verdict of the stage: by key, then by check identity."""
        with self._lock:
            self._commit()
            rows = self._connection.execute(
                "SELECT example_id, attempt, request_hash, checked_by, passed, reason, detail FROM verdicts"
                " WHERE stage = ?",
                (stage,),
            ).fetchall()
        return _by_key(rows)

    def commit(self) -> None:
        """Make everything recorded so far durable."""
        with self._lock:
            self._raise_failure()
            self._commit()

    def close(self) -> None:
        self._closing.set()
        self._committer.join()
        try:
            self.commit()
        finally:
            self._connection.close()

    def _add_verdicts(self, stage: str, key: Key, verdicts: dict[str, Verdict]) -> None:
        for checked_by, verdict in verdicts.items():
            self._verdicts.append((stage, *key, checked_by, int(verdict.passed), verdict.reason, verdict.detail))

    def _commit(self) -> None:
        """Write what waits, in one transaction. What could not be written still waits."""
        if not self._completions and not self._verdicts:
            return
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany(
                "INSERT OR IGNORE INTO completions (stage, example_id, attempt, request_hash, completion, engine)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                self._completions,
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._verdicts
            )
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._completions.clear()
        self._verdicts.clear()

    def _commit_regularly(self) -> None:
        while not self._closing.wait(COMMIT_SECONDS):
            with self._lock:
                try:
                    self._commit()
                except sqlite3.Error as error:  # kept for the writing thread, which raises it at its next call
                    self._failure = error
                    return

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _by_key(rows: list[Any]) -> dict[Key, dict[str, Verdict]]:
    """Rows of the table `verdicts`, grouped by what was judged, then by check identity."""
    found: dict[Key, dict[str, Verdict]] = {}
    for example_id, attempt, request_hash, checked_by, passed, reason, detail in rows:
        key = Key(example_id, attempt, request_hash)
        found.setdefault(key, {})[checked_by] = Verdict(bool(passed), reason, detail)
    return found


def _dump(completion: Completion) -> str:
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


def _load(text: str) -> Completion:
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


def read_only(path: Path) -> dict[str, int]:
    """Completions per stage of a journal that another process may be writing; empty if there is none."""
    with _reading(path) as connection:
        if connection is None:
            return {}
        return dict(connection.execute("SELECT stage, COUNT(*) FROM completions GROUP BY stage").fetchall())


def read_entries(path: Path, stage: str, example_id: str) -> list[Entry]:
    """What a journal that another process may be writing holds of one example in one stage, by attempt and age.

    Raises:
        StageError: it holds a completion that cannot be read.
    """
    with _reading(path) as connection:
        if connection is None:
            return []
        completions = connection.execute(
            "SELECT attempt, request_hash, completion, engine FROM completions WHERE stage = ? AND example_id = ?"
            " ORDER BY attempt, rowid",
            (stage, example_id),
        ).fetchall()
        verdicts = connection.execute(
            "SELECT example_id, attempt, request_hash, checked_by, passed, reason, detail FROM verdicts"
            " WHERE stage = ? AND example_id = ? ORDER BY rowid",
            (stage, example_id),
        ).fetchall()
    judged = _by_key(verdicts)
    entries: list[Entry] = []
    for attempt, request_hash, completion, engine in completions:
        key = Key(example_id, attempt, request_hash)
        entries.append(Entry(key, _load(completion), engine, judged.get(key, {})))
    return entries


@contextlib.contextmanager
def _reading(path: Path) -> Generator[sqlite3.Connection | None]:
    """A connection that writes nothing, not even SQLite's own files beside; None where there are no tables yet.

    Without a write-ahead log beside the journal no process is in it, and SQLite need make none to read it.
    """
    if not path.exists():
        yield None
        return
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=5)
    try:
        made = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'completions'").fetchone()
        yield connection if made else None  # without tables the other process is only just making it
    finally:
        connection.close()
