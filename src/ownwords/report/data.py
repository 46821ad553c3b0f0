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
from ownwords.report.rewritten import Rewriting
from ownwords.report.scored import Scores
from ownwords.report.shifted import Shift
from ownwords.variants import variants

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
        return {key: stage for key, stage in stages.items() if verb_of(key) == name}

    @property
    def failed(self) -> frozenset[str]:
        """Labels of variants whose training, or whose general rows, have failed."""
        stages = {} if self.run is None else self.run.stages
        failed = {name for name, stage in stages.items() if stage.status == "failed"}
        return frozenset(
            variant.label
            for variant in ([] if self.recipe is None else variants(self.recipe))
            if failed & {f"tune/{variant.training.label}", f"replay/{variant.arm.name}"}
        )

    @property
    def begun(self) -> frozenset[str]:
        """The benchmarks that evaluation has begun, for any variant."""
        return frozenset(name.split("/")[1] for name in self.stages("evaluate") if "/" in name)


def verb_of(stage: str) -> str:
    """The verb that does a stage."""
    return VERBS.get(stage, stage.partition("/")[0])


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
