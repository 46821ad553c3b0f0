"""10,000 requests over HTTP: the openai engine against a bare asyncio loop with the openai client.

`python -m bench.http` needs the extra `openai`. The server is a process of its own that answers at once
(`instant_server`), so what is measured is what a client costs a request. The bare loop is what a script would do: one
client, a semaphore, `gather`; it keeps nothing but the texts. The engine is driven by `stream` to the end, with all it
does besides: retries, deadlines, adaptive concurrency, counting. The requests go in PARTS, interleaved; the ratio is
the parts' median.
The last row, for information, is a whole `ownwords rewrite` of as many rows, with prompts, checks, journal and files.
It does not measure how an engine behaves on a busy server: its tests do.
"""

# pyright: basic
from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.instant_server import MODEL
from bench.load import write_project
from ownwords.engines.base import Engine, open_engine
from ownwords.recipe import OpenAISection, RuntimeSection
from ownwords.records import Message, Request, Sampling

REQUESTS = 10_000
CONCURRENCY = 64
PARTS = 3
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


async def bare(url: str, requests: int) -> float:
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
        texts = await asyncio.gather(*(ask(number) for number in range(requests)))
        seconds = time.perf_counter() - clock
    assert all(texts)
    return requests / seconds


def driven(engine: Engine, count: int) -> float:
    """Requests a second of the engine."""
    requests = (
        Request(str(number), (Message("user", f"{number}. {INSTRUCTION}"),), sampling=SAMPLING, seed=number)
        for number in range(count)
    )
    clock = time.perf_counter()
    done = sum(bool(completion.text) for completion in engine.stream(requests))
    seconds = time.perf_counter() - clock
    assert done == count
    return count / seconds


def settings(url: str) -> OpenAISection:
    return OpenAISection(base_url=url, model=MODEL, max_concurrency=CONCURRENCY)


def compare(url: str) -> list[tuple[float, float]]:
    """(bare, engine) for each part, in requests a second."""
    pairs: list[tuple[float, float]] = []
    with closing(open_engine("openai", None, RuntimeSection(engine="openai", openai=settings(url)))) as engine:
        asyncio.run(bare(url, 500))  # first calls pay for set-up
        driven(engine, 500)
        for _ in range(PARTS):
            pairs.append((asyncio.run(bare(url, REQUESTS // PARTS)), driven(engine, REQUESTS // PARTS)))
    return pairs


def rewrite_command(recipe: Path, url: str, *more: str) -> list[str]:
    """`ownwords rewrite` through the engine."""
    flags = ["rewrite.checks=[not_empty, finished, no_prompt_leak]", "runtime.engine=openai", *more]
    flags.append(f"runtime.openai={settings(url).model_dump_json(exclude_defaults=True)}")
    return [sys.executable, "-m", "ownwords.cli", "rewrite", str(recipe), *flags]


def whole_command(url: str) -> float:
    """Rows a second of `ownwords rewrite`, start-up included."""
    with tempfile.TemporaryDirectory() as folder:
        command = rewrite_command(write_project(Path(folder) / "project", REQUESTS), url)
        clock = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return REQUESTS / (time.perf_counter() - clock)


def main() -> list[tuple[str, str, str]]:
    """Rows of (measure, at least, measured) for the table."""
    with server() as url:
        pairs = compare(url)
        rate = whole_command(url)
    ratio = statistics.median(ours / alone for alone, ours in pairs)
    alone, ours = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    how = f"{REQUESTS:,} requests in {PARTS} parts, {CONCURRENCY} at once"
    what = f"openai engine against a bare loop with the openai client, {how}"
    return [
        (what, "0.7", f"{ratio:.2f} ({ours:,.0f} against {alone:,.0f} requests/s)"),
        ("the same server, whole command with checks, journal and Parquet", "", f"{rate:,.0f} rows/s"),
    ]


if __name__ == "__main__":
    print(main())
