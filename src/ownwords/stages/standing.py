"""Where every example that is rewritten stands: a few bytes each, whatever its texts are."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from ownwords.errors import StageError
from ownwords.journal import Key

_HASH_BYTES = 12  # of a request's hash, 24 hexadecimal digits
_UNANSWERED = -1


class Standing:
    """The latest answered attempt of each example, and whether it passed, by the example's place among those asked."""

    def __init__(self, count: int) -> None:
        self._attempts = array("h", [_UNANSWERED]) * count
        self._hashes = bytearray(_HASH_BYTES * count)
        self._passed = bytearray(count)

    def note(self, place: int, key: Key, *, passed: bool) -> None:
        """An attempt has been answered and judged."""
        self._attempts[place] = key.attempt
        self._hashes[place * _HASH_BYTES : (place + 1) * _HASH_BYTES] = bytes.fromhex(key.request_hash)
        self._passed[place] = passed

    @property
    def pending(self) -> int:
        """How many still want an answer that passes."""
        return self._passed.count(0)

    def pending_places(self) -> Iterator[int]:
        """Those, in order, each judged when it is its turn."""
        return (place for place, passed in enumerate(self._passed) if not passed)

    def latest(self, place: int, example_id: str) -> Key:
        """What the journal has the latest attempt under.

        Raises:
            StageError: there was none.
        """
        attempt = self._attempts[place]
        if attempt == _UNANSWERED:
            raise StageError(f"the journal lacks the rewrite of example {example_id}: run `ownwords rewrite` again.")
        request_hash = self._hashes[place * _HASH_BYTES : (place + 1) * _HASH_BYTES]
        return Key(example_id, attempt, request_hash.hex())
