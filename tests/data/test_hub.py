"""Datasets of the Hub and folders laid out like one: splits, configs, commits, and one message for each thing wrong."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import datasets
import pytest
from huggingface_hub import HfApi, errors
from tests.hub_cache import COMMIT, offline, prepare

from ownwords.data.load import describe_source, load_heldout, load_train
from ownwords.errors import DataError, InputError, MissingFileError, RecipeError
from ownwords.recipe import DataSection, SourceSection
from ownwords.stages.context import Context

README = """---
configs:
- config_name: main
  data_files:
  - {split: train, path: main/learn.jsonl}
  - {split: test, path: main/judge.jsonl}
- config_name: socratic
  data_files:
  - {split: train, path: socratic/learn.jsonl}
  - {split: test, path: socratic/judge.jsonl}
---
A dataset.
"""


def data(path: Path | str, **settings: object) -> DataSection:
    return DataSection.model_validate({"train": {"path": str(path), **settings}})


def found(path: Path | str, **settings: object) -> list[tuple[str, str]]:
    return [(example.prompt, example.origin) for example in load_train(data(path, **settings))]


def described(path: Path | str, **settings: object) -> dict[str, Any]:
    return describe_source(SourceSection.model_validate({"path": str(path), **settings}))


def write_rows(path: Path, *prompts: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"instruction": p, "output": "x"}) + "\n" for p in prompts))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache of the library, no network, and no commit remembered from another test."""
    with offline(tmp_path / "cache", monkeypatch) as folder:
        yield folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two configs of two splits each, told apart by the README only."""
    made = tmp_path / "gsm"
    for config in ("main", "socratic"):
        write_rows(made / config / "learn.jsonl", f"{config} 1", f"{config} 2", f"{config} 3")
        write_rows(made / config / "judge.jsonl", f"{config} judge")
    (made / "README.md").write_text(README)
    return made


@pytest.fixture
def split_folder(tmp_path: Path) -> Path:
    """One config without a README: file names tell the splits."""
    made = tmp_path / "plain"
    write_rows(made / "train.jsonl", "1", "2", "3")
    write_rows(made / "test.jsonl", "judge")
    return made


Answer = Callable[..., Any]


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], None]:
    """Lets the Hub answer a question about a dataset as a function says."""

    def install(answer: Answer) -> None:
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(HfApi, "dataset_info", answer)

    return install


# --- folders -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["main", "socratic"])
def test_readme_says_which_files_are_a_config_and_split(folder: Path, config: str) -> None:
    assert found(folder, config=config, split="train") == [(f"{config} {n}", f"gsm train row {n}") for n in (1, 2, 3)]
    assert found(folder, config=config, split="test") == [(f"{config} judge", "gsm test row 1")]


def test_file_names_say_the_split_without_a_readme(split_folder: Path) -> None:
    assert found(split_folder, split="train", limit=2) == [("1", "plain train row 1"), ("2", "plain train row 2")]
    assert found(split_folder, split="test") == [("judge", "plain test row 1")]


def test_heldout_is_what_training_leaves_of_the_split(folder: Path) -> None:
    section = data(folder, config="main", split="train", limit=1)
    assert [e.prompt for e in load_heldout(section, load_train(section), None)] == ["main 2", "main 3"]


def test_the_only_split_needs_no_name(tmp_path: Path) -> None:
    write_rows(tmp_path / "one" / "inner" / "rows.jsonl", "1")
    assert found(tmp_path / "one", config="default") == [("1", "one train row 1")]


WRONG: list[tuple[dict[str, str], str]] = [
    ({"config": "main"}, "has several splits: train, test. Say which one with `split`. Most likely split: train."),
    ({"split": "train"}, "has several configs: main, socratic. Say which one with `config`."),
    ({"split": "train", "config": "mian"}, "there is no config named 'mian'. Did you mean 'main'?"),
    ({"split": "train", "config": "x"}, "there is no config named 'x'. Known: main, socratic."),
    ({"split": "trian", "config": "main"}, "there is no split named 'trian'. Did you mean 'train'?"),
    ({"split": "dev", "config": "main"}, "there is no split named 'dev'. Known: test, train."),
    ({"split": "train[:10]", "config": "main"}, "Did you mean 'train'? `limit` takes its first rows."),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
def test_wrong_or_missing_part_is_one_message(folder: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_train(data(folder, **settings))
    assert message in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_config_of_a_folder_without_configs_is_unknown(split_folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"there is no config named 'main'\. Known: default\."):
        load_train(data(split_folder, config="main", split="train"))


BROKEN: list[tuple[str, str, str]] = [
    ("train.jsonl", '{"instruction": "1", "output"', "the `datasets` library cannot read it: ArrowInvalid: JSON parse"),
    ("README.md", "---\nconfigs: [\n---\n", "the `datasets` library cannot read it: ParserError: while parsing a flow"),
    (
        "README.md",
        "---\nconfigs: 3\n---\n",
        "the `datasets` library cannot read it: ValueError: Expected configs to be",
    ),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN)
def test_broken_file_of_a_folder_is_one_message(split_folder: Path, name: str, content: str, message: str) -> None:
    (split_folder / name).write_text(content)
    with pytest.raises(DataError) as caught:
        load_train(data(split_folder, split="train"))
    assert message in str(caught.value)
    assert str(split_folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_empty_folder_has_no_split(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"dataset .*empty: the `datasets` library cannot read it: EmptyDatasetError"):
        load_train(data(tmp_path / "empty", split="train"))


def test_fingerprint_of_a_folder_follows_its_part_its_files_and_its_readme(folder: Path) -> None:
    seen = [described(folder, config="main", split="train")]
    assert described(folder, config="main", split="train") == seen[0]
    seen.append(described(folder, config="main", split="test"))
    seen.append(described(folder, config="socratic", split="train"))
    (folder / "README.md").write_text(README.replace("judge", "learn"))
    seen.append(described(folder, config="main", split="train"))
    write_rows(folder / "main" / "learn.jsonl", "main changed")
    seen.append(described(folder, config="main", split="train"))
    assert len({str(facts) for facts in seen}) == len(seen)


# --- what is a name on the Hub ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["owner/name", "name", "owner/name-v1.5", "nowhere/x.txt"])
def test_what_looks_like_no_path_is_asked_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"^path {name}: there is no file or folder of that name, the Hugging Face Hub"):
        load_train(data(name))


@pytest.mark.parametrize(
    "name",
    [
        "./name",
        "../name",
        "~/name",
        "/nowhere/name",
        "name/",
        "a/b/c",
        "name.jsonl",
        "owner/x.csv.gz",
        "x.gz",
        "here/name",
    ],
)
def test_what_looks_like_a_path_never_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    with pytest.raises(DataError, match=r"^there is no file or folder .*\. `path` names a file"):
        load_train(data(name))


def test_a_folder_of_that_name_goes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "owner" / "name" / "rows.jsonl", "local")
    assert found("owner/name") == [("local", "rows.jsonl line 1")]
    assert found("owner/name", split="train") == [("local", "name train row 1")]


@pytest.mark.parametrize("name", ["owner/na me", "owner/na--me", "-name", "owner/"])
def test_what_is_neither_path_nor_name_is_one_message(name: str) -> None:
    with pytest.raises(DataError, match=r"there is no file or folder"):
        load_train(data(name))


# --- offline ------------------------------------------------------------------------------------------------------


def test_offline_nothing_waits_on_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    started = time.perf_counter()
    for action in (load_train, lambda section: describe_source(section.train)):
        with pytest.raises(DataError) as caught:
            action(data("owner/name", split="train", revision="main"))
        assert str(caught.value) == (
            "path owner/name: there is no file or folder of that name, the Hugging Face Hub cannot be reached (offline "
            "mode) and the cache of the `datasets` library does not have it. Connect, or run `hf download owner/name "
            "--repo-type dataset --local-dir FOLDER` where there is a network and give that folder with a `split`."
        )
    assert time.perf_counter() - started < 5


def test_offline_the_prepared_dataset_is_read_with_its_commit(cache: Path, split_folder: Path) -> None:
    prepare(cache, split_folder, "owner/name", COMMIT)
    shutil.rmtree(split_folder)
    assert found("owner/name", split="train", limit=1) == [("1", "owner/name train row 1")]
    assert described("owner/name", split="train") == {"commit": COMMIT, "config": None, "split": "train"}
    assert described("owner/name", split="train", revision=COMMIT)["commit"] == COMMIT
    with pytest.raises(RecipeError, match=r"there is no split named 'dev'\. Known: test, train"):
        load_train(data("owner/name", split="dev"))


def test_offline_another_revision_than_the_cached_one_is_refused(cache: Path, split_folder: Path) -> None:
    prepare(cache, split_folder, "owner/name", COMMIT)
    for action in (load_train, lambda section: describe_source(section.train)):
        with pytest.raises(RecipeError, match=f"has commit {COMMIT}, not surely revision 'v2'. Set `revision` to that"):
            action(data("owner/name", split="train", revision="v2"))


def test_offline_another_config_than_the_cached_one_is_refused(cache: Path, folder: Path) -> None:
    prepare(cache, folder, "owner/name", COMMIT, "main")
    assert found("owner/name", config="main", split="test") == [("main judge", "owner/name test row 1")]
    with pytest.raises(DataError, match="does not have it with config 'socratic'"):
        load_train(data("owner/name", config="socratic", split="train"))


# --- online -------------------------------------------------------------------------------------------------------


def refusal(kind: type[errors.HfHubHTTPError]) -> errors.HfHubHTTPError:
    request = SimpleNamespace(url="https://hub", method="GET", headers={})
    response: Any = SimpleNamespace(headers={}, request=request, status_code=404, text="")
    return kind("refused\nby the hub", response=response)


ANSWERS: list[tuple[Exception, type[InputError], str]] = [
    (
        refusal(errors.RepositoryNotFoundError),
        DataError,
        "path owner/name: there is no file or folder of that name, and the Hugging Face Hub has no such dataset, or it "
        "is private (`hf auth login`).",
    ),
    (
        refusal(errors.GatedRepoError),
        DataError,
        "dataset owner/name: access is gated. Accept its terms on https://huggingface.co/datasets/owner/name, then "
        "`hf auth login`.",
    ),
    (refusal(errors.RevisionNotFoundError), RecipeError, "dataset owner/name: it has no revision 'v2'."),
    (
        refusal(errors.HfHubHTTPError),
        DataError,
        "the Hugging Face Hub cannot be reached (HfHubHTTPError) and the cache",
    ),
    (TimeoutError("slow"), DataError, "the Hugging Face Hub cannot be reached (TimeoutError) and the cache"),
    (errors.OfflineModeIsEnabled("off"), DataError, "cannot be reached (OfflineModeIsEnabled) and the cache"),
]


@pytest.mark.parametrize(("answer", "kind", "message"), ANSWERS, ids=[type(case[0]).__name__ for case in ANSWERS])
def test_refusal_of_the_hub_is_one_message(
    online: Callable[[Answer], None], answer: Exception, kind: type[InputError], message: str
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise answer

    online(refuse)
    for action in (load_train, lambda section: describe_source(section.train)):
        with pytest.raises(kind) as caught:
            action(data("owner/name", split="train", revision="v2"))
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_rows_and_fingerprint_are_of_the_commit_that_the_hub_names_once(
    online: Callable[[Answer], None], split_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None]] = []
    loaded: list[tuple[str, str | None, str | None]] = []

    def answer(_: HfApi, name: str, *, revision: str | None, timeout: float) -> SimpleNamespace:
        assert timeout <= 10
        asked.append((name, revision))
        return SimpleNamespace(sha=COMMIT)

    def load(path: str, name: str | None, revision: str | None) -> Any:
        loaded.append((path, name, revision))
        builder = original(str(split_folder))
        builder.hash = revision
        return builder

    original = datasets.load_dataset_builder
    monkeypatch.setattr(datasets, "load_dataset_builder", load)
    online(answer)
    assert found("owner/name", split="test", revision="v2") == [("judge", "owner/name test row 1")]
    assert described("owner/name", split="test", revision="v2") == {"commit": COMMIT, "config": None, "split": "test"}
    assert asked == [("owner/name", "v2")]
    assert loaded == [("owner/name", None, COMMIT)]


def test_files_of_another_commit_are_refused(
    online: Callable[[Answer], None], cache: Path, split_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library falls back to its cache, whatever commit that has, where the Hub stops answering in between."""

    def unreachable(*_: object, **__: object) -> NoReturn:
        raise errors.OfflineModeIsEnabled("stopped")

    prepare(cache, split_folder, "owner/name", "f" * 40)
    online(lambda *_, **__: SimpleNamespace(sha=COMMIT))
    monkeypatch.setattr(HfApi, "hf_hub_download", unreachable)
    with pytest.raises(DataError, match=f"the Hub stopped answering before commit {COMMIT} was found. Try again"):
        load_train(data("owner/name", split="train"))


