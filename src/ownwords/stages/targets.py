"""What the references are as texts: how many differ, which hold nothing, and the scripts that they are written in.

The script mix counts letters by Unicode script. It is no language detection: English, Spanish and Vietnamese are all
latin, and a reference is counted under the script of most of its letters.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ownwords.records import Example

#: A word in a letter's Unicode name, and the script that it tells.
_SCRIPTS = {
    "LATIN": "latin",
    "CYRILLIC": "cyrillic",
    "CJK": "han",
    "ARABIC": "arabic",
    "DEVANAGARI": "devanagari",
    "HIRAGANA": "kana",
    "KATAKANA": "kana",
    "HANGUL": "hangul",
}


def describe_targets(examples: Sequence[Example]) -> dict[str, Any]:
    """Counts over the references, and `script_mix`: the share of references by the script of most of their letters."""
    scripts = Counter(dominant_script(example.reference) for example in examples)
    return {
        "distinct": len({example.reference for example in examples}),
        "blank": sum(is_blank(example.reference) for example in examples),
        "same_as_prompt": sum(example.reference.strip() == example.prompt.strip() for example in examples),
        "script_mix": {script: count / len(examples) for script, count in scripts.most_common()},
    }


def is_blank(text: str) -> bool:
    """Whether nothing of it can be seen: only white space, control and format characters (a zero-width space, say)."""
    return all(unicodedata.category(character)[0] in "ZC" for character in text)


def dominant_script(text: str) -> str:
    """The script of most letters: latin, cyrillic, han, arabic, devanagari, kana, hangul, other; none without letters.

    Of scripts with equally many letters it is the one that comes first in the text.
    """
    letters: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if character.isalpha():
            letters[_script(character)] += count
    return letters.most_common(1)[0][0] if letters else "none"


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    words = unicodedata.name(letter, "").split()
    return next((_SCRIPTS[word] for word in words if word in _SCRIPTS), "other")
