"""By what the facts of `advice` are judged: thresholds with their reasons, and on which side of one a number lies.

The thresholds come from docs/gap.md: five data sets, one model of 135 million parameters. They are a start, not a law.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ownwords.benchmarks._sanity import MIN_FINISHED

Side = Literal["below", "across", "above"]

#: A token with a higher perplexity under the seed is masked by STM (arXiv 2501.14315): 20 to 24 % of the tokens there.
SURPRISING = 2.5
#: References at most so many nats a token above the model's own answers to the same prompts count as near: so much do
#: its own answers differ among each other (8 of 10 lie within 0.2 of the middle on GSM8K, 0.6 on Dolly). The paper's
#: reason to rewrite (arXiv 2402.13669) is then all but absent.
NEAR = 0.3
#: With fewer accepted rewrites three of four targets stay references, so that rewriting changes little.
ENOUGH_ACCEPTED = 0.25
#: Masking has not been tried where more of the tokens are above `SURPRISING`: this is nearly twice the paper's share.
#: (Of the sets that were measured GSM8K has 34 %, Alpaca 52 %, LIMA 64 %.)
MASKABLE = 0.4
#: A perplexity of 20, and farther than any of the data sets that were measured (LIMA: 2.84).
VERY_FAR = 3.0
#: Two-sided p below which a paired difference counts, as in every score table.
SIGNIFICANT = 0.05
#: Of so many items on a bootstrap interval holds what it says (see `stats`).
FEW_ANSWERS = 20
#: Median lengths that differ by this factor are worth a word.
LENGTHS_APART = 2.0
#: Where more of the model's texts were cut off at the limit of tokens nothing follows from them, as no score of a
#: benchmark is believed then. A cut text has another likelihood than the whole one (its end of turn stands where the
#: model had set none), and a cut rewrite fails whatever it would have become.
MOST_CUT_OFF = round(1 - MIN_FINISHED, 6)


def side_of(estimate: Mapping[str, Any] | None, threshold: float) -> Side:
    """Where a 95 % interval lies. Without one nothing is known."""
    if estimate is None or estimate["low"] is None or estimate["high"] is None:
        return "across"
    if estimate["high"] <= threshold:
        return "below"
    return "above" if estimate["low"] > threshold else "across"


def direction_of(difference: Mapping[str, Any] | None) -> Side:
    """Whether a paired difference lies beyond noise: its interval leaves out 0, and the test agrees."""
    if difference is None or difference["p"] >= SIGNIFICANT:
        return "across"
    return side_of(difference, 0)


def too_many_cut_off(texts: Mapping[str, Any]) -> bool:
    """Whether so many of the own answers, or of the rewrites, were cut off that nothing follows from them."""
    return bool(texts["answered"]) and texts["cut_off"] / texts["answered"] > MOST_CUT_OFF
