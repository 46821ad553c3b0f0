"""The run directory: one folder that holds everything of one recipe.

    recipe.yaml                 the resolved recipe
    run.json                    versions, hardware, fingerprint and timing of each stage
    journal.sqlite              every completion and verdict (see `journal`)
    rewrite.json, samples.json  outcomes by reason; rewrites beside their references
    gap.json                    how far targets lie from the seed model
    data/<arm>/                 training rows as Parquet, with a dataset card; general rows apart, as replay.parquet
    replay/<arm>.json           how these came about
    data/logprobs/              per-token log-likelihoods
    arms/<arm>/<variant>/       adapter, tokenizer, chat template, training.json
    arms/<arm>/seed.cache/      what a KL objective reads of the seed, while the arm trains
    arms/<arm>/<variant>-part0.5/    a place on the way of its training; place.json says at which step
    arms/<arm>/<variant>-scale0.5/   a model between the seed and a trained one, where no engine can scale that one
    scores/                     per-item Parquet and summary.json
    comparison.json             what every variant learnt and kept, arms at the same score, what they cost
    shift.json                  how far training has moved the weights, by layer and kind of module
    report.html

Files are written to a temporary name beside their place, fsynced and renamed, so none is ever half there. Nothing is
created before the first write.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
import sqlite3
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, cast

from ownwords.errors import InputError, OwnwordsError, StageError
from ownwords.fingerprint import Inputs, fingerprint
from ownwords.journal import Journal
from ownwords.paths import given_path
from ownwords.work import Clock, Work, now

#: Below this much free space a run is refused before anything is written.
MINIMUM_FREE_BYTES = 64 * 2**20


@contextlib.contextmanager
def atomic(path: Path) -> Generator[Path]:
    """A temporary file beside `path` to fill; at the end it is made durable and put in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, make it durable, then put it in place."""
    with atomic(path) as temporary:
        write(temporary)


def write_text(path: Path, text: str) -> None:
    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_atomic(path, write)


def write_json(path: Path, value: Any) -> None:
    """JSON has no infinity and no NaN: an interval that one value cannot give becomes null."""
    write_text(path, json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in cast("list[Any]", value)]
    return value


def read_json(path: Path) -> Any:
    """The JSON file's content, or None where there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise StageError(f"{path} cannot be read: {error}. Remove it and run the command again.") from error


