"""The check `same_language`: a rewrite must not change into another language.

The script decides first: an answer in Cyrillic letters to a reference in Latin ones is wrong, whatever it says. Within
one script, texts that share most of their short words are in one language; for others the package py3langid decides,
where both are long and it is sure of both. Near relatives (Spanish and Portuguese, Czech and Slovak) need more text
than others. Code, addresses and formulas do not count.
Texts that are short, mostly code or in several scripts pass. Not covered: languages within one answer, dialects.
"""

from __future__ import annotations

import importlib
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ownwords.checks._scripts import script_counts
from ownwords.checks.base import check
from ownwords.records import PASSED, Candidate, Example, Verdict, storable
from ownwords.turns import split_reasoning

# Of a long answer its beginning and its end are read.
_READ = 3_000
_SAMPLE = 400

_NO_PROSE = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|\$\$[^$]*\$\$|\$[^$\n]*\$|<[^<>\n]{1,100}>|\b(?:https?://|www\.)\S+",
    re.DOTALL,
)
_CODE_SIGNS = re.compile(r"[{}()\[\]<>=;|\\/_#*+&^%$@~0-9]")
_MOST_CODE = 0.12

# Letters that a script needs; Chinese characters and Korean syllables stand for whole words or parts of them.
_LEAST_LETTERS = 12
_LEAST_SYLLABLES = 5
_DENSE = ("han", "hangul", "japanese", "chinese")
_DOMINANT = 0.7
_LEAST_KANA = 0.1
_LEAST_CHINESE = 20

# Scripts that one language alone is commonly written in.
_OF_ONE_LANGUAGE = frozenset({"japanese", "hangul", "greek", "thai", "georgian", "armenian", "hebrew"})

# Letters, and how sure the identification must be; measured on the sentences of tests/checks/test_language.py.
_LEAST_PROSE = 80
_LEAST_PROSE_OF_RELATIVES = 200
# Where shares over many texts are taken, no text is refused for it: questions are short.
_LEAST_OF_MANY = 40
# Shared words of four letters at most: Danish and Swedish share up to 0.28 of them on these sentences.
_SHORT_WORD = re.compile(r"\b[^\W\d_]{1,4}\b")
_LEAST_SHARED = 4
_SHARED = 0.35
_SURE = 0.9
_DOUBT = 0.02
_RELATIVES = (
    {"es", "pt", "gl", "ca", "an", "oc"},
    {"no", "nb", "nn", "da", "sv"},
    {"cs", "sk"},
    {"hr", "bs", "sr", "sl"},
    {"ru", "uk", "be"},
    {"bg", "mk"},
    {"id", "ms", "jv"},
    {"hi", "mr", "ne"},
    {"nl", "af"},
    {"de", "lb"},
    {"tr", "az"},
    {"fi", "et"},
    {"kk", "ky"},
)


@check("same_language")
def same_language(example: Example, candidate: Candidate) -> Verdict:
    """The candidate is in the reference's language, as far as both can be told. Reason: `other_language`."""
    same, detail = _compare(candidate.text, example.reference)
    return PASSED if same is not False else Verdict(False, "other_language", detail)


def in_one_language(text: str, other: str) -> bool | None:
    """Whether two texts are in one language; None where that cannot be told: one is short, code or a formula, in
    several scripts, or its language is not sure."""
    return _compare(text, other, _LEAST_OF_MANY)[0]


def _compare(text: str, reference: str, least: int = _LEAST_PROSE) -> tuple[bool | None, str]:
    """True, None where it cannot be told, or False with the reason for people; `least`: letters to identify."""
    given, expected = _read(text, least), _read(reference, least)
    if not given.script or not expected.script:
        return None, ""
    if not _may_be_one(given.script, expected.script):
        return False, f"it is written in {given.script}, the reference in {expected.script}"
    if not given.prose or not expected.prose:
        return (True if given.script == expected.script and given.script in _OF_ONE_LANGUAGE else None), ""
    if _share_short_words(given.prose, expected.prose):
        return True, ""
    return _identify(given, expected, least)


