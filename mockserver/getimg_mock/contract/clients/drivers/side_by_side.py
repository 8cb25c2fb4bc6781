"""Running cases one after another, or several at a time where a client has several processes."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final, Protocol, cast

from getimg_mock.contract.clients.drivers import forked_shares
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.drivers.python_driver import Driver


_STARTING: Final = 2
"""How many programs start at the same time: more would all be late on a machine of two cores."""


class _SeveralDriver(Protocol):
    """A driver that can be had several times."""

    processes: int

    def create_sibling(self) -> _StartedDriver:
        """Return another driver of the same client."""


class _StartedDriver(Protocol):
    """A driver that takes time to start."""

    def start(self) -> None:
        """Start the client, and return once it answers, or will not in time."""

    def run(self, case: Case, *, seed: str = "0") -> ClientHistory:
        """Run the client through a case."""

    def close(self) -> None:
        """Release the client."""


def run_cases(driver: Driver, cases: Sequence[Case], seed: str) -> Iterator[ClientHistory]:
    """Run the client through cases; yields each history as it ends, in any order.

    A driver with more than one of `processes` gets siblings, and cases run side by side: the first
    ones begin first, so the caller sorts them by what matters most. Siblings start one after
    another, and take cases once they answer: together, all would be late on a busy machine. One
    with more than one of `shares` is forked as often, where that saves time.
    """
    shares = getattr(driver, "shares", 1)
    if shares > 1 and len(cases) >= forked_shares.LEAST_CASES and forked_shares.can_fork():
        yield from forked_shares.run_in_forks(driver, cases, seed, shares)
    elif getattr(driver, "processes", 1) > 1 and len(cases) > 1:
        yield from _run_side_by_side(driver, cases, seed)
    else:
        for case in cases:
            yield driver.run(case, seed=seed)


def _start(
    some: Sequence[_StartedDriver],
    free: queue.SimpleQueue[Driver | _StartedDriver],
    over: threading.Event,
) -> None:
    """Start drivers one by one until all is over; each is free for a case once it answers."""
    for sibling in some:
        if over.is_set():
            return
        with suppress(SettingsError):  # a case will say it, if there is one left
            sibling.start()
        free.put(sibling)


def _run_side_by_side(driver: Driver, cases: Sequence[Case], seed: str) -> Iterator[ClientHistory]:
    several = cast("_SeveralDriver", driver)
    free: queue.SimpleQueue[Driver | _StartedDriver] = queue.SimpleQueue()
    free.put(driver)
    siblings = [several.create_sibling() for _ in range(min(several.processes, len(cases)) - 1)]

    waiting = iter(cases)

    def run() -> ClientHistory:
        own = free.get()
        try:
            # Chosen now: of several threads that wait for a driver, any may get the next one.
            return own.run(next(waiting), seed=seed)
        finally:
            free.put(own)

    over = threading.Event()
    with ExitStack() as stack:
        for sibling in siblings:  # one may have been about to start when it was closed
            stack.callback(sibling.close)
        pool = stack.enter_context(ThreadPoolExecutor(several.processes + _STARTING))
        for sibling in siblings:
            # Closed before the pool is waited for: a case of a closed program ends at once.
            stack.callback(sibling.close)
        for first in range(_STARTING):
            pool.submit(_start, siblings[first::_STARTING], free, over)
        stack.callback(over.set)
        stack.callback(lambda: pool.shutdown(wait=False, cancel_futures=True))
        stack.push(lambda kind, *_: driver.close() if kind is not None else None)
        for each in as_completed([pool.submit(run) for _ in cases]):
            yield each.result()
