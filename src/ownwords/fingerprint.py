"""Fingerprints per stage: which keys and inputs a stage reads, so that only what changed is done again.

A stage's inputs are a flat dictionary (key → plain value). Two equal dictionaries mean that finished work still holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel

from ownwords.records import digest

Inputs = dict[str, Any]

#: What no fingerprint holds, and why. Everything else that a stage reads is in its fingerprint.
LEFT_OUT: dict[str, str] = {
    "output_dir": "a run may be moved; where it lies changes no result",
    "runtime": "how fast, not what: engine, version, dtype and weights hash are recorded on every completion instead",
    "rewrite.judge": "prompt, model and sampling of a judge are inputs of their own, and only where a check asks one",
    "rewrite.max_error_rate": "decides when to give up, not what a finished row holds",
    "rewrite.model": "an input of its own of the rewrites by that model; the seed's do not read it",
    "rewrite.runtime": "how fast, not what, as `runtime`",
    "rewrite.samples": "an input of its own where there are several",
    "rewrite.select": "an input of its own where there are several samples",
    "rewrite.only": "an input of its own where it is given",
    "arm.scale": "weights are scaled in evaluation, which has the scale in its own fingerprint",
    "tune.sweep": "each point of it is a training of its own",
    "tune.arms": "each arm has a fingerprint of its own, so that adding one retrains none",
    "tune.save_steps": "how often training can be resumed, not what it learns",
    "tune.report_to": "where curves are sent",
    "evaluate.acquisition": "chooses among scores that are there; no answer depends on it",
    "evaluate.retention": "likewise",
    "evaluate.published": "which published numbers the report shows; no answer depends on it",
    "evaluate.judge": "model and sampling of a judge are inputs of their own, and only of benchmarks that ask one",
    "evaluate.benchmarks": "each benchmark has a fingerprint of its own, so that adding one repeats none",
}


def flatten(section: BaseModel | Mapping[str, Any], prefix: str) -> Inputs:
    """`{"lora": {"r": 8}}` under prefix `tune` → `{"tune.lora.r": 8}`, without what is left out.

    Lists stay values, because their order and length are part of their meaning.
    """
    values = section.model_dump(mode="json") if isinstance(section, BaseModel) else section
    flat: Inputs = {}
    for name, value in values.items():
        key = f"{prefix}.{name}" if prefix else name
        if key in LEFT_OUT:
            continue
        if isinstance(value, Mapping) and value:
            flat.update(flatten(cast("Mapping[str, Any]", value), key))
        else:
            flat[key] = value
    return flat


def fingerprint(inputs: Inputs) -> str:
    return digest(inputs)


def changed_keys(old: Inputs, new: Inputs) -> list[str]:
    """One line a key that differs: `tune.learning_rate: 0.0001 → 0.0002`; of a value with keys of its own, by those."""
    lines: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, "(unset)"), new.get(key, "(unset)")
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            inside = changed_keys(cast("Inputs", before), cast("Inputs", after))
            lines += [f"{key}.{line}" for line in inside]
        elif before != after:
            lines.append(f"{key}: {_short(before)} → {_short(after)}")
    return lines


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def join(*parts: Inputs) -> Inputs:
    """Several inputs as one; a key given twice must agree."""
    joined: Inputs = {}
    for part in parts:
        for key, value in part.items():
            if key in joined and joined[key] != value:
                raise ValueError(f"fingerprint key {key} given twice with different values")
            joined[key] = value
    return joined


def describe_changes(lines: Sequence[str], limit: int = 6) -> str:
    shown = [f"    {line}" for line in lines[:limit]]
    if len(lines) > limit:
        shown.append(f"    … and {len(lines) - limit} more")
    return "\n".join(shown)
