"""When rewriting or its judge gives up: errors are the rule, so the cause is not the rows."""

from __future__ import annotations

from collections import Counter

from ownwords.errors import StageError

#: When the first answers are all errors of one kind, the cause is not the rows: stop early.
EARLY_STOP_ROWS = 10
#: The share of errors is judged from this many answers on.
MINIMUM_FOR_ERROR_RATE = 50


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
