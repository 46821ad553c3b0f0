"""A key opens a server, and is in nothing that anybody reads: no error, no log, no answer, no other server's ears."""

# pyright: basic
from __future__ import annotations

import base64
import json
import logging
import traceback
from contextlib import closing
from typing import Any

import pytest
from tests.engines.asking import PATIENT, answers, asks, engine_for, have_their_own, own
from tests.engines.conftest import KEY
from tests.engines.fault_server import CUT, Server, said

from ownwords.engines._address import Address
from ownwords.engines.base import open_engine
from ownwords.errors import EngineError, RecipeError
from ownwords.recipe import OpenAISection, RuntimeSection, build_recipe
from ownwords.records import Completion

pytest.importorskip("openai")
pytestmark = [
    pytest.mark.usefixtures("openai_key"),
    # A server that is cut in mid-answer leaves halves of connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PASSWORD = "pass-w\u00f6rd/9"
LOGIN = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
SECRETS = (KEY, PASSWORD, "pass-w%C3%B6rd%2F9", LOGIN)


def shown(error: BaseException) -> str:
    """All that a traceback prints, causes and contexts included."""
    return "".join(traceback.format_exception(error))


def test_the_key_is_sent_and_is_not_in_the_provenance() -> None:
    with Server(lambda body, seen: said()) as server, closing(engine_for(server)) as engine:
        assert KEY not in json.dumps(engine.provenance.as_dict())
        assert KEY not in repr(vars(engine))
    assert f"Bearer {KEY}" in server.headers[0]


def test_a_server_of_ones_own_needs_no_key_and_openai_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with Server(lambda body, seen: said()) as server:
        engine_for(server).close()
    with (
        Server(lambda body, seen: said(), models=(401, {})) as server,
        pytest.raises(EngineError, match=r"wants a key, and \$OPENAI_API_KEY has none \(401\)"),
    ):
        engine_for(server)
    with pytest.raises(RecipeError, match=r"put its key into \$OPENAI_API_KEY"):
        open_engine("openai", None, RuntimeSection(openai=OpenAISection(model="m")))


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_a_server_that_repeats_what_it_was_sent_gives_nothing_away(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key, login and password come back in an error's text, or in the answer itself."""

    def script(body: dict[str, Any], seen: int) -> Any:
        echo = f"{server.headers[-1]} {KEY} {PASSWORD} {LOGIN}"
        call = {"function": {"name": "f", "arguments": json.dumps({"x": echo})}}
        return (
            said(echo, reasoning=echo, tool_calls=[call]) if status == 200 else (status, {"error": {"message": echo}})
        )

    with Server(script) as server:
        address = server.url.replace("//", f"//user:{SECRETS[2]}@")
        monkeypatch.setenv("OPENAI_BASE_URL", address)
        with closing(engine_for(server, base_url=None, patience=0.2)) as engine:
            try:
                told = repr(list(engine.stream(asks(3))))
            except EngineError as error:
                told = shown(error)
            told += json.dumps(engine.provenance.as_dict())
    assert "[key]" in told
    assert [secret for secret in SECRETS if secret in told] == []
    assert f"Authorization: Basic {LOGIN}".lower() in server.headers[-1].lower()


def in_numbers(text: str) -> str:
    """The text as JSON may have it, every character by its number."""
    units = text.encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


@pytest.mark.parametrize("secret", [KEY, 'pass-w\u00f6rd/9"\\', "astral-\U0001f600-key"])
def test_a_key_is_hidden_however_a_text_escapes_it(secret: str) -> None:
    address = Address("http://h/v1", secret, None, (secret,))
    numbered = in_numbers(secret)
    halves = secret[:4] + in_numbers(secret[4:]).upper().replace("\\U", "\\u")
    for text in (numbered, halves, numbered.replace("\\", "\\\\"), json.dumps(secret), secret.replace("/", "\\/")):
        assert address.hide(f"<{text}>").strip('"<>') == "[key]"
        hidden = address.hide_in(Completion("id", text, tool_calls=({"name": "f", "arguments": {"x": text}},)))
        assert "[key]" in hidden.text
        assert hidden.tool_calls[0]["arguments"]["x"].strip('"') == "[key]"
    harmless = Completion("id", "\\frac{1}{2} \\u0041 and/or \\/")
    assert address.hide_in(harmless) is harmless


def test_nothing_is_logged_that_opens_anything(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    with Server(lambda body, seen: CUT if seen == 1 else own(body)) as server:
        for base_url in (server.url, None):
            monkeypatch.setenv("OPENAI_BASE_URL", server.url.replace("//", f"//user:{SECRETS[2]}@"))
            with closing(engine_for(server, base_url=base_url)) as engine:
                list(engine.stream(asks(3)))
    assert caplog.records
    assert [secret for secret in SECRETS if secret in caplog.text] == []


@pytest.mark.parametrize("models", [(401, {"error": {"message": KEY}}), (307, b"", {"location": f"http://{KEY}.x/"})])
def test_a_server_that_refuses_the_first_question_gives_nothing_away(models: Any) -> None:
    with Server(lambda body, seen: said(), models=models) as server, pytest.raises(EngineError) as caught:
        engine_for(server)
    assert KEY not in shown(caught.value)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_neither_key_nor_prompt_follows_to_another_server(code: int) -> None:
    with Server(lambda body, seen: own(body)) as other:
        away = (code, b"", {"location": f"{other.url}/chat/completions"})
        with (
            Server(lambda body, seen: away) as server,
            closing(engine_for(server)) as engine,
            pytest.raises(
                EngineError, match=rf"answered {code}.*\. It points to 'http://127.0.0.1:{other.port}/v1/chat"
            ),
        ):
            list(engine.stream(asks(3)))
    assert other.connections == 0


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"base_url": f"http://user:{KEY}@host/v1"},
            "holds a user's name or password. Put the address into the environm",
        ),
        ({"api_key_env": KEY}, "is the name of an environment variable"),
        ({"extra_body": {"api_key": KEY}}, "extra_body holds 'api_key'"),
        ({"extra_body": {"Authorization": KEY}}, "extra_body holds 'Authorization'"),
        ({"extra_body": {"headers": {"Authorization": KEY}}}, "extra_body holds 'Authorization'"),
        ({"extra_body": {"routes": [{"to": {"x-api-key": [KEY]}}]}}, "extra_body holds 'x-api-key'"),
        ({"api_key": KEY}, "there is no key of runtime.openai named 'api_key'"),
    ],
)
def test_a_secret_in_a_recipe_is_refused_and_not_repeated(section: dict[str, Any], message: str) -> None:
    recipe = {"model": {"name_or_path": "m"}, "data": {"train": {"path": "x.jsonl"}}, "output_dir": "run"}
    with pytest.raises(RecipeError) as caught:
        build_recipe({**recipe, "runtime": {"openai": section}})
    assert message in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["localhost:8000/v1", "http://", "http://[::1", "http://h:99999/", "http://h/v1?k=3"]
)
def test_an_address_that_is_none_is_said(address: str) -> None:
    section = OpenAISection.model_validate({**PATIENT, "base_url": address})
    with pytest.raises(RecipeError, match=r"runtime\.openai\.base_url is no address of a server"):
        open_engine("openai", None, RuntimeSection(openai=section))


@pytest.mark.parametrize("key", ["sk-1 2", "sk-\u00e4", "sk-1\n2"])
def test_a_key_that_can_be_none_is_said_and_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with Server(lambda body, seen: said()) as server, pytest.raises(RecipeError) as caught:
        engine_for(server)
    assert key not in str(caught.value)


def test_a_placeholder_for_a_key_changes_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "words")
    with Server(lambda body, seen: own(body)) as server:
        assert have_their_own(answers(server))
