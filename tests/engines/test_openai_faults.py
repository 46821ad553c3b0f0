"""The openai engine against a server that misbehaves: no row is lost or repeated, each has its reason."""

# pyright: basic
from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import Any

import pytest
from tests.engines.asking import answers, ask, asks, engine_for, have_their_own, number, own
from tests.engines.fault_server import CUT, Server, Twice, after
from tests.engines.faults import FOR_ALL, PASSING, SLOW, STAYING

from ownwords.engines._faults import fault_of
from ownwords.errors import EngineError
from ownwords.records import Completion

openai = pytest.importorskip("openai")
httpx2 = pytest.importorskip("httpx2")
pytestmark = [
    pytest.mark.usefixtures("openai_key"),
    # A server that is cut in mid-answer leaves halves of connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_leaves_every_row_with_its_answer(name: str) -> None:
    """It happens to four rows of twelve."""
    with Server(lambda body, seen: PASSING[name] if number(body) % 3 == 0 and seen == 1 else own(body)) as server:
        found = answers(server, **({"timeout": 0.6, "max_attempts": 6} if name in SLOW else {}))
    assert have_their_own(found)
    assert len(server.asked) == 16 or name in SLOW


@pytest.mark.slow
@pytest.mark.parametrize("name", STAYING)
def test_a_fault_that_stays_is_the_rows_own_error_and_nobody_elses(name: str) -> None:
    """The row is given up after its attempts, or, once it is alone, when the server has been patient with it."""
    fault, kind, message = STAYING[name]
    with Server(lambda body, seen: fault if number(body) == 5 else own(body)) as server:
        found = answers(server, patience=0.8, timeout=0.4 if name in SLOW else 30)
    error = found.pop("5").error
    assert error is not None
    assert error.kind == kind
    assert message in error.message
    assert have_their_own(found)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "changes", "message"), FOR_ALL.values(), ids=FOR_ALL.keys())
def test_a_fault_that_concerns_all_rows_stops_with_one_message(
    fault: Any, changes: dict[str, Any], message: str
) -> None:
    with (
        Server(lambda body, seen: fault) as server,
        closing(engine_for(server, **changes)) as engine,
        pytest.raises(EngineError) as caught,
    ):
        list(engine.stream(asks(50)))
    assert message in str(caught.value)
    assert str(caught.value).count("the server answered") == 1


def test_an_error_of_the_server_for_every_row_is_every_rows_error() -> None:
    with Server(lambda body, seen: (500, {"error": {"message": "boom"}})) as server:
        found = answers(server)
    assert {c.error.kind for c in found.values() if c.error} == {"server_error"}
    assert len(server.asked) == 12 * 3


def test_a_server_that_is_not_there_is_said_before_anything_is_asked() -> None:
    with Server(lambda body, seen: own(body)) as server:
        pass
    where = rf"no server answers at http://127\.0\.0\.1:{server.port}/v1 .*Is it running\?"
    with pytest.raises(EngineError, match=where):
        engine_for(server)


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 8])
@pytest.mark.parametrize("later", [0.0, 0.01])
def test_an_answer_that_is_sent_twice_is_not_taken_for_the_next_rows(at_once: int, later: float) -> None:
    """Once there have been answers with different ids: nothing else tells a copy from a server with one id for all."""

    def script(body: dict[str, Any], seen: int) -> Any:
        answer = own(body, id=f"chatcmpl-{number(body)}-{seen}")
        return answer if number(body) < 10 else Twice(answer, later)

    with Server(script) as server:
        found = answers(server, 60, max_concurrency=at_once, max_attempts=5)
    assert have_their_own(found)


def test_servers_that_number_their_answers_alike_are_believed() -> None:
    with Server(lambda body, seen: own({"messages": [{"content": "x 0"}]}, id="always-the-same")) as server:
        found = answers(server, 40, max_concurrency=2)
    assert {(c.text, c.error) for c in found.values()} == {("Own words of 0.", None)}
    assert len(server.asked) == 40


def test_a_late_answer_reaches_no_row_at_all() -> None:
    """The first answer comes after its deadline, when the row has been asked again."""

    def script(body: dict[str, Any], seen: int) -> Any:
        return after(0.6, own(body, usage={"prompt_tokens": 999})) if seen == 1 else own(body)

    with Server(script) as server:
        found = answers(server, 10, timeout=0.3, max_attempts=8)
    assert have_their_own(found)
    assert {c.prompt_tokens for c in found.values()} == {10}


