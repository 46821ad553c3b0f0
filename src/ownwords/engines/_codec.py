"""Requests to token ids and token ids to completions: every engine in process asks and answers in these very tokens."""

# pyright: basic
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ownwords import rendering
from ownwords.engines._answers import answered
from ownwords.engines._rows import Row
from ownwords.records import Completion, Request, RowError

_END_OF_TURN = frozenset({"<|eot_id|>", "<end_of_turn>", "<|im_end|>"})


class Codec:
    """One tokenizer with what bounds its answers.

    `context` is the most tokens that prompt and answer may have together, `stop_ids` end an answer. `after_target` are
    tokens that an engine has to generate behind a scored target.
    """

    def __init__(self, tokenizer: Any, context: int, stop_ids: frozenset[int], *, after_target: int = 0) -> None:
        self.tokenizer = tokenizer
        self.context = context
        self.stop_ids = stop_ids
        self._after_target = after_target

    def encode(self, request: Request) -> Row | Completion:
        """The request as token ids; what is wrong with this one alone is a completion with an error."""
        try:
            prompt, target = self._tokenise(request)
        except rendering.TemplateError as error:
            return failed(request, 0, "chat_template", f"the chat template cannot render its messages: {error}")
        room = self.context - len(prompt)
        if target is None and room < 1:
            return failed(
                request,
                len(prompt),
                "prompt_too_long",
                f"the prompt has {len(prompt)} tokens and leaves no room for an answer in a context of {self.context}.",
            )
        if target is not None and room < len(target) + self._after_target:
            return failed(
                request,
                len(prompt),
                "prompt_too_long",
                f"prompt and target have {len(prompt)} + {len(target)} tokens, the context only "
                f"{self.context - self._after_target}.",
            )
        opened = request.messages is not None and rendering.ends_in_reasoning(self.tokenizer, prompt)
        return Row(request, prompt, target, min(request.sampling.max_tokens, room), opened)

    def decode(self, row: Row, tokens: Sequence[int]) -> Completion:
        """The completion of a row whose answer is these tokens, the stop token included if there was one."""
        stopped = tokens[-1] in self.stop_ids
        text = self.tokenizer.decode(
            list(tokens[:-1] if stopped else tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return answered(
            row.request,
            text,
            opened=row.opened,
            finish_reason="stop" if stopped else "length",
            prompt_tokens=len(row.prompt),
            completion_tokens=len(tokens),
        )

    def _tokenise(self, request: Request) -> tuple[list[int], list[int] | None]:
        if request.messages is None:
            text = (request.text or "") + request.prefill
            if request.target is not None:
                return rendering.raw_target_ids(self.tokenizer, text, request.target)
            return rendering.raw_target_ids(self.tokenizer, text, "")[0], None
        layout = _layout(request.chat_template) if request.chat_template else None
        given = rendering.Given(layout, request.tools, request.thinking)
        if request.target is not None:
            return rendering.target_ids(self.tokenizer, request.messages, request.target, given, request.prefill)
        return rendering.prompt_ids(self.tokenizer, request.messages, request.prefill, given), None


def scored(row: Row, logprobs: Sequence[float]) -> Completion:
    """The completion of a row whose target was read: one log-likelihood a target token."""
    return Completion(
        request_id=row.request.id,
        finish_reason="scored",
        prompt_tokens=len(row.prompt),
        completion_tokens=len(row.target or ()),
        logprobs=tuple(logprobs),
    )


def failed(request: Request, prompt_tokens: int, kind: str, message: str) -> Completion:
    """The completion of a request that has no answer."""
    return Completion(
        request_id=request.id, finish_reason="error", prompt_tokens=prompt_tokens, error=RowError(kind, message)
    )


def stop_ids(tokenizer: Any, generation_config: Any) -> frozenset[int]:
    """Ids that end a turn: those of the generation config, the tokenizer's EOS, and well-known end-of-turn markers."""
    configured = generation_config.eos_token_id
    ids = set(configured if isinstance(configured, list) else [configured])
    ids.add(tokenizer.eos_token_id)
    ids.update(
        index for index, token in tokenizer.added_tokens_decoder.items() if token.special and str(token) in _END_OF_TURN
    )
    return frozenset(index for index in ids if index is not None)


@lru_cache(maxsize=8)
def _layout(name: str) -> str:
    from ownwords.prompts.render import load_layout

    return load_layout(name)
