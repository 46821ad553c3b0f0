"""`runtime.engine: auto` takes the best engine that works here, says why, and never one that costs money."""

# pyright: basic
from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ownwords import models
from ownwords.catalog import module_names
from ownwords.engines.base import choose_engine, needs_model
from ownwords.recipe import ModelSection, RuntimeSection
from tests.pipeline.conftest import Project

MODEL = ModelSection(name_or_path="any")
AUTO = RuntimeSection()

#: What stands in for vLLM's own look at the machine.
PLATFORM = """
class current_platform:
    device_type = {device!r}
    @staticmethod
    def is_cpu():
        return {device!r} == "cpu"
"""


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No vLLM, no server, a CPU."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    set_installed(monkeypatch, None)
    for name in [name for name in sys.modules if name.partition(".")[0] == "vllm"]:
        monkeypatch.delitem(sys.modules, name)
    set_device(monkeypatch, "cpu")


def set_installed(monkeypatch: pytest.MonkeyPatch, spec: Any, find: Any = importlib.util.find_spec) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: spec if name == "vllm" else find(name, *rest))


def set_device(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(models, "choose_device", lambda wanted: device if wanted == "auto" else wanted)


def install_vllm(monkeypatch: pytest.MonkeyPatch, folder: Path, platforms: str) -> None:
    package = folder / "packages" / "vllm"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "platforms.py").write_text(platforms, encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    set_installed(monkeypatch, package)


def test_without_vllm_it_is_transformers() -> None:
    choice = choose_engine(MODEL, AUTO)
    assert (choice.name, choice.reason) == ("transformers", "not vllm: it is not installed")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_vllm_that_was_built_for_this_machine_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: str
) -> None:
    install_vllm(monkeypatch, tmp_path, PLATFORM.format(device=device))
    set_device(monkeypatch, device)
    assert choose_engine(MODEL, AUTO).name == "vllm"


CASES: dict[str, tuple[str, str, RuntimeSection, ModelSection, str]] = {
    "for GPUs, on a machine without": (PLATFORM.format(device=""), "cpu", AUTO, MODEL, "finds no device"),
    "for a CPU, beside a GPU": (PLATFORM.format(device="cpu"), "cuda", AUTO, MODEL, "computes on cpu"),
    "for GPUs, and the recipe wants the CPU": (
        PLATFORM.format(device="cuda"),
        "cuda",
        RuntimeSection(device="cpu"),
        MODEL,
        "computes on cuda, transformers on cpu",
    ),
    "Apple's GPU": (PLATFORM.format(device="cpu"), "mps", AUTO, MODEL, "Apple's GPU"),
    "built for another torch": ("raise ImportError('undefined symbol: _ZN3')", "cuda", AUTO, MODEL, "another torch"),
    "code of the model's own": (
        PLATFORM.format(device="cpu"),
        "cpu",
        AUTO,
        ModelSection(name_or_path="any", trust_remote_code=True),
        "trust_remote_code",
    ),
}


@pytest.mark.parametrize(("platforms", "device", "runtime", "model", "reason"), CASES.values(), ids=CASES)
def test_vllm_that_does_not_fit_is_left_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    platforms: str,
    device: str,
    runtime: RuntimeSection,
    model: ModelSection,
    reason: str,
) -> None:
    install_vllm(monkeypatch, tmp_path, platforms)
    set_device(monkeypatch, device)
    choice = choose_engine(model, runtime)
    assert choice.name == "transformers"
    assert choice.reason.startswith("not vllm: ")
    assert reason in choice.reason


def test_a_server_is_never_asked_unless_the_recipe_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:9")
    choice = choose_engine(MODEL, AUTO)
    assert choice.name == "transformers"
    assert "in spite of $OPENAI_BASE_URL, unless runtime.engine=openai" in choice.reason


@pytest.mark.parametrize("name", module_names("ownwords.engines"))
def test_an_engine_that_the_recipe_names_is_taken_as_it_is(name: str) -> None:
    choice = choose_engine(MODEL, RuntimeSection(engine=name))
    assert (choice.name, choice.reason) == (name, "runtime.engine says so")


def test_whatever_auto_means_loads_the_model() -> None:
    assert needs_model("auto")
    assert needs_model(choose_engine(MODEL, AUTO).name)


@pytest.mark.slow
def test_the_choice_is_said_where_the_engine_is_opened_and_in_run_json_and_report(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ["runtime.engine=auto", "rewrite.sampling.max_tokens=4"]
    assert project.ownwords("rewrite", *keys) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("engine: ")]
    assert said == ["engine: transformers (not vllm: it is not installed)"]
    facts = json.loads((project.output / "run.json").read_text(encoding="utf-8"))
    assert facts["engine"] == {"name": "transformers", "reason": "not vllm: it is not installed"}
    assert project.ownwords("report", *keys) == 0
    page = (project.output / "report.html").read_text(encoding="utf-8")
    assert "transformers (not vllm: it is not installed)" in page
    capsys.readouterr()
    assert project.ownwords("validate", "--probe", "0", "runtime.engine=auto") == 0
    assert "engine transformers (not vllm: it is not installed)" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["status", "report"])
def test_a_verb_that_needs_no_engine_loads_nothing_heavy_to_choose_one(project: Project, verb: str) -> None:
    assert project.ownwords("rewrite") == 0
    recipe = project.recipe.read_text(encoding="utf-8").replace("engine: scripted", "engine: auto")
    project.recipe.write_text(recipe, encoding="utf-8")
    program = (
        f"import sys\nfrom ownwords.cli import main\nassert main([{verb!r}, {str(project.recipe)!r}]) == 0\n"
        "assert not {'torch', 'transformers', 'vllm'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_the_machine_has_changes_no_fingerprint(monkeypatch: pytest.MonkeyPatch, project: Project) -> None:
    from ownwords.pipeline import open_recipe
    from ownwords.stages.context import Context
    from ownwords.stages.origins import REWRITE, inputs

    before = inputs(Context(open_recipe(project.recipe, ["runtime.engine=auto"])), REWRITE)
    install_vllm(monkeypatch, project.folder, PLATFORM.format(device="cpu"))
    assert inputs(Context(open_recipe(project.recipe, ["runtime.engine=auto"])), REWRITE) == before
