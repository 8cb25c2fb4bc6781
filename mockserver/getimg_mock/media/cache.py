"""Rendered media, kept within a budget of bytes."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_WORKERS: Final = 2


@dataclass(slots=True)
class _Flight:
    """Media that are awaited: their future, and how many wait for it."""

    future: Future[bytes] = field(default_factory=Future)
    waiting: int = 1


class MediaCache:
    """The media used last, as many as fit into `budget` bytes. Every method is thread-safe.

    Media that are being made are made once, however many ask for them meanwhile. Those larger
    than the whole budget are handed out and not kept, and so are failures.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._size = 0
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._flights: dict[Hashable, _Flight] = {}
        # What no worker has begun yet, in the order of the requests.
        self._queue: OrderedDict[Hashable, tuple[_Flight, Callable[[], bytes]]] = OrderedDict()
        # The numbers of workers that do not run.
        self._idle = set(range(_WORKERS))
        self._lock = Lock()

    @property
    def size(self) -> int:
        """How many bytes are kept, never more than the budget."""
        with self._lock:
            return self._size

    def find(self, key: Hashable) -> bytes | None:
        """Return what is kept under `key`, at once, or None."""
        with self._lock:
            return self._touch(key)

    @property
    def queued(self) -> int:
        """How many media wait for a worker thread."""
        with self._lock:
            return len(self._queue)

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return what is kept under `key`, else what `make` returns, made in this thread."""
        flight, is_ours = self._join_flight(key)
        if is_ours:
            self._land(flight, key, make)
        return flight.future.result()

    def fetch(self, key: Hashable, make: Callable[[], bytes]) -> Future[bytes]:
        """Return the future of the same bytes as `get`, made in one of two worker threads.

        Each call is a wait; `release` ends it early.
        """
        flight, is_ours = self._join_flight(key)
        if is_ours:
            with self._lock:
                self._queue[key] = (flight, make)
                worker = self._idle.pop() if self._idle else None
            if worker is not None:
                name = f"getimg-mock-media_{worker}"
                # A daemon thread: the interpreter does not wait for media that nothing awaits.
                Thread(target=self._work, args=(worker,), name=name, daemon=True).start()
        return flight.future

    def release(self, key: Hashable, future: Future[bytes]) -> None:
        """End a wait for the result of `fetch`; media that nothing awaits are not made.

        Media that a worker has begun are completed.
        """
        with self._lock:
            flight = self._flights.get(key)
            if flight is None or flight.future is not future:
                return
            flight.waiting -= 1
            if not flight.waiting and key in self._queue:
                del self._queue[key]
                del self._flights[key]

    def _work(self, worker: int) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._idle.add(worker)
                    return
                key, (flight, make) = self._queue.popitem(last=False)
            self._land(flight, key, make)

    def _join_flight(self, key: Hashable) -> tuple[_Flight, bool]:
        """Return the flight of `key`, and whether the caller is the one who has to fulfil it."""
        with self._lock:
            known = self._flights.get(key)
            if known is not None:
                known.waiting += 1
                return known, False
            flight = _Flight()
            # From here on no waiter's cancellation takes the bytes from the others.
            flight.future.set_running_or_notify_cancel()
            kept = self._touch(key)
            if kept is not None:
                flight.future.set_result(kept)
                return flight, False
            self._flights[key] = flight
            return flight, True

    def _land(self, flight: _Flight, key: Hashable, make: Callable[[], bytes]) -> None:
        try:
            data = make()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the flight raises it
            with self._lock:
                del self._flights[key]
            flight.future.set_exception(error)
            return
        with self._lock:
            del self._flights[key]
            self._keep(key, data)
        flight.future.set_result(data)

    def _touch(self, key: Hashable) -> bytes | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def _keep(self, key: Hashable, data: bytes) -> None:
        if len(data) > self.budget:
            return
        self._kept[key] = data
        self._size += len(data)
        while self._size > self.budget:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)
