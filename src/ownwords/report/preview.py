"""What `ownwords preview` says to people: prompt, reference, rewrite and verdicts of each row, one below the other."""

from __future__ import annotations

from typing import Any

from ownwords.report.lines import block, conversation, verdict_lines, wrap


def as_text(facts: dict[str, Any], *, full: bool = False) -> str:
    """The facts of `preview`. The prompt is the last user turn as it is sent; with `full` the whole conversation."""
    count = len(facts["rows"])
    rows = [_row(row, f"{number} of {count}", full=full) for number, row in enumerate(facts["rows"], start=1)]
    accepted = sum(row["outcome"] == "accepted" for row in facts["rows"])
    engine = facts["engine"]
    last = f"{accepted} of {count} accepted; prompt {facts['prompt']}, engine {engine['kind']} ({engine['model']})"
    return "\n\n".join("\n".join(lines) for lines in [*rows, wrap(last, 0)])


def _row(row: dict[str, Any], number: str, *, full: bool) -> list[str]:
    sent = conversation(row["messages"]) if full else block("prompt", _asked(row["messages"]))
    opening = block("answer begins", row["prefill"]) if row["prefill"] else []
    return [
        *wrap(f"{number}: {row['origin']}, {row['id']}", 0),
        *(block("tools", ", ".join(row["tools"])) if row["tools"] else []),
        *sent,
        *opening,
        *block("reference", row["reference"]),
        *_rewrite(row),
        *(["  checks", *verdict_lines(row["verdicts"])] if row["verdicts"] else []),
        *wrap(_outcome(row), 2),
    ]


def _asked(messages: list[dict[str, str]]) -> str:
    return next(message["content"] for message in reversed(messages) if message["role"] == "user")


def _rewrite(row: dict[str, Any]) -> list[str]:
    if row["rewrite"] is None:
        return block("rewrite", f"(none: {row['detail']})")
    return block(f"rewrite ({row['completion_tokens']:,} tokens, {row['finish_reason']})", row["rewrite"])


def _outcome(row: dict[str, Any]) -> str:
    if row["outcome"] == "accepted":
        return "outcome: accepted"
    again = "; a run would ask again before that" if row["asked_again"] else ""
    return f"outcome: {row['outcome']} ({row['reason']}){again}"
