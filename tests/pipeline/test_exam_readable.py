"""When a judge's words cannot be read at all: told by the first items, each counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ownwords.benchmarks.alpaca_eval import BENCHMARK
from ownwords.benchmarks.base import Benchmark, Item, Metric
from ownwords.errors import StageError
from ownwords.records import Completion, RowError
from ownwords.stages.exam_readable import Asked, Readable


def score(item: Item, judgements: Sequence[Completion]) -> float | None:
    return 1.0 if all(one.text == "yes" for one in judgements) else None


def always(item: Item, answers: Sequence[Completion]) -> float:
    return 1.0


JUDGED = replace(BENCHMARK, name="judged", score=score, more=())
BESIDE = replace(
    BENCHMARK,
    name="beside",
    reads="answers",
    score=always,
    more=(Metric("more", "", score, reads="judgements"),),
)


def asked(benchmark: Benchmark, count: int) -> list[Asked]:
    """Items with two questions each."""
    names = [f"{benchmark.name}{number}" for number in range(count)]
    return [Asked(benchmark, Item(name, name, None), (f"{name}/0", f"{name}/1")) for name in names]


def take(about: Sequence[Asked], said: Sequence[str | None], *, at_once: bool = False) -> Readable:
    """A judge says the same to both questions of an item; None is an error."""
    readable, known = Readable(about), dict[str, Completion]()
    error = RowError("busy", "later")
    for one, text in zip(about, said, strict=True):
        for request_id in one.ids:
            known[request_id] = Completion(request_id, text or "", error=None if text is not None else error)
            if not at_once:
                readable.take(request_id, known)
    if at_once:  # as when all is in the journal
        for request_id in known:
            readable.take(request_id, known)
    return readable


@pytest.mark.parametrize("benchmark", [JUDGED, BESIDE])
@pytest.mark.parametrize("at_once", [True, False])
def test_ten_items_that_cannot_be_read_are_enough(benchmark: Benchmark, at_once: bool) -> None:
    take(asked(benchmark, 9), ["hm"] * 9, at_once=at_once)
    with pytest.raises(StageError, match=r"about the first 10 answers to (judged|beside) can be read; the last: 'hm'"):
        take(asked(benchmark, 11), ["hm"] * 11, at_once=at_once)


def test_one_that_can_be_read_is_enough_not_to_stop() -> None:
    take(asked(JUDGED, 30), [*["hm"] * 9, "yes", *["hm"] * 20]).finish()


def test_errors_count_for_nothing() -> None:
    take(asked(JUDGED, 30), [None] * 30).finish()


def test_equal_questions_count_once() -> None:
    nine = asked(JUDGED, 9)
    take(nine * 3, ["hm"] * 27)


def test_a_judgement_that_several_items_share_tells_of_each_benchmark_of_theirs() -> None:
    """Equal texts are one question: of two benchmarks each has its own ten."""
    shared = [Asked(replace(JUDGED, name="other"), one.item, one.ids) for one in asked(JUDGED, 9)]
    readable = take([*asked(JUDGED, 9), *shared], ["hm"] * 18)
    with pytest.raises(StageError, match=r"the first 9 answers to (judged|other)"):
        readable.finish()
    fine = take([*asked(JUDGED, 9), *shared], ["yes"] * 18)
    assert fine.is_fine(JUDGED)
    assert fine.is_fine(replace(JUDGED, name="other"))


def test_benchmarks_are_told_apart() -> None:
    about = [*asked(JUDGED, 5), *asked(BESIDE, 10)]
    with pytest.raises(StageError, match="answers to beside"):
        take(about, [*["yes"] * 5, *["hm"] * 10])


def test_of_few_items_only_a_benchmark_without_another_score_stops() -> None:
    take(asked(BESIDE, 3), ["hm"] * 3).finish()
    with pytest.raises(StageError, match="about the first 3 answers to judged"):
        take(asked(JUDGED, 3), ["hm"] * 3).finish()
