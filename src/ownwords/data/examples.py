"""Examples, as many as a dataset has: on disk while they are not looked at, so that their number costs no memory.

They lie in a temporary file without a name, which is gone when the process is, however it ends. A few bytes an example
stay in memory. Written once, while the source is read; read as often as a stage goes through them.

Not covered: a source that is too large for the folder of temporary files (`TMPDIR` chooses another).
"""

from __future__ import annotations

import marshal
import tempfile
import threading
import weakref
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, overload

from ownwords.data.formats import Conversation
from ownwords.errors import InputError
from ownwords.records import Example, Message, canonical, canonical_messages, digest_text
from ownwords.turns import split_reasoning

_BATCH = 256


class Examples(Sequence[Example]):
    """The examples of conversations with their origins, in their order.

    An example's id is a hash of its messages, reference and tools with an occurrence number among equal ones
    ("3f2a…-0"), so neither shuffling nor adding rows changes it. `tools` and `reasoning` say whether any example has
    tools, and whether any reference has reasoning.

    Raises:
        InputError: they do not fit into the folder of temporary files.
    """

    def __init__(self, conversations: Iterable[tuple[Conversation, str]]) -> None:
        self.tools = self.reasoning = False
        self._ends = array("Q", [0])  # of the batches, in bytes
        self._lock = threading.Lock()  # an engine may read requests in a thread of its own
        self._latest: tuple[int, list[Example]] = (-1, [])
        contents = array("Q")
        with _room():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the examples are wanted
        weakref.finalize(self, self._file.close)
        batch: list[Any] = []
        for (messages, reference, tools, last), origin in conversations:
            content = content_hash(messages, reference, tools)
            contents.append(int(content, 16))
            batch.append((content, [(m.role, m.content) for m in messages], reference, origin, tools, last))
            self.tools = self.tools or bool(tools)
            self.reasoning = self.reasoning or bool(split_reasoning(reference)[0])
            if len(batch) == _BATCH:
                self._append(batch)
                batch = []
        self._append(batch)
        self._occurrences = _occurrences(contents)

    def __len__(self) -> int:
        return len(self._occurrences)

    def __iter__(self) -> Iterator[Example]:
        for number in range(len(self._ends) - 1):
            yield from self._read(number)

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> list[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | list[Example]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(len(self)))]
        number, within = divmod(range(len(self))[place], _BATCH)
        latest, examples = self._latest
        if latest != number:
            examples = self._read(number)
            self._latest = (number, examples)
        return examples[within]

    def those(self, wanted: Callable[[Example], bool]) -> Sequence[Example]:
        """Some of them, in the same order."""
        return _Those(self, array("Q", (place for place, example in enumerate(self) if wanted(example))))

    def _append(self, batch: list[Any]) -> None:
        if batch:
            data = marshal.dumps(batch)
            with _room():
                self._file.write(data)
                self._file.flush()
            self._ends.append(self._ends[-1] + len(data))

    def _read(self, number: int) -> list[Example]:
        start, end = self._ends[number : number + 2]
        with self._lock:
            self._file.seek(start)
            data = self._file.read(end - start)
        occurrences = self._occurrences[number * _BATCH : (number + 1) * _BATCH]
        return [
            Example(
                f"{content}-{occurrence}",
                tuple([Message(role, text) for role, text in turns]),
                reference,
                origin,
                tools,
                last,
            )
            for (content, turns, reference, origin, tools, last), occurrence in zip(
                marshal.loads(data),  # noqa: S302 - nobody else can write to the file
                occurrences,
                strict=True,
            )
        ]


class _Those(Sequence[Example]):
    """Some of the examples, by their places."""

    def __init__(self, whole: Examples, places: array[int]) -> None:
        self._whole, self._places = whole, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> list[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | list[Example]:
        if isinstance(place, slice):
            return [self._whole[index] for index in self._places[place]]
        return self._whole[self._places[place]]


def content_hash(messages: Sequence[Message], reference: str, tools: str) -> str:
    """What an example's id says of its content: the digest of these by name; `tools` count only where there are any."""
    more = f',"tools":{canonical(tools)}' if tools else ""
    return digest_text(f'{{"messages":{canonical_messages(messages)},"reference":{canonical(reference)}{more}}}')


def _occurrences(contents: array[int]) -> array[int]:
    """How many equal ones stand before each."""
    import numpy as np

    values = np.asarray(contents)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    places = np.arange(len(values))
    begins = np.append(True, ordered[1:] != ordered[:-1])
    found = np.empty(len(values), np.uint32)
    found[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return array("I", found.tobytes())


@contextmanager
def _room() -> Generator[None]:
    """Say where there is no room, if there is none."""
    try:
        yield
    except OSError as error:
        where = tempfile.tempdir or "TMPDIR"
        raise InputError(
            f"the training examples cannot be kept in the folder of temporary files ({where}): "
            f"{error.strerror or error}. Free some space there, or let TMPDIR name another folder."
        ) from error
