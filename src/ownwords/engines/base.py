"""The contract of every engine, and how one is opened.

`stream` is lazy in, unordered out as answers finish, in bounded memory, with exactly one completion per request. An
error of one row is a completion with `error`; what concerns all rows raises `EngineError`. Closing the iterator
cancels. An engine is one file here with a function `create(model, runtime, *, allow_code) -> Engine` and, if it reads
no model, `NEEDS_MODEL = False`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from ownwords.catalog import import_named
from ownwords.models import Model
from ownwords.recipe import RuntimeSection
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

    def warm_up(self, weights: Weights) -> None:  # noqa: B027 - optional: most engines are ready once they are open
        """Get ready for requests of these weights, before a clock starts.

        Raises:
            EngineError: it cannot.
        """

    def close(self) -> None:  # noqa: B027 - optional: most engines hold nothing that the garbage collector does not
        """Give memory and processes back. The engine is not used afterwards."""


def engine_name(runtime: RuntimeSection) -> str:
    """The engine that `runtime.engine` means; `auto` takes the best that is installed."""
    return "transformers" if runtime.engine == "auto" else runtime.engine


def needs_model(name: str) -> bool:
    """Whether the engine of that name loads the recipe's model."""
    return bool(getattr(import_named("engine", "ownwords.engines", name), "NEEDS_MODEL", True))


def open_engine(name: str, model: Model | None, runtime: RuntimeSection, *, allow_code: bool = False) -> Engine:
    """Load an engine by name. `model` is None only for an engine that needs none.

    Raises:
        RecipeError: no such engine, or its settings are wrong.
        ModelError: the model cannot be used.
        EngineError: the engine cannot start.
    """
    module = import_named("engine", "ownwords.engines", name)
    engine: Engine = module.create(model, runtime, allow_code=allow_code)
    return engine
