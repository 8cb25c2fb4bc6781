"""Threads for work that waits on the API."""

from __future__ import annotations

import asyncio
import threading

import pytest

from getimg_mock.contract.cassette_recording.request_threads import RequestThreads


def test_results_and_errors_are_those_of_the_work() -> None:
    """An error is raised where the result is awaited, and ends no thread."""
    threads: RequestThreads[float] = RequestThreads(1)

    async def run() -> list[float]:
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 / 0)
        return [await threads.run(pow, 2, number) for number in range(3)]

    assert asyncio.run(run()) == [1, 2, 4]
    threads.close()


@pytest.mark.parametrize(("limit", "most"), [(3, 3), (8, 5)])
def test_as_much_work_is_done_at_once_as_there_is_up_to_a_limit(limit: int, most: int) -> None:
    """A client that sends five requests at once is not served one after the other."""
    threads: RequestThreads[None] = RequestThreads(limit)
    together, seen, lock = threading.Barrier(most), [0, 0], threading.Lock()

    def work(number: int) -> None:
        with lock:
            seen[0] += 1
            seen[1] = max(seen)
        if number < most:
            together.wait(30)
        with lock:
            seen[0] -= 1

    async def run() -> None:
        await asyncio.gather(*[threads.run(work, number) for number in range(5)])

    asyncio.run(run())
    assert most <= seen[1] <= limit
    threads.close()


def test_closing_waits_for_what_is_under_way() -> None:
    """Also where the client has gone: what was sent may have been charged, and is recorded."""
    threads: RequestThreads[None] = RequestThreads(2)
    go_on, done = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait(30)
        done.set()

    async def run() -> None:
        task = asyncio.ensure_future(threads.run(work))
        await asyncio.wait({task}, timeout=0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    go_on.set()
    threads.close()
    assert done.is_set()
