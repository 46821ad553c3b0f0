"""An event loop in a thread of its own, so that a plain generator can have many things under way."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from queue import SimpleQueue
from typing import Any, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


class Background:
    """Close it to end the thread."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Made]) -> Made:
        """Wait for one thing."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def unordered(
        self,
        items: Iterable[Given],
        work: Callable[[Given], Coroutine[Any, Any, Made]],
        *,
        held: int,
        may_start: Callable[[int], bool],
    ) -> Iterator[Made]:
        """Results as they come. At most `held` items are out, that is taken and their results not given yet.

        `may_start(n)` says whether one more may begin beside n that are out; when it says no to n = 0, the rest is not
        taken. An exception of one ends it, and like closing the iterator cancels the others, before either returns.
        """
        tasks: set[asyncio.Task[Made]] = set()  # used in the loop's thread only
        done: SimpleQueue[tuple[Made | None, BaseException | None]] = SimpleQueue()

        def begin(batch: list[Given]) -> None:
            for item in batch:
                task = self._loop.create_task(work(item))
                tasks.add(task)
                task.add_done_callback(finish)

        def finish(task: asyncio.Task[Made]) -> None:
            tasks.discard(task)
            if not task.cancelled():
                error = task.exception()
                done.put((None, error) if error else (task.result(), None))

        waiting: Iterator[Given] | None = iter(items)
        out = 0
        refill = held - max(1, held // 4)  # many at a time: each hand-over wakes the other thread
        try:
            while True:
                if waiting is not None and out <= refill:
                    batch: list[Given] = []
                    while out + len(batch) < held and may_start(out + len(batch)):
                        try:
                            batch.append(next(waiting))
                        except StopIteration:
                            waiting = None
                            break
                    if batch:
                        self._loop.call_soon_threadsafe(begin, batch)
                        out += len(batch)
                if not out:
                    return
                result, error = done.get()
                out -= 1
                if error is not None:
                    raise error
                yield result  # type: ignore[misc]
        finally:
            if out and not self._loop.is_closed() and not sys.is_finalizing():
                self.run(_cancelled(tasks))

    def close(self, last: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Cancel what is under way, do a last thing, end the thread. A second call does nothing."""
        if self._loop.is_closed():
            return

        async def end() -> None:
            await _cancelled(asyncio.all_tasks() - {asyncio.current_task()})  # type: ignore[arg-type]
            await last()
            await self._loop.shutdown_default_executor()  # its threads looked up names

        self.run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    rest = list(tasks)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
