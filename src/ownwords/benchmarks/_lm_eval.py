"""Items made by lm-evaluation-harness (the extra `eval`): it builds documents, prompts and scores, our engine answers.

The harness is used for its task objects only. They load their data from the Hub or its cache, lay out a document as
(context, target) pairs, zero-shot and without a chat template, and make numbers of the pairs' log-likelihoods. The
pairs are asked like those of any other benchmark, so adapters need no merging and every answer is in the journal.

What it does not cover: tasks that generate text, that need to know which token would have been the likeliest, that
have more than text, or that run code; a task from a file, whose YAML may name code to run. A prompt that does not fit
the context is an error of its item, where the harness would cut it from the left. Groups are one mean over all
documents.
"""

# pyright: basic
from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

from ownwords.benchmarks._likelihood import Part, named_items, question_item
from ownwords.benchmarks.base import Item
from ownwords.errors import DataError, MissingFileError, OwnwordsError, RecipeError, StageError
from ownwords.progress import say
from ownwords.recipe import LM_EVAL, BenchmarkSection

#: As a benchmark's `path`: its items are lm-eval's.
SOURCE = LM_EVAL

#: The versions whose task objects are known here: at least, and below.
OLDEST, NEWEST = (0, 4, 12), (0, 5)

Document = Mapping[str, Any]

#: The places of the right pairs of a document, where a task does not tell them.
Right = Callable[[Document], Sequence[int]]


def from_lm_eval(settings: BenchmarkSection) -> bool:
    """Whether the recipe wants lm-eval's own task of this benchmark: `path: lm-eval`."""
    if settings.path is not None and settings.path.startswith(f"{SOURCE}:"):
        raise RecipeError(
            f"benchmark {settings.name} takes `path: {SOURCE}` for the task of that name. Another task goes to the "
            f"benchmark lm_eval: {{lm_eval: {{path: {settings.path}}}}}."
        )
    return settings.path == SOURCE


def lm_eval_items(
    settings: BenchmarkSection,
    *tasks: str,
    folder: str = "",
    field: str | None = None,
    rights: Sequence[Right | None] = (None,),
) -> list[Item]:
    """The items of one task or group, or of several tasks of the same documents, a part each.

    `folder` is where lm-eval has them: looking through all its tasks takes long. `field` of a document is the question,
    for people and for the comparison with training data; by default the first context is.

    Raises:
        MissingFileError: lm-eval is not installed, or the data of a task cannot be had.
        RecipeError: lm-eval is not of a supported version, has no such task, or one of another kind.
        DataError: there are no documents, or the tasks have different ones.
    """
    version = _version(settings.name)
    wanted = zip(tasks, rights, strict=True)
    parts = [_documents(settings.name, version, folder, task, right) for task, right in wanted]
    return named_items([_item(settings.name, one, field) for one in _together(settings.name, parts)])


def _version(benchmark: str) -> str:
    """The installed version."""
    try:
        found = metadata.version("lm_eval")
    except metadata.PackageNotFoundError:
        found = ""
    if not found or importlib.util.find_spec("lm_eval") is None:
        raise MissingFileError(
            f"benchmark {benchmark} with `path: {SOURCE}` needs lm-eval: pip install 'ownwords[eval]', or give a file."
        )
    numbers = tuple(int(number) for number in re.findall(r"\d+", found)[:3])
    if not OLDEST <= numbers < NEWEST:
        _refuse(benchmark, found, "which is another version")
    return found


def _refuse(benchmark: str, version: str, why: str, cause: Exception | None = None) -> NoReturn:
    at_least, below = (".".join(map(str, numbers)) for numbers in (OLDEST, NEWEST))
    raise RecipeError(
        f"benchmark {benchmark}: lm-eval {version} is installed, {why}. ownwords works with lm-eval >={at_least},"
        f"<{below}: pip install 'ownwords[eval]', or give a file as `path`."
    ) from cause


@contextmanager
def _boundary(benchmark: str, version: str, task: str) -> Iterator[None]:
    """What goes wrong inside lm-eval becomes one message: its interface has moved, or the data are not there."""
    try:
        yield
    except OwnwordsError:
        raise
    except (ImportError, AttributeError, TypeError, AssertionError, NotImplementedError) as error:
        _refuse(benchmark, version, f"and its task {task} does not work as expected ({_told(error)})", error)
    except Exception as error:  # the boundary to lm-eval, and through it to the Hub
        raise MissingFileError(
            f"benchmark {benchmark}: the data of lm-eval's task {task} cannot be loaded ({_told(error)}). They come "
            "from the Hub or, with HF_HUB_OFFLINE=1, from its cache: fetch them once while online, or give a file as "
            "`path`."
        ) from error


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip().partition("\n")[0]


@cache
def _manager(folder: str) -> Any:
    """Knows the tasks of a folder of lm-eval's own; all of them where it is empty."""
    tasks: Any = importlib.import_module("lm_eval.tasks")
    if not folder:
        return tasks.TaskManager()
    return tasks.TaskManager(include_defaults=False, include_path=str(Path(tasks.__file__).parent / folder))


