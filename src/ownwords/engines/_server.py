"""A server with OpenAI's API: whether it is there, whether it has the model, and one question at a time."""

# pyright: basic
from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import openai

from ownwords.engines._address import NO_KEY, address_of
from ownwords.engines._chat_api import read_answer
from ownwords.engines._connection import CopyError, client_of
from ownwords.engines._faults import BadAnswerError, Fault, fault_of
from ownwords.errors import EngineError, unknown_name
from ownwords.recipe import OpenAISection

_KNOCK_SECONDS = 10.0
#: A longer list is a hosted catalogue, which need not name every model; such a server refuses wrong names itself.
_MOST_NAMES = 100
#: Servers whose models go on with a half-written answer, by `owned_by` in their list of models.
_CONTINUING = frozenset({"vllm", "sglang"})


class Server:
    """The address of the settings and a client for it. `continues` says whether it goes on with a half-written answer.

    Raises:
        RecipeError: the address is none, or the key is missing.
    """

    version = f"client {openai.__version__}"

    def __init__(self, settings: OpenAISection, model: str) -> None:
        self._settings = settings
        self._model = model
        self._address = address_of(settings)
        self._client = client_of(self._address, settings.max_concurrency)
        self.place = self._address.place
        self.shown = self._address.hide(self._address.url)
        self.hide = self._address.hide
        self.hide_in = self._address.hide_in
        self.continues = settings.prefill == "yes"

    async def close(self) -> None:
        await self._client.close()

    async def post(self, path: str, content: bytes) -> bytes:
        """Send JSON, and give the bytes of the answer.

        Raises:
            openai.OpenAIError, BadAnswerError: as `fault_of` tells apart.
        """
        while True:
            try:
                response: Any = await self._client.post(path, content=content, cast_to=httpx2.Response)
            except CopyError:  # each closes its connection, so that there soon are none but new ones
                continue
            return response.content

    async def greet(self) -> None:
        """Ask for its models: that says whether it is there, the key right, and the model one of them.

        Raises:
            EngineError: one of these is not so.
        """
        listed = await self._list()
        if isinstance(listed, dict):
            self._read_models(listed)
        elif listed.status in (401, 403):
            env, key = self._settings.api_key_env, self._address.key != NO_KEY
            told = f"refuses the key in ${env}" if key else f"wants a key, and ${env} has none"
            raise EngineError(f"{self.shown} {told} ({listed.status}).")
        elif listed.kind in ("unreachable", "timeout", "connection_lost"):
            raise EngineError(f"no server answers at {self.shown} ({self.hide(listed.message)}). Is it running?")
        elif 300 <= listed.status < 400:
            raise EngineError(f"{self.shown}: {self.hide(listed.message)}")
        # anything else: not every server lists its models

    async def is_there(self) -> bool:
        """Whether it answers a small question."""
        listed = await self._list()
        return isinstance(listed, dict) or listed.kind == "bad_answer" or 0 < listed.status < 500

    async def _list(self) -> dict[str, Any] | Fault:
        try:
            async with asyncio.timeout(_KNOCK_SECONDS):
                response: Any = await self._client.get("/models", cast_to=httpx2.Response)
            return read_answer(response.content)
        except (openai.OpenAIError, BadAnswerError, TimeoutError) as error:
            return fault_of(error)

    def _read_models(self, listed: dict[str, Any]) -> None:
        """Refuse a model that is not in the list of a server's own, and learn what kind of server it is."""
        data = listed.get("data")
        entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
        names = [str(entry.get("id"))[:200] for entry in entries]
        spellings = {self._model, f"{self._model}:latest", self._model.rpartition(":")[0]}  # Ollama's, hosted routers'
        if names and len(names) <= _MOST_NAMES and not spellings & set(names):
            unknown = unknown_name("model", self._model, names)
            raise EngineError(f"{self.shown}: {self.hide(unknown)} Set runtime.openai.model.")
        if self._settings.prefill == "auto":
            self.continues = bool({str(entry.get("owned_by")) for entry in entries} & _CONTINUING)
