"""Likeness and style of answers: against numbers worked out by hand, and against the libraries themselves."""

# pyright: basic
from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from pathlib import Path

import pytest
from benchmark_cases import answer, context_of, settings_for
from hypothesis import given, settings
from hypothesis import strategies as st

from ownwords.benchmarks import _embedding, _extra, _likeness, _style, similarity
from ownwords.benchmarks.base import Item, SeedAnswer
from ownwords.errors import RecipeError

LIBRARIES = all(importlib.util.find_spec(name) for name in _likeness.PACKAGES)
needs_libraries = pytest.mark.skipif(not LIBRARIES, reason="needs the extra `eval`")

SEED = "the cat sat on the mat"
TEXTS = st.text(alphabet="abAB .,!?。？\n我们去12", max_size=60)


def precisions(answer_pieces: list[str], seed_pieces: list[str]) -> list[tuple[int, int]]:
    """Clipped matches and number of n-grams, for n from 1 to 4 (Papineni et al. 2002, section 2.1)."""
    found: list[tuple[int, int]] = []
    for n in range(1, 5):
        own, other = (
            [tuple(pieces[at : at + n]) for at in range(len(pieces) - n + 1)] for pieces in (answer_pieces, seed_pieces)
        )
        found.append((sum(min(own.count(gram), other.count(gram)) for gram in set(own)), len(own)))
    return found


def brevity(found: int, wanted: int) -> float:
    return 1.0 if found > wanted else math.exp(1 - wanted / found)


def longest_common(first: list[str], second: list[str]) -> int:
    """By the textbook's table."""
    row = [0] * (len(second) + 1)
    for word in first:
        left = row[:]
        for at, other in enumerate(second, 1):
            row[at] = left[at - 1] + 1 if word == other else max(left[at], row[at - 1])
    return row[-1]


# --- BLEU-4 ------------------------------------------------------------------------------------------------------


