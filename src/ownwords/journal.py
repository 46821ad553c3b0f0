"""The journal: a SQLite file that is the truth for progress.

Two tables, keyed by (stage, example id, attempt, request hash): every completion of an engine and every verdict of a
check. Resume means "which keys are missing". The file is in WAL mode and committed in groups, at the latest every half
second by a thread of its own, so that `kill -9` at any instant loses at most the last second and corrupts nothing.

That thread works beside the one that records: SQLite gets many rows in one statement, for which Python's lock is given
up. Reading has a thread and a connection of its own, so that neither waits for the other.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from ownwords._journal_rows import Entry, Key, dump, entries_of, fetch, load, verdict_rows
from ownwords.records import Completion, Verdict

__all__ = ["Entry", "Journal", "Key", "read_entries", "read_only", "read_tokens"]

COMMIT_SECONDS = 0.5
#: So many rows of a table are committed without waiting for that time.
COMMIT_ROWS = 4096
#: When so many wait, who records another one waits too: the disk is slower than the answers.
MOST_WAITING = 4 * COMMIT_ROWS

_STATEMENT_ROWS = 2048  # a row has eight values at most, and SQLite takes 32,766 in a statement

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
) WITHOUT ROWID;
"""


class Journal:
    """Append-only store of completions and verdicts. One process writes; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)
        self._connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=8000;" + _SCHEMA
        )
        self._reader = _connect(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal reader")
        self._lock = threading.Lock()  # of the rows that wait
        self._writing = threading.Lock()  # of the connection that writes
        self._completions: list[tuple[object, ...]] = []
        self._verdicts: list[tuple[object, ...]] = []
        self._closing = False
        self._called = threading.Event()
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
        row = (stage, key.example_id, key.attempt, key.request_hash, dump(completion), engine)
        self._add([row], verdict_rows(stage, key, verdicts or {}))

    def record_verdicts(self, stage: str, key: Key, verdicts: dict[str, Verdict]) -> None:
        """Add verdicts about a completion that is there already (the checks of the recipe have changed)."""
        self._add([], verdict_rows(stage, key, verdicts))

    def forget_errors(self, stage: str) -> None:
        """Remove completions that are errors: an error is not an answer, and is asked again."""
        self._delete(
            "stage = ? AND instr(completion, '\"error\":') AND json_extract(completion, '$.error') IS NOT NULL",
            (stage,),
        )  # looking for the word first: JSON is read only where it may be one

    def forget_other_engines(self, stage: str, engine: str) -> int:
        """Remove completions of the stage that another engine (provenance as JSON) made; how many there were."""
        return self._delete("stage = ? AND engine != ?", (stage, engine))

    def holds(self, stage: str, attempt: int) -> bool:
        """Whether there is any completion of that attempt."""
        self.commit()
        query = "SELECT 1 FROM completions WHERE stage = ? AND attempt = ? LIMIT 1"
        return self._reader.execute(query, (stage, attempt)).fetchone() is not None

    def completions(self, stage: str) -> Iterator[tuple[Key, Completion, str]]:
        """Every completion of the stage with the engine's provenance (JSON)."""
        self.commit()
        query = "SELECT example_id, attempt, request_hash, completion, engine FROM completions WHERE stage = ?"
        for example_id, number, request_hash, completion, engine in self._reader.execute(query, (stage,)):
            yield Key(example_id, number, request_hash), load(completion), engine

    def look_up(self, stage: str, keys: Collection[Key]) -> Callable[[], dict[Key, Entry]]:
        """Begin to read what is committed under some keys, a few thousand at most; the function that is returned waits
        for it. Keys that are not there are left out.

        Raises:
            StageError: then, if a completion cannot be read.
        """
        ids, wanted = json.dumps([key.example_id for key in keys]), set(keys)
        found = self._thread.submit(fetch, self._reader, ids, stage)
        return lambda: {entry.key: entry for entry in entries_of(found.result()) if entry.key in wanted}

    def commit(self) -> None:
        """Make everything recorded so far durable."""
        self._raise_failure()
        self._write()

    def close(self) -> None:
        self._closing = True
        self._called.set()
        self._committer.join()
        self._thread.shutdown()
        self._reader.close()
        try:
            self.commit()
        finally:
            self._connection.close()

    def _add(self, completions: Sequence[tuple[object, ...]], verdicts: Sequence[tuple[object, ...]]) -> None:
        self._raise_failure()
        with self._lock:
            self._completions += completions
            self._verdicts += verdicts
            waiting = max(len(self._completions), len(self._verdicts))
        if waiting >= MOST_WAITING:
            self._write()
        elif waiting >= COMMIT_ROWS:
            self._called.set()

    def _delete(self, condition: str, values: tuple[str, ...]) -> int:
        """Remove completions; how many there were."""
        self.commit()
        with self._writing:
            return self._connection.execute(f"DELETE FROM completions WHERE {condition}", values).rowcount  # noqa: S608

    def _write(self) -> None:
        """Commit what waits, in one transaction. What could not be written still waits."""
        with self._writing:
            with self._lock:
                completions, verdicts = self._completions.copy(), self._verdicts.copy()
            if not completions and not verdicts:
                return
            self._connection.execute("BEGIN")
            try:
                self._insert("completions (stage, example_id, attempt, request_hash, completion, engine)", completions)
                self._insert("verdicts", verdicts)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            with self._lock:
                del self._completions[: len(completions)]
                del self._verdicts[: len(verdicts)]

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Add the rows whose key is not there, many in a statement: Python's lock is taken back once a statement."""
        for start in range(0, len(rows), _STATEMENT_ROWS):
            some = rows[start : start + _STATEMENT_ROWS]
            places = ", ".join([f"({', '.join('?' * len(some[0]))})"] * len(some))
            values = list(chain.from_iterable(some))
            self._connection.execute(f"INSERT OR IGNORE INTO {table} VALUES {places}", values)  # noqa: S608

    def _commit_regularly(self) -> None:
        while not self._closing:
            self._called.wait(COMMIT_SECONDS)
            self._called.clear()
            try:
                self._write()
            except sqlite3.Error as error:  # kept for the writing thread, which raises it at its next call
                self._failure = error
                return

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30, cached_statements=16)


def read_only(path: Path) -> dict[str, int]:
    """Completions per stage of a journal that another process may be writing; empty if there is none."""
    with _reading(path) as connection:
        if connection is None:
            return {}
        return dict(connection.execute("SELECT stage, COUNT(*) FROM completions GROUP BY stage").fetchall())


def read_tokens(path: Path, stages: Collection[str]) -> dict[str, tuple[int, int]]:
    """Tokens read and written in each of these stages that has completions, over all of them."""
    columns = ", ".join(f"SUM(json_extract(completion, '$.{name}_tokens'))" for name in ("prompt", "completion"))
    query = (
        f"SELECT stage, {columns} FROM completions "  # noqa: S608
        "WHERE stage IN (SELECT value FROM json_each(?)) GROUP BY stage"
    )
    with _reading(path) as connection:
        rows = [] if connection is None else connection.execute(query, (json.dumps(list(stages)),)).fetchall()
    return {stage: (read or 0, written or 0) for stage, read, written in rows}


def read_entries(path: Path, stage: str, example_id: str) -> list[Entry]:
    """What a journal that another process may be writing holds of one example in one stage, by attempt and age.

    Raises:
        StageError: it holds a completion that cannot be read.
    """
    with _reading(path) as connection:
        return [] if connection is None else entries_of(fetch(connection, json.dumps([example_id]), stage))


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
