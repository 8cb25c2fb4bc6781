"""Linked time: whoever sleeps moves the clock, and nobody waits."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from time import monotonic, perf_counter_ns
from time import sleep as snooze

import pytest

from getimg_mock.patches import restore_late
from getimg_mock.virtual_time.linked_time import Link, TimeLinkError
from getimg_mock.world.clock import VirtualClock, stopwatch
from tests.virtual_time.clocks import START, Face

# Real names, taken before anything is bound.
REAL = {name: getattr(time, name) for name in ("sleep", "time", "monotonic", "perf_counter")}


def test_sleeping_moves_the_clock(face: Face, link: Link) -> None:
    """A client that sleeps five seconds finds five seconds gone."""
    time.sleep(5)
    snooze(0.25)
    assert face.passed == 5.25
    assert (link.jumps, link.slept) == (2, 5.25)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("monotonic", 1),
        ("perf_counter", 1),
        ("time", 1),
        ("monotonic_ns", 1e9),
        ("perf_counter_ns", 1e9),
        ("time_ns", 1e9),
    ],
)
def test_every_clock_of_the_process_agrees(face: Face, link: Link, name: str, unit: float) -> None:
    """Deadlines are kept on any of these; one that stayed behind would never come."""
    del link
    before = getattr(time, name)()
    time.sleep(100)
    face.clock.advance_to(face.clock.now() + timedelta(seconds=20))
    assert getattr(time, name)() - before == pytest.approx(120 * unit)


def test_functions_imported_by_name_are_bound_too(face: Face, link: Link) -> None:
    """Half of all programs write `from time import sleep`."""
    del link
    before, before_ns = monotonic(), perf_counter_ns()
    snooze(100)
    assert monotonic() - before == pytest.approx(100)
    assert face.passed == 100
    assert perf_counter_ns() - before_ns == pytest.approx(100e9)


def test_the_time_of_day_is_the_workspaces(face: Face, link: Link) -> None:
    """A link's deletes_at is compared with the time of day."""
    del link
    time.sleep(60)
    assert time.time() == face.clock.now().timestamp()
    assert datetime.now(UTC) == START + timedelta(minutes=1)


def test_afterwards_everything_is_real_again(face: Face) -> None:
    """The next test must not inherit anything."""
    with Link(face):
        assert time.sleep is not REAL["sleep"]
    assert {name: getattr(time, name) for name in REAL} == REAL
    assert snooze is REAL["sleep"]
    assert datetime.now(UTC) - START > timedelta(days=1)


def test_what_another_put_in_place_is_put_back(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test may have replaced time.sleep before it links its time."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with Link(face):
        time.sleep(3)
    time.sleep(4)
    assert (face.passed, slept) == (3, [4])


def test_sleeping_no_time_moves_nothing(face: Face, link: Link) -> None:
    """sleep(0) lets other threads run, and that is all."""
    time.sleep(0)
    assert (face.passed, link.jumps) == (0, 0)


@pytest.mark.parametrize("wrong", [-1, -0.001])
def test_sleeping_backwards_is_an_error(link: Link, wrong: float) -> None:
    """What the real function refuses is refused."""
    del link
    with pytest.raises(ValueError, match="non-negative"):
        time.sleep(wrong)


def test_a_reset_does_not_turn_time_back(face: Face, link: Link) -> None:
    """Monotonic is monotonic, even when the workspace begins again."""
    del link
    before = time.monotonic()
    time.sleep(100)
    face.clock = VirtualClock(start=START, rate=0)
    time.sleep(10)
    assert time.monotonic() - before == pytest.approx(110)
    assert face.passed == 10


def test_one_link_at_a_time(face: Face, link: Link) -> None:
    """What is replaced belongs to the process: two clocks would fight over it."""
    del link
    with pytest.raises(TimeLinkError, match="bound to a clock already"):
        Link(face).start()


def test_a_running_clock_jumps_too(face: Face) -> None:
    """Linked to a clock that runs, sleeping is a jump and the rest of the time is real."""
    face.clock.scale(1)
    with Link(face):
        time.sleep(600)
        assert 600 <= face.passed < 660


def test_the_time_zone_stays_where_it_is(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    """Local times in the code under test are those of the machine."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with Link(face):
            assert time.tzname == ("JST", "JST")
            assert time.localtime().tm_hour == 21
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_a_link_has_replaced_is_real_after_its_end(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`monkeypatch` puts back after the link what it found during the link."""
    with Link(face) as link:
        monkeypatch.setattr(time, "sleep", lambda _: None)
        monkeypatch.setattr(time, "monotonic", lambda: 1.0)
    monkeypatch.undo()
    before = REAL["monotonic"]()
    time.sleep(0.02)
    link.sleep(0.02)
    assert time.monotonic() - before >= 0.04
    assert (face.passed, link.jumps) == (0, 0)
    with Link(face):
        time.sleep(600)
    assert face.passed == 600
    restore_late()
    assert {name: getattr(time, name) for name in REAL} == REAL


def test_a_sleep_that_outlasts_the_link_goes_on_in_real_time(face: Face) -> None:
    """A thread that is left behind must neither move the clock nor hang."""
    took: list[float] = []

    def sleep() -> None:
        began = stopwatch()
        time.sleep(0.2)
        took.append(stopwatch() - began)

    with Link(face, at_work=lambda: True) as link:
        thread = threading.Thread(target=sleep)
        thread.start()
        while not link._sleepers._asleep:
            REAL["sleep"](0.001)
    thread.join(30)
    assert 0.2 <= took[0] < 30
    assert face.passed == 0


def test_a_thread_that_inherits_a_number_shares_the_clock(face: Face) -> None:
    """Systems give the number of a thread from before to one that is started later."""
    leave = threading.Event()
    early = threading.Thread(target=leave.wait)
    early.start()
    with Link(face):
        leave.set()
        early.join()
        late = threading.Thread(target=time.sleep, args=(600,))
        late.start()
        late.join(30)
        assert not late.is_alive()
    assert face.passed == 600
