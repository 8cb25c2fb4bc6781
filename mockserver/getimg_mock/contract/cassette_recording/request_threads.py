"""Threads for work that waits on the API, called from an event loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _Job(NamedTuple):
    work: Callable[..., Any]
    given: tuple[Any, ...]
    future: asyncio.Future[Any]


@dataclass(slots=True)
class RequestThreads(Generic[T]):
    """At most `limit` threads, which one event loop hands work to.

    The executor of `concurrent.futures` passes a result through two futures with a lock and a
    condition each, which takes a tenth of the time of a forwarded request.
    """

    limit: int
    _under_way: int = 0
    _threads: list[threading.Thread] = field(default_factory=list)
    _queue: SimpleQueue[_Job | None] = field(default_factory=SimpleQueue)

    async def run(self, work: Callable[..., T], *given: object) -> T:
        """Return what `work` returns, or raise what it raises; it waits where all are busy."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._under_way += 1
        try:
            self._queue.put(_Job(work, given, future))
            if len(self._threads) < min(self._under_way, self.limit):
                self._start()
            return await future
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Wait for all work that is under way."""
        for _ in self._threads:
            self._queue.put(None)
        for each in self._threads:
            each.join()
        self._threads.clear()

    def _start(self) -> None:
        name = f"getimg-mock-record_{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            result, error = None, None
            try:
                result = job.work(*job.given)
            except BaseException as raised:  # noqa: BLE001 - the loop raises it where it is awaited
                error = raised
            with suppress(RuntimeError):  # the loop has ended: nothing waits for the result
                job.future.get_loop().call_soon_threadsafe(_settle, job.future, result, error)


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():  # cancelled: the client has gone
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
