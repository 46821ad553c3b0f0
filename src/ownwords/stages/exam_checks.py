"""The verdicts of a benchmark's check on the answers to its items: several on trial at a time, each in a process."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from ownwords.benchmarks.base import Item, Trial
from ownwords.checks import sandbox
from ownwords.checks.named import named_checks
from ownwords.checks.panel import Panel, Verdicts
from ownwords.errors import RecipeError
from ownwords.records import Candidate, Completion, Example, Message, Verdict
from ownwords.stages.context import Context
from ownwords.stages.exams import Exam
from ownwords.stages.seed_answers import Task


def require_sandbox(context: Context, tasks: Sequence[Task]) -> None:
    """Where a benchmark runs a model's code there is a sandbox, or somebody allows to do without (else InputError)."""
    if any(task.benchmark.runs_code for task in tasks):
        sandbox.require(allow_unsafe_code=context.allow_unsafe_code)


def require_samples(tasks: Sequence[Task]) -> None:
    """Several answers to an item are asked for only where the benchmark takes several (else RecipeError)."""
    for task in tasks:
        if task.settings.samples > 1 and not task.benchmark.samples:
            raise RecipeError(
                f"evaluate.benchmarks.{task.benchmark.name}.samples: it is {task.settings.samples}, and this benchmark "
                "takes one answer to an item. Leave it out."
            )


def judge_by_check(context: Context, exam: Exam) -> None:
    """Put every answer of an exam on trial; an answer that is an error has no verdict, and its item no score."""
    check = exam.benchmark.check
    if check is None:
        return
    answers = exam.by_item()
    coming = {
        item.id: [_begin(context, item, answer, check(item, answer)) for answer in answers[item.id]]
        for item in exam.items
        if all(answer.error is None for answer in answers[item.id])
    }
    exam.verdicts = {item_id: [_verdict(one) for one in trials] for item_id, trials in coming.items()}


def _begin(context: Context, item: Item, answer: Completion, trial: Trial) -> Verdicts | Future[Verdicts]:
    example = Example(item.id, item.messages or (Message("user", item.question),), trial.reference, tools=item.tools)
    checks = named_checks([trial.check], allow_code=False)
    return Panel(checks, pool=context.pool).begin(example, Candidate(trial.text, answer.finish_reason))


def _verdict(coming: Verdicts | Future[Verdicts]) -> Verdict:
    (verdict,) = (coming.result() if isinstance(coming, Future) else coming).values()
    return verdict
