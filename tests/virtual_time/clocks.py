"""A clock that stands still, for tests to bind their time to."""

from __future__ import annotations

from datetime import UTC, datetime

from getimg_mock.world.clock import VirtualClock

START = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)

Log = list[tuple[str, float]]


class Face:
    """The clock that is bound to, as the link finds it."""

    def __init__(self) -> None:
        self.clock = VirtualClock(start=START, rate=0)

    @property
    def passed(self) -> float:
        """How many seconds have passed."""
        return (self.clock.now() - START).total_seconds()
