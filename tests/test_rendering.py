"""Messages to tokens on the one path."""

# pyright: basic
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ownwords import models, rendering
from ownwords.errors import ModelError
from ownwords.recipe import ModelSection
from ownwords.records import Message
from tests.tiny import CHATML, make_tiny_model

NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "<start_of_turn>{{ m.role }}\n{{ m.content }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
SILENT_SYSTEM = "{% for m in messages %}{% if m.role != 'system' %}[{{ m.content }}]{% endif %}{% endfor %}"
CHAT = [Message("system", "Be brief."), Message("user", "Hello")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def tokenizer(folder):
    return models.load_tokenizer(named(folder))


def named(name: object) -> models.Model:
    return models.resolve(ModelSection(name_or_path=str(name)))


def test_prompt_is_the_template_then_the_prefill(tokenizer):
    expected = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\nWell"
    assert rendering.render_prompt(tokenizer, CHAT, "Well") == expected
    assert tokenizer.decode(rendering.prompt_ids(tokenizer, CHAT, "Well")) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (NO_SYSTEM, "<start_of_turn>user\nBe brief.\n\nHello<end_of_turn>\n<start_of_turn>model\n"),
        (SILENT_SYSTEM, "[Be brief.\n\nHello]"),
    ],
)
def test_system_text_opens_the_first_user_turn_where_there_is_no_system_role(tokenizer, template, expected):
    assert rendering.render_prompt(tokenizer, CHAT, given=rendering.Given(template)) == expected
    assert "Be brief." in rendering.render_prompt(tokenizer, CHAT)


def test_bos_is_not_doubled(tmp_path):
    from tokenizers.processors import TemplateProcessing

    path = make_tiny_model(tmp_path / "model", chat_template="<|endoftext|>" + CHATML)
    tokenizer = models.load_tokenizer(named(path))
    bos = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|endoftext|> $A", pair="<|endoftext|> $A $B", special_tokens=[("<|endoftext|>", bos)]
    )
    assert rendering.prompt_ids(tokenizer, CHAT).count(bos) == 1
    assert rendering.raw_ids(tokenizer, "once")[0] == bos
    assert rendering.raw_target_ids(tokenizer, "", "once") == ([bos], rendering.raw_ids(tokenizer, "once")[1:])


def test_target_ids_are_what_trl_supervises(folder, tokenizer, tmp_path):
    import datasets
    import torch
    from trl import SFTConfig, SFTTrainer

    answer = {"role": "assistant", "content": "Hello to you"}
    row = {"prompt": [message.as_dict() for message in CHAT], "completion": [answer]}
    trainer = SFTTrainer(
        model=models.load_weights(named(folder), torch.float32, "cpu"),
        args=SFTConfig(output_dir=str(tmp_path), report_to=[], bf16=False, use_cpu=True),
        train_dataset=datasets.Dataset.from_list([row]),
        processing_class=tokenizer,
    )
    ids, labels = trainer.train_dataset[0]["input_ids"], trainer.train_dataset[0]["labels"]
    prompt, target = rendering.target_ids(tokenizer, CHAT, "Hello to you")
    assert prompt + target == ids
    assert [-100] * len(prompt) + target == labels
    assert tokenizer.decode(target) == "Hello to you<|im_end|>\n"


def test_prefill_belongs_to_the_prompt_of_a_target(tokenizer):
    prompt, target = rendering.target_ids(tokenizer, CHAT, "yes", prefill="Well, ")
    assert prompt == rendering.prompt_ids(tokenizer, CHAT, "Well, ")
    assert tokenizer.decode(target) == "yes<|im_end|>\n"


@given(text=st.text(max_size=20), target=st.text(max_size=20))
@settings(max_examples=50, deadline=None)
def test_raw_prompt_and_target_together_are_the_whole_text(tokenizer, text, target):
    prompt, targets = rendering.raw_target_ids(tokenizer, text, target)
    assert prompt
    assert prompt[0 if text else 1 :] + targets == rendering.raw_ids(tokenizer, text + target)


@pytest.mark.parametrize("template", ["{{ 1 // 0 }}", "{% include 'x' %}", "{{ messages[0].nope.nope }}"])
def test_a_template_that_fails_in_its_own_way_is_one_message(tmp_path: Path, template: str) -> None:
    found = models.resolve(ModelSection(name_or_path=str(make_tiny_model(tmp_path / "tiny"))))
    with pytest.raises(ModelError, match="the chat template that was set does not work"):
        models.load_tokenizer(found, template)
