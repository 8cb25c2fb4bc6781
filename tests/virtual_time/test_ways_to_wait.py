"""Each way to wait in linked time, as the table in docs/time.md has it: none hangs, none spins.

A way is bound (it takes the clock's time), or real (it takes real time, and the clock stays).
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import multiprocessing
import os
import queue
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import httpx
import pytest
import trio
import uvicorn

from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from getimg_mock.virtual_time.linked_time import Link
    from tests.virtual_time.clocks import Face

WAYS: dict[str, tuple[Callable[[], object], float]] = {}
"""The ways, each with how far the clock may move at most."""
CHILD = [sys.executable, "-c", "import time; time.sleep(0.3)"]
SHORT = 0.1


def way(name: str, most: float = 0.0) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Declare a way to wait."""

    def declare(wait: Callable[[], object]) -> Callable[[], object]:
        WAYS[name] = (wait, most)
        return wait

    return declare


def run_beside_ticks(wait: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine in a loop where another task wakes every 0.1 s, as a server's does."""

    async def tick() -> None:
        while True:  # noqa: ASYNC110 - as a server does
            await asyncio.sleep(0.1)

    async def main() -> Any:
        ticks = asyncio.ensure_future(tick())
        try:
            return await asyncio.wait_for(wait(), 30)
        finally:
            ticks.cancel()

    return asyncio.run(main())


def wait_beside_a_ticking_thread(wait: Callable[[], object]) -> None:
    """Wait while another thread of the test sleeps 0.1 s again and again."""
    over = threading.Event()

    def tick() -> None:
        while not over.is_set():
            time.sleep(0.1)

    thread = threading.Thread(target=tick)
    thread.start()
    wait()
    over.set()
    thread.join()


def expect_timeout(error: type[BaseException], wait: Callable[[], object]) -> None:
    """Wait for something that does not come."""
    with pytest.raises(error):
        wait()


@way("time.sleep", 60)
def _sleep() -> None:
    time.sleep(60)


@way("asyncio.sleep", 60)
def _asyncio_sleep() -> None:
    asyncio.run(asyncio.sleep(60))


@way("trio.sleep", 60)
def _trio_sleep() -> None:
    trio.run(trio.sleep, 60)


@way("anyio.sleep", 60)
def _anyio_sleep() -> None:
    anyio.run(anyio.sleep, 60)


@way("threading.Event.wait")
def _event() -> None:
    assert not threading.Event().wait(SHORT)


@way("threading.Condition.wait")
def _condition() -> None:
    condition = threading.Condition()
    with condition:
        assert not condition.wait(SHORT)
        assert not condition.wait_for(bool, SHORT)


@way("threading.Lock.acquire")
def _lock() -> None:
    lock = threading.Lock()
    assert lock.acquire(timeout=SHORT)
    assert not lock.acquire(timeout=SHORT)


@way("threading.Semaphore.acquire")
def _semaphore() -> None:
    assert not threading.Semaphore(0).acquire(timeout=SHORT)


@way("threading.Barrier.wait")
def _barrier() -> None:
    expect_timeout(threading.BrokenBarrierError, lambda: threading.Barrier(2).wait(SHORT))


@way("threading.Thread.join")
def _join() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    thread.join(SHORT)
    assert thread.is_alive()
    over.set()
    thread.join()


@way("queue.Queue.get")
def _queue() -> None:
    expect_timeout(queue.Empty, lambda: queue.Queue[int]().get(timeout=SHORT))
    expect_timeout(queue.Empty, lambda: queue.SimpleQueue[int]().get(timeout=SHORT))


@way("select, selectors")
def _select() -> None:
    left, right = socket.socketpair()
    with left, right, selectors.DefaultSelector() as selector:
        assert select.select([left], [], [], SHORT) == ([], [], [])
        selector.register(left, selectors.EVENT_READ)
        assert selector.select(SHORT) == []


@way("socket timeouts")
def _socket() -> None:
    left, right = socket.socketpair()
    left.settimeout(SHORT)
    with left, right:
        expect_timeout(TimeoutError, lambda: left.recv(1))


@way("subprocess.Popen.wait")
def _popen_wait() -> None:
    with subprocess.Popen(CHILD) as child:  # noqa: S603 - ours
        expect_timeout(subprocess.TimeoutExpired, lambda: child.wait(SHORT))
        assert child.wait(30) == 0


@way("subprocess.run, communicate")
def _communicate() -> None:
    done = subprocess.run(CHILD, capture_output=True, timeout=30, check=True)  # noqa: S603 - ours
    assert done.stdout == b""


@way("Popen.poll with time.sleep", 5)
def _popen_poll() -> None:
    with subprocess.Popen(CHILD) as child:  # noqa: S603 - ours
        while child.poll() is None:
            time.sleep(0.1)


@way("os.system beside ticks", 5)
def _system() -> None:
    wait_beside_a_ticking_thread(lambda: os.system("sleep 0.3"))  # noqa: S605, S607 - ours


@way("Event.wait beside ticks", 20)
def _event_beside_ticks() -> None:
    wait_beside_a_ticking_thread(lambda: threading.Event().wait(0.5))


@way("multiprocessing.Process.join")
def _process() -> None:
    process = multiprocessing.get_context("fork").Process(target=os.getpid)
    process.start()
    process.join(30)
    assert process.exitcode == 0


@way("multiprocessing.Queue.get")
def _process_queue() -> None:
    expect_timeout(queue.Empty, lambda: multiprocessing.Queue().get(timeout=SHORT))


@way("multiprocessing.Pool")
def _process_pool() -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(abs, (-7,)).get(30) == 7


@way("concurrent.futures.wait")
def _futures_wait() -> None:
    future = concurrent.futures.Future[int]()
    assert concurrent.futures.wait([future], timeout=SHORT).not_done


@way("concurrent.futures.as_completed")
def _as_completed() -> None:
    future = concurrent.futures.Future[int]()
    expect_timeout(
        TimeoutError, lambda: list(concurrent.futures.as_completed([future], timeout=SHORT))
    )


@way("Future.result")
def _future() -> None:
    future = concurrent.futures.Future[int]()
    expect_timeout(TimeoutError, lambda: future.result(SHORT))


@way("Future.result of a thread that sleeps", 60)
def _future_of_a_sleeper() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(time.sleep, [5] * 12, timeout=30))