def _tasks(benchmark: str, folder: str, name: str) -> list[Any]:
    """The tasks of that name, several for a group. Only registered names: lm-eval would take a file too."""
    manager = _manager(folder)
    if name not in manager.all_tasks and folder:
        manager = _manager("")  # moved to another folder
    if name not in manager.all_tasks:
        near = difflib.get_close_matches(name, manager.all_tasks, n=3)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise RecipeError(
            f"benchmark {benchmark}: lm-eval has no task named {name!r}.{hint} `lm-eval ls tasks` lists all."
        )
    return list(manager.load(name).get("tasks").values())


@cache
def _documents(
    benchmark: str, version: str, folder: str, name: str, right: Right | None
) -> tuple[tuple[Document, Part], ...]:
    """Read once: a run looks at the items of its benchmarks several times."""
    found: list[tuple[Document, Part]] = []
    with _boundary(benchmark, version, name):
        for task in _tasks(benchmark, folder, name):
            _require_choices(benchmark, task)
            own = [(document, _part(task, document, right)) for document in task.eval_docs]
            for document, part in own[:1]:
                _numbers(Scorer(task, document), (-1.0,) * len(part.pairs))  # better now than after the answers
            found += own
    say(f"{benchmark}: {len(found)} documents of the task {name} of lm-eval {version}")
    return tuple(found)


def _require_choices(benchmark: str, task: Any) -> None:
    """Refuse a task whose numbers cannot be made of log-likelihoods alone."""
    config = task.config
    if config.output_type != "multiple_choice":
        reason = f"it is of the kind {config.output_type}, not multiple_choice"
    elif config.unsafe_code:
        reason = "it runs code"
    elif config.doc_to_image is not None or config.doc_to_audio is not None:
        reason = "it has more than text"
    elif "acc" not in task.aggregation():
        reason = f"it has no metric acc (its metrics: {', '.join(task.aggregation())})"
    else:
        return
    raise RecipeError(f"benchmark {benchmark}: lm-eval's task {task.task_name} cannot be asked here: {reason}.")


def _part(task: Any, document: Document, right: Right | None) -> Part:
    context = task.fewshot_context(document, num_fewshot=0, gen_prefix=task.doc_to_prefix(document))
    requests = task.construct_requests(doc=document, ctx=context, metadata=(task.task_name, 0, 1))
    pairs = tuple((str(context), str(target)) for context, target in (request.args for request in requests))
    places = _right(task, document) if right is None else right(document)
    return Part(pairs, tuple(places), Scorer(task, document))


def _right(task: Any, document: Document) -> list[int]:
    """What the task says is right. Where every choice has a context of its own, it says so in place of a text."""
    gold = task.doc_to_text(document) if task.multiple_input else task.doc_to_target(document)
    if isinstance(gold, str):
        choices = task.doc_to_choice(document)
        return [choices.index(gold)] if gold in choices else []
    return [int(place) for place in gold] if isinstance(gold, list) else [int(gold)]


class _Unknown:
    """Whether a target is what the model would have said: likelihoods do not tell, so nobody may ask."""

    def __bool__(self) -> bool:
        raise TypeError("whether a target is the likeliest text is not known")

    __int__ = __index__ = __float__ = __bool__


@dataclass(frozen=True, eq=False)
class Scorer:
    """A task's own numbers for one of its documents: `acc`, and `acc_norm` where it has that."""

    task: Any
    document: Document

    def __call__(self, sums: Sequence[float]) -> dict[str, float]:
        try:
            return _numbers(self, tuple(sums))
        except Exception as error:  # the boundary to lm-eval
            name = self.task.task_name
            raise StageError(f"lm-eval's task {name} could not score a document: {_told(error)}") from error


@lru_cache(maxsize=1)  # each metric asks, one after the other, and templates are compiled anew every time
def _numbers(scorer: Scorer, sums: tuple[float, ...]) -> dict[str, float]:
    # lm-eval's own code looks at what is unknown, but only for a metric that is not read here.
    greedy = False if scorer.task.config.process_results is None else _Unknown()
    found = scorer.task.process_results(scorer.document, [(total, greedy) for total in sums])
    return {name: float(found[name]) for name in ("acc", "acc_norm") if name in found}


def _together(
    benchmark: str, parts: Sequence[Sequence[tuple[Document, Part]]]
) -> list[tuple[tuple[Document, Part], ...]]:
    if not parts[0]:
        raise DataError(f"benchmark {benchmark}: lm-eval's task has no documents")
    if len({len(part) for part in parts}) > 1:
        raise DataError(f"benchmark {benchmark}: lm-eval's tasks have different documents: {list(map(len, parts))}")
    return list(zip(*parts, strict=True))


def _item(benchmark: str, of_one_question: Sequence[tuple[Document, Part]], field: str | None) -> Item:
    documents = [document for document, _ in of_one_question]
    parts = [part for _, part in of_one_question]
    if field is None:
        return question_item(parts[0].pairs[0][0], *parts)
    questions = {str(document.get(field, "")) for document in documents}
    if len(questions) > 1:
        raise DataError(
            f"benchmark {benchmark}: lm-eval's tasks are out of step: {' | '.join(sorted(questions))[:200]}"
        )
    return question_item(questions.pop(), *parts)
