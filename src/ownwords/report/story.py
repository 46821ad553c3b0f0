"""What `ownwords explain` says to people: one example from its row to what each arm trains on."""

from __future__ import annotations

from typing import Any

from ownwords.report.lines import block, conversation, verdict_lines, wrap
from ownwords.report.numbers import decimal

#: What an attempt is called, by its source.
ATTEMPTS = {"own": "Own answer", "rewrite": "Attempt", "other": "Attempt by rewrite.model"}


def as_text(facts: dict[str, Any]) -> str:
    """The facts of `explain`, in the order in which they came about."""
    sections = [
        _example(facts),
        _prompt(facts["prompt"]),
        *(_attempt(attempt) for attempt in facts["attempts"]),
        _end(facts),
        _notes(facts["notes"]),
    ]
    return "\n\n".join("\n".join(section) for section in sections if section)


def _example(facts: dict[str, Any]) -> list[str]:
    example = facts["example"]
    return [
        f"Example {facts['id']}",
        *wrap(f"from {example['origin'] or 'a place that is not known any more'}; run in {facts['run']}", 2),
        *(block("tools", ", ".join(example["tools"])) if example["tools"] else []),
        *conversation(example["messages"]),
        *block("reference", example["reference"]),
    ]


def _prompt(prompt: dict[str, Any] | None) -> list[str]:
    if prompt is None:
        return []
    opening = block("answer begins", prompt["prefill"]) if prompt["prefill"] else []
    return ["Rewriting prompt as sent", *conversation(prompt["messages"]), *opening]


def _attempt(attempt: dict[str, Any]) -> list[str]:
    engine = attempt["engine"]
    title = f"{ATTEMPTS[attempt['source']]} {attempt['attempt'] + 1}"
    if not attempt["same_prompt"]:
        title += ", not to what this recipe asks (another sent it)"
    made = f"made by {engine['kind']} {engine['version']}, {engine['dtype']} on {engine['device']}, {engine['model']}"
    if attempt["error"]:
        error = attempt["error"]
        return [title, *block("no answer", f"{error['kind']}: {error['message']}"), *wrap(made, 2)]
    name = "answer" if attempt["source"] == "own" else "rewrite"
    tokens = f"{attempt['prompt_tokens']:,} + {attempt['completion_tokens']:,} tokens"
    checks = [{**v, "check": v["check"] if v["in_recipe"] else f"{v['check']} (earlier)"} for v in attempt["verdicts"]]
    return [
        title,
        *block(f"{name} ({tokens}, {attempt['finish_reason']})", attempt["text"]),
        *(["  checks", *verdict_lines(checks)] if checks else []),
        *wrap(made, 2),
    ]


def _end(facts: dict[str, Any]) -> list[str]:
    outcome = facts["outcome"]
    if outcome is None:
        return ["Outcome: not decided yet"]
    detail = f": {outcome['detail']}" if outcome["detail"] else ""
    lines = wrap(f"Outcome: {outcome['kind']} ({outcome['reason']}{detail})", 0)
    for arm, target in facts["targets"].items():
        lines += block(f"{arm} trains on the {target['source']}", target["text"])
    if not facts["targets"]:
        lines += wrap("no arm trains on it", 2)
    likelihoods: dict[str, Any] = facts["gap"] or {}
    for name, measured in likelihoods.items():
        lines += wrap(
            f"gap of the {name}: {decimal(measured['nats_per_token'])} nats/token, {measured['tokens']:,} tokens", 2
        )
    return lines


def _notes(notes: list[str]) -> list[str]:
    return ["Notes", *(line for note in notes for line in wrap(f"- {note}", 2))] if notes else []
