"""pass@k: the chance that of k answers to an item at least one passes its tests.

Estimated without bias from n answers of which c pass (Chen et al. 2021, arXiv 2107.03374, equation 1):
1 - C(n - c, k) / C(n, k). With k = 1 that is c / n. Where there are fewer than k answers there is no such number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb

from ownwords.benchmarks.base import Item, Metric
from ownwords.records import Verdict


def pass_at(k: int) -> Callable[[Item, Sequence[Verdict]], float | None]:
    """What scores an item by the verdicts on its answers."""

    def score(item: Item, verdicts: Sequence[Verdict]) -> float | None:
        n, passed = len(verdicts), sum(verdict.passed for verdict in verdicts)
        return None if n < k else 1 - comb(n - passed, k) / comb(n, k)

    return score


#: Beside pass@1, where a recipe asks for enough `samples`.
MORE = tuple(Metric(f"pass@{k}", f"One of {k} answers passes the tests", pass_at(k), reads="verdicts") for k in (5, 10))