def read_object(path: Path) -> dict[str, Any]:
    """The same of a file that holds an object; an empty one where there is no such file."""
    content = read_json(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise StageError(f"{path} must hold a JSON object. Remove it and run the command again.")
    return cast("dict[str, Any]", content)


@contextlib.contextmanager
def plain_disk_errors(directory: Path) -> Generator[None]:
    """Turn a full disk or an unwritable folder, met anywhere inside, into one message."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise InputError(
                f"the disk that holds {directory} is full. Free some space and run the same command again."
            ) from error
        if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM}:
            raise InputError(f"cannot write to {error.filename or directory}: {error.strerror}.") from error
        raise
    except sqlite3.Error as error:
        if "full" in str(error):
            raise InputError(
                f"the disk that holds {directory} is full. Free some space and run the same command again."
            ) from error
        if "readonly" in str(error) or "unable to open" in str(error):
            raise InputError(f"cannot write the journal in {directory}: {error}.") from error
        raise StageError(
            f"{directory / 'journal.sqlite'} cannot be used: {error}. If it is damaged, move it away and run the same "
            "command again."
        ) from error


class Run:
    """A run directory. Creating the object touches nothing; `create` makes the folder and takes its lock."""

    def __init__(self, directory: str | Path, startup: Callable[[], float] = lambda: 0.0) -> None:
        """`startup` tells the seconds that engines have spent on starting up so far."""
        self.directory = given_path(directory)
        self._journal: Journal | None = None
        self._clock = Clock(startup)
        self._lock: Any = None

    @property
    def exists(self) -> bool:
        return (self.directory / "run.json").is_file() and "ownwords" in self.facts()

    @property
    def recipe_path(self) -> Path:
        return self.directory / "recipe.yaml"

    def recipe_text(self) -> str | None:
        """The resolved recipe of the run as it was last worked on, None where there is none."""
        try:
            return self.recipe_path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnicodeDecodeError as error:
            raise StageError(f"{self.recipe_path} is not UTF-8 text: remove it and run the command again.") from error

    @property
    def journal_path(self) -> Path:
        return self.directory / "journal.sqlite"

    @property
    def scores_dir(self) -> Path:
        return self.directory / "scores"

    def arm_data(self, arm: str) -> Path:
        return self.directory / "data" / arm

    def arm_dir(self, arm: str, variant: str) -> Path:
        return self.directory / "arms" / arm / variant

    def check_writable(self) -> None:
        """Refuse an output folder that cannot be written to, before any work and without writing.

        Raises:
            InputError: it is a file, is not writable, is another program's folder, or its disk is full.
        """
        if self.directory.is_symlink() and not self.directory.exists():
            raise InputError(f"output_dir {self.directory} is a link to nothing ({self.directory.readlink()}).")
        if self.directory.exists() and not self.directory.is_dir():
            raise InputError(f"output_dir {self.directory} is a file, not a folder.")
        remains = self.recipe_path.is_file() and self.journal_path.is_file()  # a run that lost its run.json
        if self.directory.is_dir() and not self.exists and not remains and any(self.directory.iterdir()):
            raise InputError(f"output_dir {self.directory} holds other files and no run. Choose a new or empty folder.")
        existing = next(p for p in (self.directory.absolute(), *self.directory.absolute().parents) if p.exists())
        disk = shutil.disk_usage(existing)
        if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK) or disk.total == 0:
            raise InputError(f"output_dir {self.directory}: {existing} is not writable.")
        if disk.free < MINIMUM_FREE_BYTES:
            raise InputError(f"output_dir {self.directory}: its disk is full (less than 64 MiB free).")

    def create(self, recipe_text: str, environment: dict[str, Any]) -> None:
        """Make the folder if needed, lock it for this process and write recipe and environment."""
        with plain_disk_errors(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            write_text(self.recipe_path, recipe_text)
            facts = self.facts()
            facts.setdefault("created", now())
            facts.update(environment)
            facts.setdefault("stages", {})
            write_json(self.directory / "run.json", facts)

    def close(self) -> None:
        """Commit the journal and give the lock back."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @property
    def journal(self) -> Journal:
        if self._journal is None:
            self._journal = Journal(self.journal_path)
        return self._journal

    def facts(self) -> dict[str, Any]:
        """The content of run.json; empty where there is none.

        Raises:
            StageError: it is damaged.
        """
        path = self.directory / "run.json"
        content = read_json(path)
        if content is None:
            return {}
        if not _is_record(content):
            raise StageError(
                f"{path} is not what ownwords writes there. Remove it and run the command again: what the journal "
                "holds is not asked again."
            )
        return content

    def stage(self, name: str) -> dict[str, Any]:
        """What run.json says of a stage; empty if it never started."""
        state: dict[str, Any] = self.facts().get("stages", {}).get(name, {})
        return state

    def is_done(self, name: str, inputs: Inputs) -> bool:
        """Whether the stage has finished with these inputs and everything that it left is still there."""
        state = self.stage(name)
        finished = state.get("status") == "done" and state.get("fingerprint") == fingerprint(inputs)
        return finished and not self.lost(name)

    def lost(self, name: str) -> list[str]:
        """What the stage has left and is not there any more, by its place in the run's folder."""
        return [made for made in self.stage(name).get("products", []) if not (self.directory / made).exists()]

    @contextlib.contextmanager
    def working_on(self, name: str, inputs: Inputs, products: Sequence[Path]) -> Generator[Work]:
        """Mark a stage as running, then as done with its seconds; as failed or interrupted if it raises.

        `products` are the files that it leaves: without one of them it is not done. Seconds of interrupted attempts
        at the same inputs add up; those of starting engines are not among them, but beside them.
        """
        state = self.stage(name)
        same = state.get("fingerprint") == fingerprint(inputs) and state.get("status") != "done"
        entry = {
            "fingerprint": fingerprint(inputs),
            "inputs": inputs,
            "products": [product.relative_to(self.directory).as_posix() for product in products],
            "started": (state.get("started") if same else None) or now(),
        }
        self._clock.skip()
        work = Work(lambda state: self._set_stage(name, state), self._clock, entry, state if same else {})
        try:
            yield work
        except BaseException as error:
            if not work.ended:
                with contextlib.suppress(OSError, OwnwordsError):  # the first error is the one to show
                    work.end("interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
            raise
        if not work.ended:
            work.done()

    def _set_stage(self, name: str, state: dict[str, Any]) -> None:
        facts = self.facts()
        facts.setdefault("stages", {})[name] = state
        write_json(self.directory / "run.json", facts)

    def is_locked(self) -> bool:
        """Whether another process is working in the run right now."""
        from filelock import FileLock, Timeout

        path = self.directory / ".lock"
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True

    def _take_lock(self) -> None:
        from filelock import FileLock, Timeout

        if self._lock is not None:
            return
        lock = FileLock(self.directory / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise InputError(f"another ownwords process is working in {self.directory}. Wait for it to end.") from error
        self._lock = lock


def _is_record(content: Any) -> bool:
    """Whether it has the shape of run.json: an object whose `stages`, if there are any, are objects by name."""
    stages: Any = cast("dict[str, Any]", content).get("stages", {}) if isinstance(content, dict) else None
    return isinstance(stages, dict) and all(isinstance(s, dict) for s in cast("dict[str, Any]", stages).values())
