"""10,000 requests over HTTP: the openai engine against a bare asyncio loop with the openai client.

`python -m bench.http` needs the extra `openai`. The server is a process of its own that answers at once
(`instant_server`), so what is measured is what a client costs a request. The bare loop is what a script would do: one
client, a semaphore, `gather`; it keeps nothing but the texts. The engine is driven by `stream` to the end, with all it
does besides: retries, deadlines, adaptive concurrency, counting. Repeats are interleaved; the ratio is the median.
It does not measure journal, checks and files (`bench.load`), nor how an engine behaves on a busy server (its tests).
"""

# pyright: basic
from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.instant_server import MODEL
from ownwords.engines.base import Engine, open_engine
from ownwords.recipe import OpenAISection, RuntimeSection
from ownwords.records import Message, Request, Sampling

REQUESTS = 10_000
CONCURRENCY = 64
REPEATS = 5
SAMPLING = Sampling(temperature=0.95, top_p=0.7, top_k=50, max_tokens=512)
INSTRUCTION = (
    "Below are a math question and its solution. Write your own step by step solution with the same answer.\n\n"
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did "
    "Natalia sell altogether in April and May?\n\nNatalia sold 48/2 = 24 clips in May. Natalia sold 48+24 = 72 clips "
    "altogether in April and May. The answer is 72."
)


@contextmanager
def server() -> Iterator[str]:
    """The address of a server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.instant_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        process.stdin.close()


async def bare(url: str) -> float:
    """Requests a second of a plain loop."""
    import openai

    gate = asyncio.Semaphore(CONCURRENCY)
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def ask(number: int) -> str:
            async with gate:
                answer = await client.chat.completions.create(
                    model=MODEL,
                    messages=[{"role": "user", "content": f"{number}. {INSTRUCTION}"}],
                    temperature=SAMPLING.temperature,
                    top_p=SAMPLING.top_p,
                    max_tokens=SAMPLING.max_tokens,
                    seed=number,
                    extra_body={"top_k": SAMPLING.top_k},
                )
            return answer.choices[0].message.content or ""

        clock = time.perf_counter()
        texts = await asyncio.gather(*(ask(number) for number in range(REQUESTS)))
        seconds = time.perf_counter() - clock
    assert all(texts)
    return REQUESTS / seconds


def driven(engine: Engine) -> float:
    """Requests a second of the engine."""
    requests = (
        Request(str(number), (Message("user", f"{number}. {INSTRUCTION}"),), sampling=SAMPLING, seed=number)
        for number in range(REQUESTS)
    )
    clock = time.perf_counter()
    done = sum(bool(completion.text) for completion in engine.stream(requests))
    seconds = time.perf_counter() - clock
    assert done == REQUESTS
    return REQUESTS / seconds


def compare() -> list[tuple[float, float]]:
    """(bare, engine) for each repeat, in requests a second."""
    pairs: list[tuple[float, float]] = []
    with server() as url:
        section = OpenAISection(base_url=url, model=MODEL, max_concurrency=CONCURRENCY)
        for repeat in range(REPEATS + 1):
            alone = asyncio.run(bare(url))
            engine = open_engine("openai", None, RuntimeSection(engine="openai", openai=section))
            try:
                ours = driven(engine)
            finally:
                engine.close()
            if repeat:  # the first calls pay for set-up
                pairs.append((alone, ours))
    return pairs


def main() -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table."""
    pairs = compare()
    ratio = statistics.median(ours / alone for alone, ours in pairs)
    alone, ours = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    what = f"openai engine against a bare loop with the openai client, {REQUESTS:,} requests, {CONCURRENCY} at once"
    return [(what, "0.7", f"{ratio:.2f} ({ours:,.0f} against {alone:,.0f} requests/s)")]


if __name__ == "__main__":
    print(main())
