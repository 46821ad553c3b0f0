"""Models by name, and the one path from messages to token ids that engines, training and the gap all use.

A hub id, local folder, local GGUF or the bundled model becomes something transformers can load. It does not cover
adapters: the engine loads those on top.
"""

# pyright: basic
from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

from jinja2 import TemplateError

from ownwords import _model_files
from ownwords.errors import ModelError
from ownwords.recipe import ModelSection
from ownwords.records import Message


@dataclass(frozen=True, slots=True)
class Model:
    """A seed model, resolved. `path` is what `from_pretrained` takes; `weights_hash` names the content."""

    name: str
    path: str
    kind: Literal["hub", "folder", "gguf", "bundled"]
    revision: str | None
    weights_hash: str
    trust_remote_code: bool = False


def resolve(section: ModelSection) -> Model:
    """Find the model that the recipe names. Loads no weights, except that a new GGUF is dequantised into the cache.

    Without a network, or with HF_HUB_OFFLINE=1, a hub id means the local cache.

    Raises:
        ModelError: it is not there, its weights are pickle files, or it does not generate text.
    """
    found = _model_files.find(section.name_or_path, section.revision)
    model = Model(
        name=section.name_or_path,
        path=found.path,
        kind=found.kind,
        revision=found.revision,
        weights_hash=found.weights_hash,
        trust_remote_code=section.trust_remote_code,
    )
    _require_causal_lm(model)
    return model


def load_config(model: Model) -> Any:
    """The transformers configuration of a resolved model."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(model.path, **_loading(model))
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"model {model.name}: its config.json cannot be used: {_first_line(error)}") from error


def _require_causal_lm(model: Model) -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    config = load_config(model)
    causal: set[str] = set()
    for names in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        causal.update([names] if isinstance(names, str) else names)
    remote = "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})
    named = config.architectures or []
    known = config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and (not named or causal.intersection(named))
    if not remote and not known:
        raise ModelError(
            f"model {model.name}: {', '.join(named) or config.model_type} is not a causal language model, so it cannot "
            "answer a chat. Choose an instruct or chat model (architecture ...ForCausalLM)."
        )


# --- loading -----------------------------------------------------------------------------------------------------


def load_tokenizer(model: Model, chat_template: str | None = None) -> Any:
    """The model's tokenizer, with a pad token. `chat_template` is template text that replaces the model's own.

    Raises:
        ModelError: there is no chat template (a base model), or the template fails or leaves the message out.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model.path, **_loading(model))
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"model {model.name}: its tokenizer cannot be loaded: {_first_line(error)}") from error
    if chat_template is not None:
        tokenizer.chat_template = chat_template
    elif isinstance(tokenizer.chat_template, dict):
        tokenizer.chat_template = tokenizer.chat_template.get("default")
    if not tokenizer.chat_template:
        raise ModelError(
            f"model {model.name} has no chat template: it is a base model, and rewriting needs one that follows "
            "instructions. Choose its instruct or chat version."
        )
    whose = "the chat template that was set" if chat_template is not None else "its chat template"
    try:
        rendered = render_prompt(tokenizer, [Message("user", _PROBE)])
    except TemplateError as error:
        raise ModelError(f"model {model.name}: {whose} does not work: {_first_line(error)}") from error
    if _PROBE not in rendered:
        raise ModelError(f"model {model.name}: {whose} leaves the user's message out, so the model would not see it.")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def load_weights(model: Model, dtype: Any, device: str) -> Any:
    """The causal language model in evaluation mode. `dtype` is a torch dtype.

    Raises:
        ModelError: the files cannot be read as such a model.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            model.path, dtype=dtype, use_safetensors=True, **_loading(model)
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(f"model {model.name}: its weights cannot be loaded: {_first_line(error)}") from error
    return loaded.to(device).eval()


def linear_layers(model: Model) -> set[str]:
    """Dotted names of the network's linear layers (`model.layers.0.self_attn.q_proj`), without loading its weights."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(load_config(model), trust_remote_code=model.trust_remote_code)
    return {name for name, module in network.named_modules() if isinstance(module, torch.nn.Linear)}


def _loading(model: Model) -> dict[str, Any]:
    revision = model.revision if model.kind == "hub" else None
    return {"revision": revision or "main", "trust_remote_code": model.trust_remote_code}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def choose_device(name: str) -> str:
    """`auto` is CUDA, then Apple's MPS, then the CPU.

    Raises:
        ModelError: a device was named that this machine does not have.
    """
    import torch

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, there in available.items() if there)
    if not available[name]:
        raise ModelError(f"runtime.device: this machine has no {name} device that torch can use; set it to auto.")
    return name


def choose_dtype(name: str, device: str) -> Any:
    """The torch dtype. `auto` is bfloat16 where the hardware computes in it, float16 on MPS, else float32."""
    import torch

    if name != "auto":
        return getattr(torch, name)
    if device == "mps":
        return torch.float16
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if _cpu_computes_bfloat16() else torch.float32