@needs_libraries
def test_bleu_of_words_is_the_geometric_mean_of_precisions_times_brevity() -> None:
    text = "the cat sat on a mat"  # 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 fours; as long as the seed's
    assert _likeness.bleu4(text, SEED) == pytest.approx((5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    short = "the cat sat on"  # everything right, a third too short
    assert _likeness.bleu4(short, SEED) == pytest.approx(math.exp(1 - 6 / 4))


@needs_libraries
def test_bleu_of_words_smooths_an_order_without_a_match_and_drops_those_that_are_too_long() -> None:
    text = "the cat ran to the mat"  # 4 of 6, 2 of 5 (the cat, the mat), then none of 4 and none of 3: 1/2 and 1/4
    assert _likeness.bleu4(text, SEED) == pytest.approx((4 / 6 * 2 / 5 * (0.5 / 4) * (0.25 / 3)) ** 0.25)
    assert _likeness.bleu4("Yes .", "Yes .") == 1.0  # two words have no triples


@needs_libraries
def test_bleu_of_characters_is_the_papers() -> None:
    text, seed = "abcde", "abcdx"  # 4/5, 3/4, 2/3, 1/2
    assert _likeness.bleu4_paper(text, seed) == pytest.approx((4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    # method 3: the first order without a match counts as 1/2 of a match, the second as 1/4
    assert _likeness.bleu4_paper("abxxab", "abcd") == pytest.approx((2 / 6 * 1 / 5 * (0.5 / 4) * (0.25 / 3)) ** 0.25)
    assert _likeness.bleu4_paper("ab", "ab") == pytest.approx((1 * 1 * 0.5 * 0.25) ** 0.25)  # 1 where there are none
    assert _likeness.bleu4_paper("wxyz", "abcd") == _likeness.bleu4_paper("", "abcd") == 0.0


@needs_libraries
@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS)
def test_bleu_of_characters_follows_the_formula(text: str, seed: str) -> None:
    if not text.strip() or not seed.strip():
        assert _likeness.bleu4_paper(text, seed) == 0.0
        return
    values: list[float] = []
    for matches, count in precisions(list(text), list(seed)):
        zeros = sum(value < 0 for value in values)
        values.append(matches / count if matches else -(0.5 ** (zeros + 1)) / max(count, 1))
    expected = brevity(len(text), len(seed)) * math.prod(map(abs, values)) ** 0.25 if values[0] > 0 else 0.0
    assert _likeness.bleu4_paper(text, seed) == pytest.approx(expected, abs=1e-9)


# --- ROUGE-L -----------------------------------------------------------------------------------------------------


@needs_libraries
def test_rouge_l_is_f1_of_the_longest_common_subsequence() -> None:
    assert _likeness.rouge_l("The cat is on a mat!", SEED) == pytest.approx(4 / 6)  # the cat on mat, of 6 and of 6
    assert _likeness.rouge_l("the mat", SEED) == pytest.approx(2 * 1 * (2 / 6) / (1 + 2 / 6))
    assert _likeness.rouge_l("", SEED) == 0.0


@pytest.mark.slow
@needs_libraries
def test_rouge_l_of_the_paper_counts_signs_as_words() -> None:
    text, seed = "Yes, a cat.", "Yes, the cat."  # Yes , ∅ cat . with the blanks gone: 4 of 5 and of 5
    assert _likeness.rouge_l_paper(text, seed) == pytest.approx(4 / 5)
    assert _likeness.rouge_l_paper("我们去", "我们来") == pytest.approx(1 / 2)  # two words each
    assert _likeness.rouge_l_paper(" ", seed) == 0.0


@pytest.mark.slow
@needs_libraries
@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS)
def test_rouge_l_of_the_paper_is_what_rouge_chinese_gives(text: str, seed: str) -> None:
    if not text.strip() or not seed.strip():
        assert _likeness.rouge_l_paper(text, seed) == 0.0
        return
    cut = _likeness._jieba().cut
    (scores,) = _likeness._rouge_chinese().get_scores(" ".join(cut(text)), " ".join(cut(seed)))
    assert _likeness.rouge_l_paper(text, seed) == pytest.approx(scores["rouge-l"]["f"], abs=1e-12)


@given(st.lists(st.sampled_from("abcd"), max_size=80), st.lists(st.sampled_from("abcd"), max_size=80))
def test_the_longest_common_subsequence_is_the_tables(first: list[str], second: list[str]) -> None:
    assert _likeness.common_subsequence(first, second) == longest_common(first, second)


@needs_libraries
def test_a_seeds_answer_without_pieces_has_no_ordinary_likeness() -> None:
    assert _likeness.bleu4("Hello.", " ") is None
    assert _likeness.rouge_l("Hello.", "我们去") is None
    assert _likeness.rouge_l_paper("我们去", "我们去") == pytest.approx(1.0)


@needs_libraries
def test_the_same_text_is_alike_in_every_measure() -> None:
    text = "Here are two:\n\n- Al Pacino, who began with plays\n- Meryl Streep"
    for measure in (_likeness.bleu4, _likeness.rouge_l, _likeness.bleu4_paper, _likeness.rouge_l_paper):
        assert measure(text, text) == pytest.approx(1.0, abs=1e-7)
        assert (measure(text, text) or 0) <= 1.0


@needs_libraries
def test_long_answers_need_little_time_and_memory() -> None:
    text, seed = ("word " * 4_000, "other word " * 2_000)
    assert _likeness.rouge_l_paper(text, seed) == pytest.approx(0.5)


@pytest.mark.slow
@needs_libraries
def test_jieba_neither_reads_nor_writes_a_cache_and_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "jieba.cache").write_bytes(b"not marshalled")
    program = (
        "import tempfile, warnings; warnings.simplefilter('error')\n"
        "from ownwords.benchmarks._likeness import rouge_l_paper\n"
        "print(rouge_l_paper('我们去', '我们去') > 0.99)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path), "TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["jieba.cache"]
    assert (tmp_path / "jieba.cache").read_bytes() == b"not marshalled"


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> object | None:
        return None if name == "rouge_chinese" else object()

    monkeypatch.setattr(_extra.importlib.util, "find_spec", find)
    with pytest.raises(
        RecipeError, match=r"similarity needs the package rouge_chinese: pip install 'ownwords\[eval\]'"
    ):
        similarity.load(settings_for("similarity"), context_of())
    monkeypatch.setattr(_extra.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RecipeError, match="needs the package sentence_transformers"):
        _embedding.require_encoder("similarity")


# --- style -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [("It's 3.5 o’clock, snake_case!", 6), ("我们去 now", 4), ("", 0), ("--- *** 🙂", 0), ("naïve Ünïcode", 2)],
)
def test_words_are_runs_of_letters_and_digits(text: str, count: int) -> None:
    assert len(_style.words(text)) == count


def test_the_log_ratio_of_lengths_is_zero_for_as_many_words_and_turns_sign_with_the_sides() -> None:
    assert _style.length_log_ratio("one two three", "a b c") == 0.0
    assert _style.length_log_ratio("a", "a b c") == pytest.approx(math.log(2 / 4))
    assert _style.length_log_ratio("a b c", "a") == pytest.approx(math.log(4 / 2))
    assert _style.length_log_ratio("", "") == 0.0


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("One two. Three four five six!", 3.0),
        ("Pi is 3.14 and more", 6.0),  # a point within a number ends nothing; 3 and 14 are two words
        ("我们去。好？", 2.0),
        ("- one\n- two three\n\n***", 1.5),
        ("...", None),
    ],
)
def test_the_length_of_sentences_is_their_mean_in_words(text: str, length: float | None) -> None:
    assert _style.sentence_length(text) == length


