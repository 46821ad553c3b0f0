"""The engine that asks a server with OpenAI's API: vLLM, SGLang, llama.cpp, Ollama, TGI, or a hosted one.

Requests run in an event loop of their own, as many at once as the server bears (`_flow`). An attempt that fails is
judged (`_faults`): one row's trouble ends in that row's error, a server that is away or busy is waited for, what
concerns every row raises. The key comes from the environment and appears nowhere. It does not cover likelihoods,
layouts (`chat_template`: the server has its own) and weights other than the seed model's.
"""

# pyright: basic
from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import Any
from urllib.parse import urlsplit

from ownwords.engines.base import Capability, Engine, Provenance
from ownwords.errors import EngineError, InputError, RecipeError, unknown_name
from ownwords.models import Model
from ownwords.recipe import OpenAISection, RuntimeSection
from ownwords.records import Completion, Request, RowError

#: The server loads the model, not this program.
NEEDS_MODEL = False

_START = 8  # requests at once to begin with
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 20.0  # seconds between two attempts, doubled each time, with jitter
_KNOCK_SECONDS = 10.0


def create(model: Model | None, runtime: RuntimeSection, *, allow_code: bool = False) -> Engine:
    """Reach the server and find the model there.

    Raises:
        RecipeError: the package or the key is missing.
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
        import openai

        self._settings = settings
        self._model = model
        self._url = settings.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        self._key = _key(settings, self._url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ownwords-openai", daemon=True)
        self._thread.start()
        self._client = openai.AsyncOpenAI(
            api_key=self._key, base_url=self._url, max_retries=0, timeout=settings.timeout, http_client=_http(settings)
        )
        self._used_tokens, self._used_money = 0, 0.0
        self._last_answer = time.monotonic()
        self._version = f"client {openai.__version__}"
        self._continues = settings.prefill == "yes"
        try:
            self._run(self._knock())
        except BaseException:
            self.close()
            raise

    @property
    def capabilities(self) -> frozenset[Capability]:  # type: ignore[override]
        return frozenset({"tools", "prefill"}) if self._continues else frozenset({"tools"})

    @property
    def provenance(self) -> Provenance:
        place = urlsplit(self._url)
        where = f"{place.hostname or ''}{f':{place.port}' if place.port else ''}"
        return Provenance("openai", self._version, "server", where, self._model, "server")

    def stream(self, requests: Iterable[Request]) -> Iterator[Completion]:
        from ownwords.engines._flow import Flow

        done: queue.SimpleQueue[Future[Completion]] = queue.SimpleQueue()
        out: set[Future[Completion]] = set()
        flow = Flow(_START, self._settings.max_concurrency)
        waiting: Iterator[Request] | None = iter(requests)
        self._last_answer = time.monotonic()
        try:
            while True:
                while waiting is not None and len(out) < 2 * self._settings.max_concurrency and not self._spent():
                    request = next(waiting, None)
                    if request is None:
                        waiting = None
                        break
                    self._require_can(request)
                    future = asyncio.run_coroutine_threadsafe(self._answer(request, flow), self._loop)
                    out.add(future)
                    future.add_done_callback(done.put)
                if not out:
                    break
                future = done.get()
                out.discard(future)
                yield self._counted(future.result())
        finally:
            for future in out:
                future.cancel()
        if waiting is not None and self._spent():
            raise EngineError(f"{self._spent()} What is answered is kept; raise the budget and run the command again.")

    def preflight(self, requests: Iterable[Request]) -> None:
        """Only what the server could not do at all: how long a prompt may be is for the server to say."""
        for request in requests:
            self._require_can(request)

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self._client.close()

    # --- one request ---------------------------------------------------------------------------------------------

    async def _answer(self, request: Request, flow: Any) -> Completion:
        """The request's one completion; an EngineError if no other request would fare better."""
        from tenacity import AsyncRetrying, retry_if_result

        from ownwords.engines._faults import Fault

        failures = 0

        async def attempt() -> Completion | Fault:
            nonlocal failures
            async with flow:
                outcome = await self._attempt(request, flow)
            if isinstance(outcome, Fault):
                failures += outcome.scope == "again"
                self._stop_if_for_all(outcome)
            return outcome

        def go_on(outcome: Completion | Fault) -> bool:
            if not isinstance(outcome, Fault) or outcome.scope == "row":
                return False
            return outcome.scope == "wait" or failures < self._settings.max_attempts

        outcome = await AsyncRetrying(retry=retry_if_result(go_on), wait=_wait)(attempt)
        if isinstance(outcome, Fault):
            return Completion(
                request.id, finish_reason="error", error=RowError(outcome.kind, self._clean(outcome.message))
            )
        return outcome

    async def _attempt(self, request: Request, flow: Any) -> Any:
        """A completion, or the fault that there was."""
        import openai

        from ownwords.engines._chat_api import body_of, completion_of, path_of
        from ownwords.engines._faults import BadAnswerError, fault_of

        body = body_of(request, self._model, self._settings)
        try:
            async with asyncio.timeout(self._settings.timeout):
                answer = await self._client.post(path_of(request), body=body, cast_to=object)
            completion = completion_of(request, answer)
        except (openai.OpenAIError, BadAnswerError, TimeoutError, ValueError) as error:
            fault = fault_of(error)
            if fault.congested:
                flow.congested()
            return fault
        flow.answered()
        self._last_answer = time.monotonic()
        return completion

    def _stop_if_for_all(self, fault: Any) -> None:
        silent = time.monotonic() - self._last_answer
        if fault.scope == "all":
            raise EngineError(f"{self._shown()}: {self._clean(fault.message)}")
        if fault.scope == "wait" and silent > self._settings.patience:
            raise EngineError(
                f"{self._shown()} has given no answer for {silent:.0f} seconds (runtime.openai.patience="
                f"{self._settings.patience:g}); the last it did: {self._clean(fault.message)}. What is answered is "
                "kept: run the command again when the server is back."
            )

    # --- the server ----------------------------------------------------------------------------------------------

    async def _knock(self) -> None:
        """Ask for the models it has: that says whether it is there, the key right, and the model one of them."""
        import openai

        try:
            listed: Any = await self._client.get("/models", cast_to=object, options={"timeout": _KNOCK_SECONDS})
        except openai.APIStatusError as error:
            if error.status_code in (401, 403):
                raise EngineError(
                    f"{self._shown()} refuses the key in ${self._settings.api_key_env} ({error.status_code})."
                ) from None
            return  # not every server lists its models
        except (openai.APIConnectionError, openai.APITimeoutError) as error:
            cause = self._clean(f"{type(error.__cause__ or error).__name__}: {error.__cause__ or error}")
            raise EngineError(f"no server answers at {self._shown()} ({cause}). Is it running?") from None
        except (openai.OpenAIError, ValueError):
            return
        entries = listed.get("data") if isinstance(listed, dict) else None
        entries = [entry for entry in entries or [] if isinstance(entry, dict)]
        names = [str(entry.get("id")) for entry in entries]
        if names and self._model not in names:
            raise EngineError(f"{self._shown()}: {unknown_name('model', self._model, names)} Set runtime.openai.model.")
        owners = {str(entry.get("owned_by")) for entry in entries}
        if self._settings.prefill == "auto":
            self._continues = bool(owners & {"vllm", "sglang"})

    def _require_can(self, request: Request) -> None:
        """Refuse what this server cannot do (InputError)."""
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

    def _counted(self, completion: Completion) -> Completion:
        prompt, answer = completion.prompt_tokens, completion.completion_tokens
        self._used_tokens += prompt + answer
        self._used_money += (prompt * self._settings.prompt_price + answer * self._settings.completion_price) / 1e6
        return completion

    def _spent(self) -> str:
        """Which budget is used up; empty while none is."""
        tokens, money = self._settings.token_budget, self._settings.cost_budget
        if tokens is not None and self._used_tokens >= tokens:
            return f"the budget of {tokens:,} tokens is spent ({self._used_tokens:,} used)."
        if money is not None and self._used_money >= money:
            return f"the budget of {money:g} is spent ({self._used_money:.4g} used)."
        return ""

    def _shown(self) -> str:
        """The server's address without a user's name or password in it."""
        place = urlsplit(self._url)
        return self._clean(place._replace(netloc=place.netloc.rpartition("@")[2]).geturl())

    def _clean(self, text: str) -> str:
        """Text without the key, whatever a server or library put it into."""
        password = urlsplit(self._url).password
        for secret in (self._key, password):
            if secret and secret != _NO_KEY:
                text = text.replace(secret, "[key]")
        return text

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


_NO_KEY = "none"


def _key(settings: OpenAISection, url: str) -> str:
    """The key of the environment; a server of one's own needs none."""
    key = os.environ.get(settings.api_key_env, "").strip()
    if key:
        return key
    if (urlsplit(url).hostname or "").endswith("openai.com"):
        raise RecipeError(f"runtime.engine=openai asks api.openai.com: put its key into ${settings.api_key_env}.")
    return _NO_KEY


def _http(settings: OpenAISection) -> Any:
    """A client that keeps as many connections alive as there may be requests at once."""
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=settings.max_concurrency, max_keepalive_connections=settings.max_concurrency)
    return openai.DefaultAsyncHttpx2Client(limits=limits, timeout=settings.timeout)


def _wait(state: Any) -> float:
    """Seconds before the next attempt: the server's own word, else twice as long each time, with jitter."""
    from tenacity.wait import wait_random_exponential

    fault = state.outcome.result()
    if fault.retry_after is not None:
        return min(fault.retry_after, 600.0)
    return wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT)(state)
