"""The laws of the house: imports go down only, and looking at the tool loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "ownwords"

#: Rooms from the roof to the ground. A room imports from rooms below it, or from itself.
FLOORS: list[set[str]] = [
    {"cli"},
    {"arguments"},
    {"listing"},
    {"pipeline"},
    {"steps"},
    {"stages"},
    {"report", "benchmarks"},
    {"engines"},
    {"data", "checks", "models", "stats", "presets"},
    {"lineage", "_merging"},
    {"prompts", "rendering", "_model_files", "_saddlepoint"},
    {"run"},
    {"journal"},
    {"_journal_rows"},
    {"fingerprint", "environment", "progress", "work"},
    {"variants"},
    {"arms"},
    {"recipe"},
    {"catalog"},
    {"paths", "_dressing"},
    {"turns"},
    {"records", "errors"},
]
LEVEL = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def imports_of(path: Path) -> set[str]:
    """Rooms of ownwords that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ownwords":
            parts = node.module.split(".")
            names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
            found.update(name for name in names if not name.startswith("__"))
        if isinstance(node, ast.Import):
            found.update(a.name.split(".")[1] for a in node.names if a.name.startswith("ownwords."))
    return found


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_down_only(path: Path) -> None:
    room = room_of(path)
    assert room in LEVEL, f"the new room {room} has no floor"
    for other in imports_of(path) - {room}:
        assert LEVEL[other] > LEVEL[room], f"{path.name} imports {other}, above it"


@pytest.mark.parametrize("room", ["checks", "arms", "benchmarks"])
def test_checks_arms_and_benchmarks_never_see_an_engine(room: str) -> None:
    for path in (SOURCE / room).glob("*.py"):
        assert "engines" not in imports_of(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import ownwords",
        "from ownwords.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit: pass",
        "from ownwords.cli import main\nmain(['ls', 'benchmarks'])",
        "from ownwords.cli import main\nmain(['ls', 'engines'])",
        "from ownwords.cli import main\nmain(['ls', 'checks'])",
        "from ownwords.cli import main\nmain(['init', '--preset', 'math'])",
    ],
)
def test_looking_at_the_tool_loads_no_heavy_library(code: str) -> None:
    heavy = "{'torch', 'transformers', 'trl', 'peft', 'datasets', 'accelerate', 'lm_eval', 'reasoning_gym'}"
    program = f"{code}\nimport sys\nassert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_loads_not_even_the_recipe() -> None:
    program = (
        "import sys\nfrom ownwords.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'pydantic', 'yaml', 'numpy', 'rich'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
