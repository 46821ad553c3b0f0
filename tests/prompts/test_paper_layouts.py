"""The paper's prompts and layouts, compared with its formulas to the letter."""

from __future__ import annotations

from typing import Any

import pytest
from prompt_families import CHATML, LLAMA3, load_tokenizer

from ownwords.prompts.render import load_layout, load_prompt
from ownwords.records import Example, Message
from ownwords.rendering import Given, prompt_ids, render_prompt, target_ids

X, Y, X0, Y0 = "Name a dish.", "Sweet and sour pork.", "Say hello.", "Hello!"

USING = (
    "Below are an instruction that describes a task along with a reference answer. "
    "Using the reference answer as a guide, write your own response."
)
REFER = (
    "Below are an instruction that describes a task along with a reference answer. "
    "Refer to the reference answer and write your own response."
)
MATH = (
    "You are an expert in math. Below are a math question and its reference answer. "
    "Refer to the reference answer and write a response that appropriately answers the question."
)
TRAIN = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
TRAIN_MATH = (
    "You are an expert in math. Below is a math question. Write a response that appropriately answers the question."
)
BOS, EOS = "<|begin_of_text|>", "<|eot_id|>"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(LLAMA3)


def rewriting(tokenizer: Any, prompt: str, layout: str, *messages: Message) -> str:
    rendered = load_prompt(prompt).render(Example("id", messages or (Message("user", X),), Y))
    return render_prompt(tokenizer, rendered.messages, rendered.prefill, Given(load_layout(layout)))


@pytest.mark.parametrize(("prompt", "system"), [("paper/using", USING), ("paper/refer", REFER)])
def test_rewriting_in_the_alpaca_layout(tokenizer: Any, prompt: str, system: str) -> None:
    assert rewriting(tokenizer, prompt, "paper/alpaca") == (
        f"{BOS}{system}\n\n### Instruction:\n{X}\n\n### Reference Answer:\n{Y}\n\n### Response:\n"
    )


def test_rewriting_in_the_gsm8k_layout_opens_the_answer(tokenizer: Any) -> None:
    assert rewriting(tokenizer, "paper/math", "paper/gsm8k") == (
        f"{BOS}<<SYS>>\n{MATH}\n<</SYS>>\n\n[INST] {X}\n\n{Y} [/INST] Great! Let's think step by step. "
    )


def test_earlier_turns_have_reference_blocks_of_their_own(tokenizer: Any) -> None:
    turns = (Message("user", X0), Message("assistant", Y0), Message("user", X))
    assert rewriting(tokenizer, "paper/using", "paper/alpaca", *turns) == (
        f"{BOS}{USING}\n\n### Instruction:\n{X0}\n\n### Reference Answer:\n{Y0}\n\n### Response:\n{Y0}{EOS}"
        f"\n\n{BOS}### Instruction:\n{X}\n\n### Reference Answer:\n{Y}\n\n### Response:\n"
    )


def test_own_system_prompt_comes_before_the_papers(tokenizer: Any) -> None:
    turns = (Message("system", "Be brief."), Message("user", X))
    assert rewriting(tokenizer, "paper/using", "paper/alpaca", *turns).startswith(
        f"{BOS}Be brief.\n\n{USING}\n\n### Instruction:\n{X}\n\n"
    )


TRAINING = [
    ("paper/alpaca", f"{BOS}{TRAIN}\n\n### Instruction:\n{X}\n\n### Response:\n"),
    ("paper/gsm8k", f"{BOS}<<SYS>>\n{TRAIN_MATH}\n<</SYS>>\n\n[INST] {X} [/INST]"),
]


@pytest.mark.parametrize(("layout", "prompt"), TRAINING)
def test_training_layout_is_prompt_answer_and_end_marker(tokenizer: Any, layout: str, prompt: str) -> None:
    messages = [Message("user", X)]
    assert render_prompt(tokenizer, messages, given=Given(load_layout(layout))) == prompt
    prompt_part, target = target_ids(tokenizer, messages, Y, Given(load_layout(layout)))
    assert tokenizer.decode(prompt_part) == prompt
    assert tokenizer.decode(target) == f"{Y}{EOS}"


