"""Linked time beside those who hold the calendar."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import freezegun
import time_machine

from getimg_mock.virtual_time.linked_time import Link

if TYPE_CHECKING:
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
