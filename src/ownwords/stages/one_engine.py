"""One score table comes from one engine: numbers of two are not comparable."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from ownwords.engines.base import Engine, needs_model
from ownwords.errors import InputError
from ownwords.stages import scores
from ownwords.stages.context import FALLBACK_ENGINE, Context
from ownwords.stages.exams import stage_name
from ownwords.variants import SEED

#: A benchmark and a variant's label.
Pair = tuple[str, str]


def check_kinds(context: Context, wanted: Sequence[Pair]) -> None:
    """Before any work: scores that stay are of a kind of engine that the wanted ones can have.

    Which kind that is, is known before an engine is open; the rest of what it is (device, dtype, version) only then:
    see `check`.

    Raises:
        InputError: names the first that is of another kind.
    """
    name = context.engine_choice.name
    kinds = {name} if needs_model(name) else {name, FALLBACK_ENGINE}
    for benchmark in dict.fromkeys(benchmark for benchmark, _ in wanted):
        for label, engine in _staying(context, benchmark, wanted):
            if (kind := engine.get("kind")) not in kinds:
                raise _refusal(context, benchmark, label, f"kind {kind}")


def check(context: Context, benchmark: str, engine: Engine, wanted: Collection[Pair]) -> None:
    """Before a benchmark's first question: scores that stay come from this very engine.

    Raises:
        InputError: names the first that do not, and how their engine differs.
    """
    ours = engine.provenance.as_dict()
    for label, theirs in _staying(context, benchmark, wanted):
        if theirs != ours:
            differences = [f"{key} {value}" for key, value in theirs.items() if ours.get(key) != value]
            raise _refusal(context, benchmark, label, ", ".join(differences))


def _staying(context: Context, benchmark: str, wanted: Collection[Pair]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Labels with finished scores that are not made anew, and what made them."""
    for label in (SEED, *context.variants):
        facts = scores.files(context, benchmark, label)[1]
        finished = context.run.stage(stage_name(benchmark, label)).get("status") == "done"
        if (benchmark, label) not in wanted and finished and facts.exists():
            yield label, scores.read_facts(facts)["engine"]


def _refusal(context: Context, benchmark: str, label: str, differences: str) -> InputError:
    folder = context.run.scores_dir / benchmark
    return InputError(
        f"the scores of {label} on {benchmark} come from another engine ({differences}); one score table comes from "
        f"one engine. Set runtime as it was, choose another output_dir, or remove {folder} to have all of them anew."
    )
