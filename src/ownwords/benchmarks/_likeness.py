"""Likeness of two texts by the pieces they share: BLEU-4 and ROUGE-L, the ordinary way and the paper's.

All numbers are shares, 0 to 1; published tables show them times 100. Each is of one answer against the seed's, and what
a table shows is their mean: for BLEU that is another number than corpus BLEU, which counts over all answers at once.

- `bleu4`: words as mteval-v13a splits them; sacrebleu's sentence BLEU of 1- to 4-grams, exponential smoothing, without
  the orders that the answer is too short for (Chen and Cherry 2014; `effective_order`).
- `rouge_l`: runs of a-z and 0-9 in lower case, no stemming; rouge-score's F1 of the longest common subsequence.
- `bleu4_paper`: characters, blanks among them; NLTK's sentence BLEU, always of all four orders, smoothing method 3.
- `rouge_l_paper`: jieba's words, signs among them; rouge-chinese 1.0.3: 2PR / (P + R + 1e-8) of the longest common
  subsequence.

Source of the paper's: Yang et al., arXiv 2402.13669, section 5, and its reference, which take means of answers too.

What it does not cover: `rouge_l` sees nothing of other scripts than Latin; it, like `bleu4`, has no value where the
seed's answer has no piece. The paper's are 0 where either text is blank.
"""

# pyright: basic
from __future__ import annotations

import contextlib
import warnings
from collections.abc import Generator
from functools import cache
from typing import Any

from ownwords.benchmarks._extra import require_packages

PACKAGES = ("sacrebleu", "rouge_score", "nltk", "rouge_chinese", "jieba")


def require_likeness(benchmark: str) -> None:
    """Refuse a benchmark with these measures where their packages are missing (RecipeError)."""
    require_packages(benchmark, PACKAGES)


def bleu4(answer: str, seed: str) -> float | None:
    """None where the seed's answer is blank."""
    if not seed.strip():
        return None
    return min(1.0, _sacrebleu().sentence_score(answer, [seed]).score / 100)  # rounding may give 100.00000000000004


def rouge_l(answer: str, seed: str) -> float | None:
    """None where the seed's answer has no Latin word and no number."""
    from rouge_score.tokenize import tokenize

    if not tokenize(seed, None):
        return None
    return float(_rouge_score().score(seed, answer)["rougeL"].fmeasure)


def bleu4_paper(answer: str, seed: str) -> float:
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    if not answer.strip() or not seed.strip():
        return 0.0
    value: Any = sentence_bleu([list(seed)], list(answer), smoothing_function=SmoothingFunction().method3)
    return float(value)


def rouge_l_paper(answer: str, seed: str) -> float:
    """The library's formula and sentences, but not its table of all pairs of words, which takes hundreds of bytes a
    pair: gigabytes for two answers of 3,000 words."""
    if not answer.strip() or not seed.strip():
        return 0.0
    found, wanted = _jieba_words(answer), _jieba_words(seed)
    common = common_subsequence(found, wanted)
    precision, recall = common / len(found), common / len(wanted)
    return 2 * precision * recall / (precision + recall + 1e-8)


def common_subsequence(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence, a row of the table at a time as the bits of one number (Hyyrö 2004).

    A bit is 0 where the row grows by one over the word to its left.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(first)) - 1
    row = full
    for word in second:
        matches = row & places.get(word, 0)
        row = (row + matches | row - matches) & full
    return len(first) - row.bit_count()


def _jieba_words(text: str) -> list[str]:
    """Words as rouge-chinese counts them: a line of nothing but blanks is one empty word."""
    words: list[str] = []
    for sentence in _rouge_chinese().cut_sent(" ".join(_jieba().cut(text))):
        if sentence:
            words += sentence.split() or [""]
    return words


@cache
def _sacrebleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True)


@cache
def _rouge_score() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"])


@cache
def _rouge_chinese() -> Any:
    with _about_old_code():
        from rouge_chinese import Rouge

    return Rouge()


@cache
def _jieba() -> Any:
    """jieba's own dictionary, read from the package.

    Its `initialize` would rather read `jieba.cache` in the temporary folder, where anyone may have put one, and logs.
    """
    with _about_old_code():
        import jieba

    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer


@contextlib.contextmanager
def _about_old_code() -> Generator[None]:
    """Without the warnings that importing these two gives: an old way to read a package's file, and strings like
    `\\?`, which Python complains about when it first compiles them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pkg_resources is deprecated")
        warnings.filterwarnings("ignore", "invalid escape sequence|.* is an invalid escape sequence")
        yield
