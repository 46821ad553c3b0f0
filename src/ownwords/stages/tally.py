"""What is told of outcomes: counts by kind and reason, tokens, engines, the judge beside checks that know, samples."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ownwords.records import Outcome, Verdict
from ownwords.stats import cohen_kappa, wilson

#: Rows shown in the report: half accepted, half not.
SAMPLES = 30
#: The check that asks a judge, and its reasons when it has none of the judge's opinion.
JUDGE = "judge"
NO_OPINION = ("not_judged", "judge_unreadable")


@dataclass(slots=True)
class Counts:
    """Outcomes by kind and reason, where kept targets come from, and the engines and tokens of what decided."""

    kinds: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    sources: Counter[str] = field(default_factory=Counter[str])
    engines: set[str] = field(default_factory=set[str])
    prompt_tokens: int = 0
    completion_tokens: int = 0
    asked: int = 0

    def add(self, outcome: Outcome) -> None:
        self.kinds[outcome.kind, outcome.reason] += 1
        self.asked += outcome.attempt >= 0
        if outcome.source is not None:
            self.sources[outcome.source] += 1
        if outcome.completion is not None:
            self.engines.add(outcome.engine)
            self.prompt_tokens += outcome.completion.prompt_tokens
            self.completion_tokens += outcome.completion.completion_tokens

    def count(self, kind: str) -> int:
        return sum(count for (of, _), count in self.kinds.items() if of == kind)

    def provenance(self) -> list[dict[str, str]]:
        """Every engine that made a completion."""
        return [json.loads(engine) for engine in sorted(self.engines) if engine]

    def engine(self) -> dict[str, Any]:
        """The engine, or several."""
        engines = self.provenance()
        return engines[0] if len(engines) == 1 else {"kind": "several", "engines": engines}

    def by_reason(self) -> list[dict[str, Any]]:
        """The commonest first."""
        return [
            {"kind": kind, "reason": reason, "count": count}
            for (kind, reason), count in sorted(self.kinds.items(), key=lambda item: (-item[1], item[0]))
        ]

    def acceptance(self) -> dict[str, Any]:
        """How many of all were accepted, with the 95 % interval of their share."""
        total, accepted = self.kinds.total(), self.count("accepted")
        interval = wilson(accepted, total)
        return {"n": total, "accepted": accepted, "low": interval.low, "high": interval.high}


@dataclass(slots=True)
class Tally(Counts):
    """The same of rewriting, with the first outcomes of each kind.

    `opinions` counts, by a typed check of `typed`, what the judge and it said of the same candidate.
    """

    typed: Sequence[str] = ()
    opinions: Counter[tuple[str, bool, bool]] = field(default_factory=Counter[tuple[str, bool, bool]])
    accepted: list[Outcome] = field(default_factory=list[Outcome])
    others: list[Outcome] = field(default_factory=list[Outcome])

    def add(self, outcome: Outcome) -> None:
        Counts.add(self, outcome)
        self._compare(dict(outcome.verdicts))
        first = self.accepted if outcome.kind == "accepted" else self.others
        if len(first) < SAMPLES:
            first.append(outcome)

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

    def samples(self) -> list[Outcome]:
        """Accepted and other rows in equal parts, in dataset order: chosen by position, never by how they look."""
        accepted = self.accepted[: SAMPLES // 2]
        return accepted + self.others[: SAMPLES - len(accepted)]
