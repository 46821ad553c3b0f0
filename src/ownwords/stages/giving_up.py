"""When rewriting, its judge or its checks give up: errors are the rule, so the cause is not the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ownwords.errors import StageError
from ownwords.records import Verdict

#: When the first answers are all errors of one kind, the cause is not the rows: stop early.
EARLY_STOP_ROWS = 10
#: The share of errors is judged from this many answers on.
MINIMUM_FOR_ERROR_RATE = 50
#: Reasons of verdicts that say more of the check than of the candidate.
BROKEN = ("check_crashed", "check_timeout", "check_invalid")


def stop_if_hopeless(errors: Counter[str], answered: int, max_error_rate: float, work: str = "rewriting") -> None:
    """Raise when errors are the rule: what concerns all rows is not worth paying for row by row."""
    one_cause = len({message.partition(":")[0] for message in errors}) == 1
    if one_cause and answered == errors.total() == EARLY_STOP_ROWS:
        stop_if_too_many(errors, answered, min(max_error_rate, 0.99), work)
    if answered >= MINIMUM_FOR_ERROR_RATE:
        stop_if_too_many(errors, answered, max_error_rate, work)


def stop_if_too_many(errors: Counter[str], answered: int, max_error_rate: float, work: str = "rewriting") -> None:
    if errors.total() <= max_error_rate * answered:
        return
    commonest, count = errors.most_common(1)[0]
    raise StageError(
        f"{work} stopped: {errors.total()} of {answered} rows have no answer (rewrite.max_error_rate "
        f"{max_error_rate}). The commonest cause, {count} times: {commonest}"
    )


class BrokenChecks:
    """Sees verdicts by the check's label as they come, and finds a check that says nothing of any candidate."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._broken = dict.fromkeys(labels, 0)  # of each that has not worked yet

    def see(self, verdicts: Mapping[str, Verdict]) -> None:
        """Raise when the first verdicts of a check are all about itself."""
        for label in [label for label in self._broken if label in verdicts]:
            verdict = verdicts[label]
            if verdict.reason not in BROKEN:
                del self._broken[label]
                continue
            self._broken[label] += 1
            if self._broken[label] == EARLY_STOP_ROWS:
                raise StageError(
                    f"rewriting stopped: the check {label} gave no verdict on any of the first {EARLY_STOP_ROWS} "
                    f"rewrites; the last: {verdict.reason}: {verdict.detail}. Mend it, or leave it out of "
                    "rewrite.checks; the same command then goes on."
                )
