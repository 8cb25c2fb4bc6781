"""A server of the fake in the same process, as a fixture has it, does nothing for a client."""

from __future__ import annotations

import threading

from getimg_mock import MockServer
from getimg_mock.contract.clients.sandbox.client_time import ClientTime


def test_its_thread_is_not_waited_for() -> None:
    """It always waits for requests, so that each pause of a client would last in real time."""
    before = threading.active_count()
    with MockServer():
        assert threading.active_count() > before
        assert ClientTime(limit=10.0).is_quiet()
        assert ClientTime(limit=10.0)._list_workers() == []
