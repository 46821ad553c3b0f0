"""Advice before any training: how far a data set lies from a model, and what rewriting it would bring.

Everything is asked of the model itself, in memory; nothing is written. Examples are chosen by a hash of their ids, so
they are spread over the data and the same ones are chosen again. Of `limit` examples the references are scored. The
first of them are answered by the model twice, with the same sampling: without the reference, which gives the floor
(the gap of the model's own words), and while seeing it, as `ownwords rewrite` asks. What the numbers lead to is decided
in `recommendation`.

It does not cover: what training does to the model. The gap is the reason that is given for forgetting
(arXiv 2402.13669), not a measurement of it.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ownwords.checks.panel import any_failed
from ownwords.errors import DataError, InputError, StageError
from ownwords.progress import Progress
from ownwords.recipe import Recipe, build_recipe
from ownwords.records import Completion, Example, Request, digest
from ownwords.rendering import target_ids
from ownwords.stages import judging, preflight, rewrite
from ownwords.stages.context import Context
from ownwords.stages.likelihoods import Scored, nats_per_token
from ownwords.stages.recommendation import SURPRISING, recommend
from ownwords.stats import mean_interval, paired_difference, wilson

LIMIT = 200
ANSWERS = 16
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
WORST, SPANS, SPAN_TOKENS = 5, 2, 8
#: A token whose log-likelihood is lower has a perplexity above the threshold.
SURPRISING_LOGPROB = -float(np.log(SURPRISING))


@dataclass(frozen=True, slots=True)
class Answered:
    """A text that the model wrote for an example, with its likelihood as that example's target. `reason` is `ok`, or
    why it is none that could be trained on."""

    example: Example
    text: str
    cut_off: bool
    reason: str
    logprobs: tuple[float, ...] | None = None


def recipe_of(
    data: str,
    model: str,
    *,
    columns: str | None = None,
    layout: str | None = None,
    device: str | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """What `ownwords gap DATA --model M` asks with: a recipe's defaults around this data and model.

    Raises:
        InputError: the columns are not of the form prompt=NAME,response=NAME, each once, or an override is wrong.
    """
    train: dict[str, Any] = {"path": data}
    if columns is not None:
        train["columns"] = _columns(columns)
    values = {
        "model": {"name_or_path": model},
        "data": {"train": train},
        "tune": {"chat_template": layout},
        "runtime": {"engine": "transformers", "device": device or "auto"},  # writes, and gives likelihoods
        "output_dir": "nothing is written",
    }
    return build_recipe(values, overrides, where="what was given to `ownwords gap`")


def advise(context: Context, limit: int = LIMIT, answers: int = ANSWERS) -> dict[str, Any]:
    """Facts about the data as targets for the model, with a recommendation.

    Raises:
        InputError: a number, the data, the model or a layout is wrong.
        StageError: no example could be scored.
    """
    if limit < 2:
        raise InputError(f"--limit {limit}: give how many examples to score, at least 2.")
    if answers < 2:
        raise InputError(f"--answers {answers}: give how many prompts the model is to answer, at least 2.")
    preflight.check_names(context)
    if not len(context.train):
        raise DataError(f"{context.recipe.data.train.path} holds no row with an answer to train on.")
    preflight.check_layouts(context)
    context.tokenizer(context.recipe.rewrite.chat_template)
    chosen = spread(context.train, limit)
    engine = context.engine("logprobs")
    engine.warm_up([context.seed_weights])
    seconds: dict[str, float] = {}
    clock = time.monotonic()
    scored = _score(context, [(example, example.reference) for example in chosen], "scoring references")
    seconds["references"] = time.monotonic() - clock
    failed = [completion.error.message for completion in scored if completion.error is not None]
    pairs = [(e, c) for e, c in zip(chosen, scored, strict=True) if c.error is None and c.logprobs]
    if not pairs:
        raise StageError(f"no reference could be scored; the first error: {next(iter(failed), 'none')}")
    asked = [example for example, _ in pairs[:answers]]
    clock = time.monotonic()
    own = _with_likelihoods(context, _own_answers(context, asked), "scoring own answers")
    seconds["own answers"] = time.monotonic() - clock
    clock = time.monotonic()
    rewrites = _with_likelihoods(context, _rewrites(context, asked), "scoring rewrites")
    seconds["rewrites"] = time.monotonic() - clock
    references = {example.id: completion for example, completion in pairs}
    facts = {
        "data": context.recipe.data.train.path,
        "model": context.model.name,
        "layout": context.recipe.tune.chat_template,
        "engine": engine.provenance.as_dict(),
        "sampling": asdict(context.rewrite_sampling),
        "prompt": context.prompt.name,
        "checks": [check.label for check in context.checks],
        "examples": len(context.train),
        "skipped": [{"origin": origin, "reason": reason} for origin, reason in context.skipped.items()],
        "limit": limit,
        "errors": len(failed),
        "first_error": next(iter(failed), None),
        "gap": _group([nats_per_token(completion) for _, completion in pairs]),
        "surprising": surprising([completion.logprobs or () for _, completion in pairs]),
        "worst": _worst(context, pairs),
        "own": _describe_own(own, references),
        "rewrites": _describe_rewrites(rewrites, references),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }
    return {**facts, "recommendation": recommend(facts)}


def spread(examples: Iterable[Example], limit: int) -> list[Example]:
    """At most `limit` examples, those with the smallest hashes of their ids, in the order of these."""
    return heapq.nsmallest(limit, examples, key=lambda example: digest(example.id))


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


def _columns(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and equals and column.strip() for name, equals, column in pairs):
        raise InputError(f"--columns {text!r}: write prompt=NAME,response=NAME, with the names of the data's columns.")
    found = {name.strip(): column.strip() for name, _, column in pairs}
    if len(found) < len(pairs):
        raise InputError(f"--columns {text!r}: it names two columns for one of them. Keep one.")
    return found


# --- asking ------------------------------------------------------------------------------------------------------


def _own_answers(context: Context, examples: Sequence[Example]) -> list[Answered]:
    """What the model says to the same messages without the reference, in the layout that is trained in."""
    requests = [
        Request(
            id=example.id,
            messages=example.messages,
            sampling=context.rewrite_sampling,
            seed=int(digest([context.recipe.seed, "own", example.id], length=8), 16),
            chat_template=context.recipe.tune.chat_template,
            tools=example.tools,
            thinking=context.thinking,
            example=example,
        )
        for example in examples
    ]
    found: list[Answered] = []
    for example, completion in zip(examples, _ask(context, requests, "answering"), strict=True):
        text = "" if completion.error else judging.candidate_text(example, completion, context)
        reason = completion.error.kind if completion.error else "ok" if text else "empty"
        found.append(Answered(example, text, completion.finish_reason == "length", reason))
    return found


def _rewrites(context: Context, examples: Sequence[Example]) -> list[Answered]:
    """One rewrite of each, as the first attempt of `ownwords rewrite`, judged by the recipe's checks."""
    requests = [rewrite.build_request(context, example, 0) for example in examples]
    found: list[Answered] = []
    for example, completion in zip(examples, _ask(context, requests, "rewriting"), strict=True):
        if completion.error is not None:
            found.append(Answered(example, "", False, completion.error.kind))
            continue
        verdicts = judging.judge(context, example, completion)
        reason = next(v.reason for v in verdicts.values() if not v.passed) if any_failed(verdicts) else "ok"
        text = judging.candidate_text(example, completion, context)
        found.append(Answered(example, text, completion.finish_reason == "length", reason))
    return found