def _identify(given: _Text, expected: _Text, least: int) -> tuple[bool | None, str]:
    """The same of two texts in prose of one script."""
    found, wanted = _shares(given.prose), _shares(expected.prose)
    language, reference_language = (max(shares, key=shares.__getitem__) for shares in (found, wanted))
    related = any({language, reference_language} <= group for group in _RELATIVES)
    least = max(least, _LEAST_PROSE_OF_RELATIVES) if related else least
    sure = min(_share_of_kin(shares, own, related) for shares, own in ((found, language), (wanted, reference_language)))
    doubt = max(found[reference_language], wanted[language])
    if language == reference_language:
        return (True if sure >= _SURE else None), ""
    if min(given.letters, expected.letters) < least or sure < _SURE or doubt > _DOUBT:
        return None, ""
    return False, f"it reads as {language}, the reference as {reference_language}"


@dataclass(frozen=True, slots=True)
class _Text:
    """The dominant script (empty if the text is short or has none), its letters, and prose to identify (or empty)."""

    script: str
    letters: int
    prose: str


def _read(text: str, least_prose: int) -> _Text:
    answer = split_reasoning(text)[1]
    if len(answer) > 2 * _READ:
        answer = f"{answer[:_READ]}\n{answer[-_READ:]}"
    prose = _NO_PROSE.sub(" ", answer)
    counts = script_counts(prose)
    letters = counts.total()
    _name_east_asian(counts)
    script, count = max(counts.items(), key=lambda item: item[1], default=("", 0))
    least = _LEAST_SYLLABLES if script in _DENSE else _LEAST_LETTERS
    if count < least or count < _DOMINANT * letters:
        return _Text("", letters, "")
    visible = len(prose) - prose.count(" ") - prose.count("\n")
    if script in _DENSE or letters < least_prose or len(_CODE_SIGNS.findall(prose)) > _MOST_CODE * visible:
        return _Text(script, letters, "")
    return _Text(script, letters, prose if len(prose) <= 2 * _SAMPLE else f"{prose[:_SAMPLE]} {prose[-_SAMPLE:]}")


def _name_east_asian(counts: Counter[str]) -> None:
    """Chinese characters with kana are Japanese; many of them without any are Chinese; else they stay `han`."""
    kana, han = counts.pop("kana", 0), counts.pop("han", 0)
    if not kana + han:
        return
    if kana >= _LEAST_KANA * (kana + han):
        counts["japanese"] = kana + han
    else:
        counts["chinese" if not kana and han >= _LEAST_CHINESE else "han"] = kana + han


def _may_be_one(script: str, other: str) -> bool:
    return script == other or ("han" in (script, other) and {script, other} <= {"han", "chinese", "japanese"})


def _share_short_words(given: str, expected: str) -> bool:
    """Whether the two share so many short words, which no two languages do: a quick answer for nearly every rewrite."""
    one, other = (set(_SHORT_WORD.findall(text.lower())) for text in (given, expected))
    return len(one & other) >= max(_LEAST_SHARED, _SHARED * min(len(one), len(other)))


def _shares(prose: str) -> dict[str, float]:
    """Of each language, the probability that the text is in it."""
    return dict(_identifier().rank(storable(prose)))


def _share_of_kin(shares: dict[str, float], language: str, related: bool) -> float:
    """How sure a language is; where its relatives are out of the question for the other text, together with them."""
    kin = {language}.union(*(group for group in _RELATIVES if language in group and not related))
    return sum(shares.get(each, 0.0) for each in kin)


@lru_cache(maxsize=1)
def _identifier() -> Any:
    import numpy

    package: Any = importlib.import_module("py3langid.langid")  # it ships no types
    identifier: Any = package.LanguageIdentifier.from_model_file(package.MODEL_FILE, norm_probs=True)
    identifier.nb_ptc = identifier.nb_ptc.astype(numpy.float32)  # as delivered, in half precision, it is slow
    return identifier
