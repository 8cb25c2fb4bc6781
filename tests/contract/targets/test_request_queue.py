"""The line of requests: one at a time, in the order in which they come."""

from __future__ import annotations

import threading

import pytest

from getimg_mock.contract.targets.request_queue import DismissedError, RequestQueue
from getimg_mock.world.clock import stopwatch

PATIENCE = 20
"""Seconds after which a test has failed that waits for another thread."""


def await_waiting(queue: RequestQueue, number: int) -> None:
    """Return when so many threads wait for their turn."""
    began = stopwatch()
    while queue.count_waiting() < number:
        assert stopwatch() - began < PATIENCE, f"{number} threads in the queue"


def test_requests_go_one_at_a_time_in_their_order() -> None:
    """Those that come while one is under way wait, and then go as they came."""
    queue, order = RequestQueue(), []

    def send(number: int) -> None:
        with queue.take_turn():
            order.append(number)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    with queue.take_turn():
        for number, thread in enumerate(threads):
            thread.start()
            await_waiting(queue, number + 1)
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3]


def test_a_turn_may_have_several_requests() -> None:
    """What a budget asks of a service belongs to the request that it is about."""
    queue = RequestQueue()
    with queue.take_turn(), queue.take_turn():
        assert queue.count_waiting() == 0
    with queue.take_turn():
        assert queue.count_waiting() == 0


def test_who_is_dismissed_sends_nothing_more() -> None:
    """And the others do not wait for it."""
    queue, found = RequestQueue(), []

    def send() -> None:
        try:
            with queue.take_turn():
                found.append("sent")
        except DismissedError:
            found.append("dismissed")

    thread = threading.Thread(target=send)
    with queue.take_turn():
        thread.start()
        await_waiting(queue, 1)
        queue.dismiss([thread])
    thread.join(10)
    with queue.take_turn():
        assert found == ["dismissed"]


def test_an_error_ends_a_turn() -> None:
    """The next one is not kept waiting."""
    queue = RequestQueue()
    with pytest.raises(ValueError, match="lost"), queue.take_turn():
        raise ValueError("lost")
    with queue.take_turn():
        assert queue.count_waiting() == 0
