"""The line in which plans that run at the same time wait to send a request."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class DismissedError(Exception):
    """The run has ended, and this thread of it sends nothing more."""


@dataclass(slots=True)
class RequestQueue:
    """Lets one request go at a time, in the order in which they come.

    So each answer has its moment, and what it says of limits and money follows from those before.
    A thread whose turn it is may send more requests within it.
    """

    _changed: threading.Condition = field(default_factory=threading.Condition)
    _came: int = 0
    _served: int = 0
    _now: int = 0
    """The thread whose turn it is; 0 for none."""
    _dismissed: list[threading.Thread] = field(default_factory=list)

    @contextmanager
    def take_turn(self) -> Iterator[None]:
        """Wait for the turn of this thread; raises `DismissedError` where it has none any more."""
        me = threading.get_ident()
        if self._now == me:
            yield
            return
        with self._changed:
            number, self._came = self._came, self._came + 1
            self._changed.wait_for(lambda: self._served == number)
            self._now = me
        try:
            if threading.current_thread() in self._dismissed:
                raise DismissedError
            yield
        finally:
            with self._changed:
                self._now, self._served = 0, self._served + 1
                self._changed.notify_all()

    def count_waiting(self) -> int:
        """Return how many threads wait for their turn."""
        with self._changed:
            return self._came - self._served - (self._now != 0)

    def dismiss(self, threads: Iterable[threading.Thread]) -> None:
        """Have threads send nothing more, once the request that is under way has its answer."""
        with self._changed:
            self._dismissed += threads
