"""Detects a client that would poll for ever, because the clock of its workspace stands still."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import pytest

from getimg_mock.redaction import shorten_key
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from getimg_mock.testing.reset_tracking import EpochStore
    from getimg_mock.testing.workspace import GetimgMock
    from getimg_mock.world.journal import Draft, Exchange

MAX_SECONDS: Final = 5.0
"""For how many real seconds a client may poll a clock that stands still."""
MAX_POLLS: Final = 20
"""How often it may do so when it waits between its polls."""

# After two waits of this length nothing else is expected of the client; shorter ones may be work.
_LONG_WAIT: Final = 0.25
_MAX_LONG_WAITS: Final = 2
_SHORT_WAIT: Final = 0.05
# Without waiting, the sum of all polls counts; ended early enough for the report to be in time.
_MAX_BUSY_SECONDS: Final = 4.0
# Below it a client hardly waits, so that linking its time would not help.
_HARDLY_A_WAIT: Final = 0.005
# In linked time a poll costs a millisecond: as many are the polls of hours.
_MAX_HELD_POLLS: Final = 1000
_MAX_GENERATIONS: Final = 1000


class StalledPollingDetector:
    """Fails a test whose client polls a pending video while the clock stands still.

    It listens to the exchanges of all workspaces of the test's fake. `fail` gets the message;
    `handle` is how the test calls its workspace.
    """

    def __init__(
        self,
        workspace: GetimgMock,
        store: EpochStore,
        *,
        handle: str,
        fail: Callable[[Exchange | Draft, str], object],
    ) -> None:
        self._workspace = workspace
        self._store = store
        self._handle = handle
        self._fail = fail
        self._polls: dict[tuple[str, str | None], _PolledVideo] = {}

    def __call__(self, key: str, exchange: Exchange | Draft) -> None:
        """Count an exchange, and fail the test after too many equal polls."""
        __tracebackhide__ = True
        if self._workspace.link is not None:
            self._workspace.link.note_request()
        if exchange.operation == "videos.create":
            # After a reset, an equal request makes a video with the id of the one before.
            self._polls.pop((key, exchange.generation), None)
        if exchange.operation != "videos.retrieve" or b'"pending"' not in exchange.body:
            return
        link = self._workspace.link
        linked = link.monotonic() if link is not None and link.active else None
        # On another key's clock, sleeps of linked time are waits that change nothing.
        elsewhere = linked is not None and key != self._workspace.key
        video = self._polls.get((key, exchange.generation))
        if video is None:
            if len(self._polls) >= _MAX_GENERATIONS:
                self._polls.clear()
            video = self._polls[key, exchange.generation] = _PolledVideo()
        video.count(exchange.at, stopwatch(), linked if elsewhere and linked is not None else 0.0)
        if video.is_stalled():
            pace = _name_pace(exchange.generation, hardly_waits=video.hardly_waits())
            self._report(key, exchange, is_linked=linked is not None, pace=pace)
        elif linked is not None and video.is_held():
            self._report(key, exchange, is_linked=True, is_held=True)

    def _report(
        self,
        key: str,
        exchange: Exchange | Draft,
        *,
        is_linked: bool,
        is_held: bool = False,
        pace: tuple[str, str] = ("", ""),
    ) -> None:
        __tracebackhide__ = True
        workspace = self._store.get_or_create(key)
        generation = workspace.generations.get(exchange.generation or "")
        transition = generation.transition if generation is not None else None
        if transition is not None and transition.polls is not None:
            return
        if is_held and (transition is None or transition.seconds is not None):
            return
        self._polls.pop((key, exchange.generation), None)
        if is_held:
            message = self._describe_held(exchange)
        else:
            message = self._describe(key, exchange, is_linked=is_linked, pace=pace)
        self._fail(exchange, message)

    def _describe_held(self, exchange: Exchange | Draft) -> str:
        name, handle = exchange.generation, self._handle
        return (
            f"The client has polled {name} for {MAX_SECONDS:g} s, but it is held, so it would "
            f'poll for ever. End it by {handle}.generations["{name}"].complete() or .fail(), '
            "or give the client a deadline."
        )

    def _describe(
        self, key: str, exchange: Exchange | Draft, *, is_linked: bool, pace: tuple[str, str]
    ) -> str:
        name, handle = exchange.generation, self._handle
        if key != self._workspace.key:
            return (
                f"The client polls {name} with another key, {shorten_key(key)}, and the clock of "
                "that key's workspace stands still, so it would poll for ever. If the key belongs "
                "to this test, name it: pytest.mark.getimg(key=...). Else let the client use the "
                f"key of this test, {handle}.key, which GETIMG_API_KEY has."
            )
        polls, advice = pace
        begin = f"{polls}, but the workspace's clock stands still, so it would poll for ever."
        end = f"call {handle}.clock.advance(minutes=10); or let the clock run with "
        mark = 'pytest.mark.getimg(clock="real").'
        if is_linked:
            return (
                f"{begin} This test's time is linked, but not where the client waits: in a thread "
                "that ran before the link, in another process, or in a wait that is not linked, "
                "such as Event.wait. Start the thread within the test, or wait by time.sleep; or "
                f"{end}{mark}"
            )
        return (
            f"{begin} {advice} the fixture getimg_time, which moves the clock when the client "
            f"waits; or {end}{mark}"
        )


def _name_pace(name: str | None, *, hardly_waits: bool) -> tuple[str, str]:
    """Return how the client polls a video, and how advice to link its time begins."""
    if hardly_waits:
        return (
            f"The client polls {name} and hardly waits between its polls",
            "Let it sleep for a second or more between them, and use",
        )
    return f"The client polls {name} and waits in real time between its polls", "Use"


class _PolledVideo:
    """The polls of one pending video at one moment of its workspace's clock."""

    def __init__(self) -> None:
        self._at: datetime | None = None
        self._first = self._last = self._last_linked = 0.0
        self._long_waits = self._short_waits = 0
        self._shortest_wait = math.inf
        self._began: float | None = None
        self._polls = 0

    def count(self, at: datetime, now: float, linked: float) -> None:
        """Count a poll at a moment of the clock, in real seconds and in those of linked time."""
        self._polls += 1
        if self._began is None:
            self._began = now
        if at == self._at:
            waited = max(now - self._last, linked - self._last_linked)
            self._long_waits = self._long_waits + 1 if waited >= _LONG_WAIT else 0
            self._short_waits += waited >= _SHORT_WAIT
            self._shortest_wait = min(waited, self._shortest_wait)
        else:
            self._at, self._first = at, now
            self._long_waits = self._short_waits = 0
            self._shortest_wait = math.inf
        self._last, self._last_linked = now, linked

    def is_stalled(self) -> bool:
        """Return whether the client has waited long enough while the clock stood still."""
        return (
            self._long_waits >= _MAX_LONG_WAITS
            or self._short_waits >= MAX_POLLS - 2
            or self._last - self._first >= _MAX_BUSY_SECONDS
        )

    def hardly_waits(self) -> bool:
        """Return whether the client polls again at once, as far as its fastest poll shows."""
        return self._shortest_wait < _HARDLY_A_WAIT

    def is_held(self) -> bool:
        """Return whether the client has polled so long that only a held video is pending still."""
        return (
            self._polls >= _MAX_HELD_POLLS
            and self._began is not None
            and self._last - self._began >= MAX_SECONDS
        )


def fail_in_caller(_exchange: Exchange | Draft, message: str) -> Any:
    """Fail the test in the thread that polls."""
    __tracebackhide__ = True
    pytest.fail(message, pytrace=True)