def _cpu_computes_bfloat16() -> bool:
    """Without such instructions bfloat16 is emulated and several times slower than float32."""
    import torch

    if platform.machine().lower() in ("x86_64", "amd64"):
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def context_length(tokenizer: Any, config: Any) -> int:
    """Tokens of prompt and answer together: the smaller of the model's own limit and its tokenizer's."""
    own = getattr(config.get_text_config(decoder=True), "max_position_embeddings", None)
    return min(int(limit) for limit in (own, tokenizer.model_max_length) if limit)


# --- messages to tokens ------------------------------------------------------------------------------------------

_TAKES_SYSTEM: WeakKeyDictionary[Any, dict[str, bool]] = WeakKeyDictionary()
_PROBE = "text-probe"


def render_prompt(
    tokenizer: Any, messages: Sequence[Message], prefill: str = "", chat_template: str | None = None
) -> str:
    """The text that the model continues: messages, the opening of the assistant's turn, `prefill`.

    `chat_template` is template text instead of the tokenizer's own.
    """
    return _render(tokenizer, messages, chat_template, add_generation_prompt=True) + prefill


def prompt_ids(
    tokenizer: Any, messages: Sequence[Message], prefill: str = "", chat_template: str | None = None
) -> list[int]:
    """Token ids of `render_prompt`. The template writes the BOS where the model wants one, so none is added."""
    return _ids(tokenizer, render_prompt(tokenizer, messages, prefill, chat_template))


def target_ids(
    tokenizer: Any, messages: Sequence[Message], target: str, chat_template: str | None = None, prefill: str = ""
) -> tuple[list[int], list[int]]:
    """Ids of the prompt and of the target, as TRL's SFTTrainer supervises a prompt-completion row.

    The target's ids are those of the whole conversation past its common prefix with the prompt's: the end-of-turn
    marker belongs to them, and where template or tokenizer blur the border nothing of the target is lost.
    """
    prompt = prompt_ids(tokenizer, messages, prefill, chat_template)
    turn = Message("assistant", prefill + target)
    whole = _ids(tokenizer, _render(tokenizer, [*messages, turn], chat_template, add_generation_prompt=False))
    return _split(prompt, whole)


def raw_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of bare text, with the special tokens that the tokenizer adds by itself (often a BOS)."""
    return list(tokenizer(text)["input_ids"])


def raw_target_ids(tokenizer: Any, text: str, target: str) -> tuple[list[int], list[int]]:
    """Ids of bare text and of what follows it. The prompt has at least one token, so that every target token counts."""
    prompt, targets = _split(raw_ids(tokenizer, text), raw_ids(tokenizer, text + target))
    if prompt:
        return prompt, targets
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    return [start], targets


def fold_system(tokenizer: Any, messages: Sequence[Message], chat_template: str | None = None) -> list[Message]:
    """The messages as this template can take them: without a system role, its text opens the first user turn."""
    if not messages or messages[0].role != "system" or _takes_system(tokenizer, chat_template):
        return list(messages)
    system, *turns = messages
    for index, turn in enumerate(turns):
        if turn.role == "user":
            joined = f"{system.content}\n\n{turn.content}" if system.content else turn.content
            return [*turns[:index], Message("user", joined), *turns[index + 1 :]]
    return [Message("user", system.content), *turns]


def _takes_system(tokenizer: Any, chat_template: str | None) -> bool:
    """Tried once for each tokenizer and template: some templates raise on a system turn, some leave it out."""

    known = _TAKES_SYSTEM.setdefault(tokenizer, {})
    template = chat_template or str(tokenizer.chat_template)
    if template not in known:
        probe = [Message("system", _PROBE), Message("user", "Hello")]
        try:
            known[template] = _PROBE in _apply(tokenizer, probe, chat_template, add_generation_prompt=True)
        except TemplateError:
            known[template] = False
    return known[template]


def _render(
    tokenizer: Any, messages: Sequence[Message], chat_template: str | None, *, add_generation_prompt: bool
) -> str:
    messages = fold_system(tokenizer, messages, chat_template)
    return _apply(tokenizer, messages, chat_template, add_generation_prompt=add_generation_prompt)


def _apply(
    tokenizer: Any, messages: Sequence[Message], chat_template: str | None, *, add_generation_prompt: bool
) -> str:
    try:
        return tokenizer.apply_chat_template(
            [message.as_dict() for message in messages],
            chat_template=chat_template,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
        )
    except TemplateError:
        raise
    except Exception as error:  # a template is foreign code: 1 / 0 or an include in it is its error, not ours
        raise TemplateError(f"{type(error).__name__}: {error}") from error


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _split(prompt: list[int], whole: list[int]) -> tuple[list[int], list[int]]:
    """Cut `whole` where it leaves `prompt`."""
    cut = next((i for i, (a, b) in enumerate(zip(prompt, whole, strict=False)) if a != b), min(len(prompt), len(whole)))
    return whole[:cut], whole[cut:]
