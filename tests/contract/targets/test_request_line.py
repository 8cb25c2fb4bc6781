"""The line of requests: one at a time, in the order in which they come."""

from __future__ import annotations

import threading

import pytest

from getimg_mock.contract.targets.request_line import DismissedError, RequestLine


def test_requests_go_one_at_a_time_in_their_order() -> None:
    """Those that come while one is under way wait, and then go as they came."""
    line, order, came = RequestLine(), [], [threading.Event() for _ in range(4)]

    def send(number: int) -> None:
        came[number].set()
        with line.take_turn():
            order.append(number)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    with line.take_turn():
        for number, thread in enumerate(threads):
            thread.start()
            came[number].wait(10)
            while line.count_waiting() < number + 1:
                pass  # it has said that it comes, and takes its number at once
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3]


def test_a_turn_may_have_several_requests() -> None:
    """What a budget asks of a service belongs to the request that it is about."""
    line = RequestLine()
    with line.take_turn(), line.take_turn():
        assert line.count_waiting() == 0
    with line.take_turn():
        assert line.count_waiting() == 0


def test_who_is_dismissed_sends_nothing_more() -> None:
    """And the others do not wait for it."""
    line, found = RequestLine(), []

    def send() -> None:
        try:
            with line.take_turn():
                found.append("sent")
        except DismissedError:
            found.append("dismissed")

    thread = threading.Thread(target=send)
    with line.take_turn():
        thread.start()
        while not line.count_waiting():
            pass
        line.dismiss([thread])
    thread.join(10)
    with line.take_turn():
        assert found == ["dismissed"]


def test_an_error_ends_a_turn() -> None:
    """The next one is not kept waiting."""
    line = RequestLine()
    with pytest.raises(ValueError, match="lost"), line.take_turn():
        raise ValueError("lost")
    with line.take_turn():
        assert line.count_waiting() == 0
