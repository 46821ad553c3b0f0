"""The general rows of a replay source, in an order that no place in the file decides, without what the run is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from ownwords.benchmarks.base import DataContext, find_benchmark
from ownwords.data.load import Skipped, describe_source, folded, load_train
from ownwords.errors import DataError, MissingFileError, RecipeError
from ownwords.fingerprint import Inputs
from ownwords.recipe import SourceSection
from ownwords.records import Example, digest, digest_text
from ownwords.stages.context import Context


@dataclass(frozen=True, slots=True)
class General:
    """The rows of a source that may be used, by their places, in the order in which they are.

    `inputs` is for fingerprints: the source's content, and which of its rows may be used, as a benchmark may repeat
    some. `unused` counts the others by reason, `skipped` names the rows that are wrong.
    """

    examples: Sequence[Example]
    places: Sequence[int]
    inputs: Inputs
    unused: Counter[str]
    skipped: Skipped


_READ: WeakKeyDictionary[Context, dict[str, General]] = WeakKeyDictionary()


def general_rows(context: Context, source: SourceSection, arm: str) -> General:
    """The rows of the source, by a hash of content and run seed: none has the prompt of a training row, of a test item
    or of another one of them (case and white space aside). Read once.

    Raises:
        DataError, RecipeError: the source cannot be read; the message begins with its key.
    """
    known = _READ.setdefault(context, {})
    key = source.model_dump_json()
    if key not in known:
        known[key] = _read(context, source, arm)
    return known[key]


def known_prompts(context: Context) -> dict[str, str]:
    """Every prompt of the run's own data, folded, with the reason why no general row may have it."""
    data = DataContext(context.train, context.heldout, context.recipe.data.train.generator is not None)
    known: dict[str, str] = {}
    for settings in context.recipe.evaluate.benchmarks:
        try:
            items = find_benchmark(settings.name).load(settings, data)
        except MissingFileError:
            if not settings.optional:
                raise
            continue
        known |= {folded(item.question): "test_prompt" for item in items}
    return known | {folded(example.prompt): "training_prompt" for example in context.train}


def _read(context: Context, source: SourceSection, arm: str) -> General:
    data = context.recipe.data.model_copy(update={"train": source, "heldout": None})
    skipped: Skipped = {}
    try:
        examples, content = load_train(data, skipped), describe_source(source)
    except (DataError, RecipeError) as error:
        raise type(error)(f"tune.arms.{arm}.replay.data: {error}") from error
    known = {digest_text(prompt): reason for prompt, reason in known_prompts(context).items()}
    unused: Counter[str] = Counter()
    places: list[int] = []
    used: list[str] = []
    rows = [
        (digest([context.recipe.seed, example.id]), place, example.id, digest_text(folded(example.prompt)))
        for place, example in enumerate(examples)
    ]
    for _, place, example_id, prompt in sorted(rows):
        if prompt in known:
            unused[known[prompt]] += 1
            continue
        known[prompt] = "duplicate"
        places.append(place)
        used.append(example_id)
    inputs = {"replay.data.content": content, "replay.data.used": digest(used)}
    return General(examples, places, inputs, unused, skipped)
