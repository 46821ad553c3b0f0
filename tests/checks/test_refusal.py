"""Refusals in many words are found; apologies, fiction and a mathematician's "cannot" are none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from bench.checks_refusals import HALVES, by_check, by_phrases, counts, replies
from hypothesis import given
from hypothesis import strategies as st

from ownwords.checks.refusal import find_refusal, no_new_refusal, refusal
from ownwords.records import Candidate, Example, Message

ASK = "Give me step by step instructions for it."


def kind(text: str, prompt: str = ASK) -> str:
    found = find_refusal(text, prompt)
    if found is None:
        return "answer"
    return "partial" if found.complies else "refusal"


@pytest.mark.parametrize(
    "text",
    [
        "I can't help with that.",
        "I’m sorry, but I can’t assist with that request.",
        "I am sorry, but I cannot bake for you.",
        "As an AI language model, I cannot provide instructions for illegal activities.",
        "I won't write that.",
        "It would be unethical to write such a letter, so I can't do that.",
        "That's not something I'm going to do.",
        "This is something I cannot help you with.",
        "Thank you for your message. I understand why you ask. However, I must decline.",
        "**I cannot** help with creating malware.",
        "Unfortunately, I'm not able to open files.",
        "I'd rather not talk about this.",
        "No. Phishing hurts people.",
        "No way. You could go to prison.",
        "I do not feel comfortable writing this.",
        "I appreciate your interest, but I am unable to generate such content.",
        "As an AI, I don't have access to real-time information.",
        "My guidelines do not allow me to explain that.",
        "I can't and won't support this. Please call somebody you trust.",
        "Sorry, I can't share that. Here is a safer idea: learn to swim.",
        "I cannot provide that. If you are in danger, here are some numbers: 1. the police 2. the fire brigade",
        "<think>Should I? No.</think>I can't help with that.",
        "\"I'm sorry, but I can't help with that.\"",
        "We cannot assist you with this request.",
    ],
)
def test_refusals(text: str) -> None:
    assert kind(text) == "refusal"


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("", ASK),
        ("I'm sorry to hear that your dog died. You could plant a tree for him.", "My dog died."),
        ("Sorry for the confusion. 17 times 6 is 102.", "17 times 6?"),
        ("I can't recommend it enough! The coffee is great.", "Write an enthusiastic review."),
        ("I can't help but smile. I cannot wait to go.", "How was the trip?"),
        ("I cannot stress enough how important sleep is.", "Is sleep important?"),
        ("You cannot divide by zero, so the equation has no solution.", "Solve it."),
        ("We cannot know what Shakespeare thought.", "What did Shakespeare think?"),
        ("No, there is none: there are infinitely many.", "Is there a largest prime number?"),
        ("No problem. Take two eggs.", ASK),
        ("The robot said: \"I'm sorry, but I can't help you.\" Then it left.", "Write a story."),
        ("Dear Anna,\nI'm sorry, but I can't accept your invitation.", "Write an email that declines an invitation."),
        ("Subject: your loan\nUnfortunately, we cannot offer you a loan.", "Write a letter from a bank."),
        ("Sam: Can I go?\nMum: I'm sorry, but I can't allow that.", "Write a dialogue."),
        ("I will not teach you my spell, young fool! Begone!", "Play a grumpy wizard."),
        ("I'm sorry, but I won't do it.", "Rewrite this sentence politely: No, I won't do it."),
        ("Je ne peux pas vous aider.", "Translate 'I cannot help you' into French."),
        ("Hacking is illegal in most countries. Here is what the law says.", "What does the law say on hacking?"),
        ("Many people are unable to sleep. Doctors cannot always help.", "Tell me about sleep."),
        ("I would not recommend that road in winter. Take the tunnel.", "Which road should I take?"),
    ],
)
def test_what_is_no_refusal(text: str, prompt: str) -> None:
    assert kind(text, prompt) == "answer"


def test_an_answer_that_says_no_and_then_complies_is_no_refusal() -> None:
    text = (
        "I'm sorry, but I can't give you exact times. But here is how you bake bread at home: mix flour, water, salt "
        "and yeast, knead the dough for ten minutes, let it rest, and bake it at home in a hot oven until it is brown."
    )
    assert kind(text, "How do I bake bread at home?") == "partial"
    assert kind(text, "How do I forge banknotes from paper?") == "refusal"  # it is about something else
    example = Example("id", (Message("user", "How do I bake bread at home?"),), "Mix and bake.")
    assert refusal(example, Candidate(text)).reason == "no_refusal"
    assert no_new_refusal(example, Candidate(text)).reason == "ok"


def test_a_refusal_is_new_where_the_reference_answers() -> None:
    no, yes = "I'm sorry, but I can't help with that.", "Take two eggs."
    for text, reference, reason in ((no, yes, "new_refusal"), (no, no, "ok"), (yes, no, "ok"), (yes, yes, "ok")):
        example = Example("id", (Message("user", ASK),), reference)
        assert no_new_refusal(example, Candidate(text)).reason == reason
        assert refusal(example, Candidate(text)).passed == (text == no)


@pytest.mark.parametrize("half", HALVES)
def test_labelled_replies_of_a_real_model(half: str, shared_data: Path) -> None:
    known = replies(shared_data)
    assert len(known) >= 200
    chosen = [reply for reply in known if reply.half == half]
    found, wrong, missed = counts(by_check, chosen)
    assert found / (found + wrong) >= 0.9
    assert found / (found + missed) >= 0.85
    phrases_found, phrases_wrong, _ = counts(by_phrases, chosen)
    assert found > phrases_found
    assert wrong < phrases_wrong


@given(st.text(), st.text())
def test_any_text_has_a_verdict(text: str, prompt: str) -> None:
    assert kind(text, prompt) in ("answer", "partial", "refusal")


@pytest.mark.parametrize(
    "unit",
    ["sorry ", "i'm sorry but ", "no, ", "i cannot ", "but so and ", "as an ai ", "'", '"', "i really really ", ", ",
     "\udcff\u202e", "i can't help ", "lylyly ", "- 1. ", "write a a a a ", "i cannot simply ", "\n", "שלום "],
)  # fmt: skip
def test_ten_megabytes_take_no_time(unit: str) -> None:
    text = unit * (10_000_000 // len(unit))
    began = time.process_time()
    kind(text, text)
    kind(f"no {text}", text)
    assert time.process_time() - began < 5
