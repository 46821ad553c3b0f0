"""The engine that asks a server with OpenAI's API: vLLM, SGLang, llama.cpp, Ollama, TGI, or a hosted one.

Requests run in an event loop of their own, as many at once as the server bears (`_flow`). An attempt that fails is
judged (`_faults`): one row's trouble ends in that row's error, a server that is away or busy is waited for, what
concerns every row raises. The key comes from the environment and appears nowhere (`_address`). It does not cover
likelihoods, layouts (`chat_template`: the server has its own) and weights other than the seed model's.
"""

# pyright: basic
from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ownwords.engines.base import Capability, Engine, Provenance
from ownwords.errors import EngineError, InputError, RecipeError, unknown_name
from ownwords.models import Model
from ownwords.recipe import OpenAISection, RuntimeSection
from ownwords.records import Completion, Request, RowError

if TYPE_CHECKING:
    from ownwords.engines._faults import Fault
    from ownwords.engines._flow import Flow

#: The server loads the model, not this program.
NEEDS_MODEL = False

_START = 8  # requests at once to begin with
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 20.0  # seconds between two attempts, doubled each time, with jitter
_KNOCK_SECONDS = 10.0
#: A longer list is a hosted catalogue, which need not name every model; such a server refuses wrong names itself.
_MOST_NAMES = 100
#: Servers whose models go on with a half-written answer, by `owned_by` in their list of models.
_CONTINUING = frozenset({"vllm", "sglang"})


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


@dataclass(slots=True)
class _Row:
    """A request under way: what is sent, and how many attempts have failed by its own fault."""

    request: Request
    content: bytes
    failures: int = 0


