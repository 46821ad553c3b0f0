"""A rewrite in another language is found, one in the same language never is: on our own texts and on real answers."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.checks.language_cases import ANSWERS

from ownwords.checks._scripts import script_counts
from ownwords.checks.language import same_language
from ownwords.records import Candidate, Example, Message

PAIRS = [(one, other) for one in ANSWERS for other in ANSWERS if one != other]


def reason(text: str, reference: str) -> str:
    return same_language(Example("id", (Message("user", "?"),), reference), Candidate(text)).reason


@pytest.mark.slow
@pytest.mark.parametrize("language", ANSWERS)
def test_the_same_language_passes(language: str) -> None:
    bread, bicycle = ANSWERS[language]
    for text, reference in ((bread, bicycle), (bicycle, bread), (bread, bicycle[:60]), (bread[:60], bicycle)):
        assert reason(text, reference) == "ok"


@pytest.mark.slow
def test_another_language_is_found_where_the_texts_have_a_hundred_words_or_are_no_relatives() -> None:
    texts = {language: " ".join(answers) for language, answers in ANSWERS.items()}
    missed = [pair for pair in PAIRS if reason(texts[pair[0]], texts[pair[1]]) == "ok"]
    assert missed == []
    short = [pair for pair in PAIRS if reason(ANSWERS[pair[0]][0], ANSWERS[pair[1]][1]) == "ok"]
    assert {frozenset(pair) for pair in short} <= {
        frozenset(pair)
        for pair in [
            ("Spanish", "Portuguese"),
            ("Swedish", "Danish"),
            ("Russian", "Ukrainian"),
            ("Bulgarian", "Russian"),
        ]
    }


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("Привет, как у тебя дела?", "Hello, how are you doing?", "other_language"),
        ("你好，你今天好吗？", "Hello, how are you doing?", "other_language"),
        ("Hello, how are you doing?", "こんにちは、お元気ですか。", "other_language"),
        ("東京都", "東京とはどこですか。", "ok"),  # too short to tell Chinese from Japanese
        ("Hola, ¿qué tal?", "Olá, tudo bem?", "ok"),  # short
        ("42", "Сорок два", "ok"),
        ("", "Hello, how are you doing?", "ok"),
        ("print('hello')", "Это просто программа", "ok"),
        ("```python\nfor item in items:\n    print(item)\n```", "Вот программа на языке Python.", "ok"),
        ("The word Schadenfreude is German, and kindergarten too.", "It comes from the German Schadenfreude.", "ok"),
        ("Use https://example.org/bonjour-tout-le-monde for it.", "Rien.", "ok"),
        ("<think>Let me think about it in English first.</think>Да, конечно, это так.", "Конечно, это правда.", "ok"),
        ("שלום, מה שלומך היום?", "مرحبا، كيف حالك اليوم؟", "other_language"),
        ("\udcff" * 100, "Hello, how are you doing?", "ok"),
    ],
)
def test_scripts_and_short_texts(text: str, reference: str, expected: str) -> None:
    assert reason(text, reference) == expected
    assert reason(reference, text) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alpaca_train.json", "dolly_train.json", "lima_train.json"])
def test_halves_of_real_answers_are_in_one_language(name: str, shared_data: Path) -> None:
    rows = json.loads((shared_data / name).read_text(encoding="utf-8"))[:1000]
    texts = [row["output"] for row in rows]
    alarms = [text for text in texts if reason(text[: len(text) // 2], text[len(text) // 2 :]) != "ok"]
    assert len(alarms) < 0.005 * len(texts)


@given(st.text(st.characters(max_codepoint=127)))
def test_letters_of_ascii_are_counted_as_those_of_any_text(text: str) -> None:
    assert script_counts(text)["latin"] == script_counts(f"{text}é")["latin"] - 1


@given(st.text(), st.text())
def test_any_two_texts_have_a_verdict_whichever_comes_first(one: str, other: str) -> None:
    assert reason(one, other) == reason(other, one)


@pytest.mark.parametrize("unit", ["a", "ab ", "$", "`", "<", "```", "\udcff\u202e", "語", "שלום "])
def test_ten_megabytes_take_no_time(unit: str) -> None:
    began = time.process_time()
    reason(unit * (10_000_000 // len(unit)), "Hello, how are you doing?")
    assert time.process_time() - began < 5