@pytest.mark.slow
def test_a_server_that_dies_and_returns_costs_no_row() -> None:
    back = threading.Event()
    found: dict[str, Completion] = {}

    def script(body: dict[str, Any], seen: int) -> Any:
        return own(body) if number(body) < 10 or back.is_set() else after(30, own(body))

    def restart() -> None:
        back.set()
        server.start()

    with Server(script) as server, closing(engine_for(server, timeout=10, patience=20)) as engine:
        for completion in engine.stream(asks(40)):
            assert completion.request_id not in found
            found[completion.request_id] = completion
            if len(found) == 10:
                server.die()
                timer = threading.Timer(0.5, restart)
                timer.start()
        timer.join()
    assert len(found) == 40
    assert have_their_own(found)


@pytest.mark.slow
@pytest.mark.parametrize("away", [(502, b"<title>502 Bad Gateway</title>"), CUT, b""], ids=["502", "cut", "closed"])
def test_a_server_that_is_away_behind_a_proxy_or_a_tunnel_costs_no_row(away: Any) -> None:
    """Nobody is answered in that time, so it counts against no row: there are many more attempts than two."""

    def script(body: dict[str, Any], seen: int) -> Any:
        return away if time.monotonic() < back else own(body)

    with Server(script) as server:
        back = time.monotonic() + 0.7
        found = answers(server, 30, max_attempts=2, patience=20)
    assert have_their_own(found)


def test_a_server_that_never_returns_ends_the_stage_and_keeps_what_there_is() -> None:
    found: list[str] = []

    def until_it_dies(server: Server) -> None:
        with closing(engine_for(server, timeout=10, patience=0.6)) as engine:
            for completion in engine.stream(asks(40)):
                found.append(completion.request_id)
                if len(found) == 10:
                    server.die()

    with Server(lambda body, seen: own(body) if number(body) < 10 else after(30, own(body))) as server:
        with pytest.raises(EngineError, match=r"has given no answer for .* What is answered is kept"):
            until_it_dies(server)
        server.start()
    assert sorted(map(int, found)) == list(range(10))


@pytest.mark.slow
def test_a_server_that_answers_nothing_any_more_ends_the_stage_too() -> None:
    """Connections are accepted and no answer comes: neither to a row nor to a small question."""
    with (
        Server(lambda body, seen: own(body)) as server,
        closing(engine_for(server, timeout=0.2, patience=0.5)) as engine,
    ):
        server.script, server.models = (lambda body, seen: after(30, own(body))), after(30, {})
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("ownwords.engines._server._KNOCK_SECONDS", 0.2)
            with pytest.raises(EngineError, match=r"has given no answer for .*no whole answer within"):
                list(engine.stream(asks(40)))


def test_time_without_rows_is_not_silence_of_the_server() -> None:
    """The stage took longer over an answer than a server may be silent; then the server is busy for a moment."""

    def script(body: dict[str, Any], seen: int) -> Any:
        return (503, {}) if number(body) == 9 and seen <= 2 else own(body)

    with Server(script) as server, closing(engine_for(server, patience=0.3, max_concurrency=2)) as engine:
        found = {}
        for completion in engine.stream(asks(12)):
            found[completion.request_id] = completion
            if len(found) == 3:
                time.sleep(0.5)
    assert len(found) == 12
    assert have_their_own(found)


def test_an_answer_of_another_model_stops() -> None:
    def script(body: dict[str, Any], seen: int) -> Any:
        return own(body, model="tiny-2025-01-01" if number(body) < 30 else "tiny-2026-01-01")

    with (
        Server(script) as server,
        pytest.raises(EngineError, match="as 'tiny-2025-01-01', and now as 'tiny-2026-01-01'"),
    ):
        answers(server, 60)


def test_half_a_character_in_a_prompt_is_the_rows_own_error() -> None:
    with Server(lambda body, seen: own(body)) as server, closing(engine_for(server)) as engine:
        found = {c.request_id: c for c in engine.stream([*asks(3), ask("\ud83d")])}
    error = found.pop("\ud83d").error
    assert error is not None
    assert error.kind == "bad_prompt"
    assert have_their_own(found)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 01 Jan 2020 00:00:30 GMT", "date": "Wed, 01 Jan 2020 00:00:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 01 Jan 2020 00:00:00 GMT"}, 0.0),
        *[({"retry-after": word}, None) for word in ("soon", "-3", "inf", "nan", "1e9", "", "\u0663")],
    ],
)
def test_the_servers_word_for_when_to_ask_again(headers: dict[str, str], seconds: float | None) -> None:
    """A date is by the server's own clock, which may be wrong."""
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    response = httpx2.Response(429, headers=encoded, request=httpx2.Request("POST", "http://x/"))
    fault = fault_of(openai.APIStatusError("busy", response=response, body=None))
    assert (fault.scope, fault.retry_after) == ("wait", seconds)
