"""All checks of a recipe at one candidate: cheap ones first and here, the others after them in worker processes.

A candidate that has failed costs no more: what runs apart is run only while everything has passed, in the recipe's
order, up to the first that fails. What needs a judge's answer waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from ownwords.checks._workers import Pool, Worker
from ownwords.checks.base import NeedsJudgeError, NotHereError
from ownwords.checks.named import NamedCheck
from ownwords.records import Candidate, Example, Verdict

__all__ = ["LONG", "Panel", "Pool", "Verdicts", "any_failed"]

Verdicts = dict[str, Verdict]

#: Characters of candidate and reference that are judged here; of more, each check is run apart.
LONG = 100_000


class Panel:
    """Checks, and the processes of those that need one. Verdicts are by label, in the checks' order. Close it.

    Panels may share a `pool`, which whoever made it closes.
    """

    def __init__(
        self, checks: Sequence[NamedCheck], *, allow_unsafe_code: bool = False, pool: Pool | None = None
    ) -> None:
        self.checks = list(checks)
        self._each = [(check, check.label, check.traits.judged, check.traits.apart) for check in checks]
        self._pool = pool or Pool(allow_unsafe_code=allow_unsafe_code)
        self._shared = pool is not None

    def judge(self, example: Example, candidate: Candidate, known: Mapping[str, Verdict] | None = None) -> Verdicts:
        """Every verdict there is to be had, those `known` before among them."""
        verdicts = self.begin(example, candidate, known)
        return verdicts.result() if isinstance(verdicts, Future) else verdicts

    def begin(
        self, example: Example, candidate: Candidate, known: Mapping[str, Verdict] | None = None
    ) -> Verdicts | Future[Verdicts]:
        """The same at once where nothing has to be run apart, else as a future."""
        verdicts = dict(known) if known else {}
        long = len(candidate.text) + len(example.reference) > LONG
        judged = candidate.judgement is not None
        apart: list[NamedCheck] = []
        for check, label, needs_judge, needs_worker in self._each:
            if label in verdicts:
                continue
            try:
                if long or needs_worker:
                    raise NotHereError
                verdicts[label] = check.run(example, candidate)
            except NotHereError:
                if judged or not needs_judge:
                    apart.append(check)
            except NeedsJudgeError:
                continue
        if not apart:
            return self._ordered(verdicts) if known else verdicts
        if any_failed(verdicts):
            return self._ordered(verdicts)
        return self._pool.submit(self._run_apart, apart, example, candidate, verdicts)

    def is_done(self, known: Mapping[str, Verdict]) -> bool:
        """Whether `judge` would add nothing to these verdicts, without a judge's answer."""
        missing = [check for check in self.checks if check.label not in known and not check.traits.judged]
        return not missing or (any_failed(known) and all(check.traits.apart for check in missing))

    def close(self) -> None:
        """End every process, of a pool that is this panel's own."""
        if not self._shared:
            self._pool.close()

    @property
    def size(self) -> int:
        """So many candidates are judged apart at a time."""
        return self._pool.size

    def _run_apart(
        self,
        worker: Worker,
        checks: Sequence[NamedCheck],
        example: Example,
        candidate: Candidate,
        verdicts: Verdicts,
    ) -> Verdicts:
        """In a thread that waits for this worker."""
        for check in checks:
            verdicts[check.label] = worker.judge(check, example, candidate)
            if not verdicts[check.label].passed:
                break
        return self._ordered(verdicts)

    def _ordered(self, verdicts: Verdicts) -> Verdicts:
        return {check.label: verdicts[check.label] for check in self.checks if check.label in verdicts}


def any_failed(verdicts: Mapping[str, Verdict]) -> bool:
    """Whether one of them has not passed."""
    for verdict in verdicts.values():  # noqa: SIM110 - every row comes by, and a generator takes three times as long
        if not verdict.passed:
            return True
    return False
