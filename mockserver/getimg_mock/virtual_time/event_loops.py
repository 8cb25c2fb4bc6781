"""Event loops on a bound clock: asyncio's and trio's, those that run already included.

A loop that has nothing to do before its next timer does not wait for it: the clock jumps there. As
long as a socket other than the loop's own is open, only after a while in which nothing came.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import GetimgMockError
from getimg_mock.virtual_time.import_hooks import WhenImported
from getimg_mock.virtual_time.sleepers import POLL
from getimg_mock.virtual_time.thread_activity import STILL

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from getimg_mock.virtual_time.linked_time import Link

_SELECTORS: Final = (
    "SelectSelector",
    "PollSelector",
    "EpollSelector",
    "DevpollSelector",
    "KqueueSelector",
)


class LoopError(GetimgMockError):
    """An event loop whose timers cannot be bound to a clock."""


def require_linkable_loop() -> None:
    """Raise `LoopError` when the running event loop keeps its timers outside of Python."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    if not isinstance(loop, asyncio.BaseEventLoop):
        raise LoopError(
            f"The timers of {type(loop).__module__}.{type(loop).__qualname__} cannot be bound to "
            "a clock: run this test on asyncio's own event loop."
        )


class EventLoops:
    """Binds the timers of event loops to a link."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._replaced: list[tuple[type, str, Any]] = []
        self._trio: dict[int, tuple[float, int]] = {}
        self._imports = WhenImported({"trio": self._bind_trio})

    def start(self) -> None:
        """Bind those that run and those to come."""
        for name in _SELECTORS:
            if hasattr(selectors, name):
                self._replace(getattr(selectors, name), "select", self._select)
        if sys.platform == "win32":
            self._replace(asyncio.IocpProactor, "select", self._select)
        self._imports.start()

    def stop(self) -> None:
        """Give them their real time back."""
        self._imports.stop()
        for owner, name, before in reversed(self._replaced):
            setattr(owner, name, before)
        self._replaced.clear()

    def _bind_trio(self, _trio: ModuleType) -> None:
        from trio._core._run import SystemClock  # noqa: PLC0415 - it has no public name

        self._replace(SystemClock, "current_time", self._trio_time)
        self._replace(SystemClock, "deadline_to_sleep_time", self._trio_wait)

    def _replace(self, owner: type, name: str, make: Callable[[Any], Any]) -> None:
        owner = next(each for each in owner.__mro__ if name in each.__dict__)
        before = owner.__dict__[name]
        self._replaced.append((owner, name, before))
        setattr(owner, name, make(before))

    def _select(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def select(selector: Any, timeout: float | None = None) -> Any:
            loop = asyncio._get_running_loop()  # noqa: SLF001 - documented for such as us
            if getattr(loop, "_selector", None) is not selector or self._link.is_stranger():
                return before(selector, timeout)
            return self._idle(selector, before, timeout)

        return select

    def _idle(self, selector: Any, before: Callable[..., Any], timeout: float | None) -> Any:
        """Return what has come by the end of `timeout`, which passes on the clock."""
        events = before(selector, 0)
        if events or (timeout is not None and timeout <= 0):
            return events
        if timeout is None:
            return before(selector, None)

        def rest(seconds: float) -> bool:
            nonlocal events
            events = before(selector, seconds)
            return bool(events)

        sockets = len(getattr(selector, "get_map", dict)()) > 1
        self._link.sleepers.sleep(timeout, rest, still=STILL if sockets else 0.0)
        return events

    def _trio_time(self, before: Callable[..., float]) -> Callable[..., float]:
        def current_time(clock: Any) -> float:
            if self._link.is_stranger():
                return before(clock)
            self._link.sleepers.get_up(threading.get_ident())
            return float(clock.offset + self._link.perf_counter())

        return current_time

    def _trio_wait(self, before: Callable[..., float]) -> Callable[..., float]:
        def deadline_to_sleep_time(clock: Any, deadline: float) -> float:
            if self._link.is_stranger():
                return before(clock, deadline)
            left = deadline - clock.current_time()
            if left <= 0 or math.isinf(left):
                return float(left)
            return self._trio_idle(deadline, left)

        return deadline_to_sleep_time

    def _trio_idle(self, deadline: float, left: float) -> float:
        """Return for how many real seconds trio may look for input, after a jump if it is time.

        Trio asks whenever all its tasks are blocked. The first answer sends it to look for input
        once; when it asks again with the same deadline, nothing has come.
        """
        import trio  # noqa: PLC0415 - only ever called by trio

        me = threading.get_ident()
        known, asked = self._trio.get(me, (math.nan, 0))
        asked = asked + 1 if known == deadline else 0
        self._trio[me] = (deadline, asked)
        if asked == 0:
            return 0.0
        io = trio.lowlevel.current_statistics().io_statistics
        # One task is trio's own: it listens for other threads.
        open_ = getattr(io, "tasks_waiting_read", 0) + getattr(io, "tasks_waiting_write", 0) > 1
        if open_ and asked == 1:
            return STILL
        sleepers = self._link.sleepers
        moment = self._link.monotonic() + left
        sleepers.lie_down(me, moment)
        if sleepers.may_wake(me):
            sleepers.get_up(me)
            self._link.reach(moment)
            self._trio.pop(me, None)
            return 0.0
        return POLL
