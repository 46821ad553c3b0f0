"""An empty user turn: what a chat template writes before a user's words, so that the model goes on as the user does.

What the model was tuned on comes out of it this way, with nothing asked (SA-SFT, arXiv 2602.20162).
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Set
from typing import Any, NamedTuple

from ownwords import models
from ownwords.engines._codec import stop_ids
from ownwords.errors import RecipeError
from ownwords.records import Completion, Message
from ownwords.rendering import Given, raw_ids, render_prompt
from ownwords.stages.context import Context

_WORDS = ("first-probe", "second-probe")


class EmptyTurn(NamedTuple):
    """The text that the model goes on with, and the text by which the turn is over (empty where a token says so)."""

    opening: str
    ending: str

    def words(self, completion: Completion) -> str | None:
        """What the model wrote as the user; None where it did not come to an end."""
        text = completion.text
        if self.ending and self.ending in text:
            return text.partition(self.ending)[0].strip()
        return text.strip() if completion.finish_reason == "stop" else None


def own_turn(context: Context) -> EmptyTurn:
    """The empty user turn of the layout that the run trains on.

    Raises:
        RecipeError: its template has none.
    """
    tokenizer = context.tokenizer(context.recipe.tune.chat_template)
    stops = stop_ids(tokenizer, models.load_generation_config(context.model))
    return empty_turn(tokenizer, stops, context.thinking)


def empty_turn(tokenizer: Any, stops: Set[int], thinking: bool | None = None) -> EmptyTurn:
    """The empty user turn of the tokenizer's chat template. `stops` are the tokens that end an answer.

    Raises:
        RecipeError: the template has none to go on with, or nothing shows where the user's turn ends.
    """
    given = Given(thinking=thinking)
    around = [render_prompt(tokenizer, [Message("user", word)], given=given).split(word) for word in _WORDS]
    if any(len(parts) != 2 for parts in around) or around[0] != around[1]:
        raise RecipeError(f"{_WHERE} does not write a user's words once and as they are. {_ADVICE}")
    opening, closing = around[0]
    if not opening.strip():
        raise RecipeError(
            f"{_WHERE} writes nothing before a user's words, so there is nothing to go on with. {_ADVICE}"
        )
    return EmptyTurn(_without_bos(tokenizer, opening), _ending(tokenizer, closing, stops))


_WHERE = "`prompts: self` lets the seed model write a user's turn, and its chat template"
_ADVICE = "Choose another tune.chat_template, or take the prompts from data (`prompts: data`)."


def _without_bos(tokenizer: Any, opening: str) -> str:
    """The opening as bare text: a BOS that the tokenizer adds to such text is not written as well."""
    bos = tokenizer.bos_token
    if bos and opening.startswith(bos) and raw_ids(tokenizer, opening)[:2] == [tokenizer.bos_token_id] * 2:
        return opening.removeprefix(bos)
    return opening


def _ending(tokenizer: Any, closing: str, stops: Set[int]) -> str:
    """Text that is seen where the turn is over. A special token never is, so it has to be one that stops the model."""
    ending = (closing.strip().splitlines() or [""])[0]
    if not ending:
        raise RecipeError(f"{_WHERE} writes nothing after a user's words, so no end would be seen. {_ADVICE}")
    ids = tokenizer(ending, add_special_tokens=False, verbose=False)["input_ids"]
    special = {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
    if ids[0] in stops:
        return ""
    if special & set(ids):
        raise RecipeError(f"{_WHERE} ends it with {ending}, which no answer stops at. {_ADVICE}")
    return ending
