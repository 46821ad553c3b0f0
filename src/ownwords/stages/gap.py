"""The gap: how far targets lie from the seed model, before and after rewriting (the paper's reason made visible).

One forward pass an example over its reference, and one over its final target where that differs. An example's value is
the mean negative log-likelihood per target token under the seed model, in nats; the end-of-turn marker counts, as in
training. A group's mean gives every example the same weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ownwords.errors import StageError
from ownwords.fingerprint import Inputs, join
from ownwords.journal import Key
from ownwords.records import Completion, Outcome
from ownwords.run import write_json
from ownwords.stages import likelihoods, targets_of_arms
from ownwords.stages.context import Context
from ownwords.stages.likelihoods import REFERENCE, STAGE, TARGET, Scored, nats_per_token, score
from ownwords.stages.logprobs import write_logprobs
from ownwords.stages.origins import REWRITE, Origin, needed
from ownwords.stats import mean_interval, paired_difference

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
BINS = 30


@dataclass(frozen=True, slots=True)
class Distance:
    """Nats per token of one example's reference and of its final target."""

    outcome: Outcome
    reference: float
    target: float


def inputs(context: Context) -> Inputs:
    return join(likelihoods.inputs(context), targets_of_arms.inputs_of(context, _read(context)))


def run(context: Context) -> None:
    """Ask the seed model for every likelihood that is missing, then write `gap.json`.

    Where no rewrites were asked for, that is the distance of the references alone.
    """
    read = _read(context)
    outcomes = [row.rewriting for row in targets_of_arms.load(context, [], read)]
    with context.run.working_on(STAGE, inputs(context), [context.run.directory / "gap.json"]):
        if all(outcome.kind == "dropped" for outcome in outcomes):
            raise StageError(
                f"rewrite.on_failure=drop has dropped all of {len(outcomes):,} examples: no candidate passes. "
                "`ownwords preview` shows rewrites with their verdicts."
            )
        scored = score(context, _targets(outcomes), "measuring the gap")
        write_logprobs(context.run.directory / "data" / "logprobs" / "gap.parquet", scored)
        distances, errors = _distances(outcomes, scored)
        if not distances:
            raise StageError(f"no example could be scored; the first error: {next(iter(errors), 'none')}")
        write_json(context.run.directory / "gap.json", _summary(distances, len(errors), rewritten=REWRITE in read))


def _read(context: Context) -> list[Origin]:
    """Rewriting, if it was asked for; and what rows are dropped by."""
    wanted = needed(context.recipe) if context.recipe.rewrite.on_failure == "drop" else []
    return [origin for origin in targets_of_arms.asked_for(context) if origin is REWRITE or origin in wanted]


def _targets(outcomes: Iterable[Outcome]) -> Iterator[Scored]:
    """Every reference, and every final target that is another text."""
    for outcome in outcomes:
        yield Scored(outcome.example, outcome.example.reference)
        if outcome.target is not None and outcome.target != outcome.example.reference:
            yield Scored(outcome.example, outcome.target)


def _distances(outcomes: Iterable[Outcome], scored: dict[Key, Completion]) -> tuple[list[Distance], list[str]]:
    """Distances of the kept examples, and the message of each that has none (it does not fit the context, say)."""
    by_part = {(key.example_id, key.attempt): completion for key, completion in scored.items()}
    distances: list[Distance] = []
    errors: list[str] = []
    for outcome in outcomes:
        if outcome.kind == "dropped":
            continue
        reference = by_part[outcome.example.id, REFERENCE]
        target = by_part.get((outcome.example.id, TARGET), reference)
        failed = reference.error or target.error
        if failed is not None:
            errors.append(f"{outcome.example.id}: {failed.message}")
            continue
        distances.append(Distance(outcome, nats_per_token(reference), nats_per_token(target)))
    return distances, errors


def _summary(distances: Sequence[Distance], errors: int, *, rewritten: bool) -> dict[str, Any]:
    accepted = [d for d in distances if d.outcome.kind == "accepted"]
    groups: dict[str, list[float]] = {
        "references": [d.reference for d in distances],
        "final targets": [d.target for d in distances],
        "accepted rewrites": [d.target for d in accepted],
        "their references": [d.reference for d in accepted],
    }
    largest = max(groups["references"] + groups["final targets"])
    edges = np.linspace(0.0, largest * 1.001, BINS + 1)
    difference = paired_difference(groups["final targets"], groups["references"], share=False)
    shown = groups if rewritten else {"references": groups["references"]}
    return {
        "unit": "nats per target token under the seed model, mean over examples",
        "errors": errors,
        "groups": [_group(name, values, edges) for name, values in shown.items() if values],
        "difference": {
            "n": difference.n,
            "mean": difference.mean,
            "low": difference.low,
            "high": difference.high,
            "p": difference.p,
        }
        if rewritten
        else None,
    }


def _group(name: str, values: Sequence[float], edges: np.ndarray) -> dict[str, Any]:
    interval = mean_interval(values, share=False)
    counts, _ = np.histogram(values, bins=edges)
    return {
        "name": name,
        "n": interval.n,
        "mean_nll": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "quantiles": {str(q): float(np.quantile(values, q)) for q in QUANTILES},
        "histogram": {"edges": [round(float(e), 5) for e in edges], "counts": [int(c) for c in counts]},
    }
