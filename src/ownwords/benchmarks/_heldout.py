"""Items made of the recipe's own unseen examples instead of a benchmark file."""

from __future__ import annotations

from ownwords.benchmarks.base import DataContext, Item
from ownwords.errors import DataError, RecipeError
from ownwords.progress import say
from ownwords.recipe import BenchmarkSection
from ownwords.records import Example


def unseen_examples(settings: BenchmarkSection, context: DataContext, default_limit: int) -> list[Example]:
    """Up to `limit` unseen examples of the run's data.

    Raises:
        RecipeError: a setting that only benchmarks with a file or a paper prompt have.
        DataError: the data leaves no unseen example.
    """
    if settings.path is not None:
        raise RecipeError(f"benchmark {settings.name} reads no file: set `data.heldout` instead of its `path`.")
    if settings.prompt != "default":
        raise RecipeError(f"benchmark {settings.name} asks with the data's own messages: it has no `prompt: paper`.")
    examples = context.heldout(settings.limit or default_limit)
    if not examples:
        raise DataError(
            f"benchmark {settings.name}: no unseen examples are left. Set `data.heldout`, or a `data.train.limit` "
            "that leaves some rows out of training."
        )
    if settings.limit is not None and len(examples) < settings.limit:
        say(
            f"{settings.name}: {len(examples)} unseen examples instead of {settings.limit}: there are no more whose "
            "prompt is not a training prompt too"
        )
    return examples


def as_item(example: Example) -> Item:
    """The example's id is a content hash with an occurrence number already."""
    return Item(
        id=example.id,
        question=example.prompt,
        gold=example.reference,
        messages=example.messages,
        tools=example.tools,
    )
