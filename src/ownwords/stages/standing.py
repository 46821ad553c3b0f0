"""Where every example that a source is asked about stands: a few bytes each, whatever its texts are."""

from __future__ import annotations

from array import array

from ownwords.errors import StageError
from ownwords.journal import Key

_HASH_BYTES = 12  # of a request's hash, 24 hexadecimal digits
_UNANSWERED = -1


class Standing:
    """The attempt of each example that counts so far, by the example's place among those that may be asked: of those
    that passed the best, else the latest."""

    def __init__(self, count: int, unasked: bytes = b"", remembered: int = 0) -> None:
        """`unasked` has a 1 for each place that is left alone, nothing where there is none. Of the first `remembered`
        attempts it is kept which have passed."""
        self._attempts = array("h", [_UNANSWERED]) * count
        self._hashes = bytearray(_HASH_BYTES * count)
        self._passed = bytearray(count)
        self._merits = array("d", [0.0]) * count
        self._unasked = unasked or bytes(count)
        self._remembered = remembered
        self._width = (remembered + 7) // 8
        self._passes = bytearray(self._width * count)

    def note(self, place: int, key: Key, *, passed: bool, merit: float = 0.0) -> None:
        """An attempt has been answered and judged. Of those that pass, the one of the highest merit counts; of equal
        ones the first."""
        if passed and key.attempt < self._remembered:
            self._passes[place * self._width + key.attempt // 8] |= 1 << key.attempt % 8
        if self._passed[place] and not (passed and merit > self._merits[place]):
            return
        self.choose(place, key)
        self._passed[place] = passed
        self._merits[place] = merit

    def choose(self, place: int, key: Key) -> None:
        """Let this attempt count, whatever the others are."""
        self._attempts[place] = key.attempt
        self._hashes[place * _HASH_BYTES : (place + 1) * _HASH_BYTES] = bytes.fromhex(key.request_hash)

    def is_asked(self, place: int) -> bool:
        return not self._unasked[place]

    def places(self, *, passed_too: bool) -> array[int]:
        """Those that want another answer, in order: all that may be asked, or those without one that passes."""
        pairs = enumerate(zip(self._unasked, self._passed, strict=True))
        return array("Q", (place for place, (left, passed) in pairs if not left and (passed_too or not passed)))

    def passes(self, place: int) -> list[int]:
        """Which of the remembered attempts have passed."""
        bits = int.from_bytes(self._passes[place * self._width : (place + 1) * self._width], "little")
        return [attempt for attempt in range(self._remembered) if bits >> attempt & 1]

    def counting(self, place: int, example_id: str) -> Key:
        """What the journal has the attempt under that counts.

        Raises:
            StageError: there was none.
        """
        attempt = self._attempts[place]
        if attempt == _UNANSWERED:
            raise StageError(f"the journal lacks an answer to example {example_id}: run `ownwords rewrite` again.")
        request_hash = self._hashes[place * _HASH_BYTES : (place + 1) * _HASH_BYTES]
        return Key(example_id, attempt, request_hash.hex())
