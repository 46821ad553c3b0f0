"""What every arm is trained on: sources combined in the arm's order, mixed with references, dropped from all arms.

Outcomes are gone through one example at a time; of all examples only a byte or two each is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ownwords.arms.base import Arm
from ownwords.fingerprint import Inputs, fingerprint
from ownwords.recipe import Method
from ownwords.records import Outcome, digest
from ownwords.stages import origins, rewrite
from ownwords.stages.context import Context
from ownwords.stages.origins import ORIGINS, REWRITE, Origin, origins_of
from ownwords.stages.outcomes import NOT_ASKED, Outcomes, kept

MIXED = ("mixed", "the arm's `mix` leaves this row its reference")

#: How an example ended with each source that was asked, by the source's name.
BySource = Mapping[str, Outcome]


class Row(NamedTuple):
    """One example: how it ended with rewriting, with each source, and with each arm. `arms` is None where the example
    is dropped from all of them; `rewriting` says so too."""

    rewriting: Outcome
    sources: BySource
    arms: Sequence[Outcome] | None


class Targets:
    """The rows of some arms of the recipe, in the examples' order, anew whenever they are gone through.

    With `on_failure: drop` an example leaves all arms where any arm of the recipe would have to fall back on its
    reference: every source that it takes from was asked, and none gave a candidate that passes.
    """

    def __init__(self, context: Context, arms: Sequence[Arm], sources: Mapping[str, Outcomes]) -> None:
        self.arms, self.sources = arms, sources
        self._context = context
        drops = context.recipe.rewrite.on_failure == "drop"
        self._others = [arm for arm in context.arms if drops and arm not in arms]
        self._drops = drops
        shares = {arm.method.mix for arm in [*arms, *self._others]}
        self._mixed = Mixed((example.id for example in context.train), context.recipe.seed, shares)

    def __iter__(self) -> Iterator[Row]:
        streams = [iter(outcomes) for outcomes in self.sources.values()]
        for place, example in enumerate(self._context.train):
            found = {name: next(stream) for name, stream in zip(self.sources, streams, strict=True)}
            rewriting = found.get(REWRITE.name) or kept(example, NOT_ASKED)
            arms = [self._of(arm, place, rewriting, found) for arm in self.arms]
            if self._drops:
                others = (self._of(arm, place, rewriting, found) for arm in self._others)
                pairs = zip([*self.arms, *self._others], [*arms, *others], strict=True)
                failed = next((outcome for arm, outcome in pairs if arm.method.generated and has_failed(outcome)), None)
                if failed is not None:
                    reason = rewriting if has_failed(rewriting) else failed
                    yield Row(replace(reason, kind="dropped", source=None, target=None), found, None)
                    continue
            yield Row(rewriting, found, arms)

    def _of(self, arm: Arm, place: int, rewriting: Outcome, found: BySource) -> Outcome:
        """Where the target of an arm comes from. An arm of references also tells what became of the rewrite."""
        if not self._mixed.takes(place, arm.method.mix):
            return kept(rewriting.example, MIXED)
        if not arm.method.generated:
            return _with_reference(rewriting)
        return combined(found, arm.method)


def combined(outcomes: BySource, method: Method) -> Outcome:
    """The first of the method's sources that was accepted; else the reference, with the reason of the source that was
    asked last.

    Raises:
        KeyError: a source has no outcome.
    """
    last: Outcome | None = None
    for origin in origins_of(method):
        outcome = outcomes[origin.name]
        if outcome.kind == "accepted":
            return outcome
        if last is None or outcome.attempt >= 0:
            last = outcome
    if last is None:
        raise ValueError("the method takes references only")
    return last


def _with_reference(outcome: Outcome) -> Outcome:
    """The same with the reference as its target; written out, because `replace` takes twice as long."""
    o = outcome
    story = (o.attempt, o.verdicts, o.completion, o.engine, o.origin)
    return Outcome(o.example, o.kind, "reference", o.reason, o.detail, o.example.reference, *story)


def has_failed(outcome: Outcome) -> bool:
    """Whether the reference was taken because nothing that was asked for has passed."""
    return outcome.kind == "fallback" and outcome.attempt >= 0


class Mixed:
    """Which rows take what the sources give, for shares of all rows.

    Rows are ordered by a hash of run seed and example, and each share takes its number of them (the nearest integer)
    from the beginning: so the rows of a smaller share are among those of a larger one.
    """

    def __init__(self, ids: Iterable[str], seed: int, shares: Iterable[float]) -> None:
        self._taken: dict[float, bytearray] = {}
        partial = {share for share in shares if share < 1}
        if not partial:
            return
        import numpy as np

        hashes = np.fromiter((int(digest([seed, "mix", row_id]), 16) for row_id in ids), np.uint64)
        order = np.argsort(hashes, kind="stable")
        for share in partial:
            taken = np.zeros(len(order), np.uint8)
            taken[order[: int(share * len(order) + 0.5)]] = 1
            self._taken[share] = bytearray(taken.tobytes())

    def takes(self, place: int, share: float) -> bool:
        return share >= 1 or bool(self._taken[share][place])


def asked_for(context: Context, *, rewriting: bool = False) -> list[Origin]:
    """The sources that the recipe's arms take from, and rewriting where it was asked for or is `rewriting` now."""
    wanted = {origin.name for origin in origins.needed(context.recipe)}
    if rewriting or rewrite.is_done(context):
        wanted.add(REWRITE.name)
    return [origin for origin in ORIGINS if origin.name in wanted]


def read_by(context: Context, method: Method) -> list[Origin]:
    """The sources that an arm's targets depend on: its own, or where rows can be dropped those of all arms."""
    if context.recipe.rewrite.on_failure == "drop":
        return origins.needed(context.recipe)
    return origins_of(method)


def inputs_of(context: Context, read: Iterable[Origin]) -> Inputs:
    """What targets of these sources depend on; without any, the data alone."""
    found: Inputs = {f"stage {origin.stage}": fingerprint(origins.inputs(context, origin)) for origin in read}
    if not found:
        return context.train_inputs
    if context.recipe.rewrite.on_failure == "drop":
        found["dropped by"] = sorted({str(_taken(arm.method)) for arm in context.arms if arm.method.generated})
    return found


def load(
    context: Context, arms: Sequence[Arm], read: Iterable[Origin], known: Mapping[str, Outcomes] | None = None
) -> Targets:
    """The targets of some arms from finished sources, of which the outcomes of some may be `known` by name.

    Raises:
        InputError: one of them has not finished.
        StageError: the journal lacks a completion.
    """
    known = known or {}
    found = {o.name: known.get(o.name) or rewrite.load_outcomes(context, o) for o in read}
    return Targets(context, arms, found)


def of_arm(context: Context, arm: Arm) -> Targets:
    """The targets of one arm: what it reads, and for the columns of an arm of references what became of rewriting."""
    read = read_by(context, arm.method)
    if not arm.method.generated and REWRITE not in read:
        read = [*read, *(origin for origin in asked_for(context) if origin is REWRITE)]
    return load(context, [arm], read)


def _taken(method: Method) -> list[Any]:
    return [[origin.name for origin in origins_of(method)], method.mix]
