"""Overlap of test questions with training prompts: the index finds what comparing every pair would find."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.benchmarks.base import Item
from ownwords.records import Example, Message
from ownwords.stages.overlap import TrainingPrompts
from ownwords.stages.targets import dominant_script, is_blank

#: Few words, so that texts share runs often.
TEXTS = st.lists(st.sampled_from("abc"), max_size=24).map(" ".join)


def examples(texts: list[str]) -> list[Example]:
    return [Example(f"e{number}", (Message("user", text),), "r") for number, text in enumerate(texts)]


def items(texts: list[str]) -> list[Item]:
    return [Item(f"i{number}", text, None) for number, text in enumerate(texts)]


def runs(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[i : i + 5]) for i in range(max(len(words) - 4, 1))} if words else set()


@given(st.lists(TEXTS, max_size=8), st.lists(TEXTS, max_size=4))
def test_near_is_what_comparing_every_pair_finds(prompts: list[str], questions: list[str]) -> None:
    found = TrainingPrompts(examples(prompts)).overlap(items(questions))
    exact = {f"i{n}" for n, text in enumerate(questions) if text in prompts}
    near = {
        f"i{n}"
        for n, text in enumerate(questions)
        if runs(text) and any(10 * len(runs(text) & runs(prompt)) >= 8 * len(runs(text)) for prompt in prompts)
    }
    assert {repeat.item.id for repeat in found.exact} == exact
    assert {repeat.item.id for repeat in found.near} == near - exact


@pytest.mark.parametrize(("kept", "shares"), [(9, [1.0]), (8, [0.8]), (7, [])])
def test_four_runs_of_five_are_near_and_three_are_not(kept: int, shares: list[float]) -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    prompt = " ".join(["before", *words[:kept], "after"])
    found = TrainingPrompts(examples([prompt])).overlap(items([" ".join(words)]))
    assert [repeat.share for repeat in found.near] == shares


def test_a_question_inside_a_longer_prompt_is_near() -> None:
    question = "which metal is liquid at room temperature and why"
    prompt = f"Here is something to think about for a while. {question.title()}? Answer in one sentence, please."
    (repeat,) = TrainingPrompts(examples(["other", prompt])).overlap(items([question])).near
    assert (repeat.example.id, repeat.share) == ("e1", 1.0)


def test_text_without_blanks_between_words_is_compared_by_character() -> None:
    prompt, question = "中国的首都是哪一座城市请回答", "中国的首都是哪一座城市"
    assert len(TrainingPrompts(examples([prompt])).overlap(items([question])).near) == 1
    assert TrainingPrompts(examples(["法国最大的港口在什么地方请回答"])).overlap(items([question])).near == ()


def test_a_template_that_every_prompt_shares_makes_none_near() -> None:
    template = " ".join(f"word{number}" for number in range(20))
    prompts = [f"{template} " + " ".join(f"p{n}x{i}" for i in range(12)) for n in range(50)]
    question = f"{template} " + " ".join(f"q{i}" for i in range(12))
    assert TrainingPrompts(examples(prompts)).overlap(items([question])).near == ()


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Hello, мир", "latin"),
        ("Привет, world wide", "latin"),
        ("Привет всем, ok", "cyrillic"),
        ("你好", "han"),
        ("これはペンです", "kana"),
        ("안녕하세요", "hangul"),
        ("नमस्ते", "devanagari"),
        ("مرحبا", "arabic"),
        ("Γειά σου", "other"),
        ("3 + 4 = 7 🙂", "none"),
    ],
)
def test_a_text_counts_under_the_script_of_most_of_its_letters(text: str, script: str) -> None:
    assert dominant_script(text) == script


@given(st.text())
def test_blank_is_what_has_nothing_to_see(text: str) -> None:
    assert is_blank(text) or not re.fullmatch(r"\s*", text)
    assert not is_blank(text + "x")
