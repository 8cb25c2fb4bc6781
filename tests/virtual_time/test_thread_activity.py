"""What shows that a thread waits for others, and when it has been woken."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from getimg_mock.virtual_time.thread_activity import ThreadMonitor
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 20.0


@pytest.fixture(
    params=[
        name
        for name in ("SelectSelector", "PollSelector", "EpollSelector", "KqueueSelector")
        if hasattr(selectors, name)
    ]
)
def selector(request: pytest.FixtureRequest) -> Iterator[selectors.BaseSelector]:
    """Return a selector of each kind; a poll object serves one thread at a time."""
    made: selectors.BaseSelector = getattr(selectors, request.param)()
    with made:
        yield made


def test_a_thread_that_waits_for_input_is_quiet(selector: selectors.BaseSelector) -> None:
    """Also where its selector cannot be asked while it waits."""
    near, far = socket.socketpair()
    with near, far:
        selector.register(near, selectors.EVENT_READ)
        thread = threading.Thread(target=selector.select, args=(PATIENCE,))
        thread.start()
        try:
            activity, end = ThreadMonitor(), stopwatch() + PATIENCE
            while not activity.is_quiet([thread]):
                assert stopwatch() < end
        finally:
            far.send(b"x")
            thread.join()
