"""The facts of `advice` in sentences: what led to a recommendation, what would help, and what they cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ownwords.stages.advice_thresholds import (
    ENOUGH_ACCEPTED,
    FEW_ANSWERS,
    LENGTHS_APART,
    MASKABLE,
    MOST_CUT_OFF,
    NEAR,
    SURPRISING,
    direction_of,
    side_of,
    too_many_cut_off,
)


def because(facts: Mapping[str, Any]) -> list[str]:
    """The evidence, numbers in it."""
    return [
        _distance_sentence(facts),
        _surprising_sentence(facts),
        _rewrites_sentence(facts),
        *_length_sentences(facts),
    ]


def limits(facts: Mapping[str, Any]) -> list[str]:
    """What the numbers cannot tell."""
    few = facts["own"]["asked"] < FEW_ANSWERS
    return [
        *_cut_off_limits(facts),
        *(["With fewer than 20 answers the intervals of their gaps are somewhat too narrow."] if few else []),
        "The thresholds come from five data sets with one model of 135 million parameters (docs/gap.md).",
        "A gap is no measurement of forgetting: only training and testing is (`ownwords run`).",
        f"Rewriting was tried once, with {facts['prompt']} and the checks {_listed(facts['checks'])}. "
        f"{_checks_sentence(facts)}",
    ]


def more(facts: Mapping[str, Any], what: str) -> str:
    """What would help where the numbers do not tell something: more of the data, as long as there is more of it."""
    rows_left = facts["examples"] > facts["limit"]
    answers_left = facts["own"]["asked"] < facts["gap"]["n"]
    said = f"These numbers do not tell {what}."
    if rows_left:
        return f"{said} Give more rows (--limit) and more answers (--answers)."
    if answers_left:
        return f"{said} All of the data was scored: give more answers (--answers)."
    cut = _cut_off(facts, [part for part in _parts(facts) if part["cut_off"]])
    whole = f", or whole answers: {cut} (raise rewrite.sampling.max_tokens)" if cut else ""
    used = "all that could be scored are answered too" if facts["errors"] else "all are scored and answered"
    return (
        f"{said} That is all the data has: of its {facts['examples']:,} examples {used}. What would help is more "
        f"data{whole}."
    )


# --- texts that were cut off -------------------------------------------------------------------------------------


def cut_off_first(facts: Mapping[str, Any]) -> str:
    """Leads the advice where too many texts were cut off; else nothing."""
    cut = _cut_off(facts, [part for part in _parts(facts) if too_many_cut_off(part)])
    return f"{cut}: raise rewrite.sampling.max_tokens. " if cut else ""


def _cut_off_limits(facts: Mapping[str, Any]) -> list[str]:
    """What is to be known of texts of which any were cut off: of those with too many, and of the others."""
    other = "a cut text has another likelihood than the whole one"
    too_many = _cut_off(facts, [part for part in _parts(facts) if too_many_cut_off(part)])
    some = _cut_off(facts, [part for part in _parts(facts) if part["cut_off"] and not too_many_cut_off(part)])
    most = f"at most {100 * MOST_CUT_OFF:.0f} % may be cut"
    return [
        *([f"{too_many}, and {other}: no verdict is drawn from these ({most})."] if too_many else []),
        *([f"{some}, and {other}."] if some else []),
    ]


def _parts(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**facts["own"], "of": "the model's own answers"}, {**facts["rewrites"], "of": "the rewrites"}]


def _cut_off(facts: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> str:
    """`7 of 8 of the model's own answers and 6 of 8 of the rewrites were cut off at 48 tokens`; nothing for no part."""
    if not parts:
        return ""
    counted = " and ".join(f"{part['cut_off']:,} of {part['answered']:,} of {part['of']}" for part in parts)
    verb = "was" if [part["cut_off"] for part in parts] == [1] else "were"
    return f"{counted} {verb} cut off at {_tokens(facts)}"


def _cut_count(facts: Mapping[str, Any], part: str) -> str:
    """`7 of 8 cut off at 48 tokens`; nothing where none was."""
    found = facts[part]
    return f"{found['cut_off']:,} of {found['answered']:,} cut off at {_tokens(facts)}" if found["cut_off"] else ""


def _tokens(facts: Mapping[str, Any]) -> str:
    return f"{facts['sampling']['max_tokens']:,} tokens"


# --- the evidence ------------------------------------------------------------------------------------------------


def _distance_sentence(facts: Mapping[str, Any]) -> str:
    own = facts["own"]
    said = f"References: {_mean(facts['gap'])} nats per token"
    cut = _cut_count(facts, "own")
    difference = own["reference_minus_own"]
    if difference is None:
        return f"{said}. The model gave no answer of its own to compare them with{f' ({cut})' if cut else ''}."
    place = {"below": "near", "above": "far", "across": "near or far, the interval does not say"}
    found = place[side_of(difference, NEAR)]
    return (
        f"{said}; the model's own answers to {own['gap']['n']} of these prompts: {_mean(own['gap'])}"
        f"{f', {cut}' if cut else ''}. On these prompts "
        f"the references lie {_mean(difference, sign=True)} from them (near: at most {NEAR:g}): "
        f"{'near or far cannot be told from cut answers' if too_many_cut_off(own) else found}."
    )


def _surprising_sentence(facts: Mapping[str, Any]) -> str:
    found = facts["surprising"]
    return (
        f"{_share(found)} of {found['tokens']:,} target tokens have a perplexity above {SURPRISING:g} under the model "
        f"and carry {100 * found['carried']:.0f} % of the nats (20 to 24 % in the paper that masks such tokens; here "
        f"masking is advised up to {100 * MASKABLE:.0f} %)."
    )


def _rewrites_sentence(facts: Mapping[str, Any]) -> str:
    found = facts["rewrites"]
    cut = _cut_count(facts, "rewrites")
    if too_many_cut_off(found):
        return (
            f"{found['accepted']} of {found['asked']} rewrites pass the checks, {cut}: whether enough pass, and lie "
            "nearer, cannot be told from cut rewrites."
        )
    said = (
        f"{found['accepted']} of {found['asked']} rewrites pass the checks ({_share(found)}; enough: above "
        f"{100 * ENOUGH_ACCEPTED:.0f} %){f', {cut}' if cut else ''}"
    )
    difference = found["rewrites_minus_references"]
    if difference is None:
        return f"{said}."
    place = {"below": "nearer", "above": "farther", "across": "nearer or farther cannot be told"}
    return (
        f"{said}; those that pass lie {_mean(difference, sign=True)} nats per token from their references: "
        f"{place[direction_of(difference)]}."
    )


def _length_sentences(facts: Mapping[str, Any]) -> list[str]:
    """Only where lengths differ much: what is trained on them answers at that length. Where too many texts were cut
    off the limit set their lengths, so these say nothing of being short."""
    own = facts["own"]
    mine, theirs, rewritten = own["median_tokens"], own["reference_median_tokens"], facts["rewrites"]["median_tokens"]
    said: list[str] = []
    if _apart(rewritten, theirs) and not too_many_cut_off(facts["rewrites"]):
        said = [
            f"In the middle accepted rewrites have {rewritten:.0f} tokens, references {theirs:.0f}: something may be "
            "lost or added that these checks do not see (`ownwords preview` shows some)."
        ]
    if not _apart(mine, theirs) or (too_many_cut_off(own) and mine < theirs):
        return said
    cut = f" ({_cut_count(facts, 'own')}, so the model's may be longer still)" if own["cut_off"] else ""
    return [
        *said,
        f"In the middle references have {theirs:.0f} tokens, the model's own answers {mine:.0f}{cut}: trained on the "
        "references it will answer at their length, whatever it is asked.",
    ]


def _apart(first: float | None, second: float | None) -> bool:
    return bool(first and second) and max(first or 0, second or 0) >= LENGTHS_APART * min(first or 0, second or 0)


def _checks_sentence(facts: Mapping[str, Any]) -> str:
    """What the checks that rewrites have passed say of their being right."""
    found = facts["checks_of_result"]
    said: list[str] = []
    if found["seen"]:
        verb = "looks" if len(found["seen"]) == 1 else "look"
        said.append(f"Of these {_listed(found['seen'])} {verb} at a rewrite's result (how well: docs/checks.md).")
    said += [f"{label} may be passed without a look at a rewrite's result." for label in found["partly"]]
    said += [f"{name} is your own check, of which nothing is known." for name in found["own"]]
    if not said:
        return "These do not see whether a rewrite is right."
    if not found["seen"] and not found["partly"]:
        shipped = [label for label in facts["checks"] if label not in found["own"]]
        said += ["The others do not see whether a rewrite is right."] if shipped else []
    return " ".join(said)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "(none)"


def _mean(estimate: Mapping[str, Any], *, sign: bool = False) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        interval = "no interval"
    else:
        interval = f"{estimate['low']:.2f} to {estimate['high']:.2f}"
    return f"{estimate['mean']:{'+' if sign else ''}.2f} ({interval}, n = {estimate['n']})"


def _share(estimate: Mapping[str, Any]) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return f"{100 * estimate['share']:.0f} %"
    return f"{100 * estimate['share']:.0f} % ({100 * estimate['low']:.0f} to {100 * estimate['high']:.0f})"
