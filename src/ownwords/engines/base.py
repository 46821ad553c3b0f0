"""The contract of every engine, and how one is opened.

`stream` is lazy in, unordered out as answers finish, in bounded memory, with exactly one completion per request. An
error of one row is a completion with `error`; what concerns all rows raises `EngineError`. Closing the iterator
cancels. An engine is one file here with a function `create(model, runtime, *, allow_code) -> Engine` and, if it reads
no model, `NEEDS_MODEL = False`. One that `auto` may take also has `why_not(model, runtime) -> str`: the reason against
it here, empty if there is none.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

from ownwords.catalog import import_named
from ownwords.models import Model
from ownwords.recipe import ModelSection, RuntimeSection
from ownwords.records import Completion, Request, Weights

Capability = Literal["logprobs", "prefill", "tools", "weights"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a completion: recorded beside every one, because numbers of two engines are not comparable."""

    kind: str
    version: str
    dtype: str
    device: str
    model: str
    weights_hash: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class Engine(ABC):
    """Answers requests. See the module docstring for what `stream` promises."""

    capabilities: frozenset[Capability] = frozenset()

    #: Seconds spent so far on opening it and on loading weights. They are no part of its speed.
    startup_seconds: float = 0.0

    @property
    @abstractmethod
    def provenance(self) -> Provenance: ...

    @abstractmethod
    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]: ...

    def preflight(self, requests: Iterable[Request]) -> None:  # noqa: B027 - optional: not every engine can tell
        """Refuse, before anything is asked, a request that no answer can fit: its prompt fills the context.

        Raises:
            InputError: names the first such request, its length and the limit.
        """

    def warm_up(self, weights: Sequence[Weights]) -> None:  # noqa: B027 - optional: most are ready once they are open
        """Get ready for a stream with requests of these weights, the first ones first.

        Raises:
            EngineError: it cannot.
        """

    @contextmanager
    def starting(self) -> Generator[None]:
        """What the engine does inside counts as starting up."""
        clock = time.monotonic()
        try:
            yield
        finally:
            self.startup_seconds += time.monotonic() - clock

    def close(self) -> None:  # noqa: B027 - optional: most engines hold nothing that the garbage collector does not
        """Give memory and processes back. The engine is not used afterwards."""


AUTO = "auto"

#: What `auto` tries, the best first. All of them load the recipe's model and cost no money.
_PREFERRED = ("vllm",)
#: What runs wherever this program does.
_EVERYWHERE = "transformers"


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine by name, and why it is this one."""

    name: str
    reason: str


def choose_engine(model: ModelSection, runtime: RuntimeSection) -> Choice:
    """The engine that `runtime.engine` means. `auto` looks at packages and devices, so ask only to open one.

    Raises:
        ModelError: the recipe names a device that is not there.
    """
    if runtime.engine != AUTO:
        return Choice(runtime.engine, "runtime.engine says so")
    against: list[str] = []
    for name in _PREFERRED:
        reason: str = import_named("engine", "ownwords.engines", name).why_not(model, runtime)
        if not reason:
            return Choice(name, "it is installed and fits this machine")
        against.append(f"not {name}: {reason}")
    if os.environ.get("OPENAI_BASE_URL"):
        against.append("no server is asked, in spite of $OPENAI_BASE_URL, unless runtime.engine=openai says so")
    return Choice(_EVERYWHERE, "; ".join(against))


def needs_model(name: str) -> bool:
    """Whether the engine of that name loads the recipe's model; each that `auto` may mean does.

    Raises:
        RecipeError: no such engine.
    """
    return name == AUTO or bool(getattr(import_named("engine", "ownwords.engines", name), "NEEDS_MODEL", True))


def open_engine(name: str, model: Model | None, runtime: RuntimeSection, *, allow_code: bool = False) -> Engine:
    """Load an engine by name. `model` is None only for an engine that needs none.

    Raises:
        RecipeError: no such engine, or its settings are wrong.
        ModelError: the model cannot be used.
        EngineError: the engine cannot start.
    """
    module = import_named("engine", "ownwords.engines", name)
    clock = time.monotonic()
    engine: Engine = module.create(model, runtime, allow_code=allow_code)
    engine.startup_seconds += time.monotonic() - clock
    return engine
