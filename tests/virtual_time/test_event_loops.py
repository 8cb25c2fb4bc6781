"""Event loops in linked time: asyncio's, trio's, and anyio on either."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import anyio
import pytest
import trio
import uvloop

from getimg_mock.virtual_time.event_loops import LoopError
from getimg_mock.virtual_time.linked_time import Link
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from tests.virtual_time.clocks import Face, Log

POLLS = 121


def test_sleepers_of_asyncio_wake_in_order(face: Face, link: Link) -> None:
    """Timers fire at their moments, whoever set them, and at one moment in their order."""
    log: Log = []

    async def sleeper(name: str, seconds: float) -> None:
        for _ in range(3):
            await asyncio.sleep(seconds)
            log.append((name, face.passed))

    async def main() -> None:
        await asyncio.gather(sleeper("a", 5), sleeper("b", 3), sleeper("c", 7))

    asyncio.run(main())
    assert [each[0] for each in log] == ["b", "a", "b", "c", "b", "a", "c", "a", "c"]
    assert [each[1] for each in log] == pytest.approx([3, 5, 6, 7, 9, 10, 14, 15, 21])
    assert link.jumps == 9


def test_timeouts_of_asyncio_run_out_on_the_clock(face: Face, link: Link) -> None:
    """A timeout is a timer like any other."""
    del link

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 50)

    asyncio.run(main())
    assert face.passed == pytest.approx(350)


def test_a_loop_that_runs_already_is_bound(face: Face) -> None:
    """Asynchronous tests are inside of a loop when they link their time."""

    async def main() -> float:
        began = stopwatch()
        with Link(face):
            await asyncio.sleep(600)
        await asyncio.sleep(0.01)
        return stopwatch() - began

    assert 0.01 <= asyncio.run(main()) < 30
    assert face.passed == pytest.approx(600)


def test_work_in_a_thread_is_not_jumped_over(face: Face, link: Link) -> None:
    """A timeout must not run out while a thread is at work on what is waited for."""
    del link

    def work() -> int:
        until = stopwatch() + 0.2
        while stopwatch() < until:
            sum(range(1000))
        return 7

    async def main() -> int:
        return await asyncio.wait_for(asyncio.to_thread(work), timeout=30)

    assert asyncio.run(main()) == 7
    assert face.passed == 0


def test_a_thread_may_sleep_for_a_loop(face: Face, link: Link) -> None:
    """A loop that waits for a thread, and the thread that sleeps, are on one clock."""
    del link
    log: Log = []

    def sleep_and_note(name: str, seconds: float) -> None:
        time.sleep(seconds)
        log.append((name, face.passed))

    async def main() -> None:
        async def inside() -> None:
            await asyncio.sleep(15)
            log.append(("loop", face.passed))

        await asyncio.gather(
            asyncio.to_thread(sleep_and_note, "long", 20),
            inside(),
            asyncio.to_thread(sleep_and_note, "short", 10),
        )

    asyncio.run(main())
    assert log == [("short", 10), ("loop", pytest.approx(15)), ("long", 20)]


def test_a_loop_with_its_own_timers_says_that_it_cannot(face: Face) -> None:
    """Uvloop's timers are out of reach; silence would be a test that takes ten minutes."""

    async def main() -> None:
        with pytest.raises(LoopError, match=r"uvloop\.Loop cannot be bound"):
            Link(face).start()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    with Link(face):  # nothing is left of the attempt
        time.sleep(1)


def test_input_comes_before_the_next_timer(face: Face, link: Link) -> None:
    """Bytes on their way through a socket must not lose against a timer far away."""
    del link

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    async def main() -> bytes:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server, asyncio.timeout(300):
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return line

    assert asyncio.run(main()) == b"HELLO\n"
    assert face.passed == 0


def test_sleepers_of_trio_wake_in_order(face: Face, link: Link) -> None:
    """Trio's deadlines are reached in their order, and at their moments."""
    log: Log = []

    async def sleeper(name: str, seconds: float) -> None:
        for _ in range(3):
            await trio.sleep(seconds)
            log.append((name, face.passed))

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for name, seconds in (("a", 5), ("b", 3), ("c", 7)):
                nursery.start_soon(sleeper, name, seconds)

    trio.run(main)
    assert [each[0] for each in log] == ["b", "a", "b", "c", "b", "a", "c", "a", "c"]
    assert [each[1] for each in log] == pytest.approx([3, 5, 6, 7, 9, 10, 14, 15, 21])
    assert link.jumps == 9


def test_timeouts_of_trio_run_out_on_the_clock(face: Face, link: Link) -> None:
    """A cancel scope's deadline is a moment of the clock."""
    del link

    async def main() -> None:
        with trio.move_on_after(300) as scope:
            await trio.sleep_forever()
        assert scope.cancelled_caught

    trio.run(main)
    assert face.passed == pytest.approx(300)


def test_a_thread_that_trio_kept_from_before_lives_in_linked_time(face: Face) -> None:
    """Trio keeps threads for later; one that an earlier test has used is not that test's own."""

    async def slept(seconds: float) -> None:
        with trio.fail_after(60):
            await trio.to_thread.run_sync(time.sleep, seconds)

    trio.run(slept, 0)
    with Link(face):
        trio.run(slept, 50)
    assert face.passed == pytest.approx(50)


def test_a_thread_may_sleep_for_trio(face: Face, link: Link) -> None:
    """Trio waits for a thread without a deadline; the thread's sleep moves the clock."""
    del link

    async def main() -> None:
        with trio.fail_after(60):
            await trio.to_thread.run_sync(time.sleep, 50)

    trio.run(main)
    assert face.passed == pytest.approx(50)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio_is_bound_with_either_backend(face: Face, link: Link, backend: str) -> None:
    """The SDK's asynchronous back-off sleeps by anyio."""
    del link

    async def main() -> None:
        with anyio.move_on_after(1000):
            for _ in range(POLLS):
                await anyio.sleep(5)
        with anyio.move_on_after(7):
            await anyio.sleep_forever()

    anyio.run(main, backend=backend)
    assert face.passed == pytest.approx(5 * POLLS + 7)