@way("asyncio.wait_for, timeout", 50)
def _wait_for() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 20)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(20):
                await asyncio.Queue[int]().get()
        await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=10)

    asyncio.run(main())


@way("asyncio subprocess beside ticks", 5)
def _asyncio_child() -> None:
    async def wait() -> int:
        child = await asyncio.create_subprocess_exec(*CHILD, stdout=subprocess.PIPE)
        await child.communicate()
        return await child.wait()

    assert run_beside_ticks(wait) == 0


@way("asyncio.to_thread beside ticks", 5)
def _to_thread() -> None:
    async def wait() -> Any:
        return await asyncio.to_thread(subprocess.run, CHILD, check=True)

    assert run_beside_ticks(wait).returncode == 0


@way("run_in_executor with processes", 5)
def _executor() -> None:
    async def wait() -> int:
        with concurrent.futures.ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("fork")
        ) as pool:
            return await asyncio.get_running_loop().run_in_executor(pool, abs, -7)

    assert run_beside_ticks(wait) == 7


@way("anyio, trio: run_process")
def _trio_child() -> None:
    async def wait() -> None:
        with anyio.fail_after(30):
            await anyio.run_process(CHILD)

    anyio.run(wait, backend="asyncio")
    anyio.run(wait, backend="trio")


@way("signal.setitimer, sigtimedwait")
def _signals() -> None:
    came = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: came.set())
    try:
        signal.setitimer(signal.ITIMER_REAL, SHORT)
        assert came.wait(30)
    finally:
        signal.signal(signal.SIGALRM, before)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    assert signal.sigtimedwait([signal.SIGUSR1], SHORT) is None
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])


@way("asynchronous client, service that answers late")
def _late_service() -> None:
    async def ask(address: str) -> str:
        async with httpx.AsyncClient(timeout=30) as client:
            return (await client.get(address)).text

    with serve_late() as address:
        for backend in ("asyncio", "trio"):
            assert anyio.run(ask, address, backend=backend) == "ok"
        assert httpx.get(address, timeout=30).text == "ok"


@way("asynchronous client, service that never answers", 2)
def _silent_service() -> None:
    async def ask(address: str) -> None:
        async with httpx.AsyncClient(timeout=0.5) as client:
            with pytest.raises(httpx.TimeoutException):
                await client.get(address)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        for backend in ("asyncio", "trio"):
            anyio.run(ask, f"http://127.0.0.1:{listener.getsockname()[1]}", backend=backend)


@way("aiohttp client, service that answers late")
def _late_service_for_aiohttp() -> None:
    async def ask(address: str) -> str:
        limit = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=limit) as client, client.get(address) as answer:
            return await answer.text()

    with serve_late() as address:
        for _ in range(3):
            assert asyncio.run(ask(address)) == "ok"


@way("aiohttp client, service that never answers", 2)
def _silent_service_for_aiohttp() -> None:
    async def ask(address: str) -> None:
        limit = aiohttp.ClientTimeout(total=0.5)
        async with aiohttp.ClientSession(timeout=limit) as client:
            with pytest.raises(asyncio.TimeoutError):
                await client.get(address)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        asyncio.run(ask(f"http://127.0.0.1:{listener.getsockname()[1]}"))


@way("uvicorn in a thread, idle", 20)
def _idle_uvicorn() -> None:
    with serve_by_uvicorn():
        threading.Event().wait(SHORT * 3)


@way("uvicorn in a thread, handler that sleeps", 90)
def _sleeping_handler() -> None:
    with serve_by_uvicorn() as address:
        assert httpx.get(f"{address}/60", timeout=30).text == "ok"


class serve_by_uvicorn:  # noqa: N801 - used as a function
    """Serve an application whose handler sleeps as many seconds as the path says."""

    def __enter__(self) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            self.answer, interface="asgi3", log_level="warning", lifespan="off", loop="asyncio"
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([listener],))
        self.thread.start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    async def answer(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answer one request."""
        await asyncio.sleep(float(scope["path"].lstrip("/")))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(30)


class serve_late:  # noqa: N801 - used as a function
    """Answer requests after a tenth of a second, in a thread."""

    def __enter__(self) -> str:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.answer)
        self.thread.start()
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def answer(self) -> None:
        """Answer three requests."""
        for _ in range(3):
            connection, _address = self.listener.accept()
            with connection:
                connection.recv(65536)
                threading.Event().wait(SHORT)
                head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
                connection.sendall(head + b"ok")

    def __exit__(self, *_: object) -> None:
        self.thread.join(30)
        self.listener.close()


@pytest.mark.parametrize("name", WAYS)
def test_a_wait_ends_and_the_clock_does_not_run_away(face: Face, link: Link, name: str) -> None:
    """Real work takes real time, whatever else ticks; a sleep takes the clock's."""
    del link
    wait, most = WAYS[name]
    began = stopwatch()
    wait()
    assert stopwatch() - began < 25
    assert face.passed <= most + 0.001


def test_the_table_has_every_way() -> None:
    """What is tested is documented."""
    text = Path("docs/time.md").read_text("utf-8")
    assert [name for name in WAYS if f"| {name} |" not in text] == []
