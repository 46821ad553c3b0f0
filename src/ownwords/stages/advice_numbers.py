"""What the texts and likelihoods of `advice` come to: facts as plain data, with their intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ownwords.checks.named import NamedCheck
from ownwords.records import Completion, Example
from ownwords.rendering import target_ids
from ownwords.stages.advice_texts import Answered
from ownwords.stages.advice_thresholds import SURPRISING
from ownwords.stages.context import Context
from ownwords.stages.likelihoods import nats_per_token
from ownwords.stats import mean_interval, paired_difference, wilson

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
WORST, SPANS, SPAN_TOKENS = 5, 2, 8
#: A token whose log-likelihood is lower has a perplexity above the threshold.
SURPRISING_LOGPROB = -float(np.log(SURPRISING))


def surprising(rows: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Of all target tokens, the share whose perplexity exceeds the threshold, and what lies in it.

    Tokens of one row belong together: the interval is that of a ratio over rows (Cochran, Sampling Techniques, 1977,
    chapter 6). `carried` is their share of all nats; `others` is the mean of the tokens
    that masking leaves.
    """
    lengths = np.array([len(row) for row in rows], dtype=float)
    above = np.array([sum(value < SURPRISING_LOGPROB for value in row) for row in rows], dtype=float)
    values = np.concatenate([np.asarray(row, dtype=float) for row in rows])
    share = float(above.sum() / lengths.sum())
    low, high = None, None
    if len(rows) > 1:
        spread_out = float(np.std(above - share * lengths, ddof=1)) / (float(lengths.mean()) * len(rows) ** 0.5)
        low, high = max(0.0, share - 1.96 * spread_out), min(1.0, share + 1.96 * spread_out)
    kept = values[values >= SURPRISING_LOGPROB]
    return {
        "perplexity_above": SURPRISING,
        "tokens": len(values),
        "above": int(above.sum()),
        "share": share,
        "low": low,
        "high": high,
        "carried": float(values[values < SURPRISING_LOGPROB].sum() / min(values.sum(), -1e-12)),
        "others": float(-kept.mean()) if len(kept) else None,
    }


def group_of(values: Sequence[float]) -> dict[str, Any]:
    interval = mean_interval(values, share=False)
    quantiles = {str(q): float(np.quantile(values, q)) for q in QUANTILES}
    return {"n": interval.n, **_bounds(interval.mean, interval.low, interval.high), "quantiles": quantiles}


def _bounds(mean: float, low: float, high: float) -> dict[str, float | None]:
    """An interval that one value cannot give is None, as JSON has no infinity."""
    return {"mean": mean, "low": low if np.isfinite(low) else None, "high": high if np.isfinite(high) else None}


def _difference(first: Sequence[float], second: Sequence[float]) -> dict[str, Any] | None:
    if not first:
        return None
    found = paired_difference(first, second, share=False)
    return {"n": found.n, **_bounds(found.mean, found.low, found.high), "p": found.p}


def _gap_of(logprobs: Sequence[float]) -> float:
    return -float(np.mean(logprobs))


def describe_own(own: Sequence[Answered], references: Mapping[str, Completion]) -> dict[str, Any]:
    scored = [(a, a.logprobs, references[a.example.id].logprobs or ()) for a in own if a.logprobs]
    gaps = [_gap_of(logprobs) for _, logprobs, _ in scored]
    far = [_gap_of(reference) for _, _, reference in scored]
    return {
        "asked": len(own),
        **_cut_off(own),
        "failed": dict(Counter(a.reason for a in own if not a.logprobs)),
        "gap": group_of(gaps) if gaps else None,
        "reference_minus_own": _difference(far, gaps),
        "median_tokens": _median([len(logprobs) for _, logprobs, _ in scored]),
        "reference_median_tokens": _median([len(reference) for _, _, reference in scored]),
    }


def describe_rewrites(rewrites: Sequence[Answered], references: Mapping[str, Completion]) -> dict[str, Any]:
    """`targets_minus_references` is over all that were asked: what is not accepted keeps its reference."""
    accepted = [a for a in rewrites if a.logprobs]
    share = wilson(len(accepted), len(rewrites))
    of = {a.example.id: _gap_of(references[a.example.id].logprobs or ()) for a in rewrites}
    after = {a.example.id: _gap_of(a.logprobs or ()) for a in accepted}
    gaps = list(after.values())
    return {
        "asked": len(rewrites),
        **_cut_off(rewrites),
        "accepted": len(accepted),
        "share": share.mean,
        "low": share.low,
        "high": share.high,
        "reasons": dict(Counter(a.reason for a in rewrites if not a.logprobs).most_common()),
        "gap": group_of(gaps) if gaps else None,
        "rewrites_minus_references": _difference(gaps, [of[name] for name in after]),
        "targets_minus_references": _difference([after.get(name, far) for name, far in of.items()], list(of.values())),
        "median_tokens": _median([len(a.logprobs or ()) for a in accepted]),
    }


def _cut_off(texts: Sequence[Answered]) -> dict[str, int]:
    """How many were cut off at the limit of tokens, of those that are `answered`: all but errors and answers that the
    model ended before there was a text."""
    return {"answered": sum(a.cut_off or bool(a.text) for a in texts), "cut_off": sum(a.cut_off for a in texts)}


def describe_checks(checks: Sequence[NamedCheck]) -> dict[str, list[str]]:
    """Which checks look at a rewrite's result (`seen`), which let some pass without (`partly`), and the user's own."""
    return {
        "seen": [check.label for check in checks if check.traits.result == "seen"],
        "partly": [check.label for check in checks if check.traits.result == "partly"],
        "own": list(dict.fromkeys(name for check in checks for name in check.traits.own)),
    }


def _median(lengths: Sequence[int]) -> float | None:
    return float(np.median(lengths)) if lengths else None


def worst_of(context: Context, pairs: Sequence[tuple[Example, Completion]]) -> list[dict[str, Any]]:
    """The rows that lie farthest away, with the stretches of each that the model expected least."""
    tokenizer = context.tokenizer(context.recipe.tune.chat_template)
    ordered = sorted(pairs, key=lambda pair: nats_per_token(pair[1]), reverse=True)[:WORST]
    return [
        {
            "id": example.id,
            "origin": example.origin,
            "nats": nats_per_token(completion),
            "tokens": len(completion.logprobs or ()),
            "reference": example.reference[:400],
            "spans": _spans(context, tokenizer, example, completion.logprobs or ()),
        }
        for example, completion in ordered
    ]


def _spans(context: Context, tokenizer: Any, example: Example, logprobs: Sequence[float]) -> list[dict[str, Any]]:
    """The stretches of `SPAN_TOKENS` tokens with the highest mean, the worst first; no two overlap."""
    _, ids = target_ids(tokenizer, example.messages, example.reference, context.given(example))
    if len(ids) != len(logprobs):  # an engine with a tokenizer of its own
        return []
    width = min(SPAN_TOKENS, len(ids))
    means = -np.convolve(np.asarray(logprobs, dtype=float), np.ones(width) / width, mode="valid")
    found: list[dict[str, Any]] = []
    taken: list[int] = []
    for start in (int(place) for place in np.argsort(-means, kind="stable")):
        if len(found) == SPANS:
            break
        if all(abs(start - other) >= width for other in taken):
            taken.append(start)
            found.append({"text": tokenizer.decode(ids[start : start + width]), "nats": float(means[start])})
    return found
