"""A preview of rewriting: the first examples, once, with the recipe's prompt, engine and checks, in memory only."""

from __future__ import annotations

from typing import Any

from ownwords.errors import InputError
from ownwords.records import Completion, Example, Request
from ownwords.stages import judge, judging, preflight, rewrite
from ownwords.stages.context import Context
from ownwords.stages.outcomes import decide
from ownwords.turns import tool_names, turn_of


def preview(context: Context, rows: int) -> dict[str, Any]:
    """What rewriting would send, get and decide about the first `rows` examples, at its first attempt.

    Raises:
        InputError: a name, a file, a row or the model is wrong, or a check runs code and there is no sandbox.
        EngineError: the engine cannot answer any row.
    """
    if rows < 1:
        raise InputError(f"--rows {rows}: give how many examples to show, at least 1.")
    preflight.check_names(context)
    preflight.check_sandbox(context)
    examples = context.asked[:rows]
    requests = [rewrite.build_request(context, example, 0) for example in examples]
    engine = context.engine()
    provenance = engine.provenance.as_dict()
    answers = {completion.request_id: completion for completion in engine.stream(requests)}
    said = judge.judgements(context, [(e, answers[e.id]) for e in examples]) if context.is_judged else {}
    return {
        "engine": provenance,
        "prompt": context.prompt.name,
        "rows": [_row(context, e, r, answers[r.id], said.get(e.id)) for e, r in zip(examples, requests, strict=True)],
    }


def _row(
    context: Context, example: Example, request: Request, completion: Completion, judgement: str | None
) -> dict[str, Any]:
    verdicts = judging.judge(context, example, completion, judgement)
    attempt = judging.Attempt(0, completion, verdicts, "")
    outcome = decide(example, attempt, context)
    dropped = outcome.kind == "fallback" and context.recipe.rewrite.on_failure == "drop"
    return {
        "id": example.id,
        "origin": example.origin,
        "tools": tool_names(request.tools),
        "messages": [message.as_dict() for message in request.messages or ()],
        "prefill": request.prefill,
        "reference": example.reference,
        "rewrite": None if completion.error else turn_of(completion).as_text(),
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "judgement": judgement,
        "verdicts": [
            {"check": name, "passed": verdict.passed, "reason": verdict.reason, "detail": verdict.detail}
            for name, verdict in verdicts.items()
        ],
        "outcome": "dropped" if dropped else outcome.kind,
        "reason": outcome.reason,
        "detail": outcome.detail,
        "asked_again": outcome.kind != "accepted" and rewrite.attempts_in_all(context) > 1,
    }
