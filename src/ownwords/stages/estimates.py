"""What a whole run would take, reckoned from a short trial of rewriting: money, tokens, and hours of evaluation."""

# pyright: basic
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ownwords.engines._codec import Codec
from ownwords.engines._rows import Row
from ownwords.records import Completion
from ownwords.stages import evaluate
from ownwords.stages.context import Context
from ownwords.stages.exam_judge import judge_facts
from ownwords.stages.probe import spread

#: So many requests of a benchmark, evenly spread, are tokenised to know how long they are.
SAMPLE = 32


def spending(context: Context, trial: dict[str, Any]) -> dict[str, Any] | None:
    """Tokens and money for all rows once, beside the recipe's budgets; None for an engine that costs none.

    `cost` is None where the recipe has no prices, `tokens` where the server does not count.
    """
    if trial["engine"]["kind"] != "openai":
        return None
    settings = context.recipe.runtime.openai
    read, written = trial["all_prompt_tokens"], trial["all_completion_tokens"]
    tokens = cost = None
    if read is not None and written is not None:
        tokens = read + written
        if settings.prompt_price or settings.completion_price:
            cost = (read * settings.prompt_price + written * settings.completion_price) / 1e6
    return {
        "tokens": tokens,
        "cost": cost,
        "token_budget": settings.token_budget,
        "cost_budget": settings.cost_budget,
    }


def evaluation(context: Context, tasks: Sequence[evaluate.Task], length: int, trial: dict[str, Any] | None) -> Any:
    """Requests and tokens of every benchmark, and the hours that all arms take at most.

    `length` is the model's context. The trial took S seconds to read P tokens and to write G. A token that is read
    takes no longer than one that is written, so P' and G' others take at most the larger of G'·S/G (had reading cost
    nothing) and (P' + G')·S/(P + G) (had both cost the same). G' is as if every answer were as long as it may be. All
    arms are taken to be as fast as the seed, and nothing is known of what a cache of equal beginnings saves. There is
    no estimate for what another engine answers. `judge_requests` are the questions to a judge about all arms, as if no
    two answers were the same.
    """
    codec = Codec(context.tokenizer(None), length, frozenset())
    arms = len(evaluate.labels(context))
    found: list[dict[str, Any]] = []
    for task in tasks:
        requests = [request for _, _, request in evaluate.requests_of(context, task)]
        some = [requests[index] for index in spread(range(len(requests)), SAMPLE)]
        rows = [row for request in some if isinstance(row := codec.encode(request), Row)]
        count = max(len(rows), 1)
        read = sum(len(row.prompt) + len(row.target or ()) for row in rows) / count
        written = sum(0 if row.target is not None else row.max_new for row in rows) / count
        scored = any(request.target is not None for request in requests)
        seconds = at_most(read, written, trial) if trial and _is_asked(trial, scored=scored) else None
        found.append(
            {
                "benchmark": task.benchmark.name,
                "requests": len(requests),
                "read": round(read, 1),
                "written_at_most": round(written, 1),
                "hours_at_most": None if seconds is None else len(requests) * arms * seconds / 3600,
                "judge_requests": arms * _questions_to_judge(context, task),
            }
        )
    is_seed = context.benchmark_judge is not None and judge_facts(context)["is_seed"]
    return {"arms": arms, "benchmarks": found, "judge_is_seed": is_seed}


def _questions_to_judge(context: Context, task: evaluate.Task) -> int:
    """About one arm's answers; none where nobody is asked."""
    judge = task.benchmark.judge
    if judge is None or context.benchmark_judge is None:
        return 0
    answer = Completion("", "An answer.")
    return sum(len(judge(item, [answer] * len(task.benchmark.prompt(item, task.settings)))) for item in task.items)


def at_most(read: float, written: float, trial: dict[str, Any]) -> float | None:
    """Seconds for one request; None where the trial has written nothing."""
    if not trial["completion_tokens"]:
        return None
    whole = trial["prompt_tokens"] + trial["completion_tokens"]
    return trial["seconds"] * max(written / trial["completion_tokens"], (read + written) / whole)


def _is_asked(trial: dict[str, Any], *, scored: bool) -> bool:
    """Whether the engine of the trial also evaluates."""
    needed = {"weights", "logprobs"} if scored else {"weights"}
    return needed <= set(trial["capabilities"])
