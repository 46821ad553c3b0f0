"""What rewriting leaves behind: training rows of every arm with a dataset card, outcomes by reason, samples.

Outcomes are gone through once; a few are held at a time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from ownwords.arms.base import Arm, find_arm
from ownwords.data.card import dataset_card
from ownwords.data.export import NO_TOOLS, training_row, training_table, with_targets, write_tables
from ownwords.records import Outcome, Source, Verdict
from ownwords.run import write_json, write_text
from ownwords.stages.context import Context
from ownwords.stats import cohen_kappa, wilson
from ownwords.turns import turn_of

#: Rows shown in the report: half accepted, half not.
SAMPLES = 30
#: The check that asks a judge, and its reasons when it has none of the judge's opinion.
JUDGE = "judge"
NO_OPINION = ("not_judged", "judge_unreadable")
#: So many outcomes are held at a time.
PIECE = 1_000


class Target(NamedTuple):
    """What one example is trained on, and where it comes from."""

    text: str
    source: Source


@dataclass(slots=True)
class Tally:
    """What is told of all outcomes: counts, the engines that made completions, and the first of each kind.

    `opinions` counts, by a typed check of `typed`, what the judge and it said of the same candidate.
    """

    typed: Sequence[str] = ()
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    engines: set[str] = field(default_factory=set[str])
    prompt_tokens: int = 0
    completion_tokens: int = 0
    opinions: Counter[tuple[str, bool, bool]] = field(default_factory=Counter[tuple[str, bool, bool]])
    accepted: list[Outcome] = field(default_factory=list[Outcome])
    others: list[Outcome] = field(default_factory=list[Outcome])

    def counted(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The outcomes as they come, each counted."""
        for outcome in outcomes:
            self.kinds[outcome.kind, outcome.reason] += 1
            if outcome.completion is not None:
                self.engines.add(outcome.engine)
                self.prompt_tokens += outcome.completion.prompt_tokens
                self.completion_tokens += outcome.completion.completion_tokens
            self._compare(dict(outcome.verdicts))
            first = self.accepted if outcome.kind == "accepted" else self.others
            if len(first) < SAMPLES:
                first.append(outcome)
            yield outcome

    def _compare(self, verdicts: Mapping[str, Verdict]) -> None:
        judge = verdicts.get(JUDGE)
        if judge is None or judge.reason in NO_OPINION:
            return
        for label in self.typed:
            if label in verdicts:
                self.opinions[label, judge.passed, verdicts[label].passed] += 1

    def agreement(self) -> list[dict[str, Any]]:
        """How often the judge and each typed check said the same, with Cohen's kappa: 0 is what chance would give."""
        return [self._agreement(label) for label in self.typed if any(of == label for of, _, _ in self.opinions)]

    def _agreement(self, label: str) -> dict[str, Any]:
        both, judge_only, check_only, neither = (
            self.opinions[label, judge, check]
            for judge, check in ((True, True), (True, False), (False, True), (False, False))
        )
        n = both + judge_only + check_only + neither
        interval = wilson(both + neither, n)
        return {
            "check": label,
            "n": n,
            "both": both,
            "judge_only": judge_only,
            "check_only": check_only,
            "neither": neither,
            "agreement": (both + neither) / n,
            "low": interval.low,
            "high": interval.high,
            "kappa": cohen_kappa(both, judge_only, check_only, neither),
        }

    def count(self, kind: str) -> int:
        return sum(count for (of, _), count in self.kinds.items() if of == kind)

    def provenance(self) -> list[dict[str, str]]:
        """Every engine that made a completion."""
        return [json.loads(engine) for engine in sorted(self.engines) if engine]

    def by_reason(self) -> list[dict[str, Any]]:
        """The commonest first."""
        return [
            {"kind": kind, "reason": reason, "count": count}
            for (kind, reason), count in sorted(self.kinds.items(), key=lambda item: (-item[1], item[0]))
        ]

    def samples(self) -> list[Outcome]:
        """Accepted and other rows in equal parts, in dataset order: chosen by position, never by how they look."""
        accepted = self.accepted[: SAMPLES // 2]
        return accepted + self.others[: SAMPLES - len(accepted)]


def write_products(context: Context, outcomes: Iterable[Outcome]) -> None:
    """Write every arm's data, `rewrite.json` and `samples.json`."""
    tally = write_arm_data(context, [find_arm(section) for section in context.recipe.tune.arms], outcomes)
    write_json(context.run.directory / "rewrite.json", _summary(context, tally))
    write_json(context.run.directory / "samples.json", [_sample(outcome) for outcome in tally.samples()])


def write_arm_data(context: Context, arms: Sequence[Arm], outcomes: Iterable[Outcome]) -> Tally:
    """`data/<arm>/train.parquet` and its card. A dropped example leaves every arm.

    `outcomes` can be gone through more than once.
    """
    provenance = _provenance(context)
    constant = {**provenance, "sampling": json.dumps(provenance["sampling"], sort_keys=True)}
    switch = {} if context.thinking is None else {"chat_template_kwargs": {"enable_thinking": context.thinking}}
    tools = context.train.tools and any(outcome.example.tools for outcome in _kept(outcomes))
    typed = [check.label for check in context.checks if check.traits.typed and not check.traits.judged]
    tally = Tally(typed)
    sources: list[Counter[str]] = [Counter() for _ in arms]

    def row(outcome: Outcome) -> dict[str, Any]:
        needed = {"tools": outcome.example.tools or NO_TOOLS, **switch} if tools else switch
        return {**training_row(outcome, constant), **needed}

    def pieces() -> Iterator[list[Any]]:
        kept = _kept(tally.counted(outcomes))
        some = list(islice(kept, PIECE))
        while True:
            table = training_table([row(outcome) for outcome in some])
            targets = [[_target(arm, outcome) for outcome in some] for arm in arms]
            for counts, own in zip(sources, targets, strict=True):
                counts.update(target.source for target in own)
            yield [with_targets(table, [t.text for t in own], [t.source for t in own]) for own in targets]
            some = list(islice(kept, PIECE))
            if not some:
                return

    write_tables([context.run.arm_data(arm.name) / "train.parquet" for arm in arms], pieces())
    rows = tally.count("accepted") + tally.count("fallback")
    facts = {**provenance, "engines": tally.provenance(), "rows": rows, "outcomes": tally.by_reason()}
    for arm, counts in zip(arms, sources, strict=True):
        card = dataset_card({**facts, "arm": arm.name, "summary": arm.summary, "sources": dict(counts)})
        write_text(context.run.arm_data(arm.name) / "README.md", card)
    return tally


def _target(arm: Arm, outcome: Outcome) -> Target:
    if not arm.method.generated:
        return Target(outcome.example.reference, "reference")
    if outcome.target is None or outcome.source is None:
        raise ValueError(f"example {outcome.example.id} was dropped and has no target")
    return Target(outcome.target, outcome.source)


def _kept(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    return (outcome for outcome in outcomes if outcome.kind != "dropped")


def _provenance(context: Context) -> dict[str, Any]:
    recipe = context.recipe
    return {
        "prompt_preset": context.prompt.name,
        "prompt_hash": context.prompt.hash,
        "model": recipe.model.name_or_path,
        "revision": recipe.model.revision or "",
        "sampling": recipe.rewrite.sampling.model_dump(),
        "checks": [check.label for check in context.checks],
        "seed": recipe.seed,
    }


def _summary(context: Context, tally: Tally) -> dict[str, Any]:
    total, accepted = tally.kinds.total(), tally.count("accepted")
    interval = wilson(accepted, total)
    engines = tally.provenance()
    return {
        "n": total,
        "accepted": accepted,
        "low": interval.low,
        "high": interval.high,
        "outcomes": tally.by_reason(),
        "skipped": [{"origin": origin, "reason": reason} for origin, reason in context.skipped.items()],
        "prompt": context.prompt.name,
        "prompt_hash": context.prompt.hash,
        "checks": [check.label for check in context.checks],
        "prompt_tokens": tally.prompt_tokens,
        "completion_tokens": tally.completion_tokens,
        "agreement": tally.agreement(),
        "engine": engines[0] if len(engines) == 1 else {"kind": "several", "engines": engines},
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
