"""What one recipe has otherwise than another, setting by setting: whether two runs' numbers are of one experiment.

Both are read as facts of the run, of each of its arms, and of each benchmark as it is asked in the end (its own
setting, else the recipe's). Everything is compared but what `UNREAD` names, so that a setting that is added to the
recipe is compared without an entry here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, cast

from ownwords.recipe import BenchmarkSection, Recipe
from ownwords.report.numbers import count
from ownwords.report.text import one_line
from ownwords.variants import Variant

#: Settings that are not compared, and why.
UNREAD: dict[str, str] = {
    "data.train.revision": "a commit of the same data",
    "data.train.format": "how rows are read, not which",
    "data.train.columns": "likewise",
    "data.train.seed": "of a generator, which stands among what is compared",
    "rewrite.judge": "who is asked by a check, which stands among the checks",
    "rewrite.max_error_rate": "when to give up, not what a row holds",
    "rewrite.model": "read by arms alone whose `rewriter` says so, which is compared",
    "rewrite.runtime": "how fast, not what",
    "tune.arms": "compared arm by arm",
    "tune.sweep": "what is shown is one point of it, and that is compared",
    "tune.checkpoints": "more is evaluated, nothing is trained otherwise",
    "tune.gradient_checkpointing": "less memory, the same numbers",
    "tune.save_steps": "how often training can be resumed",
    "tune.report_to": "where curves are sent",
}
#: Benchmarks whose `prompt: paper` is another than the default; of the others both are one.
TWO_PROMPTS = frozenset({"gsm8k", "multiarith", "openfunctions", "humaneval", "hellaswag"})
#: Benchmarks that are asked in plain text, without a layout, where the prompt is the paper's.
NO_LAYOUT = frozenset({"humaneval"})
#: A benchmark that a recipe leaves out is asked as this one is.
ASKED_ALIKE = {"alpaca_eval": "advbench"}

#: Characters of a value that are shown.
LONGEST = 120

#: Facts by what they are of: `("run", "")`, `("arm", "sdft")`, `("benchmark", "gsm8k")`.
Facts = Mapping[tuple[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Setting:
    """One that differs. `of` names the arms or benchmarks; it is empty where it is all of them."""

    key: str
    ours: str
    theirs: str
    of: tuple[str, ...] = ()


def facts(recipe: Recipe, arms: Mapping[str, Variant], asked: Mapping[str, bool], items: Mapping[str, int]) -> Facts:
    """What a recipe says of the run, of the variants that stand for its arms and of the benchmarks of `asked`, which
    says of each whether answers are generated. `items` has the number of rows or items that there are where that is
    known, by `train` or the benchmark: a limit above it is none."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {("run", ""): _of_run(recipe, items.get("train"))}
    for name, variant in arms.items():
        tune = variant.training.tune.model_dump(mode="json")
        method = variant.arm.method.model_dump(mode="json")
        found["arm", name] = {"tune": tune, "seed": variant.training.seed, "method": method}
    by_name = {settings.name: settings for settings in recipe.evaluate.benchmarks}
    for name, generative in asked.items():
        settings = by_name.get(name) or by_name.get(ASKED_ALIKE.get(name, ""))
        if settings is not None:
            found["benchmark", name] = {
                "evaluate": _of_benchmark(recipe, settings, name, items.get(name), generative=generative)
            }
    return found


def settings_unlike(ours: Facts, theirs: Facts) -> list[Setting]:
    """What differs where both have facts, those alike of several arms or benchmarks as one."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    both = [of for of in ours if of in theirs]
    for of in both:
        for key, a, b in _differences(ours[of], theirs[of], ""):
            found.setdefault((of[0], key, a, b), []).append(of[1])
    sizes = {kind: sum(other == kind for other, _ in both) for kind, _ in both}
    return [
        Setting(key, a, b, () if len(names) == sizes[kind] else tuple(names))
        for (kind, key, a, b), names in found.items()
    ]


def _differences(a: Any, b: Any, key: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        first, second = cast("Mapping[str, Any]", a), cast("Mapping[str, Any]", b)
        for name in dict.fromkeys([*first, *second]):
            path = f"{key}.{name}" if key else name
            if path not in UNREAD:
                yield from _differences(first.get(name), second.get(name), path)
    elif a != b:
        yield key, _words(a), _words(b)


def _of_run(recipe: Recipe, rows: int | None) -> dict[str, Any]:
    train = recipe.data.train
    source = {**train.model_dump(mode="json"), "path": _file(train.path), "limit": _limit(train.limit, rows)}
    rewrite = recipe.rewrite.model_dump(mode="json")
    return {
        "model": recipe.model.name_or_path,
        "data": {"train": source, "thinking": recipe.data.thinking},
        "rewrite": {**rewrite, **_sampling(rewrite["sampling"])},
    }


def _of_benchmark(
    recipe: Recipe, settings: BenchmarkSection, name: str, there: int | None, *, generative: bool
) -> dict[str, Any]:
    """A benchmark that reads likelihoods has neither layout nor sampling. lm-eval's own task is the same test set."""
    path = None if settings.path == "lm-eval" else _file(settings.path)
    found: dict[str, Any] = {"path": path, "limit": _limit(settings.limit, there)}
    if name in TWO_PROMPTS:
        found["prompt"] = settings.prompt
    if generative:
        sampling = (settings.sampling or recipe.evaluate.sampling).model_dump()
        most = settings.max_tokens or sampling["max_tokens"]
        found |= {**_sampling({**sampling, "max_tokens": most}), "samples": settings.samples}
    if generative and name not in NO_LAYOUT:
        found["chat_template"] = settings.chat_template or recipe.tune.chat_template or "the model's own"
    return found


def _sampling(values: Mapping[str, Any]) -> dict[str, Any]:
    """Greedy decoding reads nothing else of it than the number of tokens."""
    drawn = {key: value for key, value in values.items() if key != "max_tokens"}
    return {"sampling": drawn if values["temperature"] else "greedy", "sampling.max_tokens": values["max_tokens"]}


def _limit(limit: int | None, there: int | None) -> int | None:
    return limit if there is None else min(limit or there, there)


def _file(path: str | None) -> str | None:
    """A file by its name, wherever it lies; anything else as it is."""
    name = PurePosixPath((path or "").replace("\\", "/"))
    return name.name if name.suffix[1:].isalpha() else path


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        parts = dict(cast("Mapping[str, Any]", value))
        name = [str(parts.pop("name"))] if "name" in parts else []
        text = " ".join([*name, ", ".join(f"{key} {_words(inner)}" for key, inner in parts.items())])
    elif isinstance(value, list):
        text = ", ".join(_words(inner) for inner in cast("list[Any]", value)) or "none"
    elif isinstance(value, bool) or value is None:
        text = {None: "none", True: "yes", False: "no"}[value]
    elif isinstance(value, int):
        text = count(value)
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return one_line(text, LONGEST)
