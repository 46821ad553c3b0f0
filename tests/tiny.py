"""A chat model small enough for tests: random Llama weights and a byte-level tokenizer, written like any model folder.

It answers nonsense, deterministically, and ends its turn often enough that answers have different lengths.
"""

# pyright: basic
from __future__ import annotations

from pathlib import Path

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>")
CONTEXT = 512


def make_tiny_model(
    folder: Path,
    *,
    chat_template: str | None = CHATML,
    seed: int = 0,
    context: int = CONTEXT,
    head_size: int = 12,
) -> Path:
    """Write a model folder (config, safetensors, tokenizer, chat template) of about 1 MB at most and give its path.

    260 tokens (256 bytes and 4 special), 2 layers, 4 query heads over 2 key-value heads, a context of 512 tokens
    unless another is asked for. vLLM's attention wants heads of 32.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(chat_template, context)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=4 * head_size,
        intermediate_size=8 * head_size,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        initializer_range=0.2,  # the usual 0.02 gives nearly flat logits, where rounding would decide
        tie_word_embeddings=False,
        bos_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight[tokenizer.eos_token_id] *= 1.5
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_tiny_adapter(base: Path, folder: Path, *, seed: int = 1, **lora: object) -> Path:
    """Write a LoRA adapter (rank 4) for a tiny model's folder that changes its answers; `lora` is PEFT's settings."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(r=4, lora_alpha=8, init_lora_weights=False, **lora)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder)
    return folder


def _tokenizer(chat_template: str | None, context: int):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={symbol: index for index, symbol in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|pad|>", model_max_length=context
    )
    tokenizer.chat_template = chat_template
    return tokenizer