def _with_likelihoods(context: Context, answered: Sequence[Answered], label: str) -> list[Answered]:
    """Texts that could be trained on, scored as targets of their examples; the others as they are."""
    good = [a for a in answered if a.reason == "ok"]
    scored = iter(_score(context, [(a.example, a.text) for a in good], label))
    found: list[Answered] = []
    for one in answered:
        if one.reason != "ok":
            found.append(one)
            continue
        completion = next(scored)
        if completion.error is not None:
            found.append(replace(one, reason=completion.error.kind))
        else:
            found.append(replace(one, logprobs=completion.logprobs))
    return found


def _score(context: Context, targets: Sequence[tuple[Example, str]], label: str) -> list[Completion]:
    return _ask(context, [Scored(example, text).request(context) for example, text in targets], label)


def _ask(context: Context, requests: Sequence[Request], label: str) -> list[Completion]:
    """The completion of every request, in their order."""
    engine = context.engine("logprobs") if any(r.target is not None for r in requests) else context.engine()
    found: dict[str, Completion] = {}
    with Progress(label, len(requests), startup=context.startup_seconds) as progress:
        for completion in engine.stream(replace(r, id=str(place)) for place, r in enumerate(requests)):
            found[completion.request_id] = completion
            progress.advance(tokens=completion.prompt_tokens + completion.completion_tokens)
    return [found[str(place)] for place in range(len(requests))]


