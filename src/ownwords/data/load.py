"""The recipe's data become examples: training rows, unseen rows, and facts for fingerprints."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, Literal, cast

from ownwords.data.examples import Examples
from ownwords.data.files import Row
from ownwords.data.formats import Conversation, resolve_format, to_examples
from ownwords.data.generated import generate_rows, generator_version
from ownwords.data.sources import describe_path, path_rows
from ownwords.errors import DataError, RecipeError
from ownwords.recipe import DataSection, SourceSection
from ownwords.records import Example, Message, last_user
from ownwords.turns import split_reasoning

#: Rows that `data.on_bad_row: skip` leaves out: where each lies, and what is wrong with it.
Skipped = dict[str, str]
Thinking = Literal["keep", "strip", "forbid"]


def load_train(data: DataSection, skipped: Skipped | None = None) -> Examples:
    """The training examples: those of the first `limit` rows of `data.train`, of all of them without a limit.

    A row that is wrong counts toward the limit; with `on_bad_row: skip` it is left out and noted in `skipped`.

    Raises:
        DataError: the source is wrong, or one of these rows (all of them, where they are skipped).
        RecipeError: the generator or its settings are wrong, or a key of the source.
    """
    source = data.train
    bad = _bad_rows(data, skipped)
    with closing(_rows(source)) as rows:
        wanted = _as_many_as_wanted(islice(rows, source.limit), source)
        examples = Examples(_conversations(wanted, source, bad, data.thinking))
    if not examples and bad:
        raise DataError(f"every row of data.train is wrong; the first: {next(iter(bad.values()))}")
    return examples


def load_heldout(
    data: DataSection, train: Sequence[Example], limit: int | None, skipped: Skipped | None = None
) -> list[Example]:
    """At most `limit` unseen examples: of `data.heldout` if it is given, else of the rows that training leaves.

    None has a prompt of the training examples (case and white space aside), no two have the same prompt; calls and
    their results count as part of it. A generator
    goes on from where training stopped; without a limit it gives as many rows as `data.train.limit`.

    Raises:
        DataError: nothing is left, or one of the rows is wrong.
    """
    source = data.heldout or data.train
    if data.heldout is not None:
        reading = _rows(source)
        rows = islice(reading, source.limit)
        nothing_left = "every row of data.heldout repeats a prompt of data.train. Name other rows."
    else:
        rows = reading = _rows_after_training(source)
        nothing_left = _nothing_left(source)
        if source.generator is not None and limit is None:
            limit = source.limit
    with closing(reading):
        unseen = _without_known_prompts(_conversations(rows, source, _bad_rows(data, skipped), data.thinking), train)
        examples = Examples(islice(unseen, limit))
    if not examples:
        raise DataError(f"no unseen rows, which a benchmark of this recipe needs: {nothing_left}")
    return list(examples)


def _nothing_left(source: SourceSection) -> str:
    if source.limit is None:
        return "training uses every row: set data.train.limit to fewer than there are, or data.heldout."
    return (
        f"training uses every row, or every prompt: set data.train.limit, which is {source.limit}, to fewer than there "
        "are, or data.heldout."
    )


def describe_source(source: SourceSection) -> dict[str, Any]:
    """What fixes the rows of a source: hashes of its files, its commit on the Hub, or the generator with its version.

    Raises:
        DataError: there is no such file, folder or dataset.
        RecipeError: reasoning-gym is not installed, or a key does not go with the kind of source.
    """
    if source.generator is not None:
        return {
            "generator": source.generator,
            "generator_params": dict(source.generator_params),
            "seed": source.seed,
            "reasoning_gym": generator_version(),
        }
    return describe_path(source)


def _rows(source: SourceSection, start: int = 0) -> Generator[Row]:
    """Rows with their origins: of a path from its beginning; of a generator from item `start`.

    Who stops before the end closes it, and with it the file that is read.
    """
    if source.generator is None:
        yield from path_rows(source)
        return
    if source.columns is not None or source.template is not None or source.format != "auto":
        raise RecipeError(
            "`format`, `columns` and `template` are for files; a generator knows its own. Leave them out."
        )
    for place, row in generate_rows(source, start):
        yield f"reasoning-gym {source.generator} {place}", row


def _as_many_as_wanted(rows: Iterator[Row], source: SourceSection) -> Iterator[Row]:
    """The rows, of a generator exactly `limit`.

    Raises:
        DataError: it has fewer.
    """
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - read after the loop
        yield row
    if source.generator is not None and count < (source.limit or 0):
        raise DataError(
            f"reasoning-gym {source.generator} has only {count} different questions with these settings: "
            f"set data.train.limit to at most that, or widen data.train.generator_params."
        )


def _rows_after_training(source: SourceSection) -> Generator[Row]:
    """Rows that training leaves. Some generator items after `limit` may be training rows; their prompts are known."""
    if source.limit is None:
        return
    if source.generator is not None:
        yield from _rows(source, start=source.limit)
    else:
        yield from islice(_rows(source), source.limit, None)


def _bad_rows(data: DataSection, skipped: Skipped | None) -> Skipped | None:
    """Where to note rows that are wrong; None where the first of them stops everything."""
    if data.on_bad_row == "error":
        return None
    return {} if skipped is None else skipped


def _conversations(
    rows: Iterable[Row], source: SourceSection, bad: Skipped | None, thinking: Thinking
) -> Iterator[tuple[Conversation, str]]:
    """Each row's conversations with the row's origin; the first row that is right decides the format of all."""
    if source.generator is not None:
        columns = {"prompt": "prompt", "response": "response"}
        source = source.model_copy(update={"format": "columns", "columns": columns})
    for origin, row in rows:
        try:
            if isinstance(row, DataError):
                raise row
            source = _with_format(source, row, origin)
            conversations = [_thought(c, thinking, origin) for c in to_examples(row, source, origin)]
        except DataError as error:
            if bad is None:
                raise
            bad[origin] = str(error)
            continue
        for conversation in conversations:
            yield conversation, origin


def _with_format(source: SourceSection, row: Any, origin: str) -> SourceSection:
    """The source with its format settled by its first row."""
    if source.format != "auto" or source.columns is not None or not isinstance(row, dict):
        return source
    found = resolve_format(cast("dict[str, Any]", row), source, origin)
    return source.model_copy(update={"format": found})


def _without_known_prompts(
    conversations: Iterable[tuple[Conversation, str]], train: Sequence[Example]
) -> Iterator[tuple[Conversation, str]]:
    known = {_question(example.messages) for example in train}
    for conversation, origin in conversations:
        prompt = _question(conversation.messages)
        if prompt not in known:
            known.add(prompt)
            yield conversation, origin


def _question(messages: Sequence[Message]) -> str:
    """The last user turn with the calls and results that follow it, without differences of case and white space."""
    return folded("\n".join(message.content for message in messages[last_user(messages) :]))


def _thought(conversation: Conversation, thinking: Thinking, origin: str) -> Conversation:
    """The conversation with the reasoning of its assistant turns as `data.thinking` wants it.

    Raises:
        DataError: there is some, and it is forbidden.
    """
    if thinking == "keep":
        return conversation
    texts = [message.content for message in conversation.messages if message.role == "assistant"]
    if thinking == "forbid" and any(split_reasoning(text)[0] for text in [*texts, conversation.reference]):
        raise DataError(
            f"{origin}: an answer has reasoning, and data.thinking is forbid. Set it to strip to take reasoning out, "
            "or to keep to train on it."
        )
    messages = tuple(
        Message("assistant", _answer(message.content, origin)) if message.role == "assistant" else message
        for message in conversation.messages
    )
    return conversation._replace(messages=messages, reference=_answer(conversation.reference, origin))


def _answer(text: str, origin: str) -> str:
    """The text without its reasoning."""
    reasoning, answer = split_reasoning(text)
    if reasoning and not answer.strip():
        raise DataError(f"{origin}: an answer is nothing but reasoning, which data.thinking takes out.")
    return answer if reasoning else text


def folded(text: str) -> str:
    """The text without differences of case and white space."""
    return " ".join(text.casefold().split())
