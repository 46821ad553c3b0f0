"""What the other stages leave in a run directory for the report: one frozen dataclass a file.

The files are JSON; `read_part` validates them with pydantic at this edge, so that everything behind it is plain, typed
data. Keys that are not named here are ignored. A number is None where a stage could not give one (an interval of one
item, a score without items).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from ownwords.errors import StageError
from ownwords.recipe import Recipe
from ownwords.report.compared import Comparison
from ownwords.report.shifted import Shift

if TYPE_CHECKING:
    from ownwords.report.chain import Chain

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage in `run.json`. `running` also means: killed before it could finish.

    `startup_seconds` went into opening engines and loading weights; `seconds` do not hold them.
    """

    status: Literal["done", "running", "interrupted", "failed"]
    fingerprint: str = ""
    started: str | None = None
    finished: str | None = None
    seconds: float | None = None
    startup_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ChosenEngine:
    """The engine that the recipe means on the machine of the last stage, and why it is this one."""

    name: str
    reason: str


#: The verb of a stage whose name does not begin with it.
VERBS = {"own": "rewrite", "targets": "rewrite", "gap/references": "rewrite"}


@dataclass(frozen=True, slots=True)
class RunRecord:
    """`run.json`. Stage names: `rewrite` (and those of VERBS), `gap`, `tune/<arm>`, `evaluate/<benchmark>/<arm>`.

    `sandbox` is what contained the code that checks have run (`none`: nothing did), None where no check runs code.
    """

    ownwords: str
    created: str
    versions: dict[str, Any] = field(default_factory=dict[str, Any])
    hardware: dict[str, Any] = field(default_factory=dict[str, Any])
    stages: dict[str, Stage] = field(default_factory=dict[str, Stage])
    engine: ChosenEngine | None = None
    sandbox: str | None = None


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


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts[i]` rows lie between `edges[i]` and `edges[i + 1]`."""

    edges: tuple[float, ...]
    counts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class GapGroup:
    """One kind of targets: negative log-likelihood per token under the seed model, in nats."""

    name: str
    n: int
    mean_nll: float | None
    low: float | None = None
    high: float | None = None
    quantiles: dict[str, float | None] = field(default_factory=dict[str, "float | None"])
    histogram: Histogram | None = None


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Final targets minus references, paired by example, in nats per token: negative means a smaller gap."""

    n: int
    mean: float | None
    low: float | None
    high: float | None
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """`gap.json`. `errors` counts the examples that could not be scored; no number here holds them."""

    groups: tuple[GapGroup, ...]
    difference: PairedDifference | None = None
    errors: int = 0

    def group(self, name: str) -> GapGroup | None:
        return next((group for group in self.groups if group.name == name), None)


@dataclass(frozen=True, slots=True)
class LossPoint:
    """One logged step. `kl` is the mean KL to the seed in nats per token, where the objective has one."""

    step: int
    loss: float | None
    epoch: float | None = None
    learning_rate: float | None = None
    kl: float | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """`arms/<arm>/<variant>/training.json`.

    Of `rows`, `replay_rows` are general ones that are not of the task. `masked_tokens` of the targets are read and not
    trained on; `emptied_rows` had no others and were left out.
    """

    arm: str
    variant: str
    label: str
    rows: int
    supervised_tokens: int
    truncated_rows: int
    truncated_tokens: int
    dropped_rows: int
    steps: int
    epochs: float
    masked_tokens: int = 0
    emptied_rows: int = 0
    seconds: float | None = None
    replay_rows: int = 0
    loss: tuple[LossPoint, ...] = ()


@dataclass(frozen=True, slots=True)
class BenchmarkInfo:
    """A benchmark as `scores/summary.json` describes it, or a further metric `of` one (`advbench/refusal_rate`).

    `higher_is_better` is None where neither is: a change is then told as higher or lower.
    """

    name: str
    summary: str
    area: Literal["task", "general", "safety"]
    metric: str
    unit: str
    higher_is_better: bool | None
    generative: bool
    of: str | None = None

    @property
    def direction(self) -> str:
        """Which way is better, in words."""
        if self.higher_is_better is None:
            return "neither way is better"
        return "higher is better" if self.higher_is_better else "lower is better"

    @property
    def arrow(self) -> str:
        return {True: "↑", False: "↓", None: "↕"}[self.higher_is_better]


@dataclass(frozen=True, slots=True)
class Sanity:
    """Shares of the answers that are finished, non-empty, non-repeating, readable and free of template markers; and of
    the `told` ones whose language can be told, those in their prompt's. What an earlier version did not look at is
    None."""

    finished: float
    non_empty: float
    non_repeating: float
    readable: float | None = None
    unmarked: float | None = None
    language: float | None = None
    told: int = 0


@dataclass(frozen=True, slots=True)
class Judge:
    """Whose opinion a score is; `is_seed` says that it is the seed model's own."""

    model: str
    is_seed: bool


@dataclass(frozen=True, slots=True)
class Score:
    """One benchmark for one variant (a label). `usable` is False where the sanity gate failed, with its `reason`.

    `repeated` counts the questions that are training prompts; None where that was not looked at. `caution` says what to
    think of beside a usable score.
    """

    benchmark: str
    arm: str
    variant: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    usable: bool
    reason: str = ""
    sanity: Sanity | None = None
    errors: int = 0
    engine: dict[str, Any] | None = None
    judge: Judge | None = None
    repeated: int | None = None
    caution: str = ""


@dataclass(frozen=True, slots=True)
class ScoreDifference:
    """`variant` minus `baseline` (labels) on one benchmark, paired by test item.

    `beyond_noise` holds after correction for all differences of the summary, `beyond_alone` by itself; scores of
    earlier versions have no correction, and neither `p_holm` nor `beyond_alone`.
    """

    benchmark: str
    variant: str
    baseline: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    p: float | None
    beyond_noise: bool
    p_holm: float | None = None
    beyond_alone: bool | None = None


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """Variants of an arm that differ in their training seed only, together: their mean score with that of the lowest
    and highest seed, and its difference to `baseline` (the seed model, or vanilla with the same training seeds), with
    an interval for the chance of items and seeds both."""

    benchmark: str
    arm: str
    point: str
    part: float
    scale: float
    baseline: str
    variants: tuple[str, ...]
    seeds: int
    n: int
    score: float
    score_lowest: float
    score_highest: float
    mean: float
    low: float
    high: float
    lowest: float
    highest: float
    p: float
    beyond_noise: bool
    p_holm: float | None = None
    beyond_alone: bool | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """`scores/summary.json`. `comparisons` is how many differences are judged together, 0 where each is by itself."""

    benchmarks: tuple[BenchmarkInfo, ...]
    scores: tuple[Score, ...]
    differences: tuple[ScoreDifference, ...] = ()
    over_seeds: tuple[OverSeeds, ...] = ()
    comparisons: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of `samples.json`: a rewrite beside its reference. `attempt` counts from 0.

    `candidate` is empty where no text came back.
    """

    id: str
    prompt: str
    reference: str
    candidate: str
    outcome: Literal["accepted", "fallback", "dropped"]
    reason: str
    detail: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything the report says, as read from `run_dir`. None (or empty) is a part that does not exist yet."""

    run_dir: Path
    recipe: Recipe | None
    recipe_text: str
    run: RunRecord | None
    rewriting: Rewriting | None
    gap: Gap | None
    trainings: tuple[Training, ...]
    scores: Scores | None
    comparison: Comparison | None
    samples: tuple[Sample, ...] | None
    chain: Chain | None = None
    shift: Shift | None = None

    def stages(self, name: str) -> dict[str, Stage]:
        """The stages of one verb: `tune` gives `tune/vanilla`, `tune/sdft`."""
        stages = {} if self.run is None else self.run.stages
        return {key: stage for key, stage in stages.items() if VERBS.get(key, key.split("/")[0]) == name}


def read_part(path: Path, kind: type[Part] | Any) -> Part | None:
    """The content of a JSON file as `kind`, or None where the file does not exist.

    Raises:
        StageError: the file cannot be read, or is not what the stage writes.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StageError(f"cannot read {path}: {error.strerror}.") from error
    try:
        adapter: TypeAdapter[Part] = TypeAdapter(kind)
        return adapter.validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise StageError(
            f"{path} is not what ownwords writes there: {where}: {problem['msg']}. "
            "It is derived from the run: delete it and run its stage again."
        ) from error
