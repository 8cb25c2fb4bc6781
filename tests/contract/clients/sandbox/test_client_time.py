"""The time of a client during a case: what is bound, its limits, and what is left afterwards."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import freezegun
import pytest

from getimg_mock.contract.clients.sandbox import client_time
from getimg_mock.contract.clients.sandbox.client_time import START, Abandoned, ClientTime
from getimg_mock.world.clock import stopwatch


def test_dates_follow_the_case() -> None:
    """A client that compares `deletes_at` with `datetime.now()` sees the time of the case."""
    case = ClientTime()
    with case.patch_process():
        assert datetime.now(UTC) == START
        time.sleep(90)
        assert datetime.now(UTC) == START + timedelta(seconds=90)
        assert time.time() == (START + timedelta(seconds=90)).timestamp()
    assert datetime.now(UTC) - START > timedelta(days=1)


def test_a_wall_clock_that_jumps_is_wrong_everywhere_but_in_monotonic_time() -> None:
    """An hour's jump of the wall clock must not end a deadline."""
    case = ClientTime(wall_jumps=((60, 3600),))
    with case.patch_process():
        time.sleep(60)
        assert datetime.now(UTC) == START + timedelta(seconds=3660)
        assert time.time() == (START + timedelta(seconds=3660)).timestamp()
        assert time.monotonic() == time.perf_counter() == 60


def test_dates_that_a_test_has_frozen_move_by_the_same_steps() -> None:
    """Another library that holds the date keeps it."""
    with freezegun.freeze_time("2030-01-01"):
        case = ClientTime()
        with case.patch_process():
            time.sleep(90)
            assert datetime.now(UTC) == datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)


def test_a_case_has_a_limit_and_can_be_interrupted() -> None:
    """The clock stops at either."""
    case = ClientTime(limit=100, interrupt_at=30)
    with case.patch_process():
        with pytest.raises(KeyboardInterrupt):
            time.sleep(50)
        assert case.seconds() == 30
        with pytest.raises(Abandoned, match="100 s"):
            time.sleep(80)
        assert case.seconds() == 100


def test_an_interruption_between_two_calls_ends_nothing() -> None:
    """The call that it was for has ended before: the run goes on."""
    case = ClientTime(interrupt_at=10)
    case.pass_between_calls(60)
    case.advance(1)
    assert case.seconds() == 61


def test_an_event_of_another_thread_ends_a_wait_at_its_moment() -> None:
    """A wait for a free connection does not last as long as it might."""
    case, free = ClientTime(), threading.Event()
    case.participants = 2
    ended: list[tuple[bool, float]] = []

    def wait() -> None:
        ended.append((free.wait(100), case.seconds()))
        case.leave()

    with case.patch_process():
        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(20)
        free.set()
        case.leave()
        waiting.join(5)
    assert [(woken, round(at)) for woken, at in ended] == [(True, 20)]


def test_events_wait_on_the_clock() -> None:
    """Cancellable clients wait for an event between two polls."""
    case = ClientTime()
    began = stopwatch()
    with case.patch_process():
        assert not threading.Event().wait(600)
    assert case.seconds() == 600
    assert stopwatch() - began < 10


def test_loops_of_the_client_itself_are_bound() -> None:
    """A client that is called synchronously may run a loop of its own inside."""
    case = ClientTime()
    began = stopwatch()
    with case.patch_process():
        asyncio.run(asyncio.sleep(600))
    assert case.seconds() == pytest.approx(600)
    assert stopwatch() - began < 10


def test_a_loop_in_a_thread_moves_the_clock_while_the_case_waits_for_it() -> None:
    """The way of synchronous clients around an asynchronous one."""
    case = ClientTime()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    began = stopwatch()
    with case.patch_process():
        thread.start()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(600), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
    loop.close()
    assert case.seconds() == pytest.approx(600)
    assert stopwatch() - began < 10


