"""The engine that asks a server with OpenAI's API: vLLM, SGLang, llama.cpp, Ollama, TGI, or a hosted one.

Requests run in an event loop of their own (`_background`), as many at once as the server bears (`_flow`). One row's
trouble ends in that row's error, a server that is away or busy is waited for, what concerns every row raises
(`_attempts`, `_faults`). The key comes from the environment and appears nowhere (`_address`). It does not cover
likelihoods, layouts (`chat_template`: the server has its own) and weights other than the seed model's.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Iterable, Iterator

from ownwords.engines.base import Capability, Engine, Provenance
from ownwords.errors import EngineError, InputError, RecipeError
from ownwords.models import Model
from ownwords.recipe import OpenAISection, RuntimeSection
from ownwords.records import Completion, Request

#: The server loads the model, not this program.
NEEDS_MODEL = False

_START = 8  # requests at once to begin with


def create(model: Model | None, runtime: RuntimeSection, *, allow_code: bool = False) -> Engine:
    """Reach the server and find the model there.

    Raises:
        RecipeError: the package or the key is missing, or the address is none.
        EngineError: no server answers, or it does not have the model.
    """
    try:
        import openai  # noqa: F401
        import tenacity  # noqa: F401
    except ImportError as error:
        raise RecipeError("runtime.engine=openai needs the extra: pip install 'ownwords[openai]'") from error
    return OpenAIEngine(runtime.openai, runtime.openai.model or "")


class OpenAIEngine(Engine):
    """See the module docstring. Answers come as they finish; at most twice `max_concurrency` requests are held."""

    def __init__(self, settings: OpenAISection, model: str) -> None:
        from ownwords.engines._attempts import Attempts
        from ownwords.engines._background import Background
        from ownwords.engines._budget import Budget
        from ownwords.engines._server import Server

        self._most = settings.max_concurrency
        self._model = model
        self._server = Server(settings, model)
        self._budget = Budget(settings)
        self._attempts = Attempts(self._server, settings, model, self._budget)
        self._background = Background("ownwords-openai")
        try:
            self._background.run(self._server.greet())
        except BaseException:
            self.close()
            raise

    @property
    def capabilities(self) -> frozenset[Capability]:  # type: ignore[override]
        return frozenset({"tools", "prefill"}) if self._server.continues else frozenset({"tools"})

    @property
    def provenance(self) -> Provenance:
        return Provenance("openai", self._server.version, "server", self._server.place, self._model, "server")

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        from ownwords.engines._flow import Flow

        flow = Flow(_START, self._most)
        waiting = iter(requests)
        answers = self._background.unordered(
            map(self._checked, waiting),
            lambda request: self._attempts.answer(request, flow),
            held=2 * self._most,
            may_start=self._budget.allows,
        )
        unanswered = False
        for completion in answers:
            if completion is None:
                unanswered = True
            else:
                yield completion
        if not self._budget.allows(0) and (unanswered or next(waiting, None) is not None):
            raise EngineError(
                f"{self._budget.describe()} What is answered is kept. The same command goes on from there, and may use "
                "as much once more."
            )

    def preflight(self, requests: Iterable[Request]) -> None:
        """Only what the server could not do at all: how long a prompt may be is for the server to say."""
        for request in requests:
            self._checked(request)

    def close(self) -> None:
        self._background.close(self._server.close)

    def _checked(self, request: Request) -> Request:
        """The request, if this server can do it (else InputError)."""
        if request.target is not None:
            raise InputError("the openai engine gives no likelihoods; the transformers engine gives them.")
        if request.chat_template is not None:
            raise InputError(
                f"the openai engine takes no layout ({request.chat_template}): the server has its own chat template. "
                "Set rewrite.chat_template to null, or take the transformers engine."
            )
        if request.weights.kind != "seed":
            raise InputError(
                "the openai engine has the seed model only; arms are evaluated by the transformers engine."
            )
        if request.prefill and not self._server.continues:
            raise InputError(
                f"the prompt opens the answer ({request.prefill.strip()!r}), and {self._server.shown} is not known to "
                "go on with a half-written answer. Set runtime.openai.prefill=yes if it does (vLLM and SGLang do), or "
                "choose a prompt without a prefill."
            )
        return request
