"""Clocks: at a rate, standing still, moved; sleepers wake at the right moment of their clock."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import freezegun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.world.clock import Pause, VirtualClock, stopwatch

if TYPE_CHECKING:
    from collections.abc import Coroutine

START = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Timer:
    """Real seconds, as a test says them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return them."""
        return self.seconds


def step(work: Coroutine[Any, Any, None]) -> Pause | None:
    """Run a coroutine until it pauses, and return on what; None when it has ended."""
    try:
        pause: Pause = work.send(None)
    except StopIteration:
        return None
    return pause


@pytest.fixture
def timer() -> Timer:
    """Return the real time of this test."""
    return Timer()


@pytest.mark.parametrize(("rate", "passed"), [(1.0, 10), (60.0, 600), (0.0, 0), (0.5, 5)])
def test_a_clock_runs_at_its_rate(timer: Timer, rate: float, passed: float) -> None:
    """Sixty is a minute a second, zero stands still."""
    clock = VirtualClock(start=START, rate=rate, timer=timer)
    timer.seconds = 10
    assert clock.now() == START + timedelta(seconds=passed)
    assert clock.rate == rate


def test_a_change_of_rate_keeps_the_time_that_has_passed(timer: Timer) -> None:
    """No moment is lived twice and none is skipped."""
    clock = VirtualClock(start=START, rate=60, timer=timer)
    timer.seconds = 1
    clock.freeze()
    timer.seconds = 100
    assert clock.now() == START + MINUTE
    clock.scale(1)
    timer.seconds = 110
    assert clock.now() == START + MINUTE + timedelta(seconds=10)


@pytest.mark.parametrize("rate", [-1, float("nan"), float("inf"), 1_000_001])
def test_a_rate_that_no_clock_can_have_is_refused(rate: float) -> None:
    """Backwards, or too fast to tell moments apart."""
    with pytest.raises(ValueError, match="rate"):
        VirtualClock(rate=rate)
    clock = VirtualClock(start=START, rate=0)
    with pytest.raises(ValueError, match="rate"):
        clock.scale(rate)
    assert clock.now() == START


def test_time_is_told_in_utc_whatever_zone_it_was_set_in(timer: Timer) -> None:
    """One zone inside; others are the reader's."""
    zone = timezone(timedelta(hours=5, minutes=30))
    clock = VirtualClock(start=START.astimezone(zone), rate=0, timer=timer)
    assert clock.now() == START
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.advance_to((START + MINUTE).astimezone(zone)).utcoffset() == timedelta(0)


steps = st.one_of(
    st.tuples(st.just("wait"), st.integers(0, 1000)),
    st.tuples(st.just("scale"), st.integers(0, 1000)),
    st.tuples(st.just("advance"), st.integers(-1000, 1000)),
)


@given(st.lists(steps, max_size=20))
def test_a_clock_never_goes_backwards(done: list[tuple[str, int]]) -> None:
    """Whatever is done to it, and however often."""
    timer = Timer()
    clock = VirtualClock(start=START, rate=1, timer=timer)
    last = clock.now()
    for what, value in done:
        if what == "wait":
            timer.seconds += value
        elif what == "scale":
            clock.scale(value)
        else:
            clock.advance_to(clock.now() + timedelta(seconds=value))
        assert clock.now() >= last
        last = clock.now()


def test_an_earlier_moment_changes_nothing() -> None:
    """`advance_to` is a floor."""
    clock = VirtualClock(start=START, rate=0)
    assert clock.advance_to(START - MINUTE) == START


def test_where_no_loop_runs_a_sleeper_hands_out_a_pause() -> None:
    """Whoever steps the coroutine decides how to wait; the moment tells until when."""
    clock = VirtualClock(start=START, rate=0)
    sleeper = clock.sleep_until(START + MINUTE)
    pause = step(sleeper)
    assert pause is not None
    assert (pause.clock, pause.moment) == (clock, START + MINUTE)
    clock.advance_to(START + MINUTE)
    assert step(sleeper) is None