@pytest.mark.parametrize(("layout", "prompt"), TRAINING)
def test_own_system_prompt_replaces_the_default(tokenizer: Any, layout: str, prompt: str) -> None:
    messages = [Message("system", "Be brief."), Message("user", X)]
    expected = prompt.replace(TRAIN, "Be brief.").replace(TRAIN_MATH, "Be brief.")
    assert render_prompt(tokenizer, messages, given=Given(load_layout(layout))) == expected


@pytest.mark.parametrize(
    ("layout", "later"),
    [
        ("paper/alpaca", f"\n\n{BOS}### Instruction:\n{X0}\n\n### Response:\n"),
        ("paper/gsm8k", f"{BOS}[INST] {X0} [/INST]"),
    ],
)
def test_later_turns_follow_without_the_system_text(tokenizer: Any, layout: str, later: str) -> None:
    messages = [Message("user", X), Message("assistant", Y), Message("user", X0)]
    first = dict(TRAINING)[layout]
    assert render_prompt(tokenizer, messages, given=Given(load_layout(layout))) == f"{first}{Y}{EOS}{later}"


@pytest.mark.parametrize(("layout", "prompt"), TRAINING)
def test_a_tokenizer_without_start_marker_gets_none(layout: str, prompt: str) -> None:
    tokenizer = load_tokenizer(CHATML)
    text = render_prompt(tokenizer, [Message("user", X)], given=Given(load_layout(layout)))
    assert text == prompt.removeprefix(BOS)


@pytest.mark.parametrize("layout", ["paper/alpaca", "paper/gsm8k"])
def test_start_marker_is_one_token_and_there_once(tokenizer: Any, layout: str) -> None:
    ids = prompt_ids(tokenizer, [Message("user", X)], given=Given(load_layout(layout)))
    assert ids.index(tokenizer.bos_token_id) == 0
    assert ids.count(tokenizer.bos_token_id) == 1


@pytest.mark.parametrize("layout", ["paper/alpaca", "paper/gsm8k"])
def test_what_a_tool_gave_back_is_a_turn_of_the_user(tokenizer: Any, layout: str) -> None:
    called = [Message("user", X), Message("assistant", Y)]
    given = Given(load_layout(layout))
    as_user = Message("user", "<tool_response>\n1\n</tool_response>")
    expected = render_prompt(tokenizer, [*called, as_user], given=given)
    assert render_prompt(tokenizer, [*called, Message("tool", "1")], given=given) == expected


@pytest.mark.parametrize("roles", [["user"], ["user", "assistant", "user"]])
def test_on_llama_3_the_papers_system_text_goes_through_the_models_own_template(
    tokenizer: Any, roles: list[str]
) -> None:
    turns = [
        Message("user" if role == "user" else "assistant", text) for role, text in zip(roles, (X, Y, X0), strict=False)
    ]
    given = Given(load_layout("paper/llama3"))
    own = render_prompt(tokenizer, [Message("system", TRAIN), *turns])
    assert own.startswith(BOS)
    assert own.count(TRAIN) == 1
    assert render_prompt(tokenizer, turns, given=given) == own
    assert render_prompt(tokenizer, [Message("system", TRAIN), *turns], given=given) == own


def test_on_llama_3_the_target_ends_with_the_turn_marker(tokenizer: Any) -> None:
    layout = Given(load_layout("paper/llama3"))
    with_system = [Message("system", TRAIN), Message("user", X)]
    assert target_ids(tokenizer, [Message("user", X)], Y, layout) == target_ids(tokenizer, with_system, Y, Given())
    assert tokenizer.decode(target_ids(tokenizer, [Message("user", X)], Y, layout)[1]) == f"{Y}{EOS}"
