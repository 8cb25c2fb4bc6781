"""A test run that `getimg-mock verify client --observe` has started: tests hand over what they see.

A fake of a test's own is in the process of the test, where the observer cannot see it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from getimg_mock.testing.call_sites import find_call_site
from getimg_mock.testing.options import OBSERVED
from getimg_mock.testing.sent_requests import watch_requests
from getimg_mock.world.clock import wall_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from getimg_mock.contract.clients.traffic_spool import TrafficSpool
    from getimg_mock.fake import Fake
    from getimg_mock.testing.reset_tracking import EpochStore
    from getimg_mock.world.journal import Exchange


@contextmanager
def record_span(item: pytest.Item) -> Iterator[None]:
    """Hand over when a test ran, fixtures included: so its requests to any fake have its name.

    With it goes what the test has sent, so that requests to any fake have the line of their call.
    """
    spool, began = _find_spool(), wall_time()
    if spool is None:
        yield
        return

    def note(method: str, path: str, place: str) -> None:
        spool.write_call(item.nodeid, wall_time(), f"{method} {path}", place)

    try:
        with watch_requests(note):
            yield
    finally:
        spool.write_span(item.nodeid, began, wall_time())


def hand_over(
    test: str, store: EpochStore, fake: Fake, *, key: str | None = None
) -> Callable[[], None]:
    """Hand over each exchange of a test from now on; returns a function that ends it.

    `key` limits it to one workspace. Requests that reach no workspace belong to it. With a request
    that was answered in process goes the line of the project that has made it.
    """
    spool = _find_spool()
    if spool is None:
        return lambda: None

    def write(of: str, exchange: Exchange) -> None:
        if key in {None, of}:
            spool.write_exchange(test, of, exchange, find_call_site())

    def write_stray(exchange: Exchange) -> None:
        spool.write_exchange(test, "", exchange, find_call_site())

    store.listeners.insert(0, write)
    unsubscribe = fake.journal.subscribe(write_stray)

    def end() -> None:
        store.listeners.remove(write)
        unsubscribe()

    return end


def _find_spool() -> TrafficSpool | None:
    if OBSERVED not in os.environ:
        return None
    from getimg_mock.contract.clients.traffic_spool import find_spool  # noqa: PLC0415 - where observed

    return find_spool()
