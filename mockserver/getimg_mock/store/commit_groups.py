"""Coroutines whose steps are units of work, each kept alone or with others of the same moment."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from getimg_mock.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from contextlib import AbstractContextManager

_Result = TypeVar("_Result")

MAX_TOGETHER: Final = 32
"""Requests that wait for one commit at most: other processes wait meanwhile."""

MAX_READS: Final = 256
"""Requests that have changed only the journal, and that one commit keeps at most."""

LONGEST_SECONDS: Final = 0.01
"""Real seconds after which the journal of such requests is kept at the latest."""


class Kept(asyncio.Future["StoreError | None"]):
    """Becomes None when the changes of a request are kept, or else the error."""

    def continue_without_task(self, step: Callable[[object], None]) -> None:
        """Call `step` when it is known; for a coroutine that awaits it and has no task."""
        self._asyncio_future_blocking = False
        self.add_done_callback(step)


class CommitGroup:
    """Requests of neighbouring turns of an event loop: one commit keeps the changes of all of them.

    `size` counts those that have changed only the journal. `is_open_longer` says whether the turn
    in which the group began is over, `is_extended` whether it got a second one, `is_awaited`
    whether a request waits, or has waited, for its end, and `is_full` whether no further one may
    join.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.size = 0
        self.is_open_longer = self.is_extended = self.is_awaited = self.is_full = False
        self._waiting: list[Kept] = []
        self._looked_at = 0

    def wait(self) -> Kept:
        """Return what becomes known when the group ends."""
        self.is_awaited = True
        future = Kept(loop=self.loop)
        self._waiting.append(future)
        self.is_full = self.is_full or len(self._waiting) >= MAX_TOGETHER
        return future

    def has_grown(self) -> bool:
        """Return whether requests wait that did not when this was asked last."""
        before, self._looked_at = self._looked_at, len(self._waiting)
        return self._looked_at > before and not self.is_full

    def count_read(self) -> None:
        """Count a request that has changed only the journal."""
        self.size += 1
        if self.size >= MAX_READS:
            self.is_full = True

    def report(self, error: StoreError) -> None:
        """Say that the exchanges of requests that were answered before are not kept."""
        if self.size:
            sys.stderr.write(f"{error} Reads that the journal lacks: {self.size}.\n")

    def end(self, error: StoreError | None) -> None:
        """Let the requests continue; any thread may call it."""
        try:
            is_ours = asyncio.get_running_loop() is self.loop
        except RuntimeError:
            is_ours = False
        if is_ours:
            self._resolve(error)
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._resolve, error)

    def _resolve(self, error: StoreError | None) -> None:
        for each in self._waiting:
            if not each.done():
                each.set_result(error)
        self._waiting.clear()


class GroupedUnits(Protocol):
    """A store that keeps the changes of several units of work together."""

    def join_group(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin a unit of work that is kept with others of the same moment of `loop`."""

    def leave_group(
        self, error: BaseException | None, *, waits: bool, reads: bool = False
    ) -> Kept | None:
        """End what `join_group` began; return what the request has to wait for."""


class Awaited(Generic[_Result]):
    """A coroutine of which each step is a unit of work: none is open while it is suspended."""

    __slots__ = ("_coroutine", "_unit")

    def __init__(
        self, unit: AbstractContextManager[None], coroutine: Coroutine[Any, Any, _Result]
    ) -> None:
        self._unit = unit
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, _Result]:
        with self._unit:
            try:
                waits = self._coroutine.send(None)
            except StopIteration as done:
                result: _Result = done.value
                return result
        return (yield from _continue(self._unit, self._coroutine, waits))


def _continue(
    unit: AbstractContextManager[None], coroutine: Coroutine[Any, Any, _Result], waits: Any
) -> Generator[Any, Any, _Result]:
    """Run the steps that follow the first, which waits for `waits`."""
    while True:
        answer: Any = None
        error: BaseException | None = None
        try:
            answer = yield waits
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as thrown:  # noqa: BLE001 - the coroutine gets all of them
            error = thrown
        with unit:
            try:
                waits = coroutine.throw(error) if error else coroutine.send(answer)
            except StopIteration as done:
                result: _Result = done.value
                return result


class AwaitedTogether(Generic[_Result]):
    """A coroutine of which the first step is kept with those of other requests, if it is the last.

    Most requests are one step. The coroutine returns when a commit has kept it, and raises
    `StoreError` when none has. One that `reads`, and has changed only the journal, returns before.
    """

    __slots__ = ("_coroutine", "_reads", "_unit", "_units")

    def __init__(
        self,
        units: GroupedUnits,
        unit: AbstractContextManager[None],
        coroutine: Coroutine[Any, Any, _Result],
        *,
        reads: bool = False,
    ) -> None:
        self._units = units
        self._unit = unit
        self._coroutine = coroutine
        self._reads = reads

    def __await__(self) -> Generator[Any, Any, _Result]:
        units, coroutine = self._units, self._coroutine
        units.join_group(asyncio.get_running_loop())
        try:
            waits = coroutine.send(None)
        except StopIteration as done:
            result: _Result = done.value
        except BaseException as error:
            units.leave_group(error, waits=False)
            raise
        else:
            # What it changed is kept before it waits, as what it waits for may depend on that.
            units.leave_group(None, waits=False)
            return (yield from _continue(self._unit, coroutine, waits))
        kept = units.leave_group(None, waits=True, reads=self._reads)
        if kept is not None:
            failed = yield from kept
            if failed is not None:
                raise StoreError(str(failed)) from failed
        return result
