"""Detects a client that waits in real time for a clock that does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from datetime import datetime

    from getimg_mock.testing.workspace import GetimgMock
    from getimg_mock.world.journal import Exchange

_REAL_WAIT: Final = 0.25
_MAX_STALLED_POLLS: Final = 2


class StalledPollingDetector:
    """Subscribes to a journal and fails a test that would poll a pending video for ever."""

    def __init__(self, workspace: GetimgMock) -> None:
        self._workspace = workspace
        self._last: tuple[str | None, datetime] | None = None
        self._last_at = 0.0
        self._waits = 0

    def __call__(self, exchange: Exchange) -> None:
        """Count an exchange, and fail the test after two real waits between equal polls."""
        __tracebackhide__ = True
        if exchange.operation != "videos.retrieve" or b'"pending"' not in exchange.body:
            return
        poll, now = (exchange.generation, exchange.at), stopwatch()
        waited = poll == self._last and now - self._last_at >= _REAL_WAIT
        self._waits = self._waits + 1 if waited else 0
        self._last, self._last_at = poll, now
        if self._waits >= _MAX_STALLED_POLLS:
            pytest.fail(
                f"The client polls {exchange.generation} and waits in real time between its polls, "
                "but the workspace's clock does not run, so it would poll for ever. Use the "
                "fixture getimg_time, which moves the clock when the client waits; or call "
                "getimg_mock.clock.advance(minutes=10); or let the clock run with "
                'pytest.mark.getimg(clock="real").',
                pytrace=True,
            )
