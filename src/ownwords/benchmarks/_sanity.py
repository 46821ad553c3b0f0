"""A gate before a score is believed: are the answers behind it answers at all?

Garbled output can score well (a cut-off or looping text ends in some number; a meaningless one is never harmful), so
shares of the answers are watched: finished, not empty, without a loop, readable, without markers of a chat template. If
one is too low, the score is unusable and says why. A share of answers in the language of their prompt is held against
the seed model's (`other_language`), because a task may ask for another language. Whether all answers are one and
the same text is another thing to watch (`_one_answer`).

An answer is *readable* unless it is a mixture of scripts, holds characters that could not be decoded, has words far
too long for any language, or is a text of `LEAST_WORDS` words or more in which hardly any is one of those that every
sentence needs (the, of, und, que …): random words of a language have next to none of them, and so have the scraps of
words that broken weights write. About 45 languages are known in this way; an answer in another one counts as
unreadable if it is in Latin or Cyrillic letters. Short answers, code, tables, and texts in other letters are not
looked at in this way.

Likelihood benchmarks have no answers: there the gate is that likelihoods are numbers, and not all the same.

What it does not cover: sentences that are fluent and mean nothing, or have nothing to do with the question; real
sentences whose words are in the wrong order; short garbage.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ownwords.benchmarks._one_answer import Commonest, commonest_answer, one_answer
from ownwords.checks._scripts import script_counts
from ownwords.checks.language import in_one_language
from ownwords.checks.leak import TEMPLATE_MARKERS
from ownwords.records import Completion

MIN_FINISHED = 0.7  # a few answers always run into the token limit
MIN_NON_EMPTY = 0.9
MIN_NON_REPEATING = 0.7
MIN_READABLE = 0.7
MIN_UNMARKED = 0.7

#: Answers in the language of their prompt: a variant's share must be above half of a seed's that is at least so much,
#: and both must be shares of so many answers that can be told. Below, the task itself may ask for another language.
SEED_KEEPS_LANGUAGE = 0.8
MIN_OF_SEED = 0.5
LEAST_TOLD = 10
#: So many answers, spread over all, are looked at for their language: identifying it takes about a millisecond.
LANGUAGES_READ = 500

# A text loops when its end is one piece over and over: at least this often, over at least this many characters.
# A ruler of 80 dashes, an empty table row or "ha ha ha ha" stays below.
LOOP_REPEATS = 4
LOOP_CHARACTERS = 120

# Or when it packs far better than prose (2 to 3 times) or tables and a row of `elif`s (up to 7): the loop stands in the
# middle, or a counter runs in it. The highest in the references of five public chat datasets is 4.3. Shorter texts are
# not judged by this.
MAX_COMPRESSION = 8.0
COMPRESSION_BYTES = 400


# Of the words of a long answer in prose at least this share are common ones. Of the answers that people wrote (Alpaca,
# AlpacaEval, Dolly, GSM8K, LIMA: 13,307, of which 5,434 are long prose) 54 have fewer, mostly bare lists; of texts of
# 20 words drawn from the same answers 99 % have (tests/benchmarks/test_sanity.py).
LEAST_WORDS = 20
LEAST_COMMON = 0.08
_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|\$\$[^$]*\$\$|\$[^$\n]*\$", re.DOTALL)
_CODE_SIGNS = re.compile(r"[{}()\[\]<>=;|\\/_#*+&^%$@~0-9]")
_MOST_CODE_SIGNS = 0.12
_COMMON_WORDS = (
    # English, German, Dutch, Scandinavian
    "the of and to a in is that it you for on are with as be this was have or at by from we can i an not they he "
    "your if will but there which has so use each "
    "der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er sie ich "
    "wir de het een van en dat op te zijn met voor niet aan om ook je "
    "och att det som på är av för med till inte den har jag om at er til ikke og å et "
    # French, Spanish, Portuguese, Italian, Catalan, Romanian
    "le la les des est et que qui dans pour pas une du au sur ce il vous nous ne plus avec "
    "el los las del y no por con su para una se lo como más es un "
    "o os as da do em não uma com dos na ao mais é você seu "
    "di che non per sono della dei più alla nel gli i è anche si "
    "és amb els și pe cu nu care din este sunt mai "
    # Polish, Czech, Slovak, Croatian, Slovenian, Hungarian, Finnish, Estonian, Turkish, Indonesian, Vietnamese, Swahili
    "w i z na nie do że jest to się jak po o co dla od "
    "a v se s že je na k ale si by pro jako sa aj ktoré "
    "u za su da koji što od ili biti in so ki pa "
    "a az és hogy nem is egy ez de meg van "
    "ja on ei se että oli joka ovat mutta kun niin kuin myös tai ja ning mis et "
    "ve bir bu da de için ile çok daha olarak ne gibi en "
    "yang dan di ini itu untuk dengan dari pada tidak adalah akan ke "
    "là và của có cho một các được không trong với này để những người "
    "na ya wa kwa ni katika za la kuwa ang ng sa mga ay "
    # Lithuanian, Latvian, Icelandic, Albanian, Basque, Welsh, Irish
    "ir yra kad su į iš kaip un ar uz kas ka no og að sem dhe të në një që eta bat ez y yn ei agus "
    # Russian, Ukrainian, Bulgarian, Serbian
    "и в не на я что с он по это к но из у за как от для о а так же "
    "і та що у до є це як або не з "
    "да се е са от ще със че си като "
    "је да у и се на су за од као"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_UNDECODED = "\ufffd"
_MOST_UNDECODED = 0.01
# The mean word of a language that is written with blanks has fewer letters; scraps without blanks between have more.
_LONGEST_MEAN_WORD = 12
_LEAST_PROSE_LETTERS = 80
# Letters of three or more scripts, the commonest of them with less than this share.
_MOST_MIXED = 3
_DOMINANT = 0.9
_MOSTLY = 0.8
_LEAST_LETTERS = 30


@dataclass(frozen=True, slots=True)
class Sanity:
    """Shares of answers, 0 to 1: ended by the model itself, with any content, without a loop, readable, without markers
    of a chat template; and of the `told` answers whose language can be told and compared, those in the language of
    their prompt (None where there are none). The last ones are not known of scores of earlier versions.

    `same` is the share of the commonest answer, which begins with `commonest`, to `questions` different questions, and
    `right_same` that of the commonest right answer.
    """

    finished: float
    non_empty: float
    non_repeating: float
    readable: float | None = None
    unmarked: float | None = None
    language: float | None = None
    told: int = 0
    same: float | None = None
    commonest: str = ""
    questions: int = 0
    right_same: float | None = None

    @staticmethod
    def read(facts: Mapping[str, Any]) -> Sanity:
        return Sanity(**{key: facts[key] for key in Sanity.__slots__ if key in facts})

    @property
    def usable(self) -> bool:
        return not self.reason

    @property
    def reason(self) -> str:
        """Why the score is unusable, for people; empty if it is usable."""
        shares = (
            (self.finished, MIN_FINISHED, "were finished within the token limit"),
            (self.non_empty, MIN_NON_EMPTY, "had any text"),
            (self.non_repeating, MIN_NON_REPEATING, "were free of loops"),
            (self.readable, MIN_READABLE, "could be read (the others are mixtures of characters or of random words)"),
            (self.unmarked, MIN_UNMARKED, "were free of chat-template markers (is it the model's own template?)"),
        )
        return "; ".join(
            f"only {share:.0%} of the answers {what} (at least {least:.0%} are needed)"
            for share, least, what in shares
            if share is not None and share < least
        )


def judge_answers(
    completions: Sequence[Completion],
    questions: Sequence[str] | None = None,
    right: Sequence[Any] | None = None,
) -> Sanity:
    """The shares over all answers; `questions` are what they answer, in the same order, for their languages and to see
    whether different ones are answered alike, and `right` the right answers.

    No answers at all are unusable: every share is 0.
    """
    if not completions:
        return Sanity(0.0, 0.0, 0.0)
    n = len(completions)
    language, told = (None, 0) if questions is None else _languages(completions, questions)
    same = None if questions is None else commonest_answer(completions, questions, right)
    return Sanity(
        finished=sum(c.finish_reason == "stop" for c in completions) / n,
        non_empty=sum(bool(c.text.strip() or c.tool_calls) for c in completions) / n,
        non_repeating=sum(not is_repeating(c.text) for c in completions) / n,
        readable=sum(is_readable(c.text) for c in completions) / n,
        unmarked=sum(not _is_marked(c.text) for c in completions) / n,
        language=language,
        told=told,
        same=None if same is None else same.share,
        commonest="" if same is None else same.text,
        questions=0 if same is None else same.questions,
        right_same=None if same is None else same.right,
    )


def _languages(completions: Sequence[Completion], questions: Sequence[str]) -> tuple[float | None, int]:
    """Neither a short answer nor code has a language: they count as neither."""
    step = -(-len(completions) // LANGUAGES_READ)
    pairs = list(zip(completions, questions, strict=True))[::step]
    told = [same for c, question in pairs if (same := in_one_language(c.text, question)) is not None]
    return (sum(told) / len(told), len(told)) if told else (None, 0)


def all_alike(variant: Sanity, seed: Sanity | None) -> str:
    """Why a variant's score is unusable for saying one thing to everything, for people; empty if it is usable. The
    seed's own is held against itself."""
    own, others = _commonest(variant), None if seed is None else _commonest(seed)
    return "" if own is None else one_answer(own, others)


