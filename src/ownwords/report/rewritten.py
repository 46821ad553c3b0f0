"""How rewriting went, as `rewrite.json` tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many examples ended in this way for this reason."""

    kind: Literal["accepted", "fallback", "dropped"]
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row of the dataset that is wrong and was left out."""

    origin: str
    reason: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often the judge and a typed check said the same of a candidate; `low` and `high` are its 95 % interval."""

    check: str
    n: int
    both: int
    judge_only: int
    check_only: int
    neither: int
    agreement: float
    low: float | None
    high: float | None
    kappa: float | None


@dataclass(frozen=True, slots=True)
class CandidateSource:
    """One source of candidates: of `n` examples `asked` were asked about, and `accepted` have one that passed.

    Tokens are those of all attempts; `low` and `high` are the 95 % interval of accepted / n.
    """

    source: Literal["own", "rewrite", "other"]
    n: int
    asked: int
    accepted: int
    low: float | None
    high: float | None
    completion_tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ArmTargets:
    """What an arm takes, in its order, and where the targets of its `rows` come from, by source."""

    arm: str
    sources: tuple[str, ...]
    rewriter: Literal["seed", "other"]
    mix: float
    rows: int
    targets: dict[str, int]
    outcomes: tuple[OutcomeCount, ...]

    @property
    def why_references(self) -> list[OutcomeCount]:
        """Why references were kept by an arm that takes other targets too, the commonest reason first."""
        if self.sources == ("reference",):
            return []
        return sorted((o for o in self.outcomes if o.kind == "fallback"), key=lambda o: (-o.count, o.reason))


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Of `rows` that might have been asked about, `near` lie no more than `gap_above` nats per token from the seed.

    What that saved is an estimate: tokens a row and tokens a second as with the rows that were asked about.
    """

    gap_above: float
    rows: int
    near: int
    completion_tokens_saved: int
    seconds_saved: float
    measuring_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Rewriting:
    """`rewrite.json`. `low` and `high` are the 95 % interval of the acceptance rate accepted / n, as shares.

    What stands above `sources` is of rewriting by the seed. Runs of earlier versions have no `sources` and `arms`.
    """

    n: int
    accepted: int
    low: float | None
    high: float | None
    outcomes: tuple[OutcomeCount, ...]
    prompt: str = ""
    prompt_hash: str = ""
    checks: tuple[Any, ...] = ()
    seconds: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    engine: dict[str, Any] | None = None
    skipped: tuple[SkippedRow, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    sources: tuple[CandidateSource, ...] | None = None
    arms: tuple[ArmTargets, ...] = ()
    only: LeftAlone | None = None

    @property
    def asked(self) -> bool:
        """Whether rewrites by the seed were asked for."""
        return self.sources is None or any(source.source == "rewrite" for source in self.sources)
