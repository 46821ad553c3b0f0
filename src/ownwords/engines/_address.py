"""Where a server is and what opens it, and how the latter stays out of everything that people read."""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from ownwords.errors import RecipeError
from ownwords.recipe import OpenAISection
from ownwords.records import Completion

#: Sent where a server of one's own needs no key.
NO_KEY = "none"
#: What is shorter is a placeholder (`EMPTY`, `x`), and would be found in any text.
_SHORTEST_SECRET = 6


@dataclass(frozen=True, slots=True)
class Address:
    """A server's URL without the user's name and password in it, and apart from it what lets us in."""

    url: str
    key: str = field(repr=False)
    login: tuple[str, str] | None = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def place(self) -> str:
        """Host and port."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    def hide(self, text: str) -> str:
        """The text without key and password, whatever form a server or a library gave them."""
        for secret in self.secrets:
            text = text.replace(secret, "[key]")
        if "\\" in text:
            for secret in self.secrets:
                text = _escaped(secret).sub("[key]", text)
        return text

    def hide_in(self, completion: Completion) -> Completion:
        """The same of an answer: a server may repeat what it was sent."""
        calls = json.dumps(completion.tool_calls, ensure_ascii=False) if completion.tool_calls else ""
        told = f"{completion.text}{completion.reasoning}{calls}"
        if not any(secret in told for secret in self.secrets) and not (
            "\\" in told and any(_escaped(secret).search(told) for secret in self.secrets)
        ):
            return completion
        return replace(
            completion,
            text=self.hide(completion.text),
            reasoning=self.hide(completion.reasoning) if completion.reasoning else None,
            tool_calls=tuple(self._hidden(call) for call in completion.tool_calls),
        )

    def _hidden(self, value: Any) -> Any:
        """The same of every text in a value of JSON."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, dict):
            return {self.hide(key): self._hidden(inner) for key, inner in cast("dict[str, Any]", value).items()}
        if isinstance(value, list):
            return [self._hidden(inner) for inner in cast("list[Any]", value)]
        return value


@lru_cache(maxsize=8)
def _escaped(secret: str) -> re.Pattern[str]:
    """Finds a secret of which any characters are written as in JSON: `\\u002d`, `\\/`; in a text inside a text too."""
    return re.compile("".join(_in_any_form(character) for character in secret))


def _in_any_form(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    by_number = "".join(rf"\\+u{units[start : start + 4]}" for start in range(0, len(units), 4))
    by_slash = rf"\\+{re.escape(character)}|" if character in '/"\\' else ""
    return f"(?:(?i:{by_number})|{by_slash}{re.escape(character)})"


def address_of(settings: OpenAISection) -> Address:
    """The recipe's server, else that of $OPENAI_BASE_URL, else OpenAI's own.

    Raises:
        RecipeError: it is no address, or its key is missing or no key.
    """
    given = settings.base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts = host = port = None
    if not parts or not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        where = "runtime.openai.base_url" if settings.base_url else "$OPENAI_BASE_URL"
        raise RecipeError(f"{where} is no address of a server: it has the form http://host:port/v1, without ? and #.")
    bare = f"[{host}]" if ":" in host else host
    url = parts._replace(netloc=f"{bare}:{port}" if port else bare).geturl()
    key = _key(settings, host)
    login = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
    secrets = [key, *_forms(login, parts.password or "")] if login else [key]
    return Address(url, key, login, tuple(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET))


def _forms(login: tuple[str, str], written: str) -> list[str]:
    """The shapes in which a password is sent or written."""
    return [base64.b64encode(":".join(login).encode()).decode(), login[1], written]


def _key(settings: OpenAISection, host: str) -> str:
    """The key of the environment; a server of one's own needs none."""
    key = os.environ.get(settings.api_key_env, "").strip()
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise RecipeError(f"${settings.api_key_env} holds a character that no key has: a blank, a line end, an accent.")
    if key:
        return key
    if host.endswith("openai.com"):
        raise RecipeError(f"runtime.engine=openai asks {host}: put its key into ${settings.api_key_env}.")
    return NO_KEY