def _commonest(sanity: Sanity) -> Commonest | None:
    if sanity.same is None:
        return None
    return Commonest(sanity.commonest, sanity.same, sanity.questions, sanity.right_same)


def other_language(variant: Sanity, seed: Sanity) -> str:
    """Why a variant's score is unusable for the language of its answers, for people; empty if it is usable."""
    if variant.language is None or seed.language is None or min(variant.told, seed.told) < LEAST_TOLD:
        return ""
    if seed.language < SEED_KEEPS_LANGUAGE or variant.language >= MIN_OF_SEED * seed.language:
        return ""
    return (
        f"only {variant.language:.0%} of the answers are in the language of their prompt, {seed.language:.0%} of the "
        f"seed's are (at least {MIN_OF_SEED:.0%} of that are needed)"
    )


def judge_likelihoods(completions: Sequence[Completion]) -> str:
    """Why the likelihoods that a score is made of cannot be right, for people; empty if they can be."""
    scored = [c.logprobs for c in completions if c.logprobs]
    values = [value for logprobs in scored for value in logprobs]
    bad = sum(not math.isfinite(value) for value in values)
    if bad:
        return f"{bad:,} of {len(values):,} log-likelihoods are not numbers: the weights are broken"
    if len(values) >= LEAST_TOLD and max(values) - min(values) < 1e-9:
        return f"all {len(values):,} log-likelihoods are {values[0]:.3g}: the model does not read its input"
    if any(value > 1e-3 for value in values):
        return "log-likelihoods are above 0, which none can be"
    return ""


