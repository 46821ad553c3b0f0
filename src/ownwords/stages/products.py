"""What rewriting leaves behind: training rows of every arm with a dataset card, outcomes by reason, samples.

They are derived from the sources' outcomes, so they are written anew whenever arms or sources have changed. Outcomes
are gone through once; a few are held at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ownwords.arms.base import Arm
from ownwords.data.card import dataset_card
from ownwords.data.export import NO_TOOLS, training_row, training_table, with_targets, write_tables
from ownwords.fingerprint import Inputs, join
from ownwords.progress import say
from ownwords.records import Outcome, Source
from ownwords.run import write_json, write_text
from ownwords.stages import nearness, targets_of_arms
from ownwords.stages.context import Context
from ownwords.stages.origins import ORIGINS, OTHER, OWN, REWRITE, Origin
from ownwords.stages.outcomes import NEAR_THE_SEED, NOT_ASKED, Outcomes
from ownwords.stages.tally import Counts, Tally
from ownwords.stages.targets_of_arms import Row, Targets
from ownwords.turns import turn_of

STAGE = "targets"
#: So many outcomes are held at a time.
PIECE = 1_000


@dataclass(slots=True)
class Told:
    """What is told of all rows: of rewriting, of every source and of every arm, by its name."""

    rewriting: Tally
    sources: dict[str, Counts]
    arms: dict[str, Counts]

    def add(self, row: Row) -> None:
        self.rewriting.add(row.rewriting)
        for name, outcome in row.sources.items():
            self.sources[name].add(outcome)
        for counts, outcome in zip(self.arms.values(), row.arms or [row.rewriting] * len(self.arms), strict=True):
            counts.add(outcome)


def inputs(context: Context, sources: Sequence[Origin]) -> Inputs:
    """What targets of these sources depend on (see `fingerprint`)."""
    arms = {arm.name: _takes(arm) for arm in context.arms}
    return join(targets_of_arms.inputs_of(context, sources), {"seed": context.recipe.seed, "arms": arms})


def run(context: Context, sources: Sequence[Origin], known: Mapping[str, Outcomes] | None = None) -> None:
    """Write every arm's data, `rewrite.json` and `samples.json` from finished sources; `known` has outcomes of some of
    them, by name."""
    directory = context.run.directory
    files = [directory / "rewrite.json", directory / "samples.json", *(_data(context, arm) for arm in context.arms)]
    with context.run.working_on(STAGE, inputs(context, sources), files):
        targets = targets_of_arms.load(context, context.arms, sources, known)
        told = write_arm_data(context, targets)
        facts = _summary(context, told, targets)
        write_json(directory / "rewrite.json", facts)
        if REWRITE in sources:
            say(_accepted(facts))
        shown = [outcome for outcome in told.rewriting.samples() if outcome.reason != NOT_ASKED[0]]
        write_json(directory / "samples.json", [_sample(outcome) for outcome in shown])


def _accepted(facts: Mapping[str, Any]) -> str:
    """How many rewrites were accepted, and why the others were not."""
    others = [f"{one['reason']} {one['count']:,}" for one in facts["outcomes"] if one["kind"] != "accepted"]
    reasons = f"; {', '.join(others)}" if others else ""
    if not facts["accepted"]:
        return (
            f"caution: none of {facts['n']:,} rewrites accepted{reasons}. Every target is the reference or left out. "
            "`ownwords preview` shows rewrites with their verdicts."
        )
    share = 100 * facts["accepted"] / facts["n"]
    return f"{facts['accepted']:,} of {facts['n']:,} rewrites accepted ({share:.1f} %){reasons}"


def write_arm_data(context: Context, targets: Targets) -> Told:
    """`data/<arm>/train.parquet` and its card, for some arms. A dropped example leaves every arm."""
    arms = targets.arms
    typed = [check.label for check in context.checks if check.traits.typed and not check.traits.judged]
    told = Told(Tally(typed=typed), {name: Counts() for name in targets.sources}, {arm.name: Counts() for arm in arms})
    rows = _Rows(context, targets)

    def counted() -> Iterator[Row]:
        for row in targets:
            told.add(row)
            if row.arms is not None:
                yield row

    def pieces() -> Iterator[list[Any]]:
        kept = counted()
        some = list(islice(kept, PIECE))
        while True:
            yield rows.tables(some)
            some = list(islice(kept, PIECE))
            if not some:
                return

    write_tables([_data(context, arm) for arm in arms], pieces())
    for arm in arms:
        write_text(context.run.arm_data(arm.name) / "README.md", _card(context, arm, told.arms[arm.name]))
    return told


class _Rows:
    """Training rows as tables, one an arm."""

    def __init__(self, context: Context, targets: Targets) -> None:
        self._arms = targets.arms
        self._constant = {origin.name: _columns(context, origin) for origin in ORIGINS if origin is not OTHER}
        if any(arm.method.rewriter == "other" for arm in targets.arms) or OTHER.name in targets.sources:
            self._constant[OTHER.name] = _columns(context, OTHER)
        self._switch = (
            {} if context.thinking is None else {"chat_template_kwargs": {"enable_thinking": context.thinking}}
        )
        self._tools = context.train.tools and any(row.rewriting.example.tools for row in targets if row.arms)

    def tables(self, rows: Sequence[Row]) -> list[Any]:
        """Arms that take what rewriting gives, and arms of references, share the columns that are the same."""
        rewriting: Any = None
        tables: list[Any] = []
        for place, arm in enumerate(self._arms):
            outcomes = [row.arms[place] for row in rows if row.arms is not None]
            same = all(outcome is row.rewriting for outcome, row in zip(outcomes, rows, strict=True))
            references = not arm.method.generated and arm.method.mix > 0
            if not same and not references:
                tables.append(self._table(outcomes))
                continue
            if rewriting is None:
                rewriting = self._table([row.rewriting for row in rows])
            if references:
                names: list[Source] = ["reference"] * len(outcomes)
                tables.append(with_targets(rewriting, [outcome.example.reference for outcome in outcomes], names))
            else:
                tables.append(rewriting)
        return tables

    def _table(self, outcomes: Sequence[Outcome]) -> Any:
        return training_table([self._row(outcome) for outcome in outcomes])

    def _row(self, outcome: Outcome) -> dict[str, Any]:
        needed = {"tools": outcome.example.tools or NO_TOOLS, **self._switch} if self._tools else self._switch
        return {**training_row(outcome, self._constant[outcome.origin]), **needed}


def _data(context: Context, arm: Arm) -> Any:
    return context.run.arm_data(arm.name) / "train.parquet"


def _takes(arm: Arm) -> dict[str, Any]:
    method = arm.method
    return {"sources": method.sources, "rewriter": method.rewriter, "mix": method.mix}


def _columns(context: Context, origin: Origin) -> dict[str, Any]:
    """The columns that are the same in every row of a source."""
    facts = _provenance(context, origin)
    return {**facts, "sampling": json.dumps(facts["sampling"], sort_keys=True)}


def _provenance(context: Context, origin: Origin) -> dict[str, Any]:
    """How candidates of a source were made. Own answers have no rewriting prompt."""
    recipe, model = context.recipe, origin.asked(context).recipe.model
    return {
        "prompt_preset": "" if origin is OWN else context.prompt.name,
        "prompt_hash": "" if origin is OWN else context.prompt.hash,
        "model": model.name_or_path,
        "revision": model.revision or "",
        "sampling": recipe.rewrite.sampling.model_dump(),
        "checks": [check.label for check in context.checks],
        "seed": recipe.seed,
    }


def _card(context: Context, arm: Arm, counts: Counts) -> str:
    facts = {
        **_provenance(context, REWRITE),
        "engines": counts.provenance(),
        "rows": counts.count("accepted") + counts.count("fallback"),
        "outcomes": counts.by_reason(),
        "arm": arm.name,
        "summary": arm.summary,
        "sources": dict(counts.sources),
    }
    rewriter = context.recipe.rewrite.model
    if arm.method.rewriter == "other" and rewriter is not None:
        facts["rewriter"] = rewriter.name_or_path
    return dataset_card(facts)


def _summary(context: Context, told: Told, targets: Targets) -> dict[str, Any]:
    """`rewrite.json`. What stands above `sources` is of rewriting; `completion_tokens` there are those of the attempts
    that decided, of a source those of all attempts."""
    tally = told.rewriting
    return {
        **tally.acceptance(),
        "outcomes": tally.by_reason(),
        "skipped": [{"origin": origin, "reason": reason} for origin, reason in context.skipped.items()],
        "prompt": context.prompt.name,
        "prompt_hash": context.prompt.hash,
        "checks": [check.label for check in context.checks],
        "prompt_tokens": tally.prompt_tokens,
        "completion_tokens": tally.completion_tokens,
        "agreement": tally.agreement(),
        "engine": tally.engine(),
        "sources": [_of_source(context, targets, name, counts) for name, counts in told.sources.items()],
        "arms": [_of_arm(arm, told.arms[arm.name]) for arm in targets.arms],
        "only": _saved(context, told, targets),
    }


def _of_source(context: Context, targets: Targets, name: str, counts: Counts) -> dict[str, Any]:
    outcomes = targets.sources[name]
    return {
        "source": name,
        "asked": counts.asked,
        **counts.acceptance(),
        "outcomes": counts.by_reason(),
        "prompt_tokens": outcomes.read,
        "completion_tokens": outcomes.written,
        "seconds": context.run.stage(outcomes.origin.stage).get("seconds"),
        "engine": counts.engine(),
    }


def _of_arm(arm: Arm, counts: Counts) -> dict[str, Any]:
    """`outcomes` are the columns of the arm's data, with what was dropped. An arm of references has those of rewriting,
    and takes none of it."""
    return {
        "arm": arm.name,
        **_takes(arm),
        "rows": counts.count("accepted") + counts.count("fallback"),
        "targets": dict(counts.sources),
        "outcomes": counts.by_reason(),
    }


def _saved(context: Context, told: Told, targets: Targets) -> dict[str, Any] | None:
    """What leaving rows near the seed alone has saved: as many tokens a row, and at as many tokens a second, as each
    source needed for the rows that it was asked about. `measuring_seconds` went into telling which they are."""
    only = context.recipe.rewrite.only
    if only is None or not told.sources:
        return None
    near = max(counts.kinds["fallback", NEAR_THE_SEED[0]] for counts in told.sources.values())
    tokens = seconds = 0.0
    for name, counts in told.sources.items():
        if counts.asked:
            outcomes = targets.sources[name]
            saved = near * outcomes.written / counts.asked
            tokens += saved
            took = float(context.run.stage(outcomes.origin.stage).get("seconds", 0.0))
            seconds += near * took / counts.asked
    return {
        "gap_above": only.gap_above,
        "rows": len(context.asked),
        "near": near,
        "completion_tokens_saved": round(tokens),
        "seconds_saved": round(seconds, 1),
        "measuring_seconds": context.run.stage(nearness.STAGE).get("seconds"),
    }


def _sample(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.example.id,
        "prompt": outcome.example.prompt,
        "reference": outcome.example.reference,
        "candidate": turn_of(outcome.completion).as_text() if outcome.completion else "",
        "outcome": outcome.kind,
        "reason": outcome.reason,
        "detail": outcome.detail,
        "attempt": outcome.attempt,
    }