@pytest.mark.parametrize(
    ("text", "laid_out"),
    [
        ("Here:\n- one\n- two", True),
        ("1. one", True),
        ("## Title", True),
        ("a **bold** word", True),
        ("```python\nx\n```", True),
        ("| a | b |\n|---|---|", True),
        ("Plain - with a dash, 2 * 3 ** 4 and a #tag.", False),
        ("The year\n2024.5 was", False),
        ("", False),
    ],
)
def test_markdown_is_seen_and_plain_text_is_not(text: str, laid_out: bool) -> None:
    assert _style.has_markdown(text) is laid_out


def test_an_opening_is_the_first_three_words() -> None:
    assert _style.same_opening("Sure, here is one", "sure! Here is another")
    assert not _style.same_opening("Sure, here are two", "Sure, here is one")
    assert not _style.same_opening("Yes", "Yes it is")


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_any_text_has_marks_of_style(text: str) -> None:
    length = _style.sentence_length(text)
    assert (length is None) == (not _style.words(text))
    assert _style.has_markdown(text) in (True, False)
    assert _style.same_opening(text, text)


# --- the benchmark -----------------------------------------------------------------------------------------------


@needs_libraries
def test_every_metric_reads_the_answer_and_the_seeds() -> None:
    item = Item("id", "How are you?", SeedAnswer("I am fine, thank you. And you?", True))
    found = {metric.name: metric.score(item, [answer("I am fine.")]) for metric in similarity.BENCHMARK.more}
    assert (found["words"], found["same_opening"], found["markdown"]) == (3, 1, 0)
    assert found["length_log_ratio"] == pytest.approx(math.log(4 / 8))
    assert found["sentence_length"] == 3
    assert all(0 < (found[name] or 0) < 1 for name in ("bleu4", "rouge_l", "bleu4_paper", "rouge_l_paper"))


def test_no_direction_is_better_for_length_and_layout() -> None:
    neither = {metric.name for metric in similarity.BENCHMARK.metrics if metric.higher_is_better is None}
    assert neither == {"words", "length_log_ratio", "sentence_length", "markdown"}
