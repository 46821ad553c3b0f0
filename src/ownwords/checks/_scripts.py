"""The script that a text is written in, by its letters."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from functools import lru_cache

# First and last code point of the letters of each script (Unicode 16), the large blocks only.
_RANGES = sorted(
    [
        (0x0041, 0x024F, "latin"),
        (0x1E00, 0x1EFF, "latin"),
        (0xFF21, 0xFF5A, "latin"),
        (0x0370, 0x03FF, "greek"),
        (0x1F00, 0x1FFF, "greek"),
        (0x0400, 0x052F, "cyrillic"),
        (0x0530, 0x058F, "armenian"),
        (0x0590, 0x05FF, "hebrew"),
        (0x0600, 0x06FF, "arabic"),
        (0x0750, 0x077F, "arabic"),
        (0x08A0, 0x08FF, "arabic"),
        (0xFB50, 0xFDFF, "arabic"),
        (0xFE70, 0xFEFC, "arabic"),
        (0x0900, 0x097F, "devanagari"),
        (0x0980, 0x09FF, "bengali"),
        (0x0A00, 0x0A7F, "gurmukhi"),
        (0x0A80, 0x0AFF, "gujarati"),
        (0x0B00, 0x0B7F, "oriya"),
        (0x0B80, 0x0BFF, "tamil"),
        (0x0C00, 0x0C7F, "telugu"),
        (0x0C80, 0x0CFF, "kannada"),
        (0x0D00, 0x0D7F, "malayalam"),
        (0x0D80, 0x0DFF, "sinhala"),
        (0x0E00, 0x0E7F, "thai"),
        (0x0E80, 0x0EFF, "lao"),
        (0x0F00, 0x0FFF, "tibetan"),
        (0x1000, 0x109F, "burmese"),
        (0x10A0, 0x10FF, "georgian"),
        (0x1100, 0x11FF, "hangul"),
        (0x3130, 0x318F, "hangul"),
        (0xAC00, 0xD7AF, "hangul"),
        (0x1200, 0x139F, "ethiopic"),
        (0x1780, 0x17FF, "khmer"),
        (0x3040, 0x30FF, "kana"),
        (0xFF66, 0xFF9F, "kana"),
        (0x3400, 0x4DBF, "han"),
        (0x4E00, 0x9FFF, "han"),
        (0xF900, 0xFAFF, "han"),
        (0x20000, 0x323AF, "han"),
    ]
)
_FIRSTS = [first for first, _, _ in _RANGES]
_NO_ASCII_LETTERS = bytes(code for code in range(128) if not chr(code).isalpha())


def script_counts(text: str) -> Counter[str]:
    """Letters of each script; those of scripts that are not in the table count as `other`."""
    counts: Counter[str] = Counter()
    if text.isascii():  # the same count, several times as fast
        letters = len(text.encode().translate(None, _NO_ASCII_LETTERS))
        return Counter(latin=letters) if letters else counts
    for character, count in Counter(text).items():
        script = _script_of(character)
        if script:
            counts[script] += count
    return counts


@lru_cache(maxsize=20_000)
def _script_of(character: str) -> str:
    """Empty for what is no letter."""
    if not character.isalpha():
        return ""
    place = bisect_right(_FIRSTS, ord(character)) - 1
    if place >= 0 and ord(character) <= _RANGES[place][1]:
        return _RANGES[place][2]
    return "other"
