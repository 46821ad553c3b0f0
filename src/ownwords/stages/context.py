"""What every stage works with: the recipe, the run directory and, loaded when first needed, data, model and engine."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from ownwords import models
from ownwords.arms.base import Arm, find_arm
from ownwords.checks.named import NamedCheck, named_checks
from ownwords.checks.panel import Panel, Pool
from ownwords.data.examples import Examples
from ownwords.data.load import Skipped, describe_source, folded, load_heldout, load_train
from ownwords.engines.base import AUTO, Capability, Choice, Engine, choose_engine, needs_model, open_engine
from ownwords.fingerprint import Inputs, flatten, join
from ownwords.models import Model
from ownwords.progress import say
from ownwords.prompts.render import JudgePrompt, RewritingPrompt, load_judge, load_layout, load_prompt
from ownwords.recipe import CheckSection, ModelSection, Recipe, RuntimeSection
from ownwords.records import Example, Message, Sampling, Weights, digest
from ownwords.rendering import Given, TemplateError, end_tokens
from ownwords.run import Run
from ownwords.variants import Training, Variant, trainings, variants

#: Gives likelihoods and mixes weights on any machine, so it serves where the recipe's engine cannot.
FALLBACK_ENGINE = "transformers"

#: Checks that join those of the recipe where the data need them.
JOINING_CHECKS = ("thinking", "same_calls")


def trained_arms(recipe: Recipe) -> list[Arm]:
    """Arms of a recipe that train; raises what `find_arm` does."""
    arms = [find_arm(section) for section in recipe.tune.arms]
    return [arm for arm in arms if arm.method.trained_as is None]


class Context:
    """One recipe at work in its run directory. Close it to give models and the journal back."""

    def __init__(self, recipe: Recipe, *, allow_code: bool = False, allow_unsafe_code: bool = False) -> None:
        self.recipe = recipe
        self.run = Run(recipe.output_dir, self.startup_seconds)
        self.allow_code = allow_code
        self.allow_unsafe_code = allow_unsafe_code
        self._panel: Panel | None = None
        self._engines: dict[str, Engine] = {}
        self._closed_startup = 0.0
        #: Rows that are wrong and were left out, as far as the data has been read.
        self.skipped: Skipped = {}

    @cached_property
    def train(self) -> Examples:
        return load_train(self.recipe.data, self.skipped)

    @cached_property
    def training_prompts(self) -> frozenset[int]:
        """Of each training prompt, without differences of case and white space, a hash."""
        return frozenset(hash(folded(example.prompt)) for example in self.train)

    @cached_property
    def asked(self) -> Sequence[Example]:
        """The training examples that are rewritten: with `rewrite.turns: last`, each conversation's last target."""
        return self.train if self.recipe.rewrite.turns == "all" else self.train.those(self.is_asked)

    def is_asked(self, example: Example) -> bool:
        """Whether a training example is rewritten."""
        return example.last or self.recipe.rewrite.turns == "all"

    def heldout(self, limit: int | None) -> list[Example]:
        """Unseen rows: never duplicates of training rows."""
        return load_heldout(self.recipe.data, self.train, limit, self.skipped)

    @cached_property
    def model(self) -> Model:
        return models.resolve(self.recipe.model)

    def tokenizer(self, layout: str | None) -> Any:
        """The model's tokenizer with the layout of that name; None is the model's own chat template."""
        return models.load_tokenizer(self.model, None if layout is None else load_layout(layout))

    @cached_property
    def _own_tokenizer(self) -> Any:
        return self.tokenizer(None)

    def end_tokens(self, layout: str | None, messages: Sequence[Message], answer: str, tools: str) -> int:
        """How many tokens the layout writes behind an answer, as every engine tokenises it; 0 where it cannot be put
        into the layout, of which an engine makes an error of its row."""
        given = Given(None if layout is None else load_layout(layout), tools, self.thinking)
        try:
            return end_tokens(self._own_tokenizer, messages, answer, given)
        except TemplateError:
            return 0

    @cached_property
    def prompt(self) -> RewritingPrompt:
        return load_prompt(self.recipe.rewrite.prompt)

    @cached_property
    def recipe_checks(self) -> list[NamedCheck]:
        """Found once: code of the user's own is imported, and its text read, a single time. Reads no data.

        The identity of a check that asks a judge says which judge, and how it is asked.
        """
        found = named_checks(self.recipe.rewrite.checks, allow_code=self.allow_code)
        return [replace(c, asked=digest(self._asked_judge)) if c.traits.judged else c for c in found]

    @property
    def runs_code(self) -> bool:
        """Whether a check runs a model's code."""
        return any(check.traits.runs_code for check in self.recipe_checks)

    @cached_property
    def is_judged(self) -> bool:
        """Whether a check asks a judge."""
        return any(check.traits.judged for check in self.recipe_checks)

    @cached_property
    def judge(self) -> Context:
        """Whose engine answers for the judge: this context, or one of the judge's own."""
        return self._beside(self.recipe.rewrite.judge.model, self.recipe.rewrite.judge.runtime)

    @cached_property
    def other_rewriter(self) -> Context:
        """Whose engine answers for `rewrite.model`, the rewriter of arms with `rewriter: other`."""
        return self._beside(self.recipe.rewrite.model, self.recipe.rewrite.runtime)

    def _beside(self, model: ModelSection | None, runtime: RuntimeSection | None) -> Context:
        """This context where neither is another, else one of that model and engine."""
        if model is None and runtime is None:
            return self
        recipe = self.recipe
        engine = runtime or recipe.runtime
        if runtime is None:  # the server's name for the seed is not that of another model
            engine = engine.model_copy(update={"openai": engine.openai.model_copy(update={"model": None})})
        changed = {"model": model or recipe.model, "runtime": engine}
        return Context(recipe.model_copy(update=changed), allow_code=self.allow_code)

    @contextlib.contextmanager
    def at_work(self, other: Context) -> Generator[Context]:
        """A context to ask. Another than this one gets room for its models, and gives them back at the end."""
        if other is self:
            yield other
            return
        if needs_model(other.engine_choice.name):
            self.close_engines()
        try:
            yield other
        finally:
            other.close_engines()

    @cached_property
    def judge_prompt(self) -> JudgePrompt:
        return load_judge(self.recipe.rewrite.judge.prompt)

    @cached_property
    def asked_model(self) -> str:
        """Names the model of this context, for the journal: its weights, or a server's name for it."""
        if needs_model(self.recipe.runtime.engine):
            return digest(self.model_inputs)
        return self.recipe.runtime.openai.model or self.recipe.model.name_or_path

    @cached_property
    def benchmark_judge(self) -> Context | None:
        """Whose engine answers benchmarks' questions to a judge; None where nobody does."""
        section = self.recipe.evaluate.judge
        return None if section is None else self._beside(section.model, section.runtime)

    @property
    def benchmark_judge_inputs(self) -> Inputs:
        """What the scores of a benchmark read of `evaluate.judge`, where it asks one."""
        judge, section = self.benchmark_judge, self.recipe.evaluate.judge
        if judge is None or section is None:
            return {}
        return {"evaluate.judge.model": judge.asked_model, **flatten(section.sampling, "evaluate.judge.sampling")}

    @property
    def judge_inputs(self) -> Inputs:
        """What rewriting reads of `rewrite.judge`; nothing where no check asks one."""
        return self._asked_judge if self.is_judged else {}

    @cached_property
    def _asked_judge(self) -> Inputs:
        return {
            "rewrite.judge.prompt.text": self.judge_prompt.hash,
            "rewrite.judge.model": self.judge.asked_model,
            **flatten(self.recipe.rewrite.judge.sampling, "rewrite.judge.sampling"),
        }

    @cached_property
    def checks(self) -> list[NamedCheck]:
        """Those of the recipe, and two that join them by themselves: `thinking` where reasoning matters, `same_calls`
        where there are tools."""
        named = self.recipe_checks
        needed = (self.train.reasoning or self.thinking is False, self.train.tools)
        joining = [name for name, is_needed in zip(JOINING_CHECKS, needed, strict=True) if is_needed]
        missing = [name for name in joining if all(check.name != name for check in named)]
        return named + named_checks([CheckSection(name=name) for name in missing], allow_code=False)

    @cached_property
    def check_identities(self) -> dict[str, str]:
        """What the journal calls each of the checks, by label."""
        return {check.label: check.identity for check in self.checks}

    @property
    def panel(self) -> Panel:
        """The checks at work."""
        self._panel = self._panel or Panel(self.checks, allow_unsafe_code=self.allow_unsafe_code)
        return self._panel

    @cached_property
    def pool(self) -> Pool:
        """Processes for the checks of benchmarks."""
        return Pool(allow_unsafe_code=self.allow_unsafe_code)

    @property
    def thinking(self) -> bool | None:
        """What a thinking model is told, in rewriting, training and evaluation alike: False is not to."""
        return False if self.recipe.data.thinking == "forbid" else None

    def given(self, example: Example) -> Given:
        """What the tokenizer's own template is given beside the example's messages."""
        return Given(tools=example.tools, thinking=self.thinking)

    @cached_property
    def rewrite_sampling(self) -> Sampling:
        return Sampling(**self.recipe.rewrite.sampling.model_dump())

    @cached_property
    def arms(self) -> list[Arm]:
        """The arms that train: one that takes another's weights has no targets of its own."""
        return trained_arms(self.recipe)

    @cached_property
    def variants(self) -> dict[str, Variant]:
        """Everything that is evaluated beside the seed, by label."""
        return {variant.label: variant for variant in variants(self.recipe)}

    @cached_property
    def trainings(self) -> list[Training]:
        """Everything that is trained."""
        return trainings(self.recipe)

    @cached_property
    def engine_choice(self) -> Choice:
        """The engine that the recipe means, and why."""
        return choose_engine(self.recipe.model, self.recipe.runtime)

    def engine(self, *needed: Capability) -> Engine:
        """The recipe's engine if it has what is needed, else the transformers engine. Loaded once."""
        engine = self._open(self.engine_choice.name)
        return engine if set(needed) <= engine.capabilities else self._open(FALLBACK_ENGINE)

    def startup_seconds(self) -> float:
        """Seconds that engines have spent on starting up so far."""
        return self._own_startup() + sum(other.startup_seconds() for other in self._made_beside())

    def _made_beside(self) -> list[Context]:
        """The contexts of other models and engines that were needed so far."""
        names = ("judge", "other_rewriter", "benchmark_judge")
        made: list[Context | None] = [vars(self).get(name) for name in names]
        return [context for context in made if context is not None and context is not self]

    def share_engines(self, other: Context) -> None:
        """Use the engines that another context has loaded (same model and runtime); that one closes them."""
        self._engines = other._engines

    def _own_startup(self) -> float:
        return self._closed_startup + sum(engine.startup_seconds for engine in self._engines.values())

    def close_engines(self) -> None:
        """Free the models, for a stage that needs the memory itself."""
        self._closed_startup = self._own_startup()
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

    def close(self) -> None:
        self.close_engines()
        for other in self._made_beside():
            other.close_engines()  # opened to see that it can be, and not asked since
        if self._panel is not None:
            self._panel.close()
        if "pool" in vars(self):
            self.pool.close()
        self.run.close()

    @cached_property
    def model_inputs(self) -> Inputs:
        """The seed model as fingerprints hold it: the content of its weights, whatever it is called."""
        return {
            "model.weights": self.model.weights_hash,
            "model.trust_remote_code": self.recipe.model.trust_remote_code,
        }

    @cached_property
    def seed_weights(self) -> Weights:
        """The seed as requests name it, so that answers of one model are never taken for those of another."""
        return Weights("seed", self.model.weights_hash)

    @cached_property
    def rewriter_weights(self) -> Weights:
        """The same for rewriting, where an engine that loads no model has only its name."""
        if needs_model(self.recipe.runtime.engine):
            return self.seed_weights
        return Weights("seed", digest(self.rewriter_inputs, length=24))

    @cached_property
    def rewriter_inputs(self) -> Inputs:
        """The model as rewriting reads it; an engine that loads none reads only its name."""
        if needs_model(self.recipe.runtime.engine):
            return self.model_inputs
        return {"model.name_or_path": self.recipe.model.name_or_path}

    @cached_property
    def train_inputs(self) -> Inputs:
        source = self.recipe.data.train
        content = {"data.train.content": describe_source(source)}
        flat = flatten(source, "data.train")
        for key in ("path", "split", "config", "revision"):
            flat.pop(f"data.train.{key}")  # the content counts (which names split and config), not where it lies
        data = self.recipe.data
        return join(flat, content, {"data.on_bad_row": data.on_bad_row, "data.thinking": data.thinking})

    def layout_inputs(self, key: str, name: str | None) -> Inputs:
        """A layout by the hash of its text, so that an edited file counts as a change."""
        return {f"{key}.text": None if name is None else digest(load_layout(name))}

    def _open(self, name: str) -> Engine:
        if name not in self._engines:
            if self.recipe.runtime.engine == AUTO and name == self.engine_choice.name:
                say(f"engine: {self.engine_choice.name} ({self.engine_choice.reason})")
            model = self.model if needs_model(name) else None
            engine = self._engines[name] = open_engine(name, model, self._runtime, allow_code=self.allow_code)
            if engine.startup_seconds >= 1:
                say(f"{name} is open after {engine.startup_seconds:.0f} s")
        return self._engines[name]

    @property
    def _runtime(self) -> RuntimeSection:
        """The recipe's, with the server's name for the model: without another it is the recipe's own."""
        runtime = self.recipe.runtime
        named = runtime.openai.model or self.recipe.model.name_or_path
        return runtime.model_copy(update={"openai": runtime.openai.model_copy(update={"model": named})})
