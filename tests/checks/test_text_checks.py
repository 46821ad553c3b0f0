"""The checks of the text as text: empty, cut off, leaking the prompt, too short or long, looping."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.checks.base import find_check, require_params
from ownwords.checks.text import count_words
from ownwords.errors import RecipeError
from ownwords.prompts.render import load_prompt, prompt_names
from ownwords.records import Candidate, Example, Message, Verdict


def judge(
    name: str, text: str, *, reference: str = "The answer is 3.", prompt: str = "How many?", **given: Any
) -> Verdict:
    finish_reason, instruction = given.pop("finish_reason", None), given.pop("instruction", None)
    example = Example("id", (Message("user", prompt),), reference)
    return find_check(name)(example, Candidate(text, finish_reason, instruction), **given)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("\u200b\u00a0", "empty"),
        ("\u3164\u2800", "empty"),
        ("a", "ok"),
        ("42", "ok"),
        ("👍", "ok"),
        ("…", "ok"),
    ],
)
def test_empty_text(text: str, reason: str) -> None:
    assert judge("not_empty", text).reason == reason


@pytest.mark.parametrize(
    ("finish_reason", "reason", "detail"),
    [
        ("stop", "ok", ""),
        ("tool_calls", "ok", ""),
        ("STOP", "ok", ""),
        ("end_turn", "ok", ""),
        ("eos_token", "ok", ""),
        ("MAX_TOKENS", "cut_off", "it reached the token limit before its end"),
        ("length", "cut_off", "it reached the token limit before its end"),
        ("content_filter", "cut_off", "it ended early: content_filter"),
        (None, "ok", "the finish reason is not known"),
    ],
)
def test_finish_reason(finish_reason: str | None, reason: str, detail: str) -> None:
    verdict = judge("finished", "text", finish_reason=finish_reason)
    assert (verdict.passed, verdict.reason, verdict.detail) == (reason == "ok", reason, detail)


LEAKS = [
    "The answer is 3.\n\n### Response:\nThe answer is 3.",
    "3 [/INST] Great!",
    "<|im_start|>assistant\n3",
    "<start_of_turn>model 3",
    "As the reference answer says, it is 3.",
    "Below are an instruction that describes a task along with a reference. It is 3.",
    "You are an expert in math. Below are a math question. The answer is 3.",
]
ORDINARY = [
    "The answer is 3.",
    "Let's think step by step. First, 1 + 2 = 3. The answer is 3.",
    "Here is a step by step solution to the question: it is 3.",
    "In your own words, write a short response that appropriately answers the question.",
    "See the reference manual for the answer.",
    "Use <b>bold</b>, <s>strike</s> and [links]; ### Answer",
]


@pytest.mark.parametrize("text", LEAKS)
def test_leaks_are_found(text: str) -> None:
    assert judge("no_prompt_leak", text).reason == "prompt_leak"


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_answers_are_no_leaks(text: str) -> None:
    assert judge("no_prompt_leak", text).reason == "ok"


@pytest.mark.parametrize("text", LEAKS)
def test_what_the_user_wrote_is_no_leak(text: str) -> None:
    assert judge("no_prompt_leak", text, prompt=f"Correct this text: {text}").reason == "ok"
    assert judge("no_prompt_leak", text, reference=text).reason == "ok"


@pytest.mark.parametrize("name", prompt_names())
def test_every_shipped_prompt_is_recognised_without_being_named(name: str) -> None:
    instruction = load_prompt(name).instruction
    words = " ".join(instruction.split("---")[-1].split()[2:14])
    for known in (instruction, None):
        assert judge("no_prompt_leak", instruction.upper(), instruction=known).reason == "prompt_leak"
        assert judge("no_prompt_leak", words, instruction=known).reason == "prompt_leak"


def test_a_run_of_max_words_is_allowed_and_one_more_is_not() -> None:
    instruction = "one two three four five six seven eight nine ten"
    told = "Whoever counts aloud says One two, three four{} before the music stops playing"
    assert judge("no_prompt_leak", told.format(""), instruction=instruction, max_words=4).reason == "ok"
    verdict = judge("no_prompt_leak", told.format(" five"), instruction=instruction, max_words=4)
    assert verdict.detail == "it repeats words of the rewriting prompt: 'one two three four five'"


GENERAL = load_prompt("chat/general").instruction
USING = load_prompt("paper/using").instruction


@pytest.mark.parametrize(
    ("text", "instruction"),
    [  # as a small seed model wrote them
        ("Here is a good answer to the message:\n\nWorking from home has changed.", GENERAL),
        ("The answer to the message is: it depends on the weather in spring.", GENERAL),
        ("Mt. Whitney is the tallest.\n\nThe answer to the message above can be found by adding 1.", GENERAL),
        ("Your reference answer is perfect. I'll provide you with the list.", USING),
        ("The sentence is a clear example of a reference answer that is correct.", USING),
        ("In this task, you will be asked to write a response that includes the answer.", USING),
        # as larger ones do
        ("Here is my answer in my own words:\n\nIt rains in spring.", GENERAL),
        ("It rains in spring.\n\n(Every fact, name and number was kept.)", GENERAL),
    ],
)
def test_speaking_of_the_task_in_the_prompts_words_is_a_leak(text: str, instruction: str) -> None:
    assert judge("no_prompt_leak", text, instruction=instruction, reference="Yes.").reason == "prompt_leak"
    assert judge("no_prompt_leak", text, instruction=instruction, reference=text).reason == "ok"


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 42.",
        "Good question! Rain falls where warm air rises and cools.",
        "In other words, the number of facts about rain keeps growing.",
        "Write it down in your own notebook, then tell me how it went.",
        "I'd reply to the user of that account directly, but politely, and wait a week before doing more.",
    ],
)
def test_ordinary_sentences_are_no_leaks_of_a_known_prompt(text: str) -> None:
    for instruction in (GENERAL, USING):
        assert judge("no_prompt_leak", text, instruction=instruction).reason == "ok"


def test_an_answer_in_the_prompts_words_elsewhere_is_no_leak() -> None:
    middle = "First comes rain. Then comes sun. Keep every number of the message. Then wind blows. At last it snows."
    assert judge("no_prompt_leak", middle, instruction=GENERAL).reason == "ok"


@pytest.mark.slow
@pytest.mark.parametrize("name", prompt_names())
def test_real_answers_leak_no_prompt(name: str, shared_data: Path) -> None:
    instruction = load_prompt(name).instruction
    rows = json.loads((shared_data / "alpaca_train.json").read_text(encoding="utf-8"))[:1000]
    leaks = [
        row["output"] for row in rows if not judge("no_prompt_leak", row["output"], instruction=instruction).passed
    ]
    assert len(leaks) <= 3


def test_own_instruction_replaces_the_shipped_ones() -> None:
    assert judge("no_prompt_leak", LEAKS[-1], instruction="Say it in rhyme.").reason == "ok"


@pytest.mark.slow
def test_real_answers_neither_leak_nor_loop(shared_data: Path) -> None:
    rows = json.loads((shared_data / "dolly_train.json").read_text(encoding="utf-8"))
    for row in rows:
        assert judge("no_prompt_leak", row["output"]).reason == "ok"
        assert judge("no_repetition", row["output"]).reason == "ok"


@pytest.mark.parametrize(
    ("words", "reference_words", "reason"),
    [
        (99, 100, "ok"),
        (20, 100, "ok"),
        (19, 100, "too_short"),
        (500, 100, "ok"),
        (501, 100, "too_long"),
        (250, 1, "ok"),
        (251, 1, "too_long"),
        (0, 1, "too_short"),
    ],
)
def test_length_ratio(words: int, reference_words: int, reason: str) -> None:
    assert judge("length_ratio", "word " * words, reference="word " * reference_words).reason == reason


def test_length_ratio_takes_its_limits_and_counts_characters_of_unspaced_scripts() -> None:
    assert judge("length_ratio", "a b c", reference="a b", minimum=2).detail == "3 words, the reference has 2"
    assert judge("length_ratio", "word " * 51, reference="a", maximum=1).reason == "too_long"
    assert judge("length_ratio", "答案是三", reference="a b c d", minimum=1).reason == "ok"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Fine at first. " + "The answer is 3. " * 6, "repetition"),
        ("Fine at first. " + "The answer is 3. " * 6 + "The answer", "repetition"),
        ("Fine at first. " + "The answer is 3. " * 5, "ok"),
        ("It is " + "ha" * 101, "repetition"),
        ("| a | b |\n|" + "-" * 150, "ok"),
        ("The answer is 3. " * 6 + "But then it ends well, and with other words.", "ok"),
        ("No, no, no, no, no, no!", "ok"),
        (" ".join(str(n) for n in range(200)), "ok"),
        ("", "ok"),
    ],
)
def test_repetition(text: str, reason: str) -> None:
    assert judge("no_repetition", text).reason == reason


def test_a_loop_that_the_reference_has_too_is_wanted() -> None:
    lines = "I will not talk in class.\n" * 20
    assert judge("no_repetition", lines).reason == "repetition"
    assert judge("no_repetition", lines, reference=lines).reason == "ok"


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=6, max_size=30), st.integers(4, 9))
def test_any_unit_repeated_often_enough_is_a_loop(unit: list[str], repeats: int) -> None:
    assert judge("no_repetition", " ".join(["start", *unit * repeats])).reason == "repetition"


@pytest.mark.parametrize("name", ["no_prompt_leak", "length_ratio", "no_repetition", "not_empty"])
def test_a_megabyte_takes_seconds(name: str) -> None:
    start = time.process_time()
    for text in ("a" * 1_000_000, "ab " * 330_000, "[inst" * 200_000, "\n" * 1_000_000):
        judge(name, text, reference=text)
    assert time.process_time() - start < 30


def test_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="max_words"):
        require_params("no_prompt_leak", find_check("no_prompt_leak"), {"max_word": 3})


@given(st.text(st.characters(max_codepoint=127)))
def test_words_of_ascii_are_counted_as_those_of_any_text(text: str) -> None:
    assert count_words(text) == count_words(f"{text} é") - 1
