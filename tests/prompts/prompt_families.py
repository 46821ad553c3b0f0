"""Six small chat-model families: for each a byte-level BPE tokenizer with its special tokens, and its chat template.

`make_tokenizers` trains them anew, always to the same result; the files in `tokenizers/` are what it made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
TOKENIZERS = FOLDER / "tokenizers"

SENTENCES = [
    "Below are an instruction that describes a task along with a reference answer.",
    "Refer to the reference answer and write your own response that appropriately answers the question.",
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May.",
    "You are an expert in math. Great! Let's think step by step. The answer is 72.",
    "Reply to the user directly, in your own words, and keep every fact, name and number.",
    "### Instruction:\nName a dish.\n\n### Response:\nSweet and sour pork is a dish.",
]


@dataclass(frozen=True, slots=True)
class Family:
    """`bos` is None where the family has no start marker."""

    name: str
    bos: str | None
    eos: str
    special_tokens: tuple[str, ...]
    chat_template: str


CHATML = Family(
    name="chatml",
    bos=None,
    eos="<|im_end|>",
    special_tokens=("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    chat_template=(
        "{% for message in messages %}"
        "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
)
LLAMA3 = Family(
    name="llama3",
    bos="<|begin_of_text|>",
    eos="<|eot_id|>",
    special_tokens=("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    chat_template=(
        "{{ bos_token }}"
        "{% for message in messages %}"
        "{% set role = 'ipython' if message['role'] == 'tool' else message['role'] %}"
        "{{ '<|start_header_id|>' + role + '<|end_header_id|>\n\n' }}"
        "{% if role == 'user' and tools and messages[:loop.index0] | selectattr('role', 'eq', 'user') | list == [] %}"
        "{{ 'Functions:\n\n' }}{% for tool in tools %}{{ tool | tojson(indent=4) + '\n\n' }}{% endfor %}"
        "{% endif %}"
        "{% if message['tool_calls'] %}"
        "{% if message['tool_calls'] | length > 1 %}{{ raise_exception('one call at a time') }}{% endif %}"
        "{% set call = message['tool_calls'][0]['function'] %}"
        "{{ '{\"name\": \"' + call['name'] + '\", \"parameters\": ' + (call['arguments'] | tojson) + '}' }}"
        "{% else %}{{ message['content'] | trim }}{% endif %}{{ '<|eot_id|>' }}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
    ),
)
GEMMA = Family(
    name="gemma",
    bos="<bos>",
    eos="<end_of_turn>",
    special_tokens=("<bos>", "<start_of_turn>", "<end_of_turn>"),
    chat_template=(
        "{{ bos_token }}"
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
        "{% for message in messages %}"
        "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
        "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
    ),
)
QWEN = Family(
    name="qwen",
    bos=None,
    eos="<|im_end|>",
    special_tokens=("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    chat_template=(
        "{% set system = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}"
        "{% if system or tools %}{{ '<|im_start|>system\n' + system }}"
        "{% if tools %}{{ '\n\n' if system }}{{ '# Tools\n\n<tools>' }}"
        "{% for tool in tools %}{{ '\n' + (tool | tojson) }}{% endfor %}"
        "{{ '\n</tools>\n\nCall one within <tool_call></tool_call>.' }}{% endif %}{{ '<|im_end|>\n' }}{% endif %}"
        "{% for message in messages if message['role'] != 'system' %}"
        "{% if message['role'] == 'tool' %}"
        "{% if loop.previtem['role'] != 'tool' %}{{ '<|im_start|>user' }}{% endif %}"
        "{{ '\n<tool_response>\n' + message['content'] + '\n</tool_response>' }}"
        "{% if loop.last or loop.nextitem['role'] != 'tool' %}{{ '<|im_end|>\n' }}{% endif %}"
        "{% else %}{{ '<|im_start|>' + message['role'] + '\n' }}"
        "{% if message['role'] == 'assistant' and loop.last %}"
        "{{ '<think>\n' + (message['reasoning_content'] or '') + '\n</think>\n\n' }}{% endif %}"
        "{{ message['content'] }}"
        "{% for call in message['tool_calls'] or [] %}"
        "{{ '\n' if message['content'] or not loop.first }}"
        "{{ '<tool_call>\n{\"name\": \"' + call['function']['name'] + '\", \"arguments\": ' }}"
        "{{ (call['function']['arguments'] | tojson) + '}\n</tool_call>' }}{% endfor %}{{ '<|im_end|>\n' }}{% endif %}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
        "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
        "{% endif %}"
    ),
)
MISTRAL = Family(
    name="mistral",
    bos="<s>",
    eos="</s>",
    special_tokens=(
        *("<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
        *("[TOOL_CALLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"),
    ),
    chat_template=(
        "{{ bos_token }}"
        "{% set system = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}"
        "{% set turns = messages[1:] if system else messages %}"
        "{% for message in turns %}"
        "{% if message['role'] == 'user' %}"
        "{% if tools and turns[loop.index:] | selectattr('role', 'eq', 'user') | list == [] %}"
        "{{ '[AVAILABLE_TOOLS]' + (tools | tojson) + '[/AVAILABLE_TOOLS]' }}{% endif %}"
        "{{ '[INST]' }}{% if loop.last and system %}{{ system + '\n\n' }}{% endif %}"
        "{{ message['content'] + '[/INST]' }}"
        "{% elif message['role'] == 'tool' %}"
        "{% if message['tool_call_id'] | length != 9 %}{{ raise_exception('ids have nine characters') }}{% endif %}"
        "{{ '[TOOL_RESULTS]' + ({'content': message['content'], 'call_id': message['tool_call_id']} | tojson) }}"
        "{{ '[/TOOL_RESULTS]' }}"
        "{% elif message['tool_calls'] %}{{ '[TOOL_CALLS][' }}"
        "{% for call in message['tool_calls'] %}"
        "{% set f = call['function'] %}"
        "{{ {'name': f['name'], 'arguments': f['arguments'], 'id': call['id']} | tojson }}"
        "{{ ', ' if not loop.last }}{% endfor %}{{ ']' + eos_token }}"
        "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}"
        "{% else %}{{ raise_exception('roles must alternate') }}{% endif %}"
        "{% endfor %}"
    ),
)
PHI = Family(
    name="phi",
    bos=None,
    eos="<|endoftext|>",
    special_tokens=("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
    chat_template=(
        "{% for message in messages %}"
        "{% if message['role'] not in ('system', 'user', 'assistant') %}"
        "{{ raise_exception('no such role') }}{% endif %}"
        "{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
    ),
)
FAMILIES = (CHATML, LLAMA3, GEMMA, QWEN, MISTRAL, PHI)


def load_tokenizer(family: Family) -> Any:
    """The family's tokenizer as transformers sees it, with its chat template."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(TOKENIZERS / f"{family.name}.json"),
        eos_token=family.eos,
        additional_special_tokens=[t for t in family.special_tokens if t not in (family.bos, family.eos)],
        **({"bos_token": family.bos} if family.bos else {}),
    )
    tokenizer.chat_template = family.chat_template
    return tokenizer


def make_tokenizers(folder: Path) -> None:
    """Train and write the tokenizer of each family."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    folder.mkdir(parents=True, exist_ok=True)
    for family in FAMILIES:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=list(family.special_tokens),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(SENTENCES, trainer)
        tokenizer.save(str(folder / f"{family.name}.json"))
