"""Threads in linked time: who wakes next, and when time may jump."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from getimg_mock.virtual_time.linked_time import Link
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from tests.virtual_time.clocks import Face, Log


def test_threads_wake_in_the_order_of_their_moments(face: Face, link: Link) -> None:
    """Time passes once for all threads: three that sleep five seconds take five, not fifteen."""
    del link
    log: Log = []

    def sleeper(name: str, seconds: float) -> None:
        for _ in range(3):
            time.sleep(seconds)
            log.append((name, face.passed))

    threads = [
        threading.Thread(target=sleeper, args=each) for each in (("a", 5), ("b", 3), ("c", 7))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each[0] for each in log] == ["b", "a", "b", "c", "b", "a", "c", "a", "c"]
    assert [each[1] for each in log] == [3, 5, 6, 7, 9, 10, 14, 15, 21]


def test_a_pool_of_threads_sleeps_side_by_side(face: Face, link: Link) -> None:
    """Ten polls in four threads: the clock shows what four workers would really take."""
    del link
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(time.sleep, [10] * 8))
    assert face.passed == 20


def test_a_thread_at_work_holds_the_clock(face: Face, link: Link) -> None:
    """Nobody's sleep may end before another thread has done what it does at this moment."""
    del link
    seen: list[float] = []
    told: queue.Queue[None] = queue.Queue()

    def worker() -> None:
        told.put(None)
        until = stopwatch() + 0.1
        while stopwatch() < until:
            sum(range(1000))
        seen.append(face.passed)

    thread = threading.Thread(target=worker)
    thread.start()
    told.get()
    time.sleep(60)
    thread.join()
    assert (seen, face.passed) == ([0], 60)


def test_a_thread_from_before_lives_in_real_time(face: Face) -> None:
    """A server's thread must not be hurried, nor hold anybody up."""
    went: queue.Queue[float] = queue.Queue()
    go = threading.Event()

    def work() -> None:
        go.wait()
        before = time.monotonic()
        time.sleep(0.02)
        went.put(time.monotonic() - before)

    thread = threading.Thread(target=work)
    thread.start()
    with Link(face):
        go.set()
        assert 0.01 < went.get() < 30
        time.sleep(600)
    thread.join()
    assert face.passed == 600


def test_a_wait_of_a_thread_keeps_real_time(face: Face, link: Link) -> None:
    """Event.wait, Condition.wait and Queue.get are not bound: watchdogs use them."""
    began = stopwatch()
    assert not threading.Event().wait(0.02)
    assert stopwatch() - began >= 0.02
    assert (face.passed, link.jumps) == (0, 0)