def test_a_sleeper_sleeps_on_when_it_is_woken_too_early() -> None:
    """A poke or a smaller step does not end its sleep."""
    clock = VirtualClock(start=START, rate=0)
    sleeper = clock.sleep_until(START + MINUTE)
    assert step(sleeper) is not None
    clock.advance_to(START + MINUTE - timedelta(microseconds=1))
    assert step(sleeper) is not None
    clock.advance_to(START + MINUTE)
    assert step(sleeper) is None


@pytest.mark.parametrize("moment", [START, START - MINUTE])
def test_nobody_sleeps_until_a_moment_that_has_come(moment: datetime) -> None:
    """Neither a loop nor a driver is needed then."""
    assert step(VirtualClock(start=START, rate=0).sleep_until(moment)) is None


def test_under_autojump_a_sleeper_moves_the_clock() -> None:
    """Waiting costs nothing, and the time shows."""
    clock = VirtualClock(start=START, rate=0, autojump=True)
    assert step(clock.sleep_until(START + MINUTE)) is None
    assert clock.now() == START + MINUTE


def test_sleepers_of_a_loop_wake_when_the_clock_is_moved() -> None:
    """Each at its own moment, in the order of the moments."""

    async def run() -> list[int]:
        clock = VirtualClock(start=START, rate=0)
        woken: list[int] = []

        async def sleeper(minutes: int) -> None:
            await clock.sleep_until(START + minutes * MINUTE)
            woken.append(minutes)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(sleeper(minutes)) for minutes in (3, 1, 2)]
            for minutes in (1, 2, 3):
                clock.advance_to(START + minutes * MINUTE)
                await asyncio.wait(tasks, return_when="FIRST_COMPLETED")
                tasks = [task for task in tasks if not task.done()]
        return woken

    assert asyncio.run(run()) == [1, 2, 3]


def test_a_sleeper_of_a_loop_wakes_by_itself_when_its_clock_runs() -> None:
    """At a million to one, a quarter of an hour is a millisecond."""

    async def run() -> datetime:
        clock = VirtualClock(start=START, rate=1_000_000)
        await clock.sleep_until(START + 15 * MINUTE)
        return clock.now()

    assert asyncio.run(run()) >= START + 15 * MINUTE


def test_a_cancelled_sleeper_leaves_nothing_behind() -> None:
    """Clients go away all the time; their sleepers must not pile up."""

    async def run() -> int:
        clock = VirtualClock(start=START, rate=0)
        task = asyncio.ensure_future(clock.sleep_until(START + MINUTE))
        await asyncio.wait([task], timeout=0)
        assert len(clock._wakers) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return len(clock._wakers)

    assert asyncio.run(run()) == 0


def test_a_blocked_thread_wakes_when_another_moves_the_clock() -> None:
    """Synchronous clients in threads wait on the same clock."""
    clock = VirtualClock(start=START, rate=0)
    woken = threading.Event()

    def sleep() -> None:
        clock.block_until(START + MINUTE)
        woken.set()

    thread = threading.Thread(target=sleep)
    thread.start()
    clock.advance_to(START + MINUTE / 2)
    assert not woken.is_set()
    clock.advance_to(START + MINUTE)
    thread.join(10)
    assert woken.is_set()
    assert not clock._wakers


def test_a_change_before_the_wait_is_not_missed() -> None:
    """Between looking and waiting somebody may move the clock: the number of changes tells."""
    clock = VirtualClock(start=START, rate=0)
    changes = clock.changes
    clock.poke()
    clock.block(None, changes)  # returns at once, or this test hangs

    async def run() -> None:
        changes = clock.changes
        clock.poke()
        await clock.pause(None, changes)

    asyncio.run(run())


def test_the_stopwatch_runs_while_a_library_has_frozen_time() -> None:
    """What waits for at most so many real seconds must come to an end."""
    with freezegun.freeze_time("2030-01-01"):
        began = stopwatch()
        assert any(stopwatch() > began for _ in range(100_000))
