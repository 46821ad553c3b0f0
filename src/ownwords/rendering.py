"""The one path from messages to token ids: rewriting, training, the gap and evaluation all take it.

A special token's text inside a message ("<|im_end|>" in a user's question) stays text: it never becomes the token, so
nobody's data can end a turn or open another's. Only the tags of a turn's own text (`turns.TAGS`) are left as they are.
"""

# pyright: basic
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from jinja2 import TemplateError

from ownwords._dressing import PROBE, Given, apply, dress, takes
from ownwords.records import Message
from ownwords.turns import TAGS

__all__ = [
    "Given",
    "TemplateError",
    "end_tokens",
    "ends_in_reasoning",
    "prompt_ids",
    "raw_ids",
    "raw_target_ids",
    "render_prompt",
    "shows_the_user",
    "takes",
    "target_ids",
]

_OPEN_THINK = re.compile(r"<think>\s*$")
PLAIN = Given()  # the tokenizer's own template, no tools
_PRIVATE = range(0xE000, 0xF900)  # characters that Unicode gives no meaning: they stand for special tokens' texts


def render_prompt(tokenizer: Any, messages: Sequence[Message], prefill: str = "", given: Given = PLAIN) -> str:
    """The text that the model continues: messages, the opening of the assistant's turn, `prefill`.

    Raises:
        TemplateError: the template refuses the messages, or fails.
    """
    shield = _Shield(tokenizer, [*(m.content for m in messages), prefill, given.tools])
    return shield.plain(_prompt(tokenizer, messages, prefill, given, shield))


def prompt_ids(tokenizer: Any, messages: Sequence[Message], prefill: str = "", given: Given = PLAIN) -> list[int]:
    """Token ids of `render_prompt`. The template writes the BOS where the model wants one, so none is added."""
    shield = _Shield(tokenizer, [*(m.content for m in messages), prefill, given.tools])
    return shield.ids(_prompt(tokenizer, messages, prefill, given, shield))


def target_ids(
    tokenizer: Any, messages: Sequence[Message], target: str, given: Given = PLAIN, prefill: str = ""
) -> tuple[list[int], list[int]]:
    """Ids of the prompt and of the target, as TRL's SFTTrainer supervises a prompt-completion row.

    The target's ids are those of the whole conversation past its common prefix with the prompt's: the end-of-turn
    marker belongs to them, and where template or tokenizer blur the border nothing of the target is lost.

    Some templates write a conversation otherwise once it is answered (Mistral's: the system text stands before the
    last user turn only while it is the last turn). Then the prompt is the one that the model is asked with, and the
    target is what the template writes of the answer itself.
    """
    shield = _Shield(tokenizer, [*(m.content for m in messages), prefill, target, given.tools])
    asked = _render(tokenizer, messages, given, shield, generate=True)
    answer = Message("assistant", prefill + target)
    whole = _render(tokenizer, [*messages, answer], given, shield, generate=False)
    prompt = shield.ids(asked + shield.cover(prefill))
    goes_on = whole.startswith(asked)
    if not goes_on:
        goes_on = whole.startswith(_render(tokenizer, messages, given, shield, generate=False))
    if goes_on:
        return _split(prompt, shield.ids(whole))
    other = Message("assistant", prefill + shield.unused)
    unlike = _render(tokenizer, [*messages, other], given, shield, generate=False)
    return prompt, shield.ids(whole[_difference(whole, unlike) :])


def end_tokens(tokenizer: Any, messages: Sequence[Message], target: str, given: Given = PLAIN) -> int:
    """How many of a target's last ids (see `target_ids`) hold what the template writes behind its text.

    Where a tokenizer melts the last of the text and the template's end into one token, that token is counted.

    Raises:
        TemplateError: the template refuses the messages, or fails.
    """
    shield = _Shield(tokenizer, [*(m.content for m in messages), target, given.tools])
    whole, other = (
        _render(tokenizer, [*messages, Message("assistant", text)], given, shield, generate=False)
        for text in (target, shield.unused)
    )
    behind = _difference(whole[::-1], other[::-1])  # the unused character bounds it, whatever the target ends in
    ids = shield.ids(whole)
    return len(ids) - _difference(shield.ids(whole[: len(whole) - behind]), ids)


