"""Noticing a client that really waits for a clock which stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.testing.workspace import GetimgMock
    from getimg_mock.world.journal import Exchange

_REAL_WAIT: Final = 0.25
_ENOUGH: Final = 2


class StillClockWatch:
    """Listens to a journal, and fails a test that would poll a pending video for ever."""

    def __init__(self, workspace: GetimgMock) -> None:
        self._workspace = workspace
        self._last: tuple[str | None, datetime] | None = None
        self._last_at = 0.0
        self._waits = 0

    def __call__(self, exchange: Exchange) -> None:
        """Look at an exchange."""
        __tracebackhide__ = True
        if exchange.operation != "videos.retrieve" or b'"pending"' not in exchange.body:
            return
        poll, now = (exchange.generation, exchange.at), stopwatch()
        waited = poll == self._last and now - self._last_at >= _REAL_WAIT
        self._waits = self._waits + 1 if waited else 0
        self._last, self._last_at = poll, now
        if self._waits >= _ENOUGH:
            pytest.fail(
                f"The client polls {exchange.generation} and really waits between its polls, but "
                "the workspace's clock stands still: it would poll for ever. Take the fixture "
                "getimg_time, and its waiting moves the clock; or move it yourself "
                "(getimg_mock.clock.advance(minutes=10)); or let it run: "
                'pytest.mark.getimg(clock="real").',
                pytrace=True,
            )
