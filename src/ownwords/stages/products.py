"""What rewriting leaves behind: training rows of every arm with a dataset card, outcomes by reason, samples."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ownwords.arms.base import Arm, find_arm
from ownwords.data.card import dataset_card
from ownwords.data.export import NO_TOOLS, training_row, training_table, with_targets, write_table
from ownwords.records import Outcome
from ownwords.run import write_json, write_text
from ownwords.stages.context import Context
from ownwords.stats import wilson
from ownwords.turns import turn_of

#: Rows shown in the report: half accepted, half not.
SAMPLES = 30


def write_products(context: Context, outcomes: Sequence[Outcome]) -> None:
    """Write `rewrite.json`, `samples.json` and every arm's data."""
    engines = _engines(outcomes)
    write_json(context.run.directory / "rewrite.json", _summary(context, outcomes, engines))
    write_json(context.run.directory / "samples.json", _samples(outcomes))
    write_arm_data(context, [find_arm(name) for name in context.recipe.tune.arms], outcomes)


def write_arm_data(context: Context, arms: Sequence[Arm], outcomes: Sequence[Outcome]) -> None:
    """`data/<arm>/train.parquet` and its card. A dropped example leaves every arm."""
    provenance = _provenance(context)
    sampling = json.dumps(provenance["sampling"], sort_keys=True)
    kept = [outcome for outcome in outcomes if outcome.kind != "dropped"]
    extra = _extra_columns(context, kept)
    table = training_table(
        [
            {**training_row(outcome, {**provenance, "sampling": sampling}), **added}
            for outcome, added in zip(kept, extra, strict=True)
        ]
    )
    facts = {**provenance, "engines": _engines(outcomes), "rows": len(kept), **_counts(outcomes)}
    for arm in arms:
        targets = [arm.target(outcome) for outcome in kept]
        folder = context.run.arm_data(arm.name)
        own = with_targets(table, [target.text for target in targets], [target.source for target in targets])
        write_table(folder / "train.parquet", own)
        sources = dict(Counter(target.source for target in targets))
        card = dataset_card({**facts, "arm": arm.name, "summary": arm.summary, "sources": sources})
        write_text(folder / "README.md", card)


def _extra_columns(context: Context, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Cells that only some runs need, the same for every row of this one."""
    switch = {} if context.thinking is None else {"chat_template_kwargs": {"enable_thinking": context.thinking}}
    if not any(outcome.example.tools for outcome in outcomes):
        return [switch for _ in outcomes]
    return [{"tools": outcome.example.tools or NO_TOOLS, **switch} for outcome in outcomes]


def _engines(outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    """The provenance of every engine that made a completion."""
    return [json.loads(engine) for engine in sorted({o.engine for o in outcomes if o.engine})]


def _provenance(context: Context) -> dict[str, Any]:
    recipe = context.recipe
    return {
        "prompt_preset": context.prompt.name,
        "prompt_hash": context.prompt.hash,
        "model": recipe.model.name_or_path,
        "revision": recipe.model.revision or "",
        "sampling": recipe.rewrite.sampling.model_dump(),
        "checks": [check.name for check in context.checks],
        "seed": recipe.seed,
    }


def _counts(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    counts = Counter((o.kind, o.reason) for o in outcomes)
    return {
        "outcomes": [
            {"kind": kind, "reason": reason, "count": count}
            for (kind, reason), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ]
    }


def _summary(context: Context, outcomes: Sequence[Outcome], engines: list[dict[str, str]]) -> dict[str, Any]:
    accepted = sum(o.kind == "accepted" for o in outcomes)
    interval = wilson(accepted, len(outcomes))
    completions = [o.completion for o in outcomes if o.completion is not None]
    return {
        "n": len(outcomes),
        "accepted": accepted,
        "low": interval.low,
        "high": interval.high,
        **_counts(outcomes),
        "skipped": [{"origin": origin, "reason": reason} for origin, reason in context.skipped.items()],
        "prompt": context.prompt.name,
        "prompt_hash": context.prompt.hash,
        "checks": [check.name for check in context.checks],
        "prompt_tokens": sum(c.prompt_tokens for c in completions),
        "completion_tokens": sum(c.completion_tokens for c in completions),
        "engine": engines[0] if len(engines) == 1 else {"kind": "several", "engines": engines},
    }


def _samples(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Accepted and other rows in equal parts, in dataset order: chosen by position, never by how they look."""
    accepted = [o for o in outcomes if o.kind == "accepted"]
    others = [o for o in outcomes if o.kind != "accepted"]
    shown = accepted[: SAMPLES // 2] + others[: SAMPLES - min(len(accepted), SAMPLES // 2)]
    return [
        {
            "id": outcome.example.id,
            "prompt": outcome.example.prompt,
            "reference": outcome.example.reference,
            "candidate": turn_of(outcome.completion).as_text() if outcome.completion else "",
            "outcome": outcome.kind,
            "reason": outcome.reason,
            "detail": outcome.detail,
            "attempt": outcome.attempt,
        }
        for outcome in shown
    ]
