"""The cache keeps to its budget and makes each file once."""

from __future__ import annotations

from functools import partial
from threading import Barrier, Event, Lock, Semaphore, Thread, current_thread
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.media.cache import MediaCache

if TYPE_CHECKING:
    from collections.abc import Hashable
    from concurrent.futures import Future

PATIENCE = 30  # seconds; only a failure waits so long


def never() -> bytes:
    """Fail: what is kept is not made again."""
    raise AssertionError("made again")


def refuse() -> bytes:
    """Fail as an encoder might."""
    raise ValueError("no such codec")


def test_what_was_made_is_kept() -> None:
    """The second download of a file costs nothing."""
    cache = MediaCache(10)
    assert cache.get("a", lambda: b"1234") == b"1234"
    assert cache.get("a", never) == b"1234"
    assert cache.fetch("a", never).result() == b"1234"
    assert cache.find("a") == b"1234"
    assert cache.size == 4


def test_what_was_used_longest_ago_makes_room() -> None:
    """Looking at something counts as using it."""
    cache = MediaCache(10)
    for key in "abc":
        cache.get(key, lambda: b"123")
    assert cache.find("a") == b"123"
    cache.get("d", lambda: b"1234")
    assert [key for key in "abcd" if cache.find(key)] == ["a", "c", "d"]


def test_what_is_larger_than_the_budget_is_handed_out_and_not_kept() -> None:
    """It does not push out what fits, either."""
    cache = MediaCache(10)
    cache.get("small", lambda: b"123")
    assert cache.get("large", lambda: bytes(11)) == bytes(11)
    assert cache.find("large") is None
    assert cache.find("small") == b"123"


def test_without_a_budget_nothing_is_kept() -> None:
    """Whoever has no memory to spare still gets files."""
    cache = MediaCache(0)
    assert cache.get("a", lambda: b"1") == b"1"
    assert cache.get("a", lambda: b"2") == b"2"
    assert cache.size == 0


@given(
    st.integers(0, 60),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 30)), max_size=60),
)
def test_the_budget_is_kept_and_so_is_what_fits(budget: int, uses: list[tuple[int, int]]) -> None:
    """Compared with a list of uses that is read from its end."""
    cache = MediaCache(budget)
    lengths: dict[int, int] = {}
    order: list[int] = []
    for key, length in uses:
        known = key in order
        made = cache.get(key, lambda length=length: bytes(length))  # type: ignore[misc]
        assert len(made) == (lengths[key] if known else length)
        lengths[key] = len(made)
        if known:
            order.remove(key)
        if len(made) <= budget:
            order.append(key)
        while sum(lengths[each] for each in order) > budget:
            order.pop(0)
        assert cache.size == sum(lengths[each] for each in order)


def test_a_failure_is_told_and_not_kept() -> None:
    """The next one who asks tries again."""
    cache = MediaCache(10)
    with pytest.raises(ValueError, match="no such codec"):
        cache.get("a", refuse)
    with pytest.raises(ValueError, match="no such codec"):
        cache.fetch("a", refuse).result(PATIENCE)
    assert cache.get("a", lambda: b"1") == b"1"


class WatchedCache(MediaCache):
    """A cache that says when somebody has asked."""

    def __init__(self, budget: int) -> None:
        super().__init__(budget)
        self.asked = Semaphore(0)

    def _join_flight(self, key: Hashable) -> tuple[Any, bool]:
        found = super()._join_flight(key)
        self.asked.release()
        return found


def test_simultaneous_downloads_make_a_file_once() -> None:
    """All but the first wait for it, and all get the same bytes."""
    cache = WatchedCache(10)
    made, got = [], []

    def make() -> bytes:
        for _ in range(8):
            assert cache.asked.acquire(timeout=PATIENCE)
        made.append(1)
        return b"123"

    threads = [Thread(target=lambda: got.append(cache.get("a", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert made == [1]
    assert got == [b"123"] * 8


def test_whoever_waits_is_told_of_the_failure_too() -> None:
    """Nobody waits for ever for a file that will not come."""
    cache = WatchedCache(10)

    def make() -> bytes:
        for _ in range(2):
            assert cache.asked.acquire(timeout=PATIENCE)
        return refuse()

    flights = [cache.fetch("a", make), cache.fetch("a", never)]
    for flight in flights:
        assert isinstance(flight.exception(PATIENCE), ValueError)


def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    """A client that hangs up does not cancel another's download."""
    cache, gate = MediaCache(10), Event()

    def make() -> bytes:
        gate.wait(PATIENCE)
        return b"123"

    one, other = cache.fetch("a", make), cache.fetch("a", never)
    assert not one.cancel()
    gate.set()
    assert other.result(PATIENCE) == b"123"


def test_two_files_are_made_at_a_time() -> None:
    """Two cores are enough to keep a laptop busy; more would stop the rest of it."""
    cache, pair, lock = MediaCache(100), Barrier(2), Lock()
    running, most, names = set[int](), [0], set[str]()

    def make(number: int) -> bytes:
        with lock:
            running.add(number)
            names.add(current_thread().name)
            most[0] = max(most[0], len(running))
        pair.wait(PATIENCE)
        with lock:
            running.discard(number)
        return b"1"

    flights = [
        cache.fetch(number, lambda number=number: make(number))  # type: ignore[misc]
        for number in range(8)
    ]
    assert [flight.result(PATIENCE) for flight in flights] == [b"1"] * 8
    assert most == [2]
    assert len(names) == 2


def _fill_workers(cache: MediaCache) -> tuple[Event, list[Future[bytes]]]:
    """Keep both workers busy until the event is set."""
    over, begun = Event(), Semaphore(0)

    def make() -> bytes:
        begun.release()
        over.wait(PATIENCE)
        return b"1"

    flights = [cache.fetch(("busy", each), make) for each in range(2)]
    assert [begun.acquire(timeout=PATIENCE) for _ in range(2)] == [True, True]
    return over, flights


def test_what_nothing_awaits_any_more_is_not_made() -> None:
    """The requests of clients that have gone do not delay those of others."""
    cache, made = MediaCache(100), list[str]()
    over, busy = _fill_workers(cache)
    waits = {name: cache.fetch(name, partial(_note, made, name)) for name in "abc"}
    again = cache.fetch("b", never)
    assert cache.queued == 3
    for name in "ab":
        cache.release(name, waits[name])
    assert cache.queued == 2
    over.set()
    assert again.result(PATIENCE) == waits["c"].result(PATIENCE) == b"1"
    assert made == ["b", "c"]
    assert [each.result(PATIENCE) for each in busy] == [b"1", b"1"]


def test_what_was_released_can_be_fetched_again() -> None:
    """Releasing leaves nothing behind that a later request would wait for."""
    cache, made = MediaCache(100), list[str]()
    over, _ = _fill_workers(cache)
    cache.release("a", cache.fetch("a", never))
    later = cache.fetch("a", partial(_note, made, "a"))
    over.set()
    assert later.result(PATIENCE) == b"1"


def _note(made: list[str], name: str) -> bytes:
    made.append(name)
    return b"1"
