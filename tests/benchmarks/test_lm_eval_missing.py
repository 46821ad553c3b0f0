"""What is said where lm-eval is not there, is another version, or has moved; and what a recipe can ask of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from benchmark_cases import context_of, settings_for

from ownwords.benchmarks import _lm_eval
from ownwords.benchmarks.base import find_benchmark
from ownwords.errors import MissingFileError, RecipeError, StageError

NAMES = ["arc_challenge", "arc_easy", "hellaswag", "mmlu", "truthfulqa", "winogrande"]


MANAGER = "class TaskManager:\n    def __init__(self, include_defaults=True, include_path=None):"


def load(name: str, path: str = "lm-eval") -> None:
    find_benchmark(name).load(settings_for(name, path=path), context_of())


@pytest.fixture
def another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package in place of lm-eval, of a version that is supported."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "lm_eval"]:
        monkeypatch.delitem(sys.modules, module)
    package = tmp_path / "lm_eval"
    (package / "tasks").mkdir(parents=True)
    for file in (package / "__init__.py", package / "tasks/__init__.py"):
        file.write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(metadata, "version", lambda name: "0.4.99")
    _lm_eval._manager.cache_clear()
    _lm_eval._documents.cache_clear()
    yield package
    _lm_eval._manager.cache_clear()
    _lm_eval._documents.cache_clear()
    for module in [name for name in sys.modules if name.partition(".")[0] == "lm_eval"]:
        del sys.modules[module]


@pytest.mark.parametrize("name", [*NAMES, "lm_eval"])
def test_without_it_the_message_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(MissingFileError, match=rf"benchmark {name} .*needs lm-eval: pip install 'ownwords\[eval\]'"):
        load(name, "lm-eval:piqa" if name == "lm_eval" else "lm-eval")


@pytest.mark.parametrize("version", ["0.3.0", "0.4.11", "0.5", "0.5.0", "1.0.2"])
def test_another_version_is_named_with_the_range_that_works(
    version: str, another: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: version)
    with pytest.raises(RecipeError, match=rf"lm-eval {version} is installed.* works with lm-eval >=0\.4\.12,<0\.5"):
        load("winogrande")


@pytest.mark.parametrize(
    ("tasks", "reason"),
    [
        ("", "AttributeError: module 'lm_eval.tasks' has no attribute 'TaskManager'"),
        (f"{MANAGER} pass", "AttributeError: 'TaskManager' object has no attribute 'all_tasks'"),
        (f"{MANAGER} self.all_tasks = ['winogrande']", "has no attribute 'load'"),
        ("class TaskManager:\n    def __init__(self, folder): pass", "TypeError: .* unexpected keyword argument"),
        (
            f"{MANAGER} self.all_tasks = ['winogrande']\n    def load(self, name): return {{'tasks': {{'a': 1}}}}",
            "'int' object has no attribute 'config'",
        ),
        (
            f"{MANAGER} self.all_tasks = ['winogrande']\n    def load(self, name): return {{}}",
            "'NoneType' object has no attribute 'values'",
        ),
    ],
)
def test_a_version_that_has_moved_is_one_message(tasks: str, reason: str, another: Path) -> None:
    (another / "tasks/__init__.py").write_text(tasks, encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"lm-eval 0\.4\.99 is installed.*{reason}.*works with lm-eval >=0\.4\.12"):
        load("winogrande")


def test_data_that_cannot_be_reached_count_as_missing(another: Path) -> None:
    (another / "tasks/__init__.py").write_text(
        f"{MANAGER} self.all_tasks = ['winogrande']\n    def load(self, name): raise ConnectionError('no route')",
        encoding="utf-8",
    )
    with pytest.raises(MissingFileError, match=r"data of lm-eval's task winogrande cannot be loaded \(ConnectionError"):
        load("winogrande")


def test_a_file_is_never_taken_for_a_task(another: Path) -> None:
    """lm-eval would load it, and run the code that its YAML names."""
    (another / "tasks/__init__.py").write_text(
        f"{MANAGER} self.all_tasks = ['winogrande', 'piqa']\n    def load(self, name): raise SystemExit(name)",
        encoding="utf-8",
    )
    task = another / "task.yaml"
    task.write_text("task: mine\ndoc_to_text: !function code.run", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"lm-eval has no task named .*task\.yaml"):
        load("lm_eval", f"lm-eval:{task}")
    with pytest.raises(RecipeError, match=r"lm-eval has no task named 'pica'. Did you mean 'piqa'"):
        load("lm_eval", "lm-eval:pica")


@pytest.mark.parametrize("path", ["lm-eval", "lm-eval:", "piqa", "rows.jsonl"])
def test_the_benchmark_lm_eval_wants_the_name_of_a_task(path: str) -> None:
    with pytest.raises(RecipeError, match=r"wants the name of a task: \{lm_eval: \{path: lm-eval:piqa\}\}"):
        load("lm_eval", path)


@pytest.mark.parametrize("name", NAMES)
def test_the_others_take_no_name_of_a_task(name: str) -> None:
    with pytest.raises(RecipeError, match=r"Another task goes to the benchmark lm_eval: .*path: lm-eval:piqa"):
        load(name, "lm-eval:piqa")


@pytest.mark.parametrize("look", [bool, int, float])
def test_a_score_that_needs_more_than_likelihoods_is_an_error(look: Callable[[Any], Any]) -> None:
    class Config:
        process_results = "its own"

    class Task:
        task_name = "greedy"
        config = Config()

        def process_results(self, document: object, results: list[tuple[float, object]]) -> dict[str, float]:
            return {"acc": float(look(results[0][1]))}

    with pytest.raises(StageError, match=r"task greedy could not score a document: .*likeliest text is not known"):
        _lm_eval.Scorer(Task(), {})([-1.0])
