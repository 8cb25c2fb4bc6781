"""Linked time beside those who hold the calendar."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import freezegun
import pytest
import time_machine

from getimg_mock.patches import restore_late
from getimg_mock.virtual_time.linked_time import Link
from getimg_mock.world.clock import stopwatch, wall_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.virtual_time.clocks import Face


def test_time_machine_moves_by_the_same_steps(face: Face) -> None:
    """Whoever holds the calendar keeps it; what is slept passes there as well."""
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False), Link(face):
        time.sleep(90)
        assert datetime.now(UTC) == datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)
    assert face.passed == 90


def test_freezegun_moves_by_the_same_steps(face: Face) -> None:
    """The same for freezegun, begun before the link or within."""
    with freezegun.freeze_time("2030-01-01"), Link(face):
        time.sleep(90)
        assert datetime.now(UTC) == datetime(2030, 1, 1, 0, 1, 30, tzinfo=UTC)
    with Link(face), freezegun.freeze_time("2030-01-01"):
        time.sleep(30)
        assert time.time() == datetime(2030, 1, 1, 0, 0, 30, tzinfo=UTC).timestamp()
    assert face.passed == 120


def _freeze() -> Any:
    return freezegun.freeze_time("2030-01-01")


def _travel() -> Any:
    return time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False)


def _patch() -> Any:
    return mock.patch.object(time, "time", return_value=0.0)


FUNCTIONS = ("time", "monotonic", "perf_counter", "sleep")


@pytest.mark.parametrize("make", [_freeze, _travel, _patch])
@pytest.mark.parametrize("begins", ["link", "other"])
@pytest.mark.parametrize("ends", ["link", "other"])
def test_time_is_real_after_two_patches_in_any_order(
    face: Face, make: Callable[[], Any], begins: str, ends: str
) -> None:
    """The link or the other library begins first, and either ends first."""
    before = [getattr(time, name) for name in FUNCTIONS]
    link, other = Link(face), make()
    starts = [link.start, getattr(other, "start", None) or other.__enter__]
    stops = [link.stop, other.stop]
    for start in starts if begins == "link" else reversed(starts):
        start()
    for stop in stops if ends == "link" else reversed(stops):
        stop()
    assert abs(datetime.now(UTC) - wall_time()) < timedelta(seconds=10)
    assert abs(time.time() - wall_time().timestamp()) < 10
    began = stopwatch()
    time.sleep(0.001)
    assert stopwatch() - began >= 0.001
    assert face.passed == 0
    with Link(face):
        time.sleep(5)
    assert face.passed == 5
    restore_late()
    assert [getattr(time, name) for name in FUNCTIONS] == before