def test_files_that_are_refused_although_the_dataset_is_known_are_gated(
    online: Callable[[Answer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise refusal(errors.RepositoryNotFoundError)

    online(lambda *_, **__: SimpleNamespace(sha=COMMIT))
    monkeypatch.setattr(HfApi, "hf_hub_download", refuse)
    with pytest.raises(DataError, match=r"^dataset owner/name: access is gated\. Accept its terms on https://hugg"):
        load_train(data("owner/name", split="train"))


def test_a_dataset_that_only_its_own_code_makes_is_refused_with_what_to_take(
    online: Callable[[Answer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is the library's own, whose wording tells such a dataset from a damaged one."""
    from datasets import load

    def fetch(*_: object, filename: str, **__: object) -> str:
        if filename == "name.py":
            return "name.py"
        raise errors.EntryNotFoundError(filename)

    monkeypatch.setattr(load.HfApi, "hf_hub_download", lambda self, *args, **kwargs: fetch(*args, **kwargs))
    online(lambda *_, **__: SimpleNamespace(sha=COMMIT))
    with pytest.raises(MissingFileError) as caught:
        load_train(data("owner/name", split="train"))
    assert str(caught.value) == (
        "dataset owner/name: its rows are made by code of its own (name.py), and no code of a dataset is ever run. "
        "Take its data file: `hf download owner/name --repo-type dataset --local-dir FOLDER`, and give that file."
    )


# --- recipes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["split", "config", "revision"])
def test_a_generator_takes_no_key_of_a_dataset(key: str) -> None:
    with pytest.raises(ValueError, match="`split`, `config` and `revision` are for a `path`"):
        SourceSection.model_validate({"generator": "chain_sum", "limit": 3, key: "x"})


def train_inputs(path: Path, tmp_path: Path, **settings: object) -> dict[str, Any]:
    from ownwords.recipe import build_recipe

    train = {"path": str(path), **settings}
    recipe = {"model": {"name_or_path": "m"}, "data": {"train": train}, "output_dir": str(tmp_path / "run")}
    return Context(build_recipe(recipe)).train_inputs


def test_inputs_of_a_plain_file_are_those_of_recipes_without_the_keys(split_folder: Path, tmp_path: Path) -> None:
    inputs = train_inputs(split_folder / "train.jsonl", tmp_path)
    keys = ["content", "columns", "format", "generator", "generator_params", "limit", "seed", "template", "turns"]
    assert inputs.keys() == {"data.on_bad_row", "data.thinking", *(f"data.train.{key}" for key in keys)}
    assert inputs["data.train.content"].keys() == {"sha256"}


def test_inputs_tell_split_and_config_but_not_how_a_commit_is_called(cache: Path, folder: Path, tmp_path: Path) -> None:
    prepare(cache, folder, "owner/name", COMMIT, "main")
    name = Path("owner/name")
    by_name, by_commit, other = (
        train_inputs(name, tmp_path, split=split, config="main", revision=revision)
        for split, revision in (("train", None), ("train", COMMIT), ("test", None))
    )
    assert by_name == by_commit != other
