"""Exams that wait for their judge: each is finished with the last judgement about it, whatever becomes of the others.

A judge may die, or its budget end, half way through the last exam; the scores of the others are there then. Equal
questions are asked once, so one judgement may be the last of several exams.

An exam with an error among its judgements waits for the end: only then it is known whether errors are the rule, which
is a fault and no score. So does one whose score is what the judge says while nothing of it could be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ownwords.records import Completion
from ownwords.stages.exam_readable import Readable
from ownwords.stages.exams import Exam


class OpenExams:
    """Answered exams, with the ids of the questions about each item, by the exam's stage and the item's id."""

    def __init__(
        self,
        exams: Sequence[Exam],
        questions: Mapping[str, Mapping[str, Sequence[str]]],
        readable: Readable,
        finish: Callable[[Exam], None],
    ) -> None:
        self._open = {exam.stage: exam for exam in exams}
        self._questions = questions
        self._readable = readable
        self._finish = finish
        self._lacking = {stage: {one for ids in items.values() for one in ids} for stage, items in questions.items()}

    def take(self, known: Mapping[str, Completion], fresh: Sequence[str]) -> None:
        """Note the `fresh` ones of the judgements that are `known`, and finish the exams that lack no more."""
        said = {request_id for request_id in fresh if known[request_id].error is None}
        for stage, exam in list(self._open.items()):
            self._lacking[stage] -= said
            if not self._lacking[stage] and self._readable.is_fine(exam.benchmark):
                self._close(exam, known)

    def finish(self, known: Mapping[str, Completion]) -> None:
        """Finish the others: all is known, and what has no answer will have none."""
        for exam in list(self._open.values()):
            self._close(exam, known)

    def _close(self, exam: Exam, known: Mapping[str, Completion]) -> None:
        by_item = self._questions[exam.stage]
        exam.judgements = {item_id: [known[one] for one in ids] for item_id, ids in by_item.items()}
        del self._open[exam.stage]
        self._finish(exam)
