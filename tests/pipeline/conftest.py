"""A whole run small enough for a test: twelve rows, a tiny random model, real training and real likelihoods."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ownwords.cli import main
from tests.tiny import make_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def question(number: int) -> dict[str, str]:
    return {"question": f"What is {number} plus {number}?", "answer": f"{number}+{number}. The answer is {2 * number}."}


@dataclass
class Project:
    """A folder with data, a recipe and an output_dir; `ownwords` runs a verb on it."""

    folder: Path
    recipe: Path
    output: Path

    def ownwords(self, verb: str, *rest: str) -> int:
        return main([verb, str(self.recipe), *rest])

    def stages(self) -> dict[str, Any]:
        return json.loads((self.output / "run.json").read_text(encoding="utf-8"))["stages"]


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def script(project: Project, body: str) -> list[str]:
    """Overrides that let `body`, the lines of a function of `request`, answer for the scripted engine."""
    code = project.folder / "script.py"
    code.write_text(f"def answer(request):\n    {body}\n", encoding="utf-8")
    return ["--allow-code", f"runtime.scripted.function={code}:answer"]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for Python's own caches."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def as_if_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training counts as done, with weights that are nowhere: the scripted engine reads none."""
    from ownwords.records import Weights
    from ownwords.stages import comparison, shift, tune

    def weights(context: Any, variant: Any) -> Weights:
        return Weights("adapter", f"{variant.label}-weights", "nowhere")

    monkeypatch.setattr(tune, "is_done", lambda context, training: True)
    monkeypatch.setattr(tune, "variant_weights", weights)
    monkeypatch.setattr(comparison, "costs", lambda context: ())
    monkeypatch.setattr(shift, "write", lambda context: None)


@pytest.fixture
def project(tmp_path: Path, tiny_model: Path) -> Project:
    return make_project(tmp_path, tiny_model)


def make_project(folder: Path, tiny_model: Path) -> Project:
    """Twelve training rows, eight unseen ones, four test items and a recipe for the scripted engine."""
    rows = write_rows(folder / "rows.jsonl", [question(number) for number in range(20)])
    test = write_rows(folder / "test.jsonl", [question(number) for number in range(50, 54)])
    recipe = {
        "model": {"name_or_path": str(tiny_model)},
        "data": {
            "train": {"path": str(rows), "columns": {"prompt": "question", "response": "answer"}, "limit": 12},
        },
        "rewrite": {"prompt": "chat/math", "checks": ["not_empty", "finished", "final_answer"]},
        "tune": {"num_train_epochs": 1, "max_length": 512, "save_steps": 1},
        "evaluate": {
            "sampling": {"max_tokens": 8},
            "benchmarks": [{"gsm8k": {"path": str(test)}}, {"heldout_nll": {"limit": 6}}],
        },
        "runtime": {"engine": "scripted", "batch_size": 4},
        "output_dir": str(folder / "run"),
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return Project(folder, path, folder / "run")
