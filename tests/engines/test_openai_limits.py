"""How much the openai engine asks at once and in all, and that nothing of it stays when it ends."""

# pyright: basic
from __future__ import annotations

import asyncio
import gc
import threading
import time
from contextlib import closing
from typing import Any

import psutil
import pytest
from tests.engines.asking import answers, ask, asks, engine_for, have_their_own, number, own
from tests.engines.fault_server import Server, after, drip, said

from ownwords.engines._background import Background
from ownwords.engines._flow import Flow
from ownwords.errors import EngineError
from ownwords.recipe import OpenAISection

pytest.importorskip("openai")
pytestmark = [
    pytest.mark.usefixtures("openai_key"),
    # A server that is cut in mid-answer leaves halves of connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.slow
def test_a_storm_of_429_halves_what_is_sent_at_once_and_every_row_is_answered() -> None:
    """No more than four at once are borne, so most of what is sent must be sent four at once or fewer."""

    def script(body: dict[str, Any], seen: int) -> Any:
        return after(0.01, own(body)) if server._active <= 4 else (429, {})

    with Server(script) as server:
        found = answers(server, 200, max_concurrency=32, patience=30)
    assert have_their_own(found)
    assert len(server.asked) < 2 * 200


@pytest.mark.slow
def test_no_more_than_asked_for_at_once_and_more_than_at_first() -> None:
    with Server(lambda body, seen: after(0.02, own(body))) as server:
        assert have_their_own(answers(server, 300, max_concurrency=20))
    assert 9 <= server.peak <= 20


@pytest.mark.slow
def test_a_pause_that_the_server_asks_for_is_kept_by_all() -> None:
    def script(body: dict[str, Any], seen: int) -> Any:
        return (429, {}, {"retry-after": "0.4"}) if number(body) == 20 and seen == 1 else after(0.02, own(body))

    with Server(script) as server:
        assert have_their_own(answers(server, 60, max_concurrency=4))
    told = server.times[[number(body) for body in server.asked].index(20)]
    assert not [when for when in server.times if told + 0.1 < when < told + 0.39]
    assert [when for when in server.times if when > told + 0.39]


@pytest.mark.slow
def test_connections_are_kept() -> None:
    with Server(lambda body, seen: own(body)) as server:
        assert have_their_own(answers(server, 400, max_concurrency=16))
    assert server.connections <= 16


def steps(flow: Flow, complaints: list[float]) -> float:
    for sent_at in complaints:
        flow.congested(sent_at)
    return flow.limit


def test_more_at_once_by_doubling_until_the_first_complaint_then_by_one_a_round() -> None:
    flow = Flow(8, 1000)
    for _ in range(8):
        flow.answered()
    assert flow.limit == 16
    assert steps(flow, [time.monotonic()]) == 8
    for _ in range(9):
        flow.answered()
    assert 8.9 < flow.limit < 9.1
    for _ in range(10_000):
        flow.answered()
    assert flow.limit < 150


def test_complaints_about_what_was_sent_before_a_cut_are_one_and_one_is_the_least() -> None:
    flow = Flow(64, 64)
    sent = time.monotonic()
    assert steps(flow, [sent] * 60) == 32
    assert steps(flow, [time.monotonic()]) == 16
    for _ in range(10):
        steps(flow, [time.monotonic()])
    assert flow.limit == 1


def test_a_turn_that_is_given_and_cancelled_in_one_moment_goes_to_the_next() -> None:
    async def scene() -> list[str]:
        flow, came = Flow(1, 1), []

        async def enter(name: str) -> None:
            async with flow:
                came.append(name)

        async with flow:
            waiting = [asyncio.create_task(enter(name)) for name in "ab"]
            await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.wait_for(waiting[1], 5)
        return came

    assert asyncio.run(scene()) == ["b"]


def test_requests_are_pulled_as_they_are_needed() -> None:
    pulled: list[int] = []

    def requests() -> Any:
        for n in range(10_000):
            pulled.append(n)
            yield ask(str(n))

    with Server(lambda body, seen: said()) as server, closing(engine_for(server, max_concurrency=4)) as engine:
        stream = engine.stream(requests())
        for _ in range(20):
            next(stream)
        stream.close()
    assert len(pulled) <= 20 + 2 * 4


@pytest.mark.parametrize("at_once", [1, 2, 16])
def test_a_budget_ends_cleanly_and_is_not_passed_by_what_is_under_way(at_once: int) -> None:
    """An answer uses 15 tokens."""
    found: list[str] = []
    with (
        Server(lambda body, seen: after(0.01, said())) as server,
        closing(engine_for(server, token_budget=150, max_concurrency=at_once)) as engine,
        pytest.raises(EngineError, match=r"the budget of 150 tokens is spent \(150 used\)\. What is answered is kept"),
    ):
        found.extend(completion.request_id for completion in engine.stream(asks(100)))
    assert len(set(found)) == len(server.asked) == 10


def test_money_is_counted_by_the_prices() -> None:
    """An answer costs 0.0002."""
    prices = {"cost_budget": 0.001, "prompt_price": 10.0, "completion_price": 20.0}
    with (
        Server(lambda body, seen: said()) as server,
        closing(engine_for(server, **prices)) as engine,
        pytest.raises(EngineError, match=r"the budget of 0\.001 is spent \(0\.001 used\)"),
    ):
        list(engine.stream(asks(100)))
    assert len(server.asked) == 5
    with pytest.raises(ValueError, match="cost_budget needs prompt_price"):
        OpenAISection(cost_budget=1.0)


def test_a_budget_that_is_just_enough_is_enough() -> None:
    with Server(lambda body, seen: own(body)) as server:
        assert have_their_own(answers(server, 10, token_budget=150))


def test_what_may_have_been_answered_without_our_hearing_of_it_is_counted() -> None:
    """Ten answers are paid for; the eleventh is made again and again, and never comes."""

    def script(body: dict[str, Any], seen: int) -> Any:
        return said() if number(body) < 10 else drip

    found: list[str] = []
    changes = {"token_budget": 15 * 12, "timeout": 0.1, "max_attempts": 100, "patience": 100, "max_concurrency": 1}
    with (
        Server(script) as server,
        closing(engine_for(server, **changes)) as engine,
        pytest.raises(EngineError, match=r"the budget of 180 tokens is spent \(180 used\)"),
    ):
        found.extend(completion.request_id for completion in engine.stream(asks(11)))
    assert len(found) == 10
    assert len(server.asked) == 12


def test_a_budget_needs_a_server_that_counts() -> None:
    with (
        Server(lambda body, seen: {**own(body), "usage": None}) as server,
        closing(engine_for(server, token_budget=100)) as engine,
        pytest.raises(
            EngineError, match=r"does not report the tokens of its answers .* Take runtime.openai.token_budget"
        ),
    ):
        list(engine.stream(asks(10)))
    assert len(server.asked) == 1


def ours() -> set[str]:
    return {thread.name for thread in threading.enumerate() if "ownwords" in thread.name or "asyncio" in thread.name}


@pytest.mark.slow
def test_closing_half_way_leaves_no_thread_and_no_connection() -> None:
    """Answers are under way, rows wait for a retry, and a thread of the loop's has looked up a name."""

    def script(body: dict[str, Any], seen: int) -> Any:
        return own(body) if number(body) < 5 else (503, {}) if number(body) < 8 else after(30, own(body))

    before = psutil.Process().num_fds()
    with Server(script) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        threads = ours()
        engine = engine_for(server, base_url=url, timeout=20)
        stream = engine.stream(asks(100))
        for _ in range(5):
            next(stream)
        assert ours() > threads
        stream.close()
        assert engine._background.run(_tasks()) == 1
        engine.close()
        engine.close()
        assert ours() == threads
        deadline = time.monotonic() + 5
        while server.open and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.open == 0
    gc.collect()
    assert psutil.Process().num_fds() <= before


def test_an_engine_that_cannot_start_leaves_nothing() -> None:
    threads, files = ours(), psutil.Process().num_fds()
    with Server(lambda body, seen: own(body), models=("other",)) as server, pytest.raises(EngineError):
        engine_for(server)
    gc.collect()
    assert ours() == threads
    assert psutil.Process().num_fds() <= files


def test_an_engine_that_is_closed_first_lets_its_stream_end() -> None:
    with Server(lambda body, seen: own(body) if number(body) < 5 else after(30, own(body))) as server:
        engine = engine_for(server, timeout=20)
        stream = engine.stream(asks(100))
        next(stream)
        engine.close()
        stream.close()


def test_an_exception_of_the_requests_own_reaches_the_reader_and_ends_the_rest() -> None:
    def requests() -> Any:
        yield from asks(20)
        raise KeyboardInterrupt

    with Server(lambda body, seen: after(20, own(body))) as server, closing(engine_for(server, timeout=20)) as engine:
        with pytest.raises(KeyboardInterrupt):
            list(engine.stream(requests()))
        assert engine._background.run(_tasks()) == 1


async def _tasks() -> int:
    return len(asyncio.all_tasks())


def test_things_under_way_are_bounded_and_each_gives_one_result() -> None:
    out, most = 0, 0

    async def work(item: int) -> int:
        nonlocal out, most
        out += 1
        most = max(most, out)
        await asyncio.sleep(0)
        out -= 1
        return item

    background = Background("test")
    results = background.unordered(range(1000), work, held=7, may_start=lambda beside: True)
    assert sorted(results) == list(range(1000))
    assert 1 < most <= 7

    async def nothing() -> None:
        pass

    background.close(nothing)
