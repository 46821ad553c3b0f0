"""What a model wrote, as a completion: reasoning and calls apart from the words."""

from __future__ import annotations

from typing import Literal

from ownwords.records import Completion, Request
from ownwords.turns import read_answer


def answered(
    request: Request,
    text: str,
    *,
    opened: bool = False,
    finish_reason: Literal["stop", "length"] = "stop",
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
) -> Completion:
    """The completion of a generated text; `opened` says that the prompt ended inside the model's reasoning."""
    turn = read_answer(text, tools=bool(request.tools), opened=opened)
    return Completion(
        request_id=request.id,
        text=turn.words,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        reasoning=turn.reasoning or None,
        tool_calls=tuple(call.as_dict() for call in turn.calls),
    )
