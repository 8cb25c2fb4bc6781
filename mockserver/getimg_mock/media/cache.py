"""Rendered media, kept within a budget of bytes."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_WORKERS: Final = 2


class MediaCache:
    """The media used last, as many as fit into `budget` bytes. Every method is thread-safe.

    Media that are being made are made once, however many ask for them meanwhile. Those larger
    than the whole budget are handed out and not kept, and so are failures.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._size = 0
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._flights: dict[Hashable, Future[bytes]] = {}
        self._lock = Lock()
        self._workers: ThreadPoolExecutor | None = None

    @property
    def size(self) -> int:
        """How many bytes are kept, never more than the budget."""
        with self._lock:
            return self._size

    def find(self, key: Hashable) -> bytes | None:
        """Return what is kept under `key`, at once, or None."""
        with self._lock:
            return self._touch(key)

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return what is kept under `key`, else what `make` returns, made in this thread."""
        flight, is_ours = self._join_flight(key)
        if is_ours:
            self._land(flight, key, make)
        return flight.result()

    def fetch(self, key: Hashable, make: Callable[[], bytes]) -> Future[bytes]:
        """Return the future of the same bytes as `get`, made in one of two worker threads."""
        flight, is_ours = self._join_flight(key)
        if is_ours:
            self._get_pool().submit(self._land, flight, key, make)
        return flight

    def _join_flight(self, key: Hashable) -> tuple[Future[bytes], bool]:
        """Return the future of `key`, and whether the caller is the one who has to fulfil it."""
        with self._lock:
            known = self._flights.get(key)
            if known is not None:
                return known, False
            flight: Future[bytes] = Future()
            # From here on no waiter's cancellation takes the bytes from the others.
            flight.set_running_or_notify_cancel()
            kept = self._touch(key)
            if kept is not None:
                flight.set_result(kept)
                return flight, False
            self._flights[key] = flight
            return flight, True

    def _land(self, flight: Future[bytes], key: Hashable, make: Callable[[], bytes]) -> None:
        try:
            data = make()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the flight raises it
            with self._lock:
                del self._flights[key]
            flight.set_exception(error)
            return
        with self._lock:
            del self._flights[key]
            self._keep(key, data)
        flight.set_result(data)

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

    def _get_pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._workers is None:
                self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="getimg-mock-media")
            return self._workers
