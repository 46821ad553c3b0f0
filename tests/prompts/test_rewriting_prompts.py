"""Rewriting prompts as files: what they ask, and what a wrong one is told."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ownwords.errors import RecipeError
from ownwords.prompts.render import load_layout, load_prompt, prompt_names
from ownwords.records import Example, Message

ROW = Example("id", (Message("user", "Why?"),), "Because.")
TALK = (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Why?"))


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.jinja"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_shipped_names() -> None:
    assert prompt_names() == [
        *("chat/code", "chat/general", "chat/math", "chat/tools"),
        *("paper/math", "paper/refer", "paper/using"),
    ]


@pytest.mark.parametrize("name", prompt_names())
def test_every_prompt_has_a_one_line_description_and_a_hash_of_its_text(name: str) -> None:
    prompt = load_prompt(name)
    assert prompt.description.endswith((".", ").")) and "\n" not in prompt.description
    assert prompt.hash == hashlib.sha256(prompt.text.encode()).hexdigest()[:16]
    assert prompt.description not in prompt.instruction


@pytest.mark.parametrize("name", ["chat/general", "chat/math", "chat/tools", "chat/code"])
def test_chat_prompts_touch_nothing_but_the_last_user_turn(name: str) -> None:
    rendered = load_prompt(name).render(Example("id", TALK, "Because."))
    assert rendered.messages[:-1] == TALK[:-1]
    assert rendered.messages[-1].role == "user"
    assert rendered.messages[-1].content.startswith("Why?\n\n")
    assert rendered.messages[-1].content.count("Because.") == 1
    assert rendered.prefill == ""


def test_paper_prompts_replace_the_system_message_and_keep_its_text() -> None:
    rendered = load_prompt("paper/math").render(Example("id", TALK, "Because."))
    assert [message.role for message in rendered.messages] == ["system", "user", "assistant", "user"]
    assert rendered.messages[0].content.startswith("Be brief.\n\nYou are an expert in math. ")
    assert rendered.messages[1:3] == TALK[1:3]
    assert rendered.messages[3].content == "Why?\n\nBecause."
    assert rendered.prefill == " Great! Let's think step by step. "


@pytest.mark.slow
@given(st.text(max_size=50), st.text(max_size=50))
def test_rows_pass_through_untouched(user: str, reference: str) -> None:
    rendered = load_prompt("paper/using").render(Example("id", (Message("user", user),), reference))
    assert rendered.messages[1].content == f"{user}\n\n### Reference Answer:\n{reference}"


def test_instruction_is_the_prompts_own_words() -> None:
    assert load_prompt("paper/math").instruction == (
        "You are an expert in math. Below are a math question and its reference answer. Refer to the reference answer "
        "and write a response that appropriately answers the question.\nGreat! Let's think step by step."
    )


def test_a_file_of_the_users_own(tmp_path: Path) -> None:
    text = "{#- Mine. More. #}\n{% block user %}\n{{ prompt }} / {{ reference }} / {{ system }}!\n{%- endblock %}"
    prompt = load_prompt(write(tmp_path, text))
    assert (prompt.description, prompt.instruction) == ("Mine. More.", "/  / !")
    assert prompt.render(ROW).messages == (Message("user", "Why? / Because. / !"),)


def test_a_file_without_comment_has_no_description(tmp_path: Path) -> None:
    assert load_prompt(write(tmp_path, "{% block user %}{{ reference }}{% endblock %}")).description == ""


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("{% block user %}\n{{ prompt }", 2, "unexpected '}'"),
        ("{% block user %}\n{{ prompt }}", 2, "Unexpected end of template"),
        ("{% block user %}\n\n{{ promt }}{% endblock %}", 3, "no variable named 'promt'. Did you mean 'prompt'?"),
        ("{% block system %}x{% endblock %}", 1, "no block `user`"),
        ("\n{% block usr %}{% endblock %}", 2, "no block named 'usr'. Did you mean 'user'?"),
        ("{% block user %}\n{{ prompt.a.b }}{% endblock %}", 2, "no attribute 'a'"),
        ("{% block user %}\n{{ prompt.__class__.__mro__ }}{% endblock %}", 2, "is unsafe"),
        ("{% block user %}\n\n{{ 1 / 0 }}{% endblock %}", 3, "division by zero"),
        ("{% block user %}{% for _ in range(10 ** 9) %}x{% endfor %}{% endblock %}", 1, "Range too big"),
        ("{% block user %}{% include 'a' %}{% endblock %}", 1, "loads no other"),
        ("\n{% extends 'a' %}{% block user %}{{ reference }}{% endblock %}", 2, "loads no other"),
        ("{% import 'a' as a %}{% block user %}{{ reference }}{% endblock %}", 1, "loads no other"),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    name = write(tmp_path, text)
    with pytest.raises(RecipeError) as error:
        load_prompt(name)
    assert str(error.value).startswith(f"rewriting prompt {name}, line {line}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{% block user %}{% endblock %}{% block system %}{{ reference }}{% endblock %}", "`user` is empty"),
        ("{% block user %}Answer: {{ prompt }}{% endblock %}", "no block shows {{ reference }}"),
    ],
)
def test_a_prompt_that_shows_nothing_to_rewrite_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        load_prompt(write(tmp_path, text))
    assert message in str(error.value)


def test_a_template_that_fails_on_one_row_names_the_row(tmp_path: Path) -> None:
    prompt = load_prompt(
        write(tmp_path, "{% block user %}{{ reference }}{{ 1 / (4 - prompt | length) }}{% endblock %}")
    )
    with pytest.raises(RecipeError, match=r"line 1: the block user fails for the row data\.json, row 7: ZeroDivision"):
        prompt.render(Example("id", ROW.messages, "Because.", origin="data.json, row 7"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("chat/maths", "no rewriting prompt named 'chat/maths'. Did you mean 'chat/math' or 'chat/tools'?"),
        ("layouts/paper/alpaca", "no rewriting prompt named 'layouts/paper/alpaca'"),
        ("nowhere.jinja", "cannot read the rewriting prompt file nowhere.jinja"),
    ],
)
def test_an_unknown_prompt_is_refused(name: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        load_prompt(name)
    assert message in str(error.value)


def test_a_layout_of_the_users_own_may_use_what_chat_templates_use(tmp_path: Path) -> None:
    text = "{% for m in messages %}{% generation %}{{ m }}{% endgeneration %}{% break %}{% endfor %}"
    assert load_layout(write(tmp_path, text)) == text


def test_a_wrong_layout_is_refused_with_file_and_line(tmp_path: Path) -> None:
    name = write(tmp_path, "\n{% for m in %}")
    with pytest.raises(RecipeError) as error:
        load_layout(name)
    assert str(error.value).startswith(f"layout {name}, line 2: ")
    with pytest.raises(RecipeError, match="no layout named 'paper/alpac'"):
        load_layout("paper/alpac")