def is_readable(text: str) -> bool:
    """Whether a text could be language, code or data, as far as its characters and words tell."""
    if not text.strip():
        return True  # counted as empty
    if text.count(_UNDECODED) > _MOST_UNDECODED * len(text):
        return False
    scripts = script_counts(text)
    letters = scripts.total()
    if letters >= _LEAST_LETTERS and _mixes(scripts):
        return False
    prose = _CODE.sub(" ", text)
    visible = sum(not character.isspace() for character in prose)
    alphabetic = scripts["latin"] + scripts["cyrillic"] >= _MOSTLY * letters
    if not alphabetic or len(_CODE_SIGNS.findall(prose)) > _MOST_CODE_SIGNS * visible:
        return True
    return _has_words(_WORD.findall(prose.lower()))


def _mixes(scripts: Counter[str]) -> bool:
    """Whether letters of several scripts stand side by side; those of East Asia belong together."""
    groups = Counter("east asian" if name in ("han", "kana", "hangul") else name for name in scripts.elements())
    return len(groups) >= _MOST_MIXED and max(groups.values()) < _DOMINANT * groups.total()


def _has_words(words: Sequence[str]) -> bool:
    """Whether words are of a bearable length and, where there are enough of them, some are common ones."""
    letters = sum(map(len, words))
    if letters >= _LEAST_PROSE_LETTERS and letters > _LONGEST_MEAN_WORD * len(words):
        return False
    return len(words) < LEAST_WORDS or sum(word in _COMMON for word in words) >= LEAST_COMMON * len(words)


def _is_marked(text: str) -> bool:
    folded = text.lower()
    return any(marker in folded for marker in TEMPLATE_MARKERS)


def is_repeating(text: str) -> bool:
    """Whether a text loops, in time linear in its length."""
    text = text.strip()
    return _tail_loops(text) or _compression(text) > MAX_COMPRESSION


def _compression(text: str) -> float:
    """Bytes of the text over bytes of its zlib stream; 0 for texts too short to tell."""
    data = text.encode("utf-8", "surrogatepass")
    return len(data) / len(zlib.compress(data, 9)) if len(data) >= COMPRESSION_BYTES else 0.0


def _tail_loops(text: str) -> bool:
    """Whether some piece fills the end of the text LOOP_REPEATS times, over LOOP_CHARACTERS or more.

    Read backwards, a tail with period p is a beginning that matches itself shifted by p. The length of that match for
    every p at once is the Z-function, which is computed in linear time (Gusfield 1997, section 1.3).
    """
    backwards = text[::-1]
    n = len(backwards)
    matches = [0] * n
    left = right = 0  # the match backwards[left:right] that reaches furthest
    for period in range(1, n):
        length = min(right - period, matches[period - left]) if period < right else 0
        while period + length < n and backwards[length] == backwards[period + length]:
            length += 1
        matches[period] = length
        if period + length > right:
            left, right = period, period + length
        if period + length >= max(LOOP_CHARACTERS, LOOP_REPEATS * period):
            return True
    return False