class OpenAIEngine(Engine):
    """See the module docstring. Answers come as they finish; at most twice `max_concurrency` requests are held."""

    def __init__(self, settings: OpenAISection, model: str) -> None:
        import openai

        from ownwords.engines._address import address_of
        from ownwords.engines._background import Background
        from ownwords.engines._budget import Budget
        from ownwords.engines._connection import client_of

        self._settings = settings
        self._model = model
        self._address = address_of(settings)
        self._version = f"client {openai.__version__}"
        self._budget = Budget(settings)
        self._continues = settings.prefill == "yes"
        self._answers_as = ""
        self._client = client_of(self._address, settings.max_concurrency)
        self._background = Background("ownwords-openai")
        try:
            self._background.run(self._greet())
        except BaseException:
            self.close()
            raise

    @property
    def capabilities(self) -> frozenset[Capability]:  # type: ignore[override]
        return frozenset({"tools", "prefill"}) if self._continues else frozenset({"tools"})

    @property
    def provenance(self) -> Provenance:
        return Provenance("openai", self._version, "server", self._address.place, self._model, "server")

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        from ownwords.engines._flow import Flow

        flow = Flow(_START, self._settings.max_concurrency)
        waiting = iter(requests)
        answers = self._background.unordered(
            map(self._checked, waiting),
            lambda request: self._answer(request, flow),
            held=2 * self._settings.max_concurrency,
            may_start=self._budget.allows,
        )
        left = False
        for completion in answers:
            if completion is None:
                left = True
            else:
                yield completion
        if not self._budget.allows(0) and (left or next(waiting, None) is not None):
            raise EngineError(
                f"{self._budget.describe()} What is answered is kept. The same command goes on from there, and may use "
                "as much once more."
            )

    def preflight(self, requests: Iterable[Request]) -> None:
        """Only what the server could not do at all: how long a prompt may be is for the server to say."""
        for request in requests:
            self._checked(request)

    def close(self) -> None:
        self._background.close(self._client.close)

    # --- one request ---------------------------------------------------------------------------------------------

    async def _answer(self, request: Request, flow: Flow) -> Completion | None:
        """The request's one completion; None if a budget ended before it had one.

        Raises:
            EngineError: no other request would fare better.
        """
        from ownwords.engines._chat_api import body_of
        from ownwords.engines._faults import Fault

        try:
            row = _Row(request, body_of(request, self._model, self._settings))
        except UnicodeEncodeError as error:
            return _failed(request, "bad_prompt", f"the prompt holds half a character, which is no text ({error})")
        with flow.row():
            outcome = await self._attempt(row, flow)
            if isinstance(outcome, Fault) and outcome.scope != "row":
                outcome = await self._again(row, flow, outcome)
        if isinstance(outcome, Fault):
            return _failed(request, outcome.kind, self._address.hide(outcome.message))
        return outcome

    async def _again(self, row: _Row, flow: Flow, first: Fault) -> Completion | Fault | None:
        """Further attempts after a first one, each after a wait, until an answer or a fault of the row itself."""
        from tenacity import AsyncRetrying, retry_if_result

        from ownwords.engines._faults import Fault

        known: list[Fault] = [first]

        async def attempt() -> Completion | Fault | None:
            if known:
                return known.pop()
            return await self._attempt(row, flow) if self._budget.allows(0) else None

        passing = retry_if_result(lambda outcome: isinstance(outcome, Fault) and outcome.scope != "row")
        return await AsyncRetrying(retry=passing, wait=_wait)(attempt)

    async def _attempt(self, row: _Row, flow: Flow) -> Completion | Fault:
        from ownwords.engines._faults import Fault

        async with flow:
            sent_at = time.monotonic()
            outcome = await self._exchange(row)
            if not isinstance(outcome, Fault):
                flow.answered()
                return outcome
            if outcome.congested:
                flow.congested(sent_at)
                if outcome.retry_after:
                    flow.pause(outcome.retry_after)
        return await self._judged(outcome, row, flow, sent_at)

    async def _exchange(self, row: _Row) -> Completion | Fault:
        """Ask once: the completion, or the fault that there was."""
        import openai

        from ownwords.engines._chat_api import path_of, read_answer
        from ownwords.engines._faults import BadAnswerError, fault_of

        try:
            async with asyncio.timeout(self._settings.timeout):
                content = await self._post(path_of(row.request), row.content)
            return self._read(row, read_answer(content))
        except (openai.OpenAIError, BadAnswerError, TimeoutError) as error:
            fault = fault_of(error)
        if fault.scope == "unsure":
            self._budget.count_unheard()
        return fault

    async def _post(self, path: str, content: bytes) -> bytes:
        import httpx2

        from ownwords.engines._connection import CopyError

        while True:
            try:
                response: Any = await self._client.post(path, content=content, cast_to=httpx2.Response)
            except CopyError:  # each closes its connection, so that there soon are none but new ones
                continue
            return response.content

    def _read(self, row: _Row, answer: dict[str, Any]) -> Completion:
        """The completion in an answer, counted."""
        from ownwords.engines._chat_api import completion_of, usage_of

        name = answer.get("model")
        if isinstance(name, str) and name:
            self._answers_as = self._answers_as or name
            if name != self._answers_as:
                raise EngineError(
                    self._address.hide(
                        f"{self._address.url} answered as {self._answers_as!r}, and now as {name!r}: rewrites of two "
                        "models do not belong into one run. Name one in runtime.openai.model."
                    )
                )
        self._budget.count(*usage_of(answer))
        return self._address.hide_in(completion_of(row.request, answer))

    async def _judged(self, fault: Fault, row: _Row, flow: Flow, sent_at: float) -> Fault:
        """The fault, with the scope `row` if the row is to be given up.

        Raises:
            EngineError: it concerns every row, or the server has been silent for too long.
        """
        if fault.scope == "all":
            raise EngineError(f"{self._shown()}: {self._address.hide(fault.message)}")
        if fault.scope in ("row", "again"):
            flow.heard = time.monotonic()
        if fault.scope == "row":
            return fault
        if fault.scope == "again" or (fault.scope == "unsure" and flow.heard > sent_at):
            row.failures += 1  # the server answers, so it is not away
            return replace(fault, scope="row") if row.failures >= self._settings.max_attempts else fault
        silent, patience = time.monotonic() - flow.heard, self._settings.patience
        if silent > patience:
            if fault.scope == "unsure" and await self._is_there():
                return replace(fault, scope="row")
            raise EngineError(self._gave_up(f"has given no answer for {silent:.0f} seconds", fault))
        if fault.retry_after is not None and fault.retry_after > patience:
            raise EngineError(self._gave_up(f"is to be asked again after {fault.retry_after:.0f} seconds", fault))
        return fault

    def _gave_up(self, why: str, last: Fault) -> str:
        return (
            f"{self._shown()} {why} (runtime.openai.patience={self._settings.patience:g}); the last it did: "
            f"{self._address.hide(last.message)}. What is answered is kept: run the command again when it is back."
        )

    # --- the server ----------------------------------------------------------------------------------------------

    async def _greet(self) -> None:
        """Ask for the models it has: that says whether it is there, the key right, and the model one of them."""
        import openai

        from ownwords.engines._faults import BadAnswerError, fault_of, named

        try:
            async with asyncio.timeout(_KNOCK_SECONDS):
                listed: Any = await self._client.get("/models", cast_to=object)
        except openai.APIStatusError as error:
            if error.status_code in (401, 403):
                raise EngineError(
                    f"{self._shown()} refuses the key in ${self._settings.api_key_env} ({error.status_code})."
                ) from None
            if error.status_code < 400:
                raise EngineError(f"{self._shown()}: {self._address.hide(fault_of(error).message)}") from None
            return  # not every server lists its models
        except (openai.APIConnectionError, TimeoutError) as error:
            cause = self._address.hide(named(error.__cause__ or error))
            raise EngineError(f"no server answers at {self._shown()} ({cause}). Is it running?") from None
        except (openai.OpenAIError, BadAnswerError, ValueError, RecursionError):
            return
        self._read_models(listed)

    def _read_models(self, listed: Any) -> None:
        """Refuse a model that is not in the list of a server's own, and learn what kind of server it is."""
        entries = listed.get("data") if isinstance(listed, dict) else None
        entries = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        names = [str(entry.get("id")) for entry in entries]
        tagged = (self._model, f"{self._model}:latest", self._model.rpartition(":")[0])  # Ollama, hosted routers
        if names and len(names) <= _MOST_NAMES and not set(tagged) & set(names):
            raise EngineError(f"{self._shown()}: {unknown_name('model', self._model, names)} Set runtime.openai.model.")
        if self._settings.prefill == "auto":
            self._continues = bool({str(entry.get("owned_by")) for entry in entries} & _CONTINUING)

    async def _is_there(self) -> bool:
        """Whether it answers a small question."""
        import openai

        from ownwords.engines._faults import BadAnswerError

        try:
            async with asyncio.timeout(_KNOCK_SECONDS):
                await self._client.get("/models", cast_to=object)
        except openai.APIStatusError as error:
            return error.status_code < 500
        except (openai.APIConnectionError, TimeoutError):
            return False
        except (openai.OpenAIError, BadAnswerError, ValueError, RecursionError):
            return True
        return True

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
        if request.prefill and not self._continues:
            raise InputError(
                f"the prompt opens the answer ({request.prefill.strip()!r}), and {self._shown()} is not known to go on "
                "with a half-written answer. Set runtime.openai.prefill=yes if it does (vLLM and SGLang do), or choose "
                "a prompt without a prefill."
            )
        return request

    def _shown(self) -> str:
        return self._address.hide(self._address.url)


def _failed(request: Request, kind: str, message: str) -> Completion:
    return Completion(request.id, finish_reason="error", error=RowError(kind, message))


def _wait(state: Any) -> float:
    """Seconds before the next attempt: the server's own word, else twice as long each time, with jitter."""
    from tenacity.wait import wait_random_exponential

    fault = state.outcome.result()
    if fault.retry_after is not None:
        return fault.retry_after * random.uniform(1, 1.1)
    return wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT)(state)
