"""Running cases one after another, or several at a time where a client has several processes."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.drivers.python_driver import Driver


class _SeveralDriver(Protocol):
    """A driver that can be had several times."""

    processes: int

    def create_sibling(self) -> Driver:
        """Return another driver of the same client."""


def run_cases(driver: Driver, cases: Sequence[Case], seed: str) -> Iterator[ClientHistory]:
    """Run the client through cases; yields each history as it ends, in any order.

    A driver with more than one of `processes` gets siblings, and cases run side by side: the first
    ones begin first, so the caller sorts them by what matters most.
    """
    if getattr(driver, "processes", 1) > 1 and len(cases) > 1:
        yield from _run_side_by_side(driver, cases, seed)
    else:
        for case in cases:
            yield driver.run(case, seed=seed)


def _run_side_by_side(driver: Driver, cases: Sequence[Case], seed: str) -> Iterator[ClientHistory]:
    several = cast("_SeveralDriver", driver)
    free: queue.SimpleQueue[Driver] = queue.SimpleQueue()
    free.put(driver)

    def run(case: Case) -> ClientHistory:
        own = free.get()
        try:
            return own.run(case, seed=seed)
        finally:
            free.put(own)

    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(several.processes))
        for _ in range(min(several.processes, len(cases)) - 1):
            sibling = several.create_sibling()
            # Closed before the pool is waited for: a case of a closed program ends at once.
            stack.callback(sibling.close)
            free.put(sibling)
        stack.callback(lambda: pool.shutdown(wait=False, cancel_futures=True))
        stack.push(lambda kind, *_: driver.close() if kind is not None else None)
        for each in as_completed([pool.submit(run, case) for case in cases]):
            yield each.result()
