"""What `ownwords ls` shows: every kind of thing that has a name, with one line about it."""

from __future__ import annotations

import importlib
import inspect

from ownwords import presets
from ownwords.arms.base import all_arms
from ownwords.benchmarks.base import all_benchmarks
from ownwords.catalog import module_names
from ownwords.checks.base import all_checks
from ownwords.checks.named import COMPOSED
from ownwords.prompts.render import judge_names, load_judge, load_prompt, prompt_names


def entries(kind: str) -> list[dict[str, str]]:
    """`name` and `summary` of everything of that kind (presets, prompts, checks, benchmarks, engines, arms)."""
    match kind:
        case "presets":
            found = {name: presets.summary(name) for name in presets.names()}
        case "prompts":
            found = {name: load_prompt(name).description for name in prompt_names()}
            found |= {name: load_judge(name).description for name in judge_names()}
        case "checks":
            composed = {
                name: f"{what} of several checks passes: {{{name}: [a, b]}}." for name, what in COMPOSED.items()
            }
            found = composed | {name: _first_line(function) for name, function in all_checks().items()}
        case "benchmarks":
            found = {benchmark.name: benchmark.summary for benchmark in all_benchmarks()}
        case "engines":
            found = {name: _engine_summary(name) for name in module_names("ownwords.engines")}
        case "arms":
            found = {arm.name: arm.summary for arm in all_arms()}
        case _:
            raise ValueError(f"no such kind: {kind}")
    return [{"name": name, "summary": summary} for name, summary in found.items()]


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _engine_summary(name: str) -> str:
    return _first_line(importlib.import_module(f"ownwords.engines.{name}"))
