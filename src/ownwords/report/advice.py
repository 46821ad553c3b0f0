"""What `ownwords gap DATA --model M` says to people: the recommendation first, then the numbers that it rests on."""

from __future__ import annotations

from typing import Any

from ownwords.report.lines import table, wrap
from ownwords.report.numbers import decimal, duration, interval_in
from ownwords.report.text import one_line

SHORT = 160


def as_text(facts: dict[str, Any]) -> str:
    """The facts of `advice.advise`, section by section."""
    sections = [_recommendation(facts), _gap(facts), _rewriting(facts), _worst(facts), _asked(facts)]
    return "\n\n".join("\n".join(section) for section in sections)


def _recommendation(facts: dict[str, Any]) -> list[str]:
    found = facts["recommendation"]
    return [
        f"Recommendation: {found['verdict']}",
        *wrap(found["advice"], 2),
        *(line for reason in found["because"] for line in wrap(f"- {reason}", 2)),
        "What this does not tell",
        *(line for limit in found["limits"] for line in wrap(f"- {limit}", 2)),
    ]


def _gap(facts: dict[str, Any]) -> list[str]:
    groups = [
        ("references", facts["gap"]),
        ("own answers", facts["own"]["gap"]),
        ("accepted rewrites", facts["rewrites"]["gap"]),
    ]
    shown = [(name, group) for name, group in groups if group]
    heads = [f"{100 * float(q):g} %" for q in facts["gap"]["quantiles"]]
    rows = [["nats per target token", "n", "mean", "95 % interval", *heads]]
    rows += [
        [
            name,
            f"{group['n']:,}",
            decimal(group["mean"]),
            interval_in("", group["low"], group["high"]),
            *(decimal(value, 2) for value in group["quantiles"].values()),
        ]
        for name, group in shown
    ]
    others = facts["surprising"]["others"]
    return [
        "Gap: mean negative log-likelihood under the model; small means close to what it would write itself",
        *table(rows),
        *wrap(
            f"tokens of references with a perplexity of at most {facts['surprising']['perplexity_above']:g}: "
            f"{decimal(others)} on the average, which is what masking the others would leave",
            2,
        ),
    ]


def _rewriting(facts: dict[str, Any]) -> list[str]:
    own, rewrites = facts["own"], facts["rewrites"]
    lines = [
        "Answers and rewrites",
        *wrap(
            f"own answers: {own['asked']:,} asked, {_cut_off(facts, 'own')}{_counted(own['failed'])}",
            2,
        ),
        *wrap(
            f"rewrites: {rewrites['accepted']:,} of {rewrites['asked']:,} accepted, {_cut_off(facts, 'rewrites')}"
            f"{_counted(rewrites['reasons'])}",
            2,
        ),
    ]
    difference = rewrites["targets_minus_references"]
    if difference:
        interval = interval_in("", difference["low"], difference["high"])
        lines += wrap(
            f"final targets (rewrites, and references where one failed) minus references: "
            f"{decimal(difference['mean'], sign=True)} {interval}, n = {difference['n']}",
            2,
        )
    lengths = [
        ("references", own["reference_median_tokens"]),
        ("own answers", own["median_tokens"]),
        ("accepted rewrites", rewrites["median_tokens"]),
    ]
    said = ", ".join(f"{name} {length:,.0f}" for name, length in lengths if length is not None)
    return [*lines, *wrap(f"tokens in the middle: {said or 'not known'}", 2)]


def _cut_off(facts: dict[str, Any], part: str) -> str:
    return f"{facts[part]['cut_off']:,} cut off at {facts['sampling']['max_tokens']:,} tokens"


def _counted(reasons: dict[str, int]) -> str:
    return "".join(f"; {one_line(reason, 40)} {count:,}" for reason, count in reasons.items())


def _worst(facts: dict[str, Any]) -> list[str]:
    lines = ["References that lie farthest away"]
    for row in facts["worst"]:
        lines += wrap(f"{decimal(row['nats'], 2)} nats over {row['tokens']:,} tokens: {row['origin']}, {row['id']}", 2)
        lines += wrap(one_line(row["reference"], SHORT), 4)
        spans = "; ".join(f"“{one_line(span['text'], 60)}” ({decimal(span['nats'], 1)})" for span in row["spans"])
        lines += wrap(f"least expected: {spans}", 4) if spans else []
    return lines


def _asked(facts: dict[str, Any]) -> list[str]:
    engine, sampling, seconds = facts["engine"], facts["sampling"], facts["seconds"]
    errors = f"; {facts['errors']:,} could not be scored, such as: {facts['first_error']}" if facts["errors"] else ""
    wrong = facts["skipped"]
    left_out = f"; {len(wrong):,} rows are wrong and left out, such as: {wrong[0]['reason']}" if wrong else ""
    times = ", ".join(f"{name} {duration(value)}" for name, value in seconds.items())
    return [
        "How it was asked",
        *wrap(
            f"{facts['gap']['n']:,} of {facts['examples']:,} examples of {facts['data']}, chosen by hash{errors}"
            f"{left_out}",
            2,
        ),
        *wrap(f"model {facts['model']}, layout {facts['layout'] or 'its own chat template'}", 2),
        *wrap(f"engine {engine['kind']} ({engine['dtype']} on {engine['device']})", 2),
        *wrap(
            f"own answers and rewrites: temperature {sampling['temperature']:g}, top_p {sampling['top_p']:g}, top_k "
            f"{sampling['top_k']}, at most {sampling['max_tokens']:,} tokens; rewriting prompt {facts['prompt']}",
            2,
        ),
        *wrap(f"time: {times}", 2),
    ]
