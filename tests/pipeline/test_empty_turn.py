"""The empty user turn of a chat template: its beginning, its end, and templates that have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ownwords.errors import RecipeError
from ownwords.records import Completion
from ownwords.stages.empty_turn import EmptyTurn, empty_turn
from tests.tiny import CHATML

LLAMA = "{{ bos_token }}{% for m in messages %}[INST] {{ m['content'] }} [/INST]{% endfor %}"
TRIMMED = CHATML.replace("message['content']", "message['content'][:5]")
TWICE = "{% for m in messages %}user: {{ m['content'] }} (again: {{ m['content'] }})\n{% endfor %}"


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def with_template(tokenizer: Any, template: str) -> Any:
    tokenizer.chat_template = template
    return tokenizer


def test_a_turn_that_ends_with_a_stop_token_is_over_where_the_model_stops(tokenizer: Any) -> None:
    turn = empty_turn(with_template(tokenizer, CHATML), {tokenizer.eos_token_id})
    assert turn == EmptyTurn("<|im_start|>user\n", "")
    assert turn.words(Completion("1", " Why?\n", "stop")) == "Why?"
    assert turn.words(Completion("1", "Why is", "length")) is None


def test_a_turn_that_ends_with_text_is_cut_there(tokenizer: Any) -> None:
    turn = empty_turn(with_template(tokenizer, LLAMA), set())
    assert turn == EmptyTurn("[INST] ", "[/INST]")
    assert turn.words(Completion("1", "Why? [/INST] Because. [INST] And", "length")) == "Why?"
    assert turn.words(Completion("1", "Why", "length")) is None


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (TRIMMED, "once and as they are"),
        (TWICE, "once and as they are"),
        ("{{ messages[0]['content'] }}\nAnswer:", "nothing before a user's words"),
        ("Question: {{ messages[0]['content'] }}", "nothing after a user's words"),
        (CHATML, "which no answer stops at"),
    ],
)
def test_a_template_without_such_a_turn_is_refused(tokenizer: Any, template: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        empty_turn(with_template(tokenizer, template), set())


def test_a_bos_that_the_tokenizer_adds_itself_is_not_written_as_well(tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    bos = "<|endoftext|>"
    tokenizer.bos_token = bos
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, tokenizer.bos_token_id)]
    )
    turn = empty_turn(with_template(tokenizer, LLAMA), set())
    assert turn.opening == "[INST] "