def test_a_loop_in_a_thread_does_not_use_up_the_time_of_a_case_at_work() -> None:
    """A heartbeat every second must not make hours pass while the client computes."""
    case = ClientTime()
    loop = asyncio.new_event_loop()

    async def beat() -> None:
        while True:  # noqa: ASYNC110 - a heartbeat
            await asyncio.sleep(1)

    def work() -> None:
        beating = loop.create_task(beat())
        loop.run_forever()
        beating.cancel()
        loop.run_until_complete(asyncio.gather(beating, return_exceptions=True))

    thread = threading.Thread(target=work)
    with case.patch_process():
        thread.start()
        until = stopwatch() + 0.3
        while stopwatch() < until:
            sum(range(1000))
        passed = case.seconds()
        loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert passed == 0


def test_a_loop_without_timers_and_input_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a client that awaits what never comes would take all of its real time."""
    monkeypatch.setattr("getimg_mock.contract.clients.sandbox.client_time._STUCK_SECONDS", 0.05)
    case = ClientTime()

    async def wait() -> None:
        await asyncio.Event().wait()

    with case.patch_process(), pytest.raises(Abandoned, match="never happen"):
        case.run(wait())


def test_threads_go_on_in_the_order_of_their_moments() -> None:
    """Calls that are made together share the clock of the case."""
    case = ClientTime()
    case.participants = 2
    log: list[tuple[str, float]] = []

    def work(name: str, seconds: float) -> None:
        for _ in range(2):
            time.sleep(seconds)
            log.append((name, round(case.seconds())))
        case.leave()

    with case.patch_process(), ThreadPoolExecutor(2) as pool:
        list(pool.map(work, "ab", (5, 3)))
    assert log == [("b", 3), ("a", 5), ("b", 6), ("a", 10)]


def test_a_thread_that_ticks_does_not_use_up_the_time_of_a_case_at_work() -> None:
    """A heartbeat waits half a second again and again; the clock stands while the case works."""
    case, over, ticks = ClientTime(), threading.Event(), []

    def beat() -> None:
        while not over.wait(0.5):
            ticks.append(time.monotonic())

    with case.patch_process():
        helper = threading.Thread(target=beat)
        helper.start()
        work_for(0.05)
        assert case.seconds() < 2
        over.set()
        helper.join()
        time.sleep(60)
        assert case.seconds() < 63


def test_a_timeout_for_another_thread_waits_until_that_one_has_worked() -> None:
    """`Event.wait(30)` returns when the work is done, and not after 30 seconds of the clock."""
    case, done = ClientTime(), threading.Event()

    def work() -> None:
        work_for(0.02)
        time.sleep(5)
        done.set()

    with case.patch_process():
        threading.Thread(target=work).start()
        assert done.wait(30)
        assert 5 <= case.seconds() < 6


def test_a_timeout_for_another_thread_comes_first_where_it_is_due_first() -> None:
    """A deadline that a helper's wait exceeds ends the wait of the case at that moment."""
    case, done = ClientTime(), threading.Event()
    with case.patch_process():
        helper = threading.Thread(target=time.sleep, args=(50,), daemon=True)
        helper.start()
        assert not done.wait(2)
        assert case.seconds() == pytest.approx(2, abs=0.01)
        helper.join()
        assert case.seconds() == pytest.approx(50, abs=0.1)


def test_a_job_in_a_thread_ends_before_a_timer_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, `asyncio.wait_for` does not run out while the job works."""
    monkeypatch.setattr(client_time, "_GRACE", 0.0001)
    case = ClientTime()

    async def limited() -> None:
        await asyncio.wait_for(asyncio.to_thread(work_for, 0.03), 120)

    with case.patch_process():
        case.run(limited())
    assert case.seconds() < 1


def test_a_thread_that_is_left_behind_ends_with_its_case() -> None:
    """It would go on in real time, with a real network."""
    case, ended = ClientTime(), threading.Event()

    def wait() -> None:
        try:
            time.sleep(10**5)
        except SystemExit:
            ended.set()

    with case.patch_process():
        threading.Thread(target=wait, daemon=True).start()
        time.sleep(1)
    assert ended.wait(5)


def work_for(seconds: float) -> None:
    """Keep a processor busy for so many real seconds."""
    until = stopwatch() + seconds
    while stopwatch() < until:
        pass