# --- describing --------------------------------------------------------------------------------------------------


def _group(values: Sequence[float]) -> dict[str, Any]:
    interval = mean_interval(values)
    quantiles = {str(q): float(np.quantile(values, q)) for q in QUANTILES}
    return {"n": interval.n, **_bounds(interval.mean, interval.low, interval.high), "quantiles": quantiles}


def _bounds(mean: float, low: float, high: float) -> dict[str, float | None]:
    """An interval that one value cannot give is None, as JSON has no infinity."""
    return {"mean": mean, "low": low if np.isfinite(low) else None, "high": high if np.isfinite(high) else None}


def _difference(first: Sequence[float], second: Sequence[float]) -> dict[str, Any] | None:
    if not first:
        return None
    found = paired_difference(first, second)
    return {"n": found.n, **_bounds(found.mean, found.low, found.high), "p": found.p}


def _gap_of(logprobs: Sequence[float]) -> float:
    return -float(np.mean(logprobs))


def _describe_own(own: Sequence[Answered], references: Mapping[str, Completion]) -> dict[str, Any]:
    scored = [(a, a.logprobs, references[a.example.id].logprobs or ()) for a in own if a.logprobs]
    gaps = [_gap_of(logprobs) for _, logprobs, _ in scored]
    far = [_gap_of(reference) for _, _, reference in scored]
    return {
        "asked": len(own),
        "cut_off": sum(a.cut_off for a in own),
        "failed": dict(Counter(a.reason for a in own if not a.logprobs)),
        "gap": _group(gaps) if gaps else None,
        "reference_minus_own": _difference(far, gaps),
        "median_tokens": _median([len(logprobs) for _, logprobs, _ in scored]),
        "reference_median_tokens": _median([len(reference) for _, _, reference in scored]),
    }


def _describe_rewrites(rewrites: Sequence[Answered], references: Mapping[str, Completion]) -> dict[str, Any]:
    """`targets_minus_references` is over all that were asked: what is not accepted keeps its reference."""
    accepted = [a for a in rewrites if a.logprobs]
    share = wilson(len(accepted), len(rewrites))
    of = {a.example.id: _gap_of(references[a.example.id].logprobs or ()) for a in rewrites}
    after = {a.example.id: _gap_of(a.logprobs or ()) for a in accepted}
    gaps = list(after.values())
    return {
        "asked": len(rewrites),
        "accepted": len(accepted),
        "share": share.mean,
        "low": share.low,
        "high": share.high,
        "reasons": dict(Counter(a.reason for a in rewrites if not a.logprobs).most_common()),
        "gap": _group(gaps) if gaps else None,
        "rewrites_minus_references": _difference(gaps, [of[name] for name in after]),
        "targets_minus_references": _difference([after.get(name, far) for name, far in of.items()], list(of.values())),
        "median_tokens": _median([len(a.logprobs or ()) for a in accepted]),
    }


def _median(lengths: Sequence[int]) -> float | None:
    return float(np.median(lengths)) if lengths else None


def _worst(context: Context, pairs: Sequence[tuple[Example, Completion]]) -> list[dict[str, Any]]:
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
