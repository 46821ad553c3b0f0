"""Models by name.

A hub id, local folder, local GGUF, the bundled model or an arm of a run becomes something transformers can load. It
does not cover adapters of the run itself: the engine loads those on top.
"""

# pyright: basic
from __future__ import annotations

import platform
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ownwords import _model_files, lineage
from ownwords._merging import merge_into
from ownwords.environment import cpu_name
from ownwords.errors import ModelError, StageError
from ownwords.lineage import Link
from ownwords.progress import say
from ownwords.recipe import ModelSection
from ownwords.records import Message
from ownwords.rendering import TemplateError, prompt_ids, shows_the_user

_COMMIT = re.compile(r"[0-9a-f]{40}")
#: What a merged model and its adapter are both asked, and how far they are followed.
_TRIED = ("What is the capital of France?", "Write a poem about the sea.", "What is 17 plus 25?", "List three fruits.")
_TRIED_TOKENS = 24


@dataclass(frozen=True, slots=True)
class Model:
    """A seed model, resolved. `path` is what `from_pretrained` takes; `weights_hash` names the content."""

    name: str
    path: str
    kind: Literal["hub", "folder", "gguf", "bundled", "run"]
    revision: str | None
    weights_hash: str
    trust_remote_code: bool = False


def resolve(section: ModelSection) -> Model:
    """Find the model that the recipe names. Loads no weights, except that a new GGUF is dequantised into the cache, and
    the adapter of another run merged.

    Without a network, or with HF_HUB_OFFLINE=1, a hub id means the local cache.

    Raises:
        ModelError: it is not there, its weights are pickle files, or it does not generate text.
    """
    if lineage.is_run(section.name_or_path):
        return _resolve_link(section, lineage.find_link(section))
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


def _resolve_link(section: ModelSection, link: Link) -> Model:
    """A run's arm: its own folder where that holds a whole model, else the adapter in its model's weights."""
    if link.whole:
        path = link.folder
        _model_files.require_safetensors(section.name_or_path, [file.name for file in path.iterdir()])
    else:
        path = _merged(section, link)
    return Model(section.name_or_path, str(path), "run", None, link.weights, section.trust_remote_code)


def _merged(section: ModelSection, link: Link) -> Path:
    """The cache's folder with the arm's adapter in its model's weights, made at the first call.

    In float32: what a light training changes is often smaller than 16 bits can tell beside the weight it is added to,
    and a chain would round at every link.
    """
    import torch

    def make(folder: Path) -> None:
        say(f"{section.name_or_path}: its adapter is merged into its model's weights, once")
        seed = _seed_of(section, link)
        arm = Model(link.name, str(link.folder), "run", None, link.weights, section.trust_remote_code)
        tokenizer = load_tokenizer(arm)
        prompts = [prompt_ids(tokenizer, [Message("user", text)]) for text in _TRIED]
        try:
            adapted = load_adapted(seed, str(link.folder), torch.float32, "cpu", scale=link.scale)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(
                f"model {section.name_or_path}: its adapter cannot be used: {_first_line(error)}"
            ) from error
        try:
            merge_into(
                folder,
                adapted,
                tokenizer,
                prompts,
                dtype=torch.float32,
                answer_tokens=_TRIED_TOKENS,
                load=lambda saved: load_weights(replace(arm, path=str(saved)), torch.float32, "cpu"),
            )
        except StageError as error:
            raise StageError(f"model {section.name_or_path}: {error}") from error

    room = "four bytes a parameter"
    return _model_files.cached(section.name_or_path, link.weights, "its merged weights", room, make)


def _seed_of(section: ModelSection, link: Link) -> Model:
    """The model that a link's adapter was trained on. Whether its own code may run says the recipe at hand."""
    named = link.model.model_copy(update={"trust_remote_code": section.trust_remote_code})
    if link.parent is not None:
        named = named.model_copy(update={"name_or_path": link.parent.name, "revision": None})
    elif _COMMIT.fullmatch(link.seed):  # a model of the Hub, which may have moved on since
        named = named.model_copy(update={"revision": link.seed})
    seed = resolve(named)
    if seed.weights_hash != link.seed:
        raise ModelError(
            f"model {section.name_or_path}: {named.name_or_path}, which {link.label} was trained on, holds other "
            "weights now. Put the old ones back, or train the arm again."
        )
    return seed


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
        shown = shows_the_user(tokenizer)
    except TemplateError as error:
        raise ModelError(f"model {model.name}: {whose} does not work: {_first_line(error)}") from error
    if not shown:
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


def load_adapted(model: Model, folder: str, dtype: Any, device: str, *, scale: float = 1.0) -> Any:
    """The seed model with a LoRA adapter on it, as PEFT's model; `scale` multiplies what the adapter adds.

    Raises:
        ModelError: the seed model's files cannot be read.
        OSError, ValueError, KeyError, RuntimeError: the adapter is none, is damaged, or belongs to another model.
    """
    from peft import PeftModel
    from peft.tuners.lora import LoraLayer
    from safetensors import SafetensorError

    network = load_weights(model, dtype, device)
    try:
        adapted = PeftModel.from_pretrained(network, folder)
    except (SafetensorError, TypeError, AttributeError) as error:  # of files that hold something else
        raise ValueError(f"its files are damaged: {_first_line(error)}") from error
    for module in adapted.modules():
        if isinstance(module, LoraLayer):
            module.set_scale("default", scale)
    return adapted.eval()


def load_generation_config(model: Model) -> Any:
    """How the model is meant to be sampled and what ends its answers; a model without the file has the defaults."""
    from transformers import GenerationConfig

    try:
        return GenerationConfig.from_pretrained(model.path, **_loading(model))
    except OSError:
        return GenerationConfig.from_model_config(load_config(model))


def weights_folder(model: Model) -> Path | None:
    """The folder with a resolved model's safetensors files; None where a model of the Hub is not in the local cache."""
    path = Path(model.path)
    if path.is_dir():
        return path
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(model.path, "config.json", revision=model.revision)
    return Path(config).parent if isinstance(config, str) else None


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


def float32_is_as_fast() -> bool:
    """Whether this CPU multiplies float32 matrices at least as fast as bfloat16 ones, which it has instructions for.

    So does Intel without AMX: its bfloat16 dot product does twice the work of a float32 one, half as often.
    """
    import torch

    return "intel" in cpu_name().lower() and not torch.cpu._is_amx_tile_supported()


def context_length(tokenizer: Any, config: Any) -> int:
    """Tokens of prompt and answer together: the smaller of the model's own limit and its tokenizer's."""
    own = getattr(config.get_text_config(decoder=True), "max_position_embeddings", None)
    return min(int(limit) for limit in (own, tokenizer.model_max_length) if limit)