def raw_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of bare text, with the special tokens that the tokenizer adds by itself (often a BOS)."""
    return list(tokenizer(text, verbose=False)["input_ids"])


def raw_target_ids(tokenizer: Any, text: str, target: str) -> tuple[list[int], list[int]]:
    """Ids of bare text and of what follows it. The prompt has at least one token, so that every target token counts."""
    prompt, targets = _split(raw_ids(tokenizer, text), raw_ids(tokenizer, text + target))
    if prompt:
        return prompt, targets
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    return [start], targets


def shows_the_user(tokenizer: Any) -> bool:
    """Whether the tokenizer's template writes what a user says.

    Raises:
        TemplateError: it does not work at all.
    """
    return PROBE in render_prompt(tokenizer, [Message("user", PROBE)])


def ends_in_reasoning(tokenizer: Any, prompt: Sequence[int]) -> bool:
    """Whether a prompt opens the model's reasoning, so that the answer begins inside it."""
    return bool(_OPEN_THINK.search(tokenizer.decode(prompt[-8:], clean_up_tokenization_spaces=False)))


_SPECIAL: WeakKeyDictionary[Any, re.Pattern[str]] = WeakKeyDictionary()


def _special_tokens(tokenizer: Any) -> re.Pattern[str]:
    """Matches any of the tokenizer's special tokens; made once, as some have hundreds."""
    if tokenizer not in _SPECIAL:
        added = (str(token) for token in tokenizer.added_tokens_decoder.values() if token.special)
        names = sorted({*added, *tokenizer.all_special_tokens} - set(TAGS), key=len, reverse=True)
        _SPECIAL[tokenizer] = re.compile("|".join(re.escape(name) for name in names if name) or r"(?!)")
    return _SPECIAL[tokenizer]


class _Shield:
    """Keeps special tokens' texts in messages apart from the tokens that a template writes.

    Each such text is one private character while the template works, and is then spelled out or tokenised as text.
    `unused` is a character that stands nowhere in the messages.
    """

    def __init__(self, tokenizer: Any, texts: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._special = _special_tokens(tokenizer)
        free = (chr(code) for code in _PRIVATE if not any(chr(code) in text for text in texts))
        found = {token for text in texts for token in self._special.findall(text)} - {""}
        self._marks = {token: next(free) for token in sorted(found)}
        self._texts = {mark: token for token, mark in self._marks.items()}
        self.unused = next(free)
        self._hidden = {"<think>": next(free), "</think>": next(free)}

    def cover(self, text: str) -> str:
        return self._special.sub(lambda match: self._marks[match.group()], text) if self._marks else text

    def hide(self, text: str) -> str:
        """The text without tags that a template looks for; `show` brings them back."""
        for tag, mark in self._hidden.items():
            text = text.replace(tag, mark)
        return text

    def show(self, text: str) -> str:
        for tag, mark in self._hidden.items():
            text = text.replace(mark, tag)
        return text

    def plain(self, text: str) -> str:
        for mark, token in self._texts.items():
            text = text.replace(mark, token)
        return text

    def ids(self, text: str) -> list[int]:
        if not self._texts:
            return list(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        result: list[int] = []
        for piece in re.split(f"([{''.join(self._texts)}])", text):
            literal = piece in self._texts
            known = {"split_special_tokens": True} if literal else {}
            spelled = self._texts.get(piece, piece)
            result += self._tokenizer(spelled, add_special_tokens=False, verbose=False, **known)["input_ids"]
        return result


def _prompt(tokenizer: Any, messages: Sequence[Message], prefill: str, given: Given, shield: _Shield) -> str:
    return _render(tokenizer, messages, given, shield, generate=True) + shield.cover(prefill)


def _render(tokenizer: Any, messages: Sequence[Message], given: Given, shield: _Shield, *, generate: bool) -> str:
    covered = [Message(message.role, shield.cover(message.content)) for message in messages]
    has = takes(tokenizer, given.template)
    if covered[-1].role == "assistant" and not has.reasoning and not has.inline:
        covered[-1] = Message("assistant", shield.hide(covered[-1].content))  # the template would cut it off
    given = replace(given, tools=shield.cover(given.tools))
    dressed, tools = dress(tokenizer, covered, given)
    return shield.show(apply(tokenizer, dressed, given, generate=generate, tools=tools))


def _split(prompt: list[int], whole: list[int]) -> tuple[list[int], list[int]]:
    """Cut `whole` where it leaves `prompt`."""
    cut = _difference(prompt, whole)
    return whole[:cut], whole[cut:]


def _difference(first: Sequence[Any], second: Sequence[Any]) -> int:
    """The place where two sequences begin to differ."""
    pairs = zip(first, second, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
